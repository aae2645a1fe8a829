import bz2
import gzip
import io
import lzma
import zipfile

import pytest

from ingest.documents import media_types
from ingest.documents.media_types import OCTETS, sniff

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
DOCX = media_types.extensions()["docx"]


def zipped(*names):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "path", "expected"),
    [
        (b"# Title", "a/README.md", "text/markdown"),
        (b"text", "A.MARKDOWN", "text/markdown"),
        (b"text", "guide.mdx", "text/mdx"),
        (b"text", "index.rst", "text/x-rst"),
        (b"text", "_sources/index.rst.txt", "text/x-rst"),
        (b"text", "_sources/index.md.txt", "text/markdown"),
        (b"text", "v1.2.txt", "text/plain"),
        (b"text", "README", "text/plain"),
        (b"text", ".hidden", "text/plain"),
        (b"<p>part</p>", "part.html", "text/html"),
        (b"{}", "a.json", "application/json"),
        (b"a,b", "a.csv", "text/csv"),
        (b"x = 1", "a.py", "text/x-python"),
        (b"text", "a.unknown", "text/plain"),
        (b"", "a.md", "text/markdown"),
    ],
)
def test_the_extension_decides_where_the_content_does_not_tell(data, path, expected):
    assert sniff(data, path) == expected


@pytest.mark.parametrize(
    ("data", "path", "expected"),
    [
        (b"%PDF-1.7\n...", "a.md", "application/pdf"),
        (b"junk\x00\x00%PDF-1.4", "a.md", "application/pdf"),
        (b"\xef\xbb\xbf <!DOCTYPE HTML><p>", "a.txt", "text/html"),
        (b"<!-- saved --> <html lang=en>", "a", "text/html"),
        (b'<?xml version="1.0"?><!DOCTYPE html><html>', "a.xhtml", "application/xhtml+xml"),
        (b'<?xml version="1.0"?><note/>', "a.txt", "application/xml"),
        (b'{"cells": [], "metadata": {}, "nbformat": 4}', "a.json", media_types.NOTEBOOK),
        (b'{"cells": []}', "a.ipynb", media_types.NOTEBOOK),
        (PNG, "a.md", "image/png"),
        (bytes(range(256)) * 40, "a.md", OCTETS),
        (b"{\\rtf1 x}", "a.txt", "application/rtf"),
        (zipped("word/document.xml"), "a.md", DOCX),
        (zipped("other"), "a.docx", "application/zip"),
    ],
)
def test_content_goes_before_the_name(data, path, expected):
    assert sniff(data, path) == expected


@pytest.mark.parametrize(
    "data", [b"BM25 ranks terms", b"MZ is a name", b"ID3 tags", b"GIFs are pictures", b"PK is short"]
)
def test_text_that_begins_like_a_binary_format_is_text(data):
    assert sniff(data, "a.txt") == "text/plain"


@pytest.mark.parametrize("text", ["PDF files begin with %PDF-1.7.", "# How `<!DOCTYPE html>` works"])
def test_text_about_a_format_is_not_that_format(text):
    assert sniff(text.encode(), "a.md") == "text/markdown"


def test_utf16_text_is_not_taken_for_binary():
    assert sniff("text".encode("utf-16"), "a.md") == "text/markdown"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_wide_text_without_a_mark_is_not_taken_for_binary(encoding):
    assert sniff("some text\n".encode(encoding), "a.txt") == "text/plain"
    assert sniff("\x01\x02\x03\x04".encode(encoding), "a.txt") == OCTETS


@pytest.mark.parametrize(
    ("data", "path", "expected"),
    [
        (gzip.compress(b"x", mtime=0), "a.md", "application/gzip"),
        (bz2.compress(b"x"), "a.md", "application/x-bzip2"),
        (lzma.compress(b"x"), "a.md", "application/x-xz"),
        (zipped(), "a.md", "application/zip"),
        (zipped("docs/word/document.xml"), "a.zip", "application/zip"),
    ],
)
def test_archives_are_told_by_their_content(data, path, expected):
    assert sniff(data, path) == expected


def test_an_archive_of_documents_is_not_one_of_them():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.docx", zipped("word/document.xml"))
    assert sniff(buffer.getvalue(), "a.zip") == "application/zip"


