"""Pages that are pictures, read by tesseract within limits on pages, pixels and time."""

import shutil
from importlib.util import find_spec
from typing import Any

from ingest.documents.parsers.pdf.layout import Line, PageLayout
from ingest.errors import OversizedDocument, ParserTimeout, ScannedDocument
from ingest.records import RawDocument

MAX_PAGES = 500  # per document
RESOLUTION = 200.0  # dots per inch
MAX_PIXELS = 16_000_000  # per page: larger pages are read at a lower resolution
PAGE_SECONDS = 30.0  # per page, at most
_LINE = 12.0  # points: an assumed line height, so that a blank line separates paragraphs
_SIZE = 10.0


def why_not() -> str:
    """Return what is missing for text recognition, "" when nothing is."""
    if find_spec("pytesseract") is None:
        return "the extra ingest[ocr] is not installed"
    return "" if shutil.which("tesseract") else "the program tesseract is not on the path"


def recognise(pdf: Any, pages: list[int], raw: RawDocument) -> dict[int, PageLayout]:
    """Return page number → the text that tesseract reads there.

    Args:
        pdf: pypdfium2's document.
        pages: From 1.
        raw: For the languages, and for messages.

    Raises: OversizedDocument, ParserTimeout, ScannedDocument.
    """
    path = raw.ref.path
    if len(pages) > MAX_PAGES:
        raise OversizedDocument(f"{path}: {len(pages)} pages to recognise, over the limit of {MAX_PAGES}")
    found = {}
    for number in pages:
        text = image_text(_picture(pdf, number), "+".join(raw.options.ocr_languages), f"{path}: page {number}")
        found[number] = PageLayout(number, [*_lines(text, number)])
    return found


def image_text(image: Any, languages: str, where: str) -> str:
    """Return tesseract's text of a Pillow image. Raises: ParserTimeout, ScannedDocument (a language is missing)."""
    import pytesseract

    try:
        return str(pytesseract.image_to_string(image, lang=languages, timeout=PAGE_SECONDS))
    except pytesseract.TesseractError as error:
        raise ScannedDocument(f"{where}: tesseract failed for the languages {languages}: {error.message}") from error
    except RuntimeError as error:
        raise ParserTimeout(f"{where}: tesseract took over {PAGE_SECONDS:g} seconds") from error


def _picture(pdf: Any, number: int) -> Any:
    """Return a page as a grey Pillow image of at most `MAX_PIXELS`."""
    page = pdf[number - 1]
    try:
        width, height = page.get_size()
        scale = min(RESOLUTION / 72, (MAX_PIXELS / max(width * height, 1.0)) ** 0.5)
        return page.render(scale=scale, grayscale=True).to_pil()
    finally:
        page.close()


def _lines(text: str, number: int) -> list[Line]:
    lines: list[Line] = []
    for row, words in enumerate(text.replace("\f", "\n").split("\n")):
        if plain := " ".join(words.split()):
            lines.append(Line(plain, number, 0.0, 500.0, row * _LINE, _SIZE, False, False))
    return lines
