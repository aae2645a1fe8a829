"""A document that was made to do harm ends in quarantine, with its reason, within its limits."""

import gzip
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.adapters.sandbox import pool_sandbox
from ingest.adapters.sandbox import process_limits as _walls
from ingest.adapters.sandbox.pool_sandbox import PoolSandbox
from ingest.adapters.sources.file import open_source
from ingest.errors import DocumentError, EmptyDocument, MalformedDocument, OversizedDocument, ParserTimeout
from ingest.records import Document, ParseLimits, ParserOptions, S3Options
from tests import hostile_documents as hostile
from tests.inline_sandbox import InlineSandbox
from tests.unit.adapters.sandbox.conftest import pids_of
from tests.unit.documents.parsers.checks import faults, raw

LIMITS = ParseLimits(wall_seconds=30.0, cpu_seconds=15.0, memory_bytes=768 * 2**20)
DEEP = 10_000
GIBI = 2**30


@pytest.fixture(scope="module")
def sandbox() -> Iterator[PoolSandbox]:
    found = PoolSandbox({"docs": ParserOptions(limits=LIMITS)}, 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool_sandbox, "RESIDENT_BYTES", 256 * 2**20)
        yield found
    found.close()


def outcome(sandbox: PoolSandbox | InlineSandbox, data: bytes | str, path: str) -> Document | DocumentError:
    """Return what became of a document, and see that it took no longer than it may."""
    began = time.monotonic()
    try:
        return sandbox.parse(raw(data, path))
    except DocumentError as error:
        return error
    finally:
        assert time.monotonic() - began < LIMITS.wall_seconds + 5


def nested_lists(depth: int) -> str:
    return "".join(" " * (2 * level) + "- item\n" for level in range(depth))


BOMBS = {
    "a.zip": hostile.zip_bomb,
    "overlapped.zip": hostile.overlapped_bomb,
    "a.docx": lambda: hostile.docx(hostile.word_body(hostile.word_paragraph("x" * (300 * 2**20)))),
    "a.epub": lambda: hostile.epub("<html><body><p>" + "x" * (300 * 2**20) + "</p></body></html>"),
    "a.tar.gz": lambda: gzip.compress(hostile.tar(("a.txt", bytes(300 * 2**20), ""))),
}


@pytest.mark.parametrize("path", BOMBS)
def test_what_unpacks_to_too_much_is_over_a_limit(sandbox, path):
    data = BOMBS[path]()
    assert len(data) < 8 * 2**20
    found = outcome(sandbox, data, path)
    assert (type(found), "limit" in str(found)) == (OversizedDocument, True), found


def test_archives_in_archives_are_opened_one_level_at_a_time_and_never_all(sandbox):
    data, seen = hostile.nested_bomb(), 0
    for _ in range(5):
        document = outcome(sandbox, data, "a.zip")
        assert isinstance(document, Document), document
        seen += sum(len(child.data) for child in document.children)
        data = document.children[0].data
    assert (type(outcome(sandbox, data, "a.zip")), seen < 64 * 2**20) == (OversizedDocument, True)


def test_an_entry_that_is_larger_than_it_says_is_broken(sandbox):
    assert type(outcome(sandbox, hostile.lying_zip(), "a.zip")) in (MalformedDocument, OversizedDocument)


XML = '<?xml version="1.0"?>'
LAUGHS = {
    "a.xml": f"{XML}{hostile.LAUGHS}<l>&a10;</l>",
    "a.svg": f"{XML}{hostile.LAUGHS}<svg xmlns='http://www.w3.org/2000/svg'><text>&a10;</text></svg>",
    "a.xhtml": f"{XML}{hostile.LAUGHS}<html xmlns='http://www.w3.org/1999/xhtml'><body><p>x &a10;</p></body></html>",
    "a.docx": hostile.docx(hostile.word_body(hostile.word_paragraph("&a10;"), hostile.LAUGHS)),
    "a.epub": hostile.epub(f"{hostile.LAUGHS}<html xmlns='http://www.w3.org/1999/xhtml'><body>&a10;</body></html>"),
}


@pytest.mark.parametrize("path", LAUGHS)
def test_a_billion_laughs_are_not_laughed(sandbox, path):
    found = outcome(sandbox, LAUGHS[path], path)
    if isinstance(found, Document):
        assert (len(found.text) < 10_000, "hahaha" in found.text, faults(found)) == (True, False, [])
    else:
        assert not isinstance(found, ParserTimeout), found


