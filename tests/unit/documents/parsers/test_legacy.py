"""What no other parser reads, with `unstructured`, pandoc and LibreOffice: `make legacy-test` has all three."""

import io
import shutil
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, suppress
from dataclasses import replace
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import pytest

from ingest.adapters.sandbox.pool_sandbox import PoolSandbox
from ingest.documents import media_types, parsers
from ingest.documents.parsers import legacy
from ingest.documents.parsers._reading import programs
from ingest.errors import DocumentError, EmptyDocument, EncryptedDocument, MalformedDocument, UnsupportedFormat
from ingest.pipeline import run
from ingest.pipeline.changes import Scope
from ingest.records import BlockKind, Document, ParseLimits, ParserOptions
from tests.fakes import inline_executor
from tests.pipelines import CountingSource, Project
from tests.unit.documents.parsers import checks, office_files

needs_extra = pytest.mark.skipif(find_spec("unstructured") is None, reason="the extra ingest[legacy] is not installed")
needs_office = pytest.mark.skipif(
    find_spec("unstructured") is None or shutil.which("soffice") is None,
    reason="the extra ingest[legacy] or LibreOffice is not installed",
)

LONG_ROWS, LONG_SECONDS = 5000, 3.0  # LibreOffice takes 10 s for as many
RTF = rb"""{\rtf1\ansi{\info{\title Handbook}}{\stylesheet{\s1 heading 1;}{\s2 heading 2;}}
{\pard\s1\outlinelevel0 Setting up\par}{\pard\s2\outlinelevel1 Before you begin\par}
{\pard Read this \b first\b0 , Ren\'e9.\par}
\trowd\cellx2000\cellx4000\pard\intbl Part\cell\pard\intbl Weight\cell\row
\trowd\cellx2000\cellx4000\pard\intbl Bolt\cell\pard\intbl 12\cell\row
}"""
ORG = """#+TITLE: Handbook
#+INCLUDE: "/etc/passwd"
* Setting up
  Read this first.
** Before you begin
   - one
   - two
     - deeper
   | Part | Weight |
   |------+--------|
   | Bolt |     12 |
   #+BEGIN_SRC python
   def a():
       return 1
   #+END_SRC
* Größe
  Fertig.
"""
ADOC = """= Handbook
A. Writer

== Setting up
Read this first.

=== Before you begin
1. one
2. two

.Weights
|===
|Part |Weight

|Bolt |12
|===

----
def a():
    return 1
----
"""


def read(data: str | bytes, name: str, parser: str = "own") -> Document:
    """Return the document with its promises kept."""
    given = checks.raw(data, name)
    media_type = media_types.sniff(given.data, name)
    options = ParserOptions(parser=parser)
    found = parsers.find(media_type, name, parser).parse(replace(given, media_type=media_type, options=options))
    assert [] == checks.faults(found)
    return found


@pytest.mark.parametrize("name", ["a.rtf", "a.org", "a.adoc", "a.doc", "a.ppt", "a.xls"])
def test_without_the_extra_a_document_is_unsupported_and_the_message_says_what_to_install(monkeypatch, name):
    monkeypatch.setattr(legacy, "installed", lambda: False)
    with pytest.raises(UnsupportedFormat, match=rf"{name}: \S+ is read with the extra ingest\[legacy\], .* installed"):
        read("{\\rtf1}" if name == "a.rtf" else "text", name)
    assert ("", False) == (legacy.variant(), parsers.starts_program(media_types.sniff(b"", name)))


@pytest.mark.parametrize(("name", "program"), [("a.org", "pypandoc-binary"), ("a.ppt", "LibreOffice")])
def test_without_its_program_a_document_is_unsupported_and_the_message_names_it(monkeypatch, name, program):
    monkeypatch.setattr(legacy, "installed", lambda: True)
    monkeypatch.setattr(legacy, "_program", lambda _: None)
    with pytest.raises(UnsupportedFormat, match=rf"{name}: .*{program}"):
        read("text", name)


def test_another_parser_for_such_a_format_is_preferred(monkeypatch):
    monkeypatch.setattr(parsers.find("text/plain"), "MEDIA_TYPES", ("text/plain", "text/x-org"))
    parsers.media_types.cache_clear()
    assert "plain" == parsers.media_types()["text/x-org"]
    parsers.media_types.cache_clear()


@pytest.mark.parametrize(
    ("media_type", "parser", "name"),
    [
        ("text/html", "own", "html"),
        ("text/html", "unstructured", "legacy"),
        ("application/rtf", "unstructured", "legacy"),
        ("application/pdf", "unstructured", "pdf"),
        ("message/rfc822", "unstructured", "eml"),
    ],
)
def test_a_source_may_ask_for_unstructured_where_it_reads_a_format_well(media_type, parser, name):
    assert f"ingest.documents.parsers.{name}" == parsers.find(media_type, "a", parser).__name__


