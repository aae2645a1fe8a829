"""One page of a PDF as PDFium reads it: words with position and look, ruling lines, pictures.

Coordinates are in points from the top left corner, rotated so that most of the text is upright: this undoes the effect
of the page's own rotation and of sideways text on lines and columns.
"""

import ctypes
import math
from dataclasses import dataclass, field
from typing import Any, cast

from ingest.documents.parsers.pdf.addresses import object_addresses
from ingest.documents.parsers.pdf.bullets import SmallShape
from ingest.documents.parsers.pdf.fonts import TELLING, UNSEEN, Face, Faces
from ingest.documents.parsers.pdf.glyphs import GlyphReader, Glyphs, is_right_to_left
from ingest.documents.parsers.pdf.matching import TableAbove
from ingest.documents.parsers.pdf.noted import DRAWN, Noted
from ingest.documents.parsers.pdf.paint import Paint, paint
from ingest.documents.parsers.pdf.printed import printed_fields
from ingest.documents.parsers.pdf.symbols import UNKNOWN, letter_of, without_halves
from ingest.documents.parsers.pdf.tags import page_tags
from ingest.documents.parsers.pdf.turns import area, main_turn, quarter_turns, turned, turned_box

_ASCENT, _DESCENT = 0.8, 0.2  # of the font size, above and below the baseline: glyph boxes vary too much
_SPACES = frozenset(code for code in range(0x3001) if chr(code).isspace() and code not in (10, 13))
_SHIFT = 0.05  # font sizes between the baselines of a word and its raised or lowered part, at least
_SMALLEST = 1.0  # points; smaller text is hidden


@dataclass(slots=True)
class Word:
    """Characters with one look and no space between them."""

    text: str
    x0: float
    x1: float
    base: float  # the baseline
    size: float  # of the font, in points
    bold: bool
    hidden: bool
    tag: int  # id of marked content in a tagged document, -1 without one
    run: int  # words of a run follow each other in the content and are on one line
    turn: int  # quarter turns from upright
    face: Face = field(default_factory=Face)
    joined: bool = False  # it follows the word before it without a space
    part: str = ""  # DRAWN by an annotation; of a form: FIELD is label and value, VALUE has no label, MARK is a box

    @property
    def top(self) -> float:
        """The top of its box."""
        return self.base - _ASCENT * self.size

    @property
    def bottom(self) -> float:
        """The bottom of its box."""
        return self.base + _DESCENT * self.size


@dataclass(slots=True)
class Piece:
    """Adjacent words without a wide gap: a line of a column, or a table cell."""

    words: list[Word]
    x0: float
    x1: float
    base: float
    size: float

    @property
    def text(self) -> str:
        """Its words in reading order."""
        return " ".join(word.text for word in self.words)


@dataclass(slots=True)
class Page:
    """What was found on a page."""

    number: int  # from 1
    width: float
    height: float
    words: list[Word]
    rules: list[tuple[float, float, float, float]]  # x0, top, x1, bottom; one side is thin
    picture_share: float  # of the page covered by the largest picture
    unreadable: bool = False  # most of its glyphs are unknown characters
    tags: dict[int, str] = field(default_factory=dict)  # id of marked content → role, in a tagged document
    glyphs: Glyphs | None = None  # if there are letters from right to left
    corner: tuple[float, float] = (0.0, 0.0)  # the top left one, before it became the origin
    mirrored: bool = False  # most of it was written from right to left
    noted: Noted = field(default_factory=Noted)  # its annotations
    verbatim: bool = False  # lines in a font of one width make no tables without rules
    facing: int = 0  # quarter turns from most of its text to text that is upright for a reader
    above: TableAbove | None = None
    shapes: list[SmallShape] = field(default_factory=list)  # that may be bullets


@dataclass(slots=True)
class _Look:
    size: float
    bold: bool
    mode: int
    colour: tuple[int, int, int, int]
    order: int
    tag: int
    turn: int
    face: Face = field(default_factory=Face)