DEPTHS = {
    "divisions.html": "<html><body>" + "<div>" * DEEP + "text",
    "lists.html": "<html><body>" + "<ul><li>a" * DEEP,
    "tables.html": "<html><body>" + "<table><tr><td>a" * DEEP,
    "spans.html": "<html><body><p>" + "<b>" * DEEP + "text",
    "quotes.md": ">" * DEEP + " text",
    "lists.md": "- " * DEEP + "text",
    "indented.md": nested_lists(2000),
    "brackets.md": "[" * DEEP + "text",
    "stars.md": "*a " * DEEP,
    "html.md": "<div>" * DEEP + "text\n",
    "arrays.json": "[" * DEEP + '"a"' + "]" * DEEP,
    "objects.json": '{"a":' * DEEP + '"a"' + "}" * DEEP,
    "lines.jsonl": '{"a":1}\n' + "[" * DEEP + "]" * DEEP + "\n",
    "a.xml": "<?xml version='1.0'?>" + "<a>" * DEEP + "text" + "</a>" * DEEP,
    "a.docx": hostile.docx(hostile.word_body("<w:sdt><w:sdtContent>" * DEEP + "</w:sdtContent></w:sdt>" * DEEP)),
    "tables.docx": hostile.docx(
        hostile.word_body("<w:tbl><w:tr><w:tc>" * DEEP + hostile.word_paragraph("a") + "</w:tc></w:tr></w:tbl>" * DEEP)
    ),
    "a.epub": hostile.epub("<html><body>" + "<div>" * DEEP + "text" + "</div>" * DEEP + "</body></html>"),
    "a.eml": "Content-Type: message/rfc822\n\n" * DEEP + "text",
    "a.rst": "".join("  " * level + "* item\n\n" for level in range(1000)),
    "a.ipynb": '{"nbformat":4,"metadata":{},"cells":' + "[" * DEEP + "]" * DEEP + "}",
}


@pytest.mark.parametrize("path", DEPTHS)
def test_ten_thousand_levels_are_read_or_over_the_limit(sandbox, path):
    found = outcome(sandbox, DEPTHS[path], path)
    if isinstance(found, Document):
        assert (faults(found), "text" in found.text or "item" in found.text or "a" in found.text) == ([], True)
    else:
        assert type(found) in (OversizedDocument, MalformedDocument, EmptyDocument), found


MUST_REFUSE = (
    "lists.html",
    "tables.html",
    "quotes.md",
    "lists.md",
    "arrays.json",
    "objects.json",
    "a.xml",
    "tables.docx",
)


@pytest.mark.parametrize("path", MUST_REFUSE)
def test_levels_that_mean_something_are_refused_by_name(sandbox, path):
    assert type(outcome(sandbox, DEPTHS[path], path)) is OversizedDocument


def csv_of(megabytes: int) -> bytes:
    return b"id,name,words\n" + b"1234567,somebody,a few words that stand here\n" * (megabytes * 2**20 // 44)


def html_table_of(megabytes: int) -> bytes:
    return b"<table>" + b"<tr><td>1234567<td>somebody<td>words that stand\n" * (megabytes * 2**20 // 48)


@pytest.mark.parametrize(("path", "table"), [("a.csv", csv_of), ("a.html", html_table_of)])
def test_a_table_of_a_hundred_megabytes_is_refused_unread(sandbox, path, table):
    data = table(100)
    pids = pids_of(sandbox)
    found = outcome(sandbox, data, path)
    assert (type(found), f"{len(data)} bytes, the limit is 16777216" in str(found)) == (OversizedDocument, True)
    assert pids_of(sandbox) == pids


@pytest.mark.parametrize(("path", "table"), [("a.csv", csv_of), ("a.html", html_table_of)])
def test_where_it_may_be_larger_it_is_over_another_limit(path, table):
    more = {"document_bytes": 128 * 2**20, "text_characters": 10**7, "cpu_seconds": 10.0, "wall_seconds": 20.0}
    limits = LIMITS.model_copy(update=more)
    sandbox = PoolSandbox({"docs": ParserOptions(limits=limits)}, 1)
    found = outcome(sandbox, table(100), path)
    sandbox.close()
    assert type(found) in (OversizedDocument, ParserTimeout), found


@pytest.mark.parametrize("name", hostile.PDF_LOOPS)
def test_a_pdf_that_leads_in_a_circle_ends(sandbox, name):
    found = outcome(sandbox, hostile.PDF_LOOPS[name], "a.pdf")
    if isinstance(found, Document):
        assert (faults(found), len(found.text) < 10_000) == ([], True)
    else:
        assert "a.pdf" in str(found)


def test_a_pdf_that_unpacks_to_too_much_is_refused(sandbox):
    found = outcome(sandbox, hostile.pdf_bomb(), "a.pdf")
    assert isinstance(found, OversizedDocument | ParserTimeout) or "limits.memory_bytes" in str(found), found


def test_a_sparse_file_of_a_gigabyte_is_refused_unread(tmp_path, monkeypatch):
    with (tmp_path / "a.md").open("wb") as file:
        file.truncate(GIBI)
    source = open_source("docs", str(tmp_path), {"max_document_bytes": 16 * 2**20}, ("public",), "public", S3Options())
    (ref,) = source.list()
    monkeypatch.setattr(os, "fdopen", lambda *_: pytest.fail("the file was opened to be read"))
    with pytest.raises(OversizedDocument, match=f"{GIBI}"):
        source.read(ref)


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("a.zip", hostile.zipped({"../../a.md": b"text"})),
        ("b.zip", hostile.zipped({"/etc/a.md": b"text"})),
        ("c.zip", hostile.zipped({"..\\a.md": b"text"})),
        ("d.zip", hostile.linked_zip("/etc/passwd")),
        ("a.tar", hostile.tar(("../a.md", b"text", ""))),
        ("b.tar", hostile.tar(("a.md", b"", "/etc/passwd"))),
        ("c.tar", hostile.tar(("a", b"", "/etc"), ("a/passwd", b"text", ""))),
        ("a.epub", hostile.epub("<html/>", "../../../../etc/passwd")),
    ],
)
def test_nothing_leads_out_of_an_archive(sandbox, path, data):
    found = outcome(sandbox, data, path)
    if isinstance(found, Document):
        assert [c.path for c in found.children if ".." in c.path or c.path.startswith("/")] == []
        assert "root:" not in found.text
    else:
        assert type(found) in (MalformedDocument, EmptyDocument), found


