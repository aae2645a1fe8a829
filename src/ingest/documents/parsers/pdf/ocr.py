"""Pages that are pictures, read by tesseract within limits on pages, pixels and time.

Where tesseract is unsure of what it read, the page may lie on its side or upside down: its own script detection tells,
if the data for it are installed. The words keep their places, and ruling lines are handed on, so that columns, tables
and headings are found as on any other page.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import mean, median
from typing import Any

from ingest.documents.parsers.pdf.layout import PageLayout, lay_out
from ingest.documents.parsers.pdf.page import Page, Word
from ingest.documents.parsers.pdf.picture import Box, levelled, without_lines
from ingest.errors import OversizedDocument, ParserTimeout, ScannedDocument
from ingest.records import RawDocument

MAX_PAGES = 500  # per document
RESOLUTION = 200.0  # dots per inch
MAX_PIXELS = 16_000_000  # per page: larger pages are read at a lower resolution
PAGE_SECONDS = 30.0  # per call of tesseract, at most; up to three for a page
_SPARSE = "--psm 11"  # find all text: its own page layout leaves out columns of numbers, and ours puts words in order
_UNSURE = 60.0  # per cent: below this mean confidence, the page may be turned
_ASCENT, _X_HEIGHT, _DESCENT = 0.73, 0.53, 0.21  # of the font size, in common fonts
_TALL = frozenset("bdfhklt0123456789()[]{}|/!?&%$€£@#\"'")
_DEEP = frozenset("gjpqy,;()[]{}|/@Qç")
_ALIKE = 0.15  # sizes of lines that differ by less from the usual one are that one
_RULE = frozenset("|_—–-=")  # what the lines of a table are read as


@dataclass(frozen=True, slots=True)
class Seen:
    """What tesseract read in a picture, straightened and upright."""

    words: dict[str, list[Any]]  # the columns of its table: block_num, left, top, text and so on, in pixels
    rules: list[Box]  # ruling lines, in pixels
    width: int
    height: int

    @property
    def confidence(self) -> float:
        """The mean confidence of the words, per cent; 0 without any."""
        table = zip(self.words["conf"], self.words["text"], strict=True)
        known = [float(sure) for sure, text in table if text.strip()]
        return mean(known) if known else 0.0


def recognise(pdf: Any, pages: list[int], raw: RawDocument) -> dict[int, PageLayout]:
    """Return page number → what tesseract reads there.

    Args:
        pdf: pypdfium2's document.
        pages: From 1.
        raw: For the languages, and for messages.

    Raises: OversizedDocument, ParserTimeout, ScannedDocument.
    """
    path = raw.ref.path
    if len(pages) > MAX_PAGES:
        raise OversizedDocument(f"{path}: {len(pages)} pages to recognise, over the limit of {MAX_PAGES}")
    languages = "+".join(raw.options.ocr_languages)
    found = {}
    for number in pages:
        image, scale = _picture(pdf, number)
        seen = read_image(image, scale, languages, f"{path}: page {number}")
        rules = [(x0 / scale, top / scale, x1 / scale, bottom / scale) for x0, top, x1, bottom in seen.rules]
        page = Page(number, seen.width / scale, seen.height / scale, list(_placed(seen.words, scale)), rules, 0.0)
        found[number] = lay_out(page)
    return found


def read_image(image: Any, scale: float, languages: str, where: str) -> Seen:
    """Return what tesseract reads in a picture.

    Args:
        image: A grey Pillow image.
        scale: Its pixels per point.
        languages: Tesseract's codes, joined by "+".
        where: For messages.

    Raises: ParserTimeout, ScannedDocument (a language is missing).
    """
    straight = levelled(image)
    seen = _seen(straight, scale, languages, where)
    if seen.confidence >= _UNSURE or not (turn := _turn(straight, where)):
        return seen
    turned = _seen(levelled(straight.rotate(-turn, expand=True, fillcolor=255)), scale, languages, where)
    return turned if turned.confidence > seen.confidence else seen


def _seen(image: Any, scale: float, languages: str, where: str) -> Seen:
    bare, rules = without_lines(image, 72 * scale)
    return Seen(_tesseract("image_to_data", bare, languages, where, _SPARSE), rules, image.width, image.height)


def _tesseract(function: str, image: Any, languages: str, where: str, config: str = "") -> dict[str, Any]:
    """Return what a function of pytesseract returns. Raises: ParserTimeout, ScannedDocument."""
    import pytesseract

    try:
        options = {"config": config, "timeout": PAGE_SECONDS, "output_type": pytesseract.Output.DICT}
        result: dict[str, Any] = getattr(pytesseract, function)(image, lang=languages, **options)
        return result
    except pytesseract.TesseractError as error:
        raise ScannedDocument(f"{where}: tesseract failed for the languages {languages}: {error.message}") from error
    except RuntimeError as error:
        raise ParserTimeout(f"{where}: tesseract took over {PAGE_SECONDS:g} seconds") from error


def _turn(image: Any, where: str) -> int:
    """Return by how many degrees clockwise to turn a picture upright; 0 where tesseract cannot tell."""
    try:
        return int(_tesseract("image_to_osd", image, "osd", where)["rotate"]) % 360
    except ScannedDocument:  # too few characters, or the data for it are not installed
        return 0


def _picture(pdf: Any, number: int) -> tuple[Any, float]:
    """Return a page as a grey Pillow image of at most `MAX_PIXELS`, and its pixels per point."""
    page = pdf[number - 1]
    try:
        width, height = page.get_size()
        scale = min(RESOLUTION / 72, (MAX_PIXELS / max(width * height, 1.0)) ** 0.5)
        return page.render(scale=scale, grayscale=True).to_pil(), scale
    finally:
        page.close()


def _placed(words: dict[str, list[Any]], scale: float) -> Iterator[Word]:
    """Yield the words, line by line, with places in points; the lines of a table are left out."""
    lines: dict[tuple[int, int, int], list[int]] = {}
    for at, text in enumerate(words["text"]):
        if text.strip() and not _RULE.issuperset(text.strip()):
            lines.setdefault(tuple(words[key][at] for key in ("block_num", "par_num", "line_num")), []).append(at)
    sizes = [_size(words, line) / scale for line in lines.values()]
    usual = median(sizes) if sizes else 0.0
    for run, (line, measured) in enumerate(zip(lines.values(), sizes, strict=True)):
        size = usual if abs(measured - usual) < _ALIKE * usual else measured
        base = median(_base(words, at) for at in line) / scale
        for at in line:
            left, width = words["left"][at] / scale, words["width"][at] / scale
            yield Word(words["text"][at].strip(), left, left + width, base, size, False, False, -1, run, 0)


def _size(words: dict[str, list[Any]], line: list[int]) -> float:
    """Return the font size of a line in pixels: a box is as high as the tallest letter and the deepest."""
    return float(median(words["height"][at] / sum(_extent(words["text"][at])) for at in line))


def _base(words: dict[str, list[Any]], at: int) -> float:
    """Return where the baseline of a word is, in pixels from the top."""
    above, below = _extent(words["text"][at])
    return float(words["top"][at] + words["height"][at] * above / (above + below))


def _extent(text: str) -> tuple[float, float]:
    """Return how far a word's letters reach above and below the baseline, in font sizes."""
    tall = any(letter in _TALL or letter.isupper() for letter in text)
    return _ASCENT if tall else _X_HEIGHT, _DESCENT if _DEEP.intersection(text) else 0.0