@needs_extra
@pytest.mark.parametrize(("data", "name"), [(RTF, "a.rtf"), (ORG, "a.org"), (ADOC, "a.adoc")])
def test_headings_have_the_levels_of_their_format_below_the_documents_title(data, name):
    document = read(data, name)
    expected = [(1, "Handbook"), (2, "Setting up"), (3, "Before you begin")]
    assert ("Handbook", expected) == (document.title, checks.headings(document)[:3])


@needs_extra
@pytest.mark.parametrize(("data", "name"), [(RTF, "a.rtf"), (ORG, "a.org"), (ADOC, "a.adoc")])
def test_a_table_is_a_table_with_its_header(data, name):
    document = read(data, name)
    table = next(block for block in document.blocks if block.kind is BlockKind.TABLE)
    assert "Part | Weight\nBolt | 12" == document.text[table.start : table.end]
    assert "Part | Weight\n" == document.text[table.start : table.header_end]


@needs_extra
def test_lists_code_and_letters_of_an_org_file():
    shown = checks.shown(read(ORG, "a.org"))
    assert ("list", "- one\n- two\n  - deeper") in shown
    assert ("code", "def a():\n    return 1") in shown
    assert shown[-2:] == [("heading", "Größe"), ("paragraph", "Fertig.")]


@needs_extra
def test_nothing_is_included_from_this_machine():
    assert "root:" not in read(ORG, "a.org").text


@needs_extra
def test_no_model_is_loaded_nor_asked_for():
    read(ORG, "a.org")
    assert [] == [name for name in ("spacy", "nltk", "torch") if name in sys.modules]


@needs_extra
def test_letters_outside_of_ascii_and_other_encodings_are_read():
    assert "Read this first, René." in read(RTF, "a.rtf").text
    symbol = rb"{\rtf1\ansi{\fonttbl{\f0 Times;}{\f1\fcharset2 Symbol;}}{\f0 pH {\f1\'b3} 7\par}}"
    assert read(symbol, "a.rtf").text == "pH ≥ 7"
    assert "Größe" in read(ORG.encode("utf-16"), "a.org").text


@needs_extra
@pytest.mark.parametrize(
    ("data", "name", "error", "message"),
    [
        (b"{\\rtf1}", "a.rtf", EmptyDocument, "a.rtf: 7 bytes of application/rtf, but no text"),
        ("#+TITLE:", "a.org", EmptyDocument, "a.org: 8 bytes"),
        ("text", "a.doc", MalformedDocument, "a.doc: no OLE file"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600, "a.xls", DocumentError, "a.xls: "),
    ],
)
def test_what_cannot_be_read_has_a_reason(data, name, error, message):
    with pytest.raises(error, match=message):
        legacy.parse(replace(checks.raw(data, name), media_type=media_types.sniff(b"", name)))


@pytest.fixture(scope="session")
def converted(tmp_path_factory) -> Iterator:
    """Return what converts an Office file of today to one of 1997."""

    def convert(data: bytes, new: str, old: str) -> bytes:
        folder = tmp_path_factory.mktemp("office")
        (folder / f"a.{new}").write_bytes(data)
        profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
        options = ["--headless", "--convert-to", old, "--outdir", str(folder), str(folder / f"a.{new}")]
        programs.run_program([str(shutil.which("soffice")), profile, *options], folder, checks.raw("", "a"))
        return (folder / f"a.{old}").read_bytes()

    return convert


def _handbook(document) -> None:
    document.add_heading("Setting up", 1)
    document.add_paragraph("Read this first.")
    document.add_heading("Before you begin", 2)
    for text in ("one", "two"):
        document.add_paragraph(text, style="List Bullet")
    table = document.add_table(2, 2, style="Table Grid")
    for cell, text in zip(table._cells, ("Part", "Weight", "Bolt", "12"), strict=True):
        cell.text = text
    document.add_paragraph("The end.")


def _talk(presentation) -> None:
    slide = presentation.slides.add_slide(presentation.slide_layouts[1])
    slide.shapes.title.text, slide.placeholders[1].text = "Setting up", "Read this first."
    picture = presentation.slides.add_slide(presentation.slide_layouts[6])
    picture.shapes.add_textbox(0, 0, 999999, 999999).text_frame.text = "A slide without a title has text."


def _stock(book) -> None:
    book.active.title = "Weights"
    for row in (("Part", "Weight"), ("Bolt", 12), ("Nut", 7)):
        book.active.append(row)


@needs_office
def test_a_doc_has_its_headings_lists_and_tables(converted):
    document = read(converted(office_files.word(_handbook), "docx", "doc"), "a.doc")
    assert [(1, "Setting up"), (2, "Before you begin")] == checks.headings(document)
    assert {("paragraph", "Read this first."), ("list", "- one\n- two")} < set(checks.shown(document))
    assert [("table", "Part | Weight\nBolt | 12"), ("paragraph", "The end.")] == checks.shown(document)[-2:]


@needs_office
def test_each_slide_of_a_ppt_is_a_section_of_its_page(converted):
    document = read(converted(office_files.slides(_talk), "pptx", "ppt"), "a.ppt")
    assert [(1, "Setting up"), (1, "Slide 2")] == checks.headings(document)
    assert [1, 1, 2, 2] == [block.page for block in document.blocks]
    assert "A slide without a title has text." in document.text