def naming(secret: Path) -> dict[str, bytes | str]:
    """Return documents that name a file, each in the ways of its format."""
    uri = secret.as_uri()
    entity = f'<!DOCTYPE d [<!ENTITY s SYSTEM "{uri}"><!ENTITY % p SYSTEM "{uri}">%p;]>'
    xhtml = 'xmlns="http://www.w3.org/1999/xhtml"'
    include = f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{uri}" parse="text"/>'
    return {
        "a.xml": f"<?xml version='1.0'?>{entity}<d>text &s;</d>",
        "b.xml": f"<?xml version='1.0'?><?xml-stylesheet href='{uri}'?><d>text {include}</d>",
        "a.html": "<p>text</p>"
        f"<iframe src='{uri}'></iframe><object data='{uri}'></object><link rel=import href='{uri}'>",
        "a.xhtml": f"<?xml version='1.0'?>{entity}<html {xhtml}><body><p>text &s;</p></body></html>",
        "a.rst": f"text\n\n.. include:: {secret}\n\n.. csv-table::\n   :file: {secret}\n\n"
        f".. raw:: html\n   :file: {secret}\n",
        "a.md": f"text ![]({uri})\n\n--8<-- '{secret}'\n\n{{{{#include {secret}}}}}\n",
        "a.ipynb": f'{{"cells":[{{"cell_type":"markdown","metadata":{{}},"source":"text ![]({uri})"}}],"metadata":{{}},'
        '"nbformat":4,"nbformat_minor":5}',
        "a.docx": hostile.docx(hostile.word_body(hostile.word_paragraph("text &s;"), entity)),
        "a.epub": hostile.epub(f"{entity}<html {xhtml}><body><p>text &s;</p></body></html>"),
        "a.eml": f'Content-Type: message/external-body; access-type=local-file; name="{secret}"\n\ntext\n',
    }


@pytest.mark.parametrize("path", naming(Path("/x")))
def test_a_file_that_a_document_names_is_not_read_even_without_walls(tmp_path, path):
    (tmp_path / "secret").write_text("sesame")
    found = outcome(InlineSandbox(), naming(tmp_path / "secret")[path], path)
    assert "sesame" not in (found.text if isinstance(found, Document) else str(found))


def test_a_macro_changes_nothing(sandbox):
    body = hostile.word_body(hostile.word_paragraph("Some text."))
    plain, armed = (
        hostile.docx(body),
        hostile.docx(body, **{"word/vbaProject.bin": b"Sub AutoOpen()\nShell x\nEnd Sub"}),
    )
    documents = [outcome(sandbox, data, "a.docx") for data in (plain, armed)]
    assert [document.text for document in documents] == ["Some text."] * 2


def test_the_process_of_a_document_that_did_harm_holds_little_afterwards(sandbox):
    assert isinstance(outcome(sandbox, "# A", "a.md"), Document)
    assert [_walls.memory(str(pid), _walls.RESIDENT) < 256 * 2**20 for pid in pids_of(sandbox)] == [True]
