"""PDF through PDFium, the engine of Chrome: text with positions, lines, pictures, outline, attachments.

Why PDFium (pypdfium2) and not `unstructured`, pdfplumber or pypdf: it is fuzzed and maintained as part of a browser,
reads damaged files, and is much faster per page than pdfminer. JavaScript, links and actions have no effect: PDFium is
built without JavaScript, and nothing follows the others.

Left out: lines that repeat at the top or bottom of pages, page numbers there, hyphens that split words at line
ends, dot leaders before page numbers, and headers and remarks that are repeated where a table goes on. Marked "hidden"
because readers do not see it: text in the colour of what is under it, transparent text, text under one point high or
off the page, and text in invisible mode without a picture there. With a picture it is the text layer of a scan and
treated like other text.

A form's fields are read from the form, not as they are drawn: "City: Utrecht", "☒ yes" (`fields.py`, `filling.py`).
Comments are blocks of their own with the mark "comment", unless the option `comments` is "drop" (`annotations.py`).

Scans: a page whose picture covers most of it and that has no text layer, or whose glyphs are mostly unknown characters,
is read by tesseract if the option `ocr` is on. Otherwise the document is quarantined if more than half its pages are
scans; else these are left out, with a warning that names them. An unreadable page makes the whole document fail.
"""

import logging
import threading
from collections.abc import Iterator
from itertools import islice
from typing import Any

from ingest.documents.parsers._reading.assembly import Assembly
from ingest.documents.parsers._reading.titles import document_title
from ingest.documents.parsers.pdf.annotations import Budget
from ingest.documents.parsers.pdf.attachments import Attachments
from ingest.documents.parsers.pdf.blocks import add_blocks
from ingest.documents.parsers.pdf.bullets import with_bullets
from ingest.documents.parsers.pdf.fields import Forms
from ingest.documents.parsers.pdf.filling import cleared
from ingest.documents.parsers.pdf.headings import Entry, Headings
from ingest.documents.parsers.pdf.layout import PageLayout, lay_out
from ingest.documents.parsers.pdf.noted import read_noted
from ingest.documents.parsers.pdf.ocr import recognise
from ingest.documents.parsers.pdf.page import Page
from ingest.documents.parsers.pdf.page_reading import read_page
from ingest.documents.parsers.pdf.right_to_left import as_left_to_right
from ingest.documents.parsers.pdf.scripts import with_scripts
from ingest.documents.parsers.pdf.symbols import UNKNOWN
from ingest.documents.parsers.pdf.tesseract import why_not
from ingest.documents.parsers.pdf.written_title import written_title
from ingest.errors import (
    EmptyDocument,
    EncryptedDocument,
    MalformedDocument,
    OversizedDocument,
    ScannedDocument,
    UnsupportedFormat,
)
from ingest.records import Document, RawDocument

MAX_PAGES = 50_000
MAX_OUTLINE = 20_000  # entries
_DEPTH = 12  # of the outline
_SCAN = 0.5  # of the page covered by a picture
_PICTURE = 0.05  # of a page without any text
_FEW = 3  # words that a scanned page may have, such as a stamp
_LOCK = threading.Lock()  # two threads must not call PDFium at once

logger = logging.getLogger(__name__)


def parse(raw: RawDocument) -> Document:
    """Return the document.

    Raises: MalformedDocument, EncryptedDocument, ScannedDocument, EmptyDocument, OversizedDocument, ParserTimeout,
    UnsupportedFormat.
    """
    with _LOCK:
        pdf = _open(raw)
        try:
            return _read(pdf, raw)
        finally:
            pdf.close()


def _open(raw: RawDocument) -> Any:
    """Return pypdfium2's document."""
    import pypdfium2
    from pypdfium2.raw import FPDF_ERR_PASSWORD

    path = raw.ref.path
    if raw.data.rfind(b"startxref") < raw.data.rfind(b"endobj"):
        raise MalformedDocument(f"{path}: the file ends before its table of contents, it is cut off")
    try:
        return pypdfium2.PdfDocument(raw.data)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == FPDF_ERR_PASSWORD:
            raise EncryptedDocument(f"{path}: opens only with a password") from error
        raise MalformedDocument(f"{path}: PDFium cannot open it: {error}") from error


