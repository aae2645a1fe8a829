"""Code and the output of programs in a PDF: lines in a font whose letters are equally wide, among other text.

Such a font also sets a word in a paragraph, a heading, a quotation, or all of a document as a typewriter would; these
stay what they are. A document that is nothing but lines in such a font is code only if most of it reads like code.
"""

import re
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from itertools import pairwise

from ingest.documents.parsers.pdf.layout import Line, PageLayout
from ingest.documents.parsers.pdf.typed import TypedText

_ALL = 0.9  # of a document's letters in fonts of one width: it has no other text
_MOST = 0.5
_CODE = 0.3  # of the lines of such a document that read like code, at least
_PROSE = 0.4  # of the lines that read like sentences, at most, if the document has other text as well
_WORDS = 6  # of a line of prose, at least
_PLAIN = 0.9  # of the words of prose have only letters
_LONG = 50  # characters of a single line of prose, at least
_FILLED = 0.8  # of the longest line: lines of a paragraph are at least as long
_LARGER = 1.15  # times the body's size: a heading
_BLANKS = 3  # blank lines in a listing, at most
_GAP = 4.7  # font sizes between lines of a listing, at most
_LEADING = 1.7  # font sizes between lines of a paragraph, at most
_SAME = 0.06  # of the size
_WORD = re.compile(r"[(\"'“‘]*[^\W\d_]+(?:['’-][^\W\d_]+)*[.,;:!?)\"'”’]*|\d+[.,;:]?|[-–—]")
_SIGNAL = re.compile(
    r"[{};]$|[({\[,\\]$|^\s*(?:#|//|/\*|\*|--|@|\$|>>>|</?\w)|\w\(|\w\s*(?:=|:=|->|=>|==|\+=)\s*\S|^\s*[}\])]"
)
_ADDRESS = re.compile(r"[<(]?(?:[^\s@]+@[^\s@]+\.\w+|(?:\w+://|www\.)\S+)|\d+|[⁰¹²³⁴-⁹]+")
_ENDS = (".", ":", ";", "!", "?")


def as_typed(sheets: Sequence[PageLayout]) -> list[PageLayout]:
    """Return pages with lines of one width as they stand, unless the document is typewritten: then none is code."""
    fixed, letters = sum(sheet.fixed for sheet in sheets), sum(sum(sheet.looks.values()) for sheet in sheets)
    if _is_typewritten(sheets, fixed / max(letters, 1)):
        return [replace(sheet, fixed=0, verbatim=None) for sheet in sheets]
    return [replace(sheet, items=sheet.verbatim or sheet.items, verbatim=None) for sheet in sheets]


def number_listings(sheets: Sequence[PageLayout], running: AbstractSet[int], size: float) -> None:
    """Give lines of code the number of the listing to which they belong.

    Args:
        sheets: All pages, in order.
        running: Ids of the lines that are left out.
        size: Of most of the document's text, in points.
    """
    if not any(sheet.fixed for sheet in sheets):
        return
    items = [item for sheet in sheets for item in sheet.items if id(item) not in running]
    number = 0
    for start, end in _stretches(items):
        lines = [item for item in items[start:end] if isinstance(item, Line)]
        around = (items[start - 1] if start else None, items[end] if end < len(items) else None)
        if not _is_something_else(lines, size) and (len(lines) > 1 or not _is_inside(lines[0], *around)):
            number += 1
            for line in lines:
                line.listing = number


def _is_typewritten(sheets: Sequence[PageLayout], share: float) -> bool:
    """Return whether a document's text itself is set in a font of one width."""
    if share < _MOST:
        return False
    texts = [item.typed.text for sheet in sheets for item in sheet.verbatim or sheet.items
             if isinstance(item, Line) and item.typed]  # fmt: skip
    prose = sum(_plain_words(text) >= _WORDS for text in texts)
    if share < _ALL:
        return prose > _PROSE * len(texts)
    return sum(_SIGNAL.search(text) is not None for text in texts) < _CODE * len(texts) or prose > _PROSE * len(texts)


def _plain_words(text: str) -> int:
    """Return the number of words of a line that reads like a sentence, else 0."""
    words = text.split()
    plain = sum(_WORD.fullmatch(word[:_LONG]) is not None for word in words)
    return len(words) if plain >= _PLAIN * len(words) else 0


def _stretches(items: Sequence[object]) -> Iterator[tuple[int, int]]:
    """Yield the first and the end of consecutive lines of one width that may be one listing."""
    start: int | None = None
    for at, item in enumerate(items):
        if start is not None and not _goes_on(items[at - 1], item):
            yield start, at
            start = None
        if start is None and isinstance(item, Line) and item.typed and not item.role:
            start = at
    if start is not None:
        yield start, len(items)


def _goes_on(last: object, line: object) -> bool:
    if not (isinstance(last, Line) and isinstance(line, Line) and last.typed and line.typed) or line.role:
        return False
    if abs(last.size - line.size) > _SAME * max(last.size, line.size) or last.column < 0 or line.column < 0:
        return False
    if last.page != line.page:
        return line.page == last.page + 1
    return last.column == line.column and 0.5 * line.size < line.base - last.base <= _GAP * line.size


def _is_something_else(lines: Sequence[Line], size: float) -> bool:
    """Return whether lines of one width are a heading or a paragraph."""
    if lines[0].size > _LARGER * size or (len(lines) == 1 and lines[0].bold):
        return True
    texts = [line.typed.text for line in lines if line.typed]
    words = " ".join(texts).split()
    if all(_ADDRESS.fullmatch(word) for word in words):
        return True
    plain = sum(_WORD.fullmatch(word[:_LONG]) is not None for word in words)
    if plain < _PLAIN * len(words) or len(words) < _WORDS * len(texts):
        return False
    longest = max(len(text) for text in texts)
    filled = sum(len(text) >= _FILLED * longest for text in texts[:-1])
    return longest >= _LONG and filled >= 0.7 * (len(texts) - 1)


def _is_inside(line: Line, before: object, after: object) -> bool:
    """Return whether a line that happens to have only words of one width is part of a paragraph."""
    if isinstance(before, Line) and _is_close(before, line) and not before.text.endswith(_ENDS):
        return before.x1 - before.x0 >= 0.5 * (line.x1 - line.x0)
    return isinstance(after, Line) and _is_close(line, after) and (after.text[0].islower() or after.text[0] in ",.;:)")


def _is_close(line: Line, below: Line) -> bool:
    """Return whether two lines, one of them of other letters, are as close as those of a paragraph."""
    together = line.column == below.column and line.page == below.page and not (line.typed and below.typed)
    return together and 0 < below.base - line.base <= _LEADING * below.size


def listing_lines(lines: Sequence[Line]) -> list[str]:
    """Return the lines of a listing with their indents, and the blank lines between them."""
    texts = [line.typed or TypedText(line.text, line.x0, line.size / 2) for line in lines]
    left = min(text.x0 for text in texts)
    wide = max(len(text.number) for text in texts)
    gaps = [b.base - a.base for a, b in pairwise(lines) if a.page == b.page]
    leading = max(min(gaps, default=0.0), 0.8 * lines[0].size, 1.0)
    found: list[str] = []
    for at, (line, text) in enumerate(zip(lines, texts, strict=True)):
        if at and line.page == lines[at - 1].page:
            found += [""] * min(round((line.base - lines[at - 1].base) / leading) - 1, _BLANKS)
        indent = " " * min(round((text.x0 - left) / max(text.pitch, 0.1)), 400)
        found.append((f"{text.number:>{wide}} " if wide else "") + indent + text.text)
    return found
