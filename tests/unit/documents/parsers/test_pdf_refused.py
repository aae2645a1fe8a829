"""PDF files that are refused, and scans."""

import io
import logging
from dataclasses import replace

import pytest
from pypdf import PdfReader, PdfWriter

from ingest.documents.parsers import pdf
from ingest.documents.parsers.pdf import tesseract
from ingest.documents.parsers.pdf.symbols import UNKNOWN
from ingest.errors import EmptyDocument, EncryptedDocument, MalformedDocument, ScannedDocument
from ingest.records import ParserOptions
from tests.unit.documents.parsers.checks import parsed, raw, shown
from tests.unit.documents.parsers.pdf_files import HEIGHT, WIDTH, Writer, build, lines, picture

BODY = ["The plan is read before anything is spent, and it says how many", "documents are new, changed or gone."]


def with_options(data: bytes, **options):
    return pdf.parse(replace(raw(data, "a.pdf", "application/pdf"), options=ParserOptions(**options)))


def encrypted(user: str) -> bytes:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(build([lines(72, 100, BODY)]))))
    writer.encrypt(user_password=user, owner_password="owner", algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_an_encrypted_file_opens_only_without_a_user_s_password():
    assert shown(parsed(pdf, encrypted(""))) == [("paragraph", " ".join(BODY))]
    with pytest.raises(EncryptedDocument, match=r"a: opens only with a password"):
        parsed(pdf, encrypted("secret"))


def test_a_file_that_is_cut_off_is_refused_wherever_it_is_cut():
    data = build([lines(72, 100, BODY)] * 3)
    kept = [cut for cut in range(20, data.rindex(b"startxref"), 7) if not refused(data[:cut])]
    assert kept == []


def test_a_cut_file_that_still_opens_is_not_a_shorter_document():
    writer = Writer()
    root = writer.add("<< /Type /Catalog /Pages 2 0 R >>")
    writer.add("<< /Type /Pages /Kids [3 0 R] /Count 1 >>")
    writer.add(
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 5 0 R /Resources << /Font << /F1 4 0 R >> >> >>"
    )
    writer.add("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    content = (lines(72, 100, BODY) + lines(72, 200, BODY)).encode()
    writer.add(b"<< /Length %d >>\nstream\n%b\nendstream" % (len(content), content))
    data = writer.file(f"/Root {root} 0 R")
    assert len(parsed(pdf, data).blocks) == 2
    cut = data[: data.index(b"72 592.0 Td")] + b"\nendstream\nendobj\ntrailer << /Root 1 0 R >>"
    assert refused(cut)


def refused(data: bytes) -> bool:
    try:
        parsed(pdf, data)
    except MalformedDocument:
        return True
    return False


def test_bytes_that_are_no_pdf_are_refused():
    with pytest.raises(MalformedDocument, match="PDFium cannot open it"):
        parsed(pdf, b"%PDF-1.7\nnothing of the kind\nstartxref\n0\n%%EOF")


def test_a_page_tree_that_loops_ends():
    writer = Writer()
    writer.add("<< /Type /Pages /Kids [1 0 R 1 0 R] /Count 2 /Parent 1 0 R >>")
    root = writer.add("<< /Type /Catalog /Pages 1 0 R >>")
    with pytest.raises((MalformedDocument, EmptyDocument)):
        parsed(pdf, writer.file(f"/Root {root} 0 R"))


def test_pages_without_text_are_an_empty_document():
    with pytest.raises(EmptyDocument, match="a: 2 pages without text"):
        parsed(pdf, build(["", ""]))


SCAN = picture(0, 0, WIDTH, HEIGHT)


def test_a_scan_is_refused_with_what_to_do():
    with pytest.raises(
        ScannedDocument, match=r"2 of 3 pages have no readable text .*`ocr` is off; .*ingest\[ocr\].*tesseract"
    ):
        parsed(pdf, build([SCAN, SCAN, lines(72, 100, BODY)]))


def glyphs(more):
    """Return a file with nine glyphs that have no text, and what else its page shows in Helvetica."""
    writer = Writer()
    down = writer.add(
        "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /AAAAAA+Own /DW 600 "
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>"
    )
    font = writer.add(
        f"<< /Type /Font /Subtype /Type0 /BaseFont /Own /Encoding /Identity-H /DescendantFonts [{down} 0 R] >>"
    )
    shown = f"BT /F1 12 Tf 72 700 Td <000300040005000600070008000900100011> Tj ET {more}"
    content = writer.stream(shown.encode())
    plain = "/F2 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
    page = writer.add(
        f"<< /Type /Page /Parent 5 0 R /MediaBox [0 0 612 792] /Contents {content} 0 R "
        f"/Resources << /Font << /F1 {font} 0 R {plain} >> >> >>"
    )
    tree = writer.add(f"<< /Type /Pages /Kids [{page} 0 R] /Count 1 >>")
    root = writer.add(f"<< /Type /Catalog /Pages {tree} 0 R >>")
    return writer.file(f"/Root {root} 0 R")


def test_glyphs_without_characters_are_no_text_layer():
    with pytest.raises(ScannedDocument, match="1 of 1 pages have no readable text layer"):
        parsed(pdf, glyphs(""))


def test_glyphs_without_characters_among_others_are_shown_as_unknown_and_told(caplog):
    with caplog.at_level(logging.WARNING):
        document = parsed(pdf, glyphs("BT /F2 12 Tf 72 650 Td (The rest of the page can be read.) Tj ET"))
    unknown, read = document.text.split("\n\n")
    assert unknown.count(UNKNOWN) > 5
    assert read == "The rest of the page can be read."
    assert "a: letters on pages 1 have no text in the file" in caplog.text


def test_few_scanned_pages_are_named_in_a_warning(caplog):
    with caplog.at_level(logging.WARNING):
        document = parsed(pdf, build([lines(72, 100, BODY), SCAN, lines(72, 100, BODY)]))
    assert [block.page for block in document.blocks] == [1, 3]
    assert "a: pages 2 have no readable text layer and are left out" in caplog.text


def test_recognition_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(tesseract.shutil, "which", lambda _: None)
    with pytest.raises(ScannedDocument, match="the program tesseract is not on the path"):
        with_options(build([SCAN]), ocr=True)