@needs_office
def test_each_sheet_of_an_xls_is_a_section_with_its_table(converted):
    document = read(converted(office_files.workbook(_stock), "xlsx", "xls"), "a.xls")
    assert [("heading", "Weights"), ("table", "Part | Weight\nBolt | 12\nNut | 7")] == checks.shown(document)


@needs_office
def test_a_doc_under_a_password_is_told_as_such(converted):
    data = bytearray(converted(office_files.word(_handbook), "docx", "doc"))
    data[data.index(b"\xec\xa5\x01") + 11] |= 1  # fEncrypted of its file information block
    with pytest.raises(EncryptedDocument, match=r"a\.doc: protected by a password"):
        read(bytes(data), "a.doc")


@needs_office
def test_the_version_of_libreoffice_belongs_to_the_fingerprint(monkeypatch):
    before = legacy.variant()
    monkeypatch.setattr(legacy.shutil, "which", lambda _: None)
    assert ("LibreOffice" in before, "LibreOffice" in legacy.variant()) == (True, False)


@needs_office
def test_pandoc_and_libreoffice_work_within_the_sandbox(converted):
    pool = PoolSandbox(processes=1)
    try:
        for name, data in (("a.rtf", RTF), ("a.doc", converted(office_files.word(_handbook), "docx", "doc"))):
            assert "Setting up" in pool.parse(checks.raw(data, name)).text
    finally:
        pool.close()


def running(mark: str) -> list[str]:
    """Return the command lines of all processes that hold a text."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(FileNotFoundError, ProcessLookupError):
            found.append(place.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return [line for line in found if mark in line]


@needs_office
@pytest.mark.skipif(sys.platform != "linux", reason="the walls are Linux's")
def test_a_document_that_keeps_libreoffice_busy_is_quarantined_and_nothing_of_it_stays(
    converted, tmp_path, monkeypatch
):
    row = rb"\trowd\trkeep\trkeepfollow\cellx2000\cellx4000\pard\intbl\keepn a\cell\pard\intbl\keepn b\cell\row" + b"\n"
    long = converted(rb"{\rtf1\ansi " + row * LONG_ROWS + b"}", "rtf", "doc")  # no page can be broken between its rows
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    source = CountingSource("docs", tmp_path / "docs")
    source.write("long.doc", long)
    source.write("sound.md", "# Sound\n\nText.\n")
    p = Project((source,))
    pool = PoolSandbox({"docs": ParserOptions(limits=ParseLimits(wall_seconds=LONG_SECONDS))}, processes=1)
    seen: set[str] = set()
    with closing(pool), ThreadPoolExecutor(1) as thread:
        services = p.services()
        services = replace(services, bench=replace(services.bench, sandbox=pool))
        report = thread.submit(run, services, Scope(), inline_executor(services), lambda verdict: True)
        while wait([report], timeout=0.05).not_done:
            seen.update(running(str(temporary)))
        report.result()
        assert [] == running(str(temporary))
        assert [] == list(temporary.glob("ingest-*"))
    assert any("soffice.bin" in line for line in seen)
    reasons = {path: (row.error, row.message) for path, row in p.quarantined().items()}
    told = f"long.doc: not parsed within {LONG_SECONDS:g} s (limits.wall_seconds)"
    assert {"long.doc": ("ParserTimeout", told)} == reasons


@needs_extra
@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("<h1>Setting up</h1><p>Read this first.</p><h2>Before</h2><p>Then.</p>", "a.html"),
        ("# Setting up\n\nRead this first.\n\n## Before\n\nThen.\n", "a.md"),
        ("Setting up\n==========\n\nRead this first.\n\nBefore\n------\n\nThen.\n", "a.rst"),
    ],
)
def test_other_formats_are_read_as_their_source_asks(data, name):
    document = read(data, name, "unstructured")
    assert ("legacy", [(1, "Setting up"), (2, "Before")]) == (document.parser, checks.headings(document))
    starts = [block.start for block in document.blocks]
    assert all(before < after for before, after in pairwise(starts))


@needs_extra
def test_a_table_of_other_formats_and_a_docx_are_read_as_their_source_asks():
    assert [("table", "Part | Weight\nBolt | 12")] == checks.shown(
        read("Part,Weight\nBolt,12\n", "a.csv", "unstructured")
    )
    word = read(office_files.word(_handbook), "a.docx", "unstructured")
    assert [(1, "Setting up"), (2, "Before you begin")] == checks.headings(word)
    assert "legacy" == word.parser


@needs_extra
def test_a_workbook_under_a_password_is_told_as_such_for_every_parser():
    from msoffcrypto.format.ooxml import OOXMLFile

    out = io.BytesIO()
    OOXMLFile(io.BytesIO(office_files.workbook(_stock))).encrypt("key", out)
    with pytest.raises(EncryptedDocument, match=r"a\.xlsx: protected by a password"):
        read(out.getvalue(), "a.xlsx", "unstructured")
