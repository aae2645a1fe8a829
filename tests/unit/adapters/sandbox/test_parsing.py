"""What every sandbox does with one document, without the processes."""

from types import SimpleNamespace

import pytest

from ingest.documents import parsers
from ingest.errors import EmptyDocument, MalformedDocument, OversizedDocument, ParserCrashed, UnsupportedFormat
from ingest.ports import Sandbox
from ingest.records import Document, ParseLimits, ParserOptions
from tests.inline_sandbox import InlineSandbox
from tests.unit.documents.parsers.checks import raw


@pytest.fixture
def sandbox() -> Sandbox:
    return InlineSandbox({"docs": ParserOptions(limits=ParseLimits(document_bytes=1000))})


@pytest.mark.parametrize(
    ("path", "content", "parser"),
    [("a.md", "# A", "markdown"), ("a.rst", "A\n=", "rst"), ("a.txt", "A", "plain"), ("a.html", "<p>A b</p>", "html")],
)
def test_a_document_is_parsed_by_the_parser_of_its_type(sandbox, path, content, parser):
    document = sandbox.parse(raw(content, path))
    assert (document.parser, document.media_type) == (parser, parsers.find(document.media_type).MEDIA_TYPES[0])


def test_the_sources_claim_helps_where_the_name_says_nothing(sandbox):
    assert sandbox.parse(raw("*a*", "page", "text/markdown")).parser == "markdown"


@pytest.mark.parametrize(
    ("path", "data", "error", "message"),
    [
        ("a.md", b"", EmptyDocument, "a.md: the file has no bytes"),
        ("a.md", b" \n", EmptyDocument, "a.md: 2 bytes, all white space"),
        ("a.html", b"<html></html>", EmptyDocument, "a.html: 13 bytes"),
        ("a.md", b"x" * 1001, OversizedDocument, "a.md: 1001 bytes, the limit is 1000"),
        ("a.md", bytes(range(256)), UnsupportedFormat, "a.md: .* begins with 00 01 02"),
        ("a.svg", b"text", UnsupportedFormat, r"a.svg: no parser reads image/svg\+xml"),
        ("a.md", b"text" * 20 + b"\0", MalformedDocument, "a.md: NUL at character 80"),
        ("a.md", "Übergröße ".encode() * 9 + b"\xff", MalformedDocument, "a.md: byte 117"),
    ],
)
def test_each_kind_of_bad_input_has_its_own_error(sandbox, path, data, error, message):
    with pytest.raises(error, match=message):
        sandbox.parse(raw(data, path))


@pytest.mark.parametrize("fault", [ValueError("bad value"), OSError(2, "gone"), KeyError("x" * 9999)])
def test_whatever_a_parser_raises_is_a_crash_with_its_name(monkeypatch, sandbox, fault):
    def parse(_):
        raise fault

    monkeypatch.setattr(parsers, "find", lambda *_: SimpleNamespace(parse=parse))
    with pytest.raises(ParserCrashed, match=f"a.md: {type(fault).__name__}") as caught:
        sandbox.parse(raw("text"))
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("fault", "message"), [(RecursionError("deep"), "limits.nesting"), (MemoryError(), "limits.memory_bytes")]
)
def test_too_deep_and_too_much_memory_are_over_a_limit(monkeypatch, sandbox, fault, message):
    def parse(_):
        try:
            raise fault
        except type(fault) as error:
            raise ValueError("a library's own words") from error

    monkeypatch.setattr(parsers, "find", lambda *_: SimpleNamespace(parse=parse))
    with pytest.raises(OversizedDocument, match=message):
        sandbox.parse(raw("text"))


def test_an_interrupt_is_not_swallowed(monkeypatch, sandbox):
    def parse(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(parsers, "find", lambda *_: SimpleNamespace(parse=parse))
    with pytest.raises(KeyboardInterrupt):
        sandbox.parse(raw("text"))


def test_a_document_without_a_block_is_empty(monkeypatch, sandbox):
    empty = SimpleNamespace(parse=lambda raw: Document("", (), "", raw.media_type, "none"))
    monkeypatch.setattr(parsers, "find", lambda *_: empty)
    with pytest.raises(EmptyDocument, match=r"a\.md: 4 bytes of text/markdown"):
        sandbox.parse(raw("text"))


def test_bytes_that_cannot_even_be_sniffed_were_read_by_no_parser(monkeypatch, sandbox):
    def sniff(*_):
        raise IndexError("odd bytes")

    monkeypatch.setattr("ingest.documents.media_types.sniff", sniff)
    with pytest.raises(ParserCrashed, match="IndexError: odd bytes") as caught:
        sandbox.parse(raw("text"))
    assert "" == caught.value.parser