def _read(pdf: Any, raw: RawDocument) -> Document:
    path = raw.ref.path
    if len(pdf) > MAX_PAGES:
        raise OversizedDocument(f"{path}: {len(pdf)} pages, over the limit of {MAX_PAGES}")
    files = Attachments(raw)
    files.add_all(pdf)
    sheets: list[PageLayout] = []
    scanned: list[int] = []
    unknown: list[int] = []
    letters = 0
    for page in _pages(pdf, raw, files):
        if _is_scan(page):
            scanned.append(page.number)
        elif any(UNKNOWN in word.text for word in page.words):
            unknown.append(page.number)
        letters += sum(len(word.text) for word in page.words)
        if letters > raw.options.limits.text_characters:
            limit = raw.options.limits.text_characters
            raise OversizedDocument(f"{path}: text over the limit of {limit} characters on page {page.number}")
        as_left_to_right(cleared(page))
        page.words = with_scripts(with_bullets(page.words, page.shapes))
        sheets.append(lay_out(page, sheets[-1] if sheets else None))
    for number, sheet in _scans(pdf, raw, scanned).items():
        sheet.remarks = sheets[number - 1].remarks
        sheets[number - 1] = sheet
    if unknown:
        pages = _numbers(unknown)
        logger.warning("%s: letters on pages %s have no text in the file, each is shown as %s", path, pages, UNKNOWN)
    assembly = Assembly(raw)
    title = written_title(pdf, raw.data)
    headings = Headings(list(_outline(pdf)))
    add_blocks(assembly, sheets, headings, title)
    if not assembly.blocks and not files.children:
        raise EmptyDocument(f"{path}: {len(pdf)} pages without text")
    title = document_title(assembly.blocks, title or headings.title)
    return Document(assembly.text, tuple(assembly.blocks), title, raw.media_type, "pdf", children=files.children)


def _pages(pdf: Any, raw: RawDocument, files: Attachments) -> Iterator[Page]:
    """Yield the pages in order, one in memory at a time.

    Raises: MalformedDocument, OversizedDocument, UnsupportedFormat.
    """
    import pypdfium2

    path, budget = raw.ref.path, Budget(raw.ref.path, raw.options.limits.text_characters)
    forms = Forms(pdf, raw.data, budget)
    try:
        for index in range(len(pdf)):
            try:
                handle = pdf[index]
            except pypdfium2.PdfiumError as error:
                raise MalformedDocument(f"{path}: page {index + 1} of {len(pdf)} cannot be read: {error}") from error
            try:
                noted = read_noted(handle, forms, files, budget, comments=raw.options.comments == "keep")
                if noted.own is not None:
                    handle.close()
                    handle = pdf[index]
                yield read_page(handle, index + 1, noted)
            finally:
                handle.close()
        if forms.is_xfa:
            raise UnsupportedFormat(f"{path}: a form in XFA, which only Adobe's programs show; print it to PDF")
    finally:
        forms.close()


def _is_scan(page: Page) -> bool:
    """Return whether a page needs text recognition: it is a picture, or its glyphs have no characters."""
    picture = page.picture_share >= (_SCAN if page.words else _PICTURE)
    return page.unreadable or (picture and len(page.words) <= _FEW)


def _scans(pdf: Any, raw: RawDocument, scanned: list[int]) -> dict[int, PageLayout]:
    """Return the text of scanned pages, by tesseract. Raises: ScannedDocument, OversizedDocument, ParserTimeout."""
    if not scanned:
        return {}
    path, pages = raw.ref.path, _numbers(scanned)
    missing = why_not() if raw.options.ocr else "the source's option `ocr` is off"
    if not missing:
        return recognise(pdf, scanned, raw)
    advice = "text recognition needs the extra ingest[ocr], the program tesseract, and `ocr: true` for the source"
    if 2 * len(scanned) > len(pdf):
        raise ScannedDocument(
            f"{path}: {len(scanned)} of {len(pdf)} pages have no readable text layer and {missing}; {advice}"
        )
    logger.warning("%s: pages %s have no readable text layer and are left out: %s; %s", path, pages, missing, advice)
    return {}


def _numbers(pages: list[int]) -> str:
    shown = ", ".join(map(str, pages[:20]))
    return f"{shown} and {len(pages) - 20} more" if len(pages) > 20 else shown


def _outline(pdf: Any) -> Iterator[Entry]:
    """Yield the entries of the outline; PDFium's binding stops at loops."""
    for bookmark in islice(pdf.get_toc(max_depth=_DEPTH), MAX_OUTLINE):
        target = bookmark.get_dest()
        index = target.get_index() if target is not None else None
        title = " ".join(bookmark.get_title().split())
        yield Entry(title, bookmark.level + 1, index + 1 if index is not None and index >= 0 else 0)
