"""Lines of a PDF page as stretches of glyphs: words side by side without a wide gap, with their marks and spaces."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise
from statistics import median

from ingest.documents.parsers.pdf.bidi import bidi_class
from ingest.documents.parsers.pdf.directions import punctuated, sided
from ingest.documents.parsers.pdf.glyphs import Glyph
from ingest.documents.parsers.pdf.marks import attached, is_mark
from ingest.documents.parsers.pdf.page import Page, Word

_GAP = 1.0  # of the font size: a wider gap parts cells or columns
_NARROW = 0.7  # the same for a gap that is wider than the usual gap of its row, so many times:
_UNUSUAL = 2.2
_WIDE = 6.0  # points, the least such gap
_SPACE = 0.17  # of the font size, between words of a line without spaces of its own
_FEW = 4  # gaps; from more on, letters may be set apart
_PEN = 0.1  # of the font size: a space is wider
_SLOPE = 1.0  # of the font size, between the highest and the lowest letter of a line
_STROKE, _STROKES = "\u0640", 50
_CROSSINGS = 2_000_000  # rows times vertical ruling lines: with more, these do not part cells
_BESIDE = 12  # lines and cells side by side among which the line above is looked for
_LEADING = 2.0  # font sizes between lines of a paragraph


@dataclass(slots=True)
class SeenItem:
    """A glyph with its marks, or a space."""

    text: str
    start: float
    end: float
    word: Word
    order: int  # in PDFium's text
    spanned: bool = False  # its text is that of a span


@dataclass(slots=True)
class StretchGroup:
    """Lines close below each other, as far as they matter to each of them."""

    letters: int = 0  # from right to left less those from left to right
    total: int = 0
    punctuated: int = 0  # lines whose punctuation is that of text from right to left less others
    x0: float = math.inf
    x1: float = -math.inf
    rtl: bool = False  # one of its lines is read from right to left

    def add(self, line: "LineStretch") -> None:
        """Take a line in."""
        self.letters, self.total = self.letters + line.letters, self.total + line.total
        self.punctuated += line.punctuated
        self.x0, self.x1 = min(self.x0, line.x0), max(self.x1, line.x1)


@dataclass(slots=True)
class LineStretch:
    """Words of one line without a wide gap."""

    words: list[Word]
    items: list[SeenItem] = field(default_factory=list)  # from left to right, later as they are read
    x0: float = 0.0
    x1: float = 0.0
    base: float = 0.0
    size: float = 0.0
    letters: int = 0  # from right to left less those from left to right
    total: int = 0
    punctuated: int = 0  # 1 if its punctuation is that of a line from right to left, -1 from left to right
    before: "LineStretch | None" = None  # the line above it in its paragraph
    paragraph: "StretchGroup" = field(default_factory=StretchGroup)
    turned: bool = False  # its row has letters from right to left
    rtl: bool = False

    @property
    def balance(self) -> float:
        """From -1, all letters are from left to right, to 1."""
        return self.letters / self.total if self.total else 0.0


def stretches_of(page: Page, words: Iterable[Word], turn: int) -> list[LineStretch]:
    """Return words with one turn as stretches, from top to bottom."""
    across, down = page.corner if turn == 0 else (0.0, 0.0)
    assert page.glyphs is not None
    for word in words:
        if bases := [glyph.base - down for glyph in page.glyphs.of_words.get(id(word), ()) if not is_mark(glyph.text)]:
            word.base = median(bases)
    spaces = sorted((y - down, x - across) for x, y in page.glyphs.spaces_along(turn))
    upright = [((x0 + x1) / 2, top, bottom) for x0, top, x1, bottom in page.rules if bottom - top > x1 - x0]
    found: list[LineStretch] = []
    rows = _rows(words)
    walled = turn == 0 and len(rows) * len(upright) <= _CROSSINGS
    for row in rows:
        base, half = row[0].base, 0.5 * max(row[0].size, 1.0)
        near = [x for _, x in spaces[bisect_left(spaces, (base - half,)) : bisect_left(spaces, (base + half,))]]
        walls = [x for x, top, bottom in upright if top <= base <= bottom] if walled else []
        beside = [_stretch(part, page.glyphs.of_words, across, near) for part in _parts(row, walls)]
        found += [stretch for stretch in beside if stretch.items]
        turned = any(sided(item.text) == "R" for stretch in beside for item in stretch.items)
        for stretch in beside:
            stretch.turned = turned
    for at, stretch in enumerate(found):
        stretch.before = above = _above(found[max(at - _BESIDE, 0) : at], stretch)
        if above is not None:
            stretch.paragraph = above.paragraph
        stretch.paragraph.add(stretch)
    return found


def _above(candidates: Sequence[LineStretch], stretch: LineStretch) -> "LineStretch | None":
    """Return the line above in the same paragraph."""
    for other in reversed(candidates):
        if 0.3 * stretch.size < stretch.base - other.base <= _LEADING * stretch.size:
            alike = abs(other.size - stretch.size) < 0.12 * stretch.size
            if alike and min(other.x1, stretch.x1) > max(other.x0, stretch.x0):
                return other
    return None


def _rows(words: Iterable[Word]) -> list[list[Word]]:
    """Group words side by side, from top to bottom and left to right."""
    rows: list[list[Word]] = []
    for word in sorted(words, key=lambda word: (word.base, word.x0)):
        if rows:
            first = rows[-1][0]
            near = 0.5 * min(max(first.size, word.size), 1.6 * min(first.size, word.size))
            if abs(word.base - first.base) <= near:
                rows[-1].append(word)
                continue
        rows.append([word])
    return [sorted(row, key=lambda word: word.x0) for row in _sloping(rows)]


def _sloping(rows: Sequence[list[Word]]) -> list[list[Word]]:
    """Join rows that fill each other's gaps closely: the letters of Nastaliq words go down towards their end."""
    done: list[list[Word]] = []
    for row in rows:
        size = max(word.size for word in row)
        if done and row[0].base - done[-1][0].base <= _SLOPE * size and _interleaved(done[-1], row, size):
            done[-1] += row
        else:
            done.append(list(row))
    return done


