"""Files inside of PDF files."""

import pytest

from ingest.documents.parsers import pdf
from ingest.errors import OversizedDocument
from ingest.records import ParseLimits
from tests.unit.documents.parsers.checks import parsed
from tests.unit.documents.parsers.pdf_files import build, lines
from tests.unit.documents.parsers.pdf_forms import annotated, note
from tests.unit.documents.parsers.test_pdf import with_options

PAGE = lines(72, 100, ["The prices are in the file at the pin."])
WHERE = (300, 90, 320, 110)


def pinned(name, stream):
    return note("FileAttachment", WHERE, "list", more=f"/FS << /F ({name}) /UF ({name}) /EF << /F {stream} >> >>")


def files(document):
    return [(child.path, child.data) for child in document.children]


def test_files_pinned_to_pages_are_children():
    notes = [[pinned("a.csv", "{s0}")], [pinned("b.csv", "{s1}"), pinned("a.csv", "{s1}"), pinned("a.csv", "{s0}")]]
    data = annotated([PAGE, PAGE], notes, shown=[("x,1", WHERE), ("y,2", WHERE)], form="")
    assert files(parsed(pdf, data)) == [("a.csv", b"x,1"), ("b.csv", b"y,2"), ("3-a.csv", b"y,2")]


def test_names_that_repeat_lose_no_file():
    data = build([PAGE], files=[("3-a", b"1"), ("a", b"2"), ("a", b"3")])
    assert files(parsed(pdf, data)) == [("3-a", b"1"), ("a", b"2"), ("3-3-a", b"3")]


def test_one_bad_file_costs_that_file_and_is_named(caplog):
    notes = [pinned("a.csv", "9999 0 R"), note("FileAttachment", WHERE), pinned("b.csv", "{s0}")]
    data = annotated([PAGE], [notes], shown=[("y,2", WHERE)], form="")
    assert files(parsed(pdf, data)) == [("b.csv", b"y,2")]
    assert "the attachment 'a.csv' is left out" in caplog.text
    assert "the attachment 'attachment-2' is left out" in caplog.text


def test_pinned_files_over_a_limit_refuse_the_document():
    notes = [pinned("a.csv", "{s0}"), pinned("a.csv", "{s0}")]
    data = annotated([PAGE], [notes], shown=[("y" * 50, WHERE)], form="")
    with pytest.raises(OversizedDocument, match="attachments over the limit of 60 bytes"):
        with_options(data, limits=ParseLimits(archive_bytes=60))
    with pytest.raises(OversizedDocument, match="2 attachments, over the limit of 1"):
        with_options(data, limits=ParseLimits(archive_entries=1))
