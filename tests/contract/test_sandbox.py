"""What every sandbox promises: `ports.Sandbox`."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from ingest.adapters.sandbox import parsing as _parse
from ingest.adapters.sandbox.pool_sandbox import PoolSandbox
from ingest.errors import EmptyDocument, MalformedDocument, OversizedDocument, UnsupportedFormat
from ingest.ports import Sandbox
from ingest.records import BlockKind, ParseLimits, ParserOptions
from tests.inline_sandbox import InlineSandbox
from tests.unit.documents.parsers.checks import faults, raw

LIMIT = 100_000
LIMITS = ParseLimits(document_bytes=LIMIT)
MARKDOWN = "# Ünï ✓ 𝔘\n\n| a | b |\n| - | - |\n| 1 | 2 |\n| 3 | 4 |\n\n```py\nx = 1\n\ny = 2\n```\n\n- one\n- two\n"


def opened(kind: str, options: dict[str, ParserOptions]) -> Sandbox:
    return InlineSandbox(options) if kind == "inline" else PoolSandbox(options, 1)


@pytest.fixture(scope="module", params=["inline", "pool"])
def kind(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def sandbox(kind) -> Iterator[Sandbox]:
    found = opened(kind, {"docs": ParserOptions(limits=LIMITS)})
    yield found
    found.close()


@pytest.mark.parametrize(("data", "path"), [(MARKDOWN, "a.md"), ("A\n=\n\nb\n", "a.rst"), ("<p>A b</p>", "a.html")])
def test_a_document_is_the_one_that_its_parser_gives(sandbox, data, path):
    document = sandbox.parse(raw(data, path))
    given = raw(data, path)
    assert document == _parse.parse(replace(given, options=ParserOptions(limits=LIMITS)))
    assert (faults(document), document.blocks != ()) == ([], True)
    assert {type(block.kind) for block in document.blocks} == {BlockKind}


@pytest.mark.parametrize(
    ("path", "data", "error", "message"),
    [
        ("a.md", b"", EmptyDocument, "a.md: the file has no bytes"),
        ("a.md", b"x" * (LIMIT + 1), OversizedDocument, f"a.md: {LIMIT + 1} bytes, the limit is {LIMIT}"),
        ("a.md", bytes(range(256)), UnsupportedFormat, "a.md: .* begins with 00 01 02"),
        ("a.md", b"text" * 20 + b"\0", MalformedDocument, "a.md: NUL at character 80"),
        ("Ünï\udcff.md", b"\0", UnsupportedFormat, "Ünï"),
    ],
)
def test_a_refusal_has_its_class_and_names_the_document(sandbox, path, data, error, message):
    with pytest.raises(error, match=message) as caught:
        sandbox.parse(raw(data, path))
    assert ("" if error is UnsupportedFormat else "markdown") == caught.value.parser


def test_threads_may_call(sandbox):
    texts = [f"# {n}" for n in range(20)]
    with ThreadPoolExecutor(4) as threads:
        assert [document.text for document in threads.map(sandbox.parse, map(raw, texts))] == texts


def test_the_options_that_decide_about_texts_and_refusals_are_told(kind):
    given = {"docs": ParserOptions(text_fields=("body",), limits=LIMITS)}
    assert (kind, "", given) == ((sandbox := opened(kind, given)).kind, sandbox.version, sandbox.options)