def _interleaved(row: Sequence[Word], other: Sequence[Word], size: float) -> bool:
    """Return whether two rows touch side by side, and hardly lie above each other."""
    both = sorted([(word.x0, word.x1, 0) for word in row] + [(word.x0, word.x1, 1) for word in other])
    over, touching, end, last = 0.0, 0, both[0][0], both[0][2]
    for x0, x1, kind in both:
        if kind != last and abs(x0 - end) <= 0.5 * size:
            touching += 1
        if kind != last:
            over += max(min(end, x1) - x0, 0.0)
        end, last = max(end, x1), kind
    least = min(sum(word.x1 - word.x0 for word in words) for words in (row, other))
    return touching > 0 and over <= 0.6 * least


def _parts(row: Sequence[Word], walls: Iterable[float]) -> Iterator[list[Word]]:
    """Split a row at wide gaps, at gaps much wider than the others, and at ruling lines."""
    walls = sorted(walls)
    ends = list(accumulate((word.x1 for word in row), max))
    gaps = [word.x0 - end for end, word in zip(ends, row[1:], strict=False)]
    usual = _UNUSUAL * median(gaps) if gaps else 0.0
    start = 0
    for at, gap in enumerate(gaps, start=1):
        size = max(row[at].size, row[at - 1].size)
        wall = bisect_left(walls, ends[at - 1] - 0.3 * size)
        walled = wall < len(walls) and walls[wall] <= row[at].x0 + 0.3 * size
        if walled or gap > max(_GAP * size, _WIDE) or gap > max(_NARROW * size, usual, _WIDE):
            yield list(row[start:at])
            start = at
    yield list(row[start:])


def _stretch(words: list[Word], of_words: dict[int, list[Glyph]], across: float, spaces: list[float]) -> LineStretch:
    """Return words as a stretch with its items from left to right."""
    bases: list[tuple[float, int, SeenItem]] = []
    marks: list[Glyph] = []
    for word in words:
        if id(word) not in of_words:  # it is not a part of the content, but made: of the value of a field
            bases.append((word.x0, 0, SeenItem(word.text, word.x0, word.x1, word, 0)))
        for found in of_words.get(id(word), ()):
            glyph = replace(found, start=found.start - across, end=found.end - across, place=found.place - across)
            if is_mark(glyph.text):
                marks.append(glyph)
            elif glyph.text.strip():
                item = SeenItem(glyph.text, glyph.start, glyph.end, word, glyph.order, glyph.spanned)
                bases.append((glyph.place, glyph.order, item))
    bases.sort(key=lambda found: found[:2])
    items = [item for _, _, item in bases]
    widest = max(words, key=lambda word: len(word.text))
    size = max(widest.size, 1.0)
    attached(items, marks)
    stretch = LineStretch(words, base=widest.base, size=size)
    stretch.items = list(_tightened(list(_spaced(items, [place for place, _, _ in bases], spaces, size))))
    stretch.x0 = min((item.start for item in items), default=0.0)
    stretch.x1 = max((item.end for item in items), default=0.0)
    sides = [sided(item.text) for item in items]
    stretch.punctuated = punctuated([item.text for item in stretch.items])
    stretch.letters, stretch.total = sides.count("R") - sides.count("L"), sides.count("R") + sides.count("L")
    return stretch


def _spaced(items: Sequence[SeenItem], pens: Sequence[float], spaces: list[float], size: float) -> Iterator[SeenItem]:
    """Yield items with the spaces between them: those of the file, and gaps wider than between most letters."""
    ends = list(accumulate((item.end for item in items), max))
    gaps = [item.start - end for end, item in zip(ends, items[1:], strict=False)]
    spaces = sorted(spaces)
    given = [_given(spaces, left, right, size) for left, right in pairwise(pens)]
    apart = median(gaps) if len(gaps) > _FEW else 0.0
    least = _SPACE * size + max(apart, 0.0)
    for at, item in enumerate(items):
        if at and (given[at - 1] or gaps[at - 1] > least):
            yield SeenItem(" ", ends[at - 1], max(item.start, ends[at - 1]), item.word, item.order)
        yield item


def _given(spaces: Sequence[float], left: float, right: float, size: float) -> bool:
    """Return whether a space that takes room stands between two pens."""
    at = bisect_right(spaces, left)
    return at < len(spaces) and spaces[at] < right - _PEN * size


def _tightened(items: Sequence[SeenItem]) -> Iterator[SeenItem]:
    """Yield items without the strokes that stretch Arabic words to the width of a line, which mean nothing.

    Where a file does not say what a stroke is, PDFium has some Latin letter for it.
    """
    kinds = [bidi_class(item.text) for item in items]
    texts = [item.text for item in items]
    at = 0
    while at < len(items):
        end = at + 1
        if texts[at] == _STROKE or (kinds[at] == "L" and len(texts[at]) == 1):
            while end < len(items) and texts[end] == texts[at]:
                end += 1
            inside = at > 0 and end < len(items) and kinds[at - 1] == kinds[end] == "AL"
            if inside and end - at <= _STROKES:
                at = end
                continue
        yield from items[at:end]
        at = end