def read_page(handle: Any, number: int, noted: Noted | None = None) -> Page:
    """Return what is on a page.

    Args:
        handle: pypdfium2's page.
        number: From 1.
        noted: Its annotations, if they were read before they became part of its content.
    """
    noted = noted or Noted()
    painted = paint(handle, noted.own)
    left, bottom, right, top = handle.get_bbox()
    text = handle.get_textpage()
    try:
        reader = _Reader(text, painted, (left, bottom, right, top))
        words = [word for word in reader.words(handle) if math.isfinite(word.x0 + word.x1 + word.base + word.size)]
    finally:
        text.close()
    own = [word for word in words if word.part != DRAWN] or words
    turn = main_turn((word.turn, len(word.text)) for word in own) if words else handle.get_rotation() // 90
    for word in words:
        word.turn = (word.turn - turn) % 4
    rules = [turned_box(rule, turn) for rule in painted.rules]
    width, height = (right - left, top - bottom)[:: -1 if turn % 2 else 1]
    share = max((area(box) for box in painted.pictures), default=0.0) / max(width * height, 1.0)
    unreadable = sum(word.text.count(UNKNOWN) for word in words) > sum(len(word.text) for word in words) / 2
    tags = page_tags(handle)
    noted.fields += printed_fields(handle, tags, words)
    page = Page(number, width, height, words, rules, share, unreadable, tags.headings, noted=noted)
    page.shapes = [(sign, turned_box(box, turn)) for sign, box in painted.shapes]
    page.facing = (handle.get_rotation() // 90 - turn) % 4
    page.glyphs = reader.glyphs.turned(turn) if reader.glyphs else None
    return _placed(page, turn, (left, bottom, right, top))


class _Reader:
    """Goes through the characters of a page once."""

    def __init__(self, text: Any, painted: Paint, box: tuple[float, float, float, float]) -> None:
        import pypdfium2.raw as pdfium

        self.raw, self.text, self.painted, self.box = pdfium, text, painted, box
        self.looks: dict[int, _Look] = {}
        self.faces = Faces()
        self.found: list[Word] = []
        self.glyphs: GlyphReader | None = None
        self.run = 0

    def words(self, handle: Any) -> list[Word]:
        """Return the words in content order; boxes are in the page's own coordinates, not rotated yet."""
        raw, text = self.raw, self.text.raw
        unicode, box_of, origin_of = raw.FPDFText_GetUnicode, raw.FPDFText_GetLooseCharBox, raw.FPDFText_GetCharOrigin
        rect, x, y = raw.FS_RECTF(), ctypes.c_double(), ctypes.c_double()
        by_rect, by_x, by_y = ctypes.byref(rect), ctypes.byref(x), ctypes.byref(y)
        word, before = cast(Word | None, None), 0  # the white space before a character
        glyphs, looks, object_at = self.glyphs, self.looks, object_addresses(self.text)
        for at in range(self.text.count_chars()):
            code = unicode(text, at)
            if code in (10, 13) or code in _SPACES:
                word, before = None, code
                continue
            if code >= 0x590 and glyphs is None and is_right_to_left(code):  # begin again, and look closer
                self.glyphs, self.found, self.run = GlyphReader(self.text, handle), [], 0
                return self.words(handle)
            box_of(text, at, by_rect)
            origin_of(text, at, by_x, by_y)
            key = object_at(at)
            look = looks[key] if key in looks else self._look(at, key)
            start, end, base = turned(rect, x.value, y.value, look.turn)
            if word is None and before in (10, 13):
                word = self._resumed(look, start, base)
            elif word is None and self._strayed(look, start, base):
                self.run += 1
            joined = word is not None and not self._parted(word, look, start, base)
            if word is None or not joined or self._shifted(word, look, base):
                word = self._begin(look, (start, end, base), (x.value, y.value), joined)
            if code in TELLING:
                look.face.measure(code, (end - start) / max(look.size, _SMALLEST))
            word.text += (letter := letter_of(code, look.face.symbols))
            if glyphs is not None:
                glyphs.add(word, at, letter, (start, end, base))
            word.x0, word.x1 = min(word.x0, start), max(word.x1, end)
        for found in self.found:
            found.text = without_halves(found.text)
        return self.found

    def _parted(self, word: Word, look: _Look, start: float, base: float) -> bool:
        """Return whether a character begins a new word although there is no space before it."""
        if base == word.base and look.turn == word.turn and word.x0 - 1 <= start <= word.x1 + 1:
            return False  # as nearly all, whatever their size
        size = max(look.size, word.size, 1.0)
        away = start > word.x1 + size or start < word.x0 - size
        if away or abs(base - word.base) > 0.7 * size or look.turn != word.turn:
            self.run += 1
            return True
        return False

    def _shifted(self, word: Word, look: _Look, base: float) -> bool:
        """Return whether a character is a raised or lowered part of a word, or follows one."""
        return look.size != word.size and abs(base - word.base) > _SHIFT * look.size

    def _resumed(self, look: _Look, start: float, base: float) -> Word | None:
        """Return the word that goes on after a line break of PDFium, None when the break is real; it begins a run then.

        PDFium guesses whether a page is written in lines or in columns, and breaks lines at letters if it errs.
        """
        size = max(look.size, 1.0)
        last = self.found[-1] if self.found else None
        whole = next((word for word in self.found[-1:-4:-1] if not word.joined or word.size == look.size), last)
        if last is not None and whole is not None:
            alike = (look.turn, look.size, look.bold) == (whole.turn, whole.size, whole.bold)
            gap = start - last.x1
            if alike and abs(base - whole.base) <= 0.05 * size and -0.1 * size <= gap <= size:
                return last if gap <= 0.1 * size else None
        self.run += 1
        return None

    def _strayed(self, look: _Look, start: float, base: float) -> bool:
        """Return whether a character is on another line than the one before."""
        if not self.found or look.turn != (last := self.found[-1]).turn:
            return True
        size = max(look.size, last.size, 1.0)
        return abs(base - last.base) > (0.3 if start < last.x0 - size else 0.7) * size

    def _begin(self, look: _Look, place: tuple[float, float, float], origin: tuple[float, float], joined: bool) -> Word:
        hidden = look.size < _SMALLEST or self._unseen(look, origin)
        face = UNSEEN if look.mode == 3 else look.face
        word = Word("", *place, look.size, look.bold, hidden, look.tag, self.run, look.turn, face)
        word.joined = joined
        word.part = DRAWN if look.order >= self.painted.own else ""
        self.found.append(word)
        return word

    def _unseen(self, look: _Look, origin: tuple[float, float]) -> bool:
        """Return whether text leaves no ink, or is off the page."""
        left, bottom, right, top = self.box
        along, up = ((1, 1), (-1, 1), (-1, -1), (1, -1))[look.turn]
        inside = (origin[0] + along * 0.3 * look.size, origin[1] + up * 0.3 * look.size)
        if not (left <= inside[0] <= right and bottom <= inside[1] <= top):
            return True
        if look.mode == 3:
            return not self.painted.pictured(inside)
        if look.colour[3] == 0:
            return True
        return look.mode in (0, 4) and self.painted.blends(inside, look.colour, look.order)

    def _look(self, at: int, key: int) -> _Look:
        """Return the look of a character's text object, whose address is `key`: determined once per object."""
        raw = self.raw
        thing = raw.FPDFText_GetTextObject(self.text, at)
        matrix = raw.FS_MATRIX()
        raw.FPDFText_GetMatrix(self.text, at, ctypes.byref(matrix))
        height = math.hypot(matrix.c, matrix.d) or math.hypot(matrix.a, matrix.b)
        size = abs(raw.FPDFText_GetFontSize(self.text, at)) * (height or 1.0)
        turn = quarter_turns(matrix.a, matrix.b)
        if not key:
            return _Look(size, False, 0, (0, 0, 0, 255), 0, -1, turn)
        channels = [ctypes.c_uint(0) for _ in range(4)]
        if not raw.FPDFPageObj_GetFillColor(thing, *(ctypes.byref(channel) for channel in channels)):
            channels[3].value = 255
        red, green, blue, alpha = (channel.value for channel in channels)
        face = self.faces.of(thing)
        look = self.looks[key] = _Look(
            size,
            face.bold,
            raw.FPDFTextObj_GetTextRenderMode(thing),
            (red, green, blue, alpha),
            self.painted.order.get(key, self.painted.objects),
            raw.FPDFPageObj_GetMarkedContentID(thing),
            turn,
            face,
        )
        return look


def _placed(page: Page, turn: int, box: tuple[float, float, float, float]) -> Page:
    """Move the origin to the corner that is the top left for a reader."""
    across, down, _, _ = turned_box(box, turn)
    page.corner = across, down
    for word in page.words:
        if word.turn == 0:
            word.x0, word.x1, word.base = word.x0 - across, word.x1 - across, word.base - down
    page.rules = [_moved(rule, across, down) for rule in page.rules]
    page.shapes = [(sign, _moved(shape, across, down)) for sign, shape in page.shapes]
    for note in page.noted.all():
        note.box = _moved(turned_box(note.box, turn), across, down)
    return page


def _moved(box: tuple[float, float, float, float], across: float, down: float) -> tuple[float, float, float, float]:
    return box[0] - across, box[1] - down, box[2] - across, box[3] - down