@pytest.mark.parametrize(
    ("path", "claimed", "expected"),
    [
        ("docs/page", "text/html; charset=utf-8", "text/html"),
        ("a.unknown", "TEXT/Markdown", "text/markdown"),
        ("a.md", "text/html", "text/markdown"),
        ("docs/page", "binary/octet-stream", "text/plain"),
        ("docs/page", "", "text/plain"),
    ],
)
def test_a_claim_counts_where_neither_content_nor_name_tell(path, claimed, expected):
    assert sniff(b"text", path, claimed) == expected


def test_sniffing_looks_for_markup_in_linear_time():
    assert sniff(b"<!-- " * 200_000, "a.md") == "text/markdown"
    assert sniff(b"<!-- x -->" * 200_000, "a.md") == "text/markdown"


def test_the_fingerprint_changes_with_the_map(monkeypatch):
    before = media_types.fingerprint()
    monkeypatch.setitem(media_types.extensions(), "log", "text/plain")
    assert media_types.fingerprint() != before


@pytest.mark.parametrize("path", ["CHANGES.2024", "Dockerfile.dev", "page.mdwn", "a.7f3", "notes.md.bak"])
def test_text_is_text_whatever_it_is_called(path):
    assert "text/plain" == sniff("# Titre\n\nÉté.\n".encode(), path)
    assert OCTETS == sniff(bytes(range(256)) * 40, path)


def test_what_was_unpacked_on_the_way_is_what_its_name_says_without_the_packing():
    assert ["text/markdown", "text/plain"] == [sniff(b"# Title", path) for path in ("a/notes.md.gz", "a/notes.gz")]


PATTERNS = (("*.mdwn", "text/markdown"), ("Dockerfile*", "text/x-sh"), ("raw/*", "text/plain"), ("*", "text/x-rst"))


@pytest.mark.parametrize(
    ("data", "path", "expected"),
    [
        (b"# Title", "a/page.mdwn", "text/markdown"),
        (b"FROM x", "a/Dockerfile.dev", "text/x-sh"),
        (b"<html><p>x", "raw/a.html", "text/plain"),
        (b"text", "b.md", "text/x-rst"),
        (b"%PDF-1.7", "raw/a.pdf", "application/pdf"),
    ],
)
def test_the_first_pattern_that_matches_wins_over_name_markup_and_claim_but_not_over_binary_content(
    data, path, expected
):
    assert expected == sniff(data, path, "text/csv", PATTERNS)
    assert media_types.expected(path, "", PATTERNS) == (expected if data != b"%PDF-1.7" else "text/plain")


@pytest.mark.parametrize("path", ["a.fodt", "a.xml", "a", "a.txt"])
@pytest.mark.parametrize("kind", ["text", "spreadsheet", "presentation"])
def test_an_office_document_in_one_xml_file_is_told_by_its_own_type(path, kind):
    told = f"application/vnd.oasis.opendocument.{kind}"
    data = f"""<?xml version="1.0"?>\n<office:document xmlns:office='o' office:mimetype='{told}'><office:body/>"""
    assert sniff(data.encode(), path) == f"{told}-flat-xml"


def test_text_about_an_office_document_in_one_xml_file_is_not_one():
    text = b"# Formats\n\n<office:document office:mimetype='application/vnd.oasis.opendocument.text'>"
    assert sniff(text, "a.md") == "text/markdown"


def test_a_type_of_an_office_document_that_is_damaged_tells_nothing():
    data = b"<?xml version='1.0'?><office:document office:mimetype='app\x98/vnd.oasis.opendocument.text'>"
    assert sniff(data, "a.xml") == "application/xml"


def test_a_name_tells_an_office_document_in_one_xml_file_without_a_declaration():
    assert sniff(b"<o:document/>", "a.fods") == "application/vnd.oasis.opendocument.spreadsheet-flat-xml"


def test_of_names_only_those_that_do_not_tell_have_another_fingerprint_since_text_is_text():
    def before(name, kind):
        return media_types.digest_of(["2", kind, media_types.version("filetype")])

    assert before("a.md", "text/markdown") == media_types.fingerprint("s3://bucket/a.md")
    assert before("README", "") != media_types.fingerprint("file:///README")
    assert before("a.xml", "application/xml") != media_types.fingerprint("file:///a.xml")
    assert before("README", "") != media_types.fingerprint("s3://bucket/README")
    assert before("a.mdwn", OCTETS) != media_types.fingerprint("file:///a.mdwn")
