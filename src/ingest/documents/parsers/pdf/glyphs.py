"""What PDFium knows about the glyphs of a page with letters of Hebrew, Arabic and similar scripts.

PDFium guesses the order in which such lines are read, and changes characters on the way: it mirrors brackets, takes
ligatures apart and turns their letters round, and gives the text of a span ("ActualText") to one of its glyphs, twice
if the glyphs of two spans overlap. Here all this is undone, so that each glyph has its own text and its own place.
"""

import ctypes
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from ingest.documents.parsers.pdf.brackets import MIRRORED

_MAX_OBJECTS = 200_000  # of a page
_MAX_MARKS = 20  # of a text object
_LONGEST = 20_000  # bytes of a span's text
_DEPTH = 10  # of forms inside forms
_MOST = 30  # characters of one glyph
_INKLESS = 0.001  # points
_DOT = 0.15  # font sizes, from side to side
_CONTROLS = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
_RIGHT_TO_LEFT = ((0x590, 0x8FF), (0xFB1D, 0xFDFF), (0xFE70, 0xFEFE), (0xD802, 0xD803), (0xD83A, 0xD83B))

Box = tuple[float, float, float, float]


@dataclass(slots=True)
class Glyph:
    """A glyph, or the glyphs of a span."""

    text: str  # as it is read; brackets as the file has them
    start: float  # along its line
    end: float
    place: float  # where the pen stood
    base: float  # the line on which it stands
    order: int  # in PDFium's text
    spanned: bool = False  # its text is that of a span


@dataclass(slots=True)
class Glyphs:
    """The glyphs of a page."""

    of_words: dict[int, list[Glyph]] = field(default_factory=dict)  # by the id of a word
    words: list[Any] = field(default_factory=list)  # all of them: an id is only theirs while they exist
    spaces: list[tuple[float, float]] = field(default_factory=list)  # x and y of those in the file
    turn: int = 0  # of the page

    def spaces_along(self, turn: int) -> list[tuple[float, float]]:
        """Return the places of spaces along and down the lines of text turned by quarters from most of the page."""
        whole = (self.turn + turn) % 4
        return [((x, y, -x, -y)[whole], (-y, x, y, -x)[whole]) for x, y in self.spaces]


@dataclass(slots=True)
class _Span:
    text: str
    parts: list[Box] = field(default_factory=list)
    pens: list[tuple[float, float]] = field(default_factory=list)
    taken: bool = False


def is_right_to_left(code: int) -> bool:
    """Return whether a UTF-16 code unit belongs to a script written from right to left."""
    return any(first <= code <= last for first, last in _RIGHT_TO_LEFT)


class GlyphReader:
    """Records the glyphs of a page while its words are read."""

    def __init__(self, text: Any, page: Any) -> None:
        """Take pypdfium2's handles."""
        import pypdfium2.raw as pdfium

        self.raw, self.text, self.found = pdfium, text, Glyphs()
        self._spans: dict[int, _Span] = {}  # by the address of the mark
        self._span_of: dict[int, _Span] = {}  # by the address of a text object
        codes = [pdfium.FPDFText_GetUnicode(text, at) for at in range(text.count_chars())]
        self._mirrored = _mirrored(codes)
        self._codes: list[str] = []  # of the last glyph
        self._last: tuple[int, float, float] | None = None  # its object and place
        self._objects(page)
        self._spaced(codes)

    def add(self, word: Any, at: int, letter: str, along: tuple[float, float, float]) -> None:
        """Record a character of a word.

        Args:
            word: The word that it belongs to, with its quarter turns.
            at: Its index in the page's text.
            letter: As PDFium has it.
            along: Where it begins and ends along its line, and the line on which it stands.
        """
        raw = self.raw
        thing = ctypes.cast(raw.FPDFText_GetTextObject(self.text, at), ctypes.c_void_p).value or 0
        if raw.FPDFText_HasUnicodeMapError(self.text, at) == 1 and self._is_dot(at, word):
            return  # of a letter whose text stands with another glyph
        if id(word) not in self.found.of_words:
            self.found.of_words[id(word)] = []
            self.found.words.append(word)
        glyphs = self.found.of_words[id(word)]
        x, y = ctypes.c_double(), ctypes.c_double()
        raw.FPDFText_GetCharOrigin(self.text, at, ctypes.byref(x), ctypes.byref(y))
        (start, end, base), pen = along, (x.value, y.value, -x.value, -y.value)[word.turn]
        span = self._span_of.get(thing)
        if span is not None:
            self._last = None
            if not span.taken:
                span.taken = True
                place = _extent(span, word.turn) or (start, end, pen, base)
                glyphs.append(Glyph(plain(span.text), *place, at, spanned=True))
            return
        if self._mirrored[at]:
            letter = MIRRORED.get(letter, letter)
        if self._last == (thing, x.value, y.value) and glyphs and len(self._codes) < _MOST:
            self._codes.append(letter)
            glyphs[-1].text = plain(_ligature(self._codes))
            return
        self._last, self._codes = (thing, x.value, y.value), [letter]
        if unicodedata.category(letter) == "Mn":
            start, end = self._ink(at, word.turn) or (start, end)
        glyphs.append(Glyph(plain(letter), start, end, pen, base, at))

    def _is_dot(self, at: int, word: Any) -> bool:
        """Return whether a glyph is as small as the dots inside or above letters."""
        ink = [self._ink(at, turn) for turn in (0, 1)]
        return all(found is not None and found[1] - found[0] < _DOT * word.size for found in ink)

    def turned(self, turn: int) -> Glyphs:
        """Return what was found on a page whose text is turned by quarters."""
        self.found.turn = turn
        return self.found

    def _ink(self, at: int, turn: int) -> tuple[float, float] | None:
        edges = [ctypes.c_double() for _ in range(4)]
        if not self.raw.FPDFText_GetCharBox(self.text, at, *(ctypes.byref(edge) for edge in edges)):
            return None
        left, right, bottom, top = (edge.value for edge in edges)
        return _stretch((left, bottom, right, top), turn)

    def _objects(self, page: Any) -> None:
        """Find the spans, and the glyphs without ink that PDFium leaves out."""
        raw = self.raw
        edges = [ctypes.c_float() for _ in range(4)]
        by_edges = [ctypes.byref(edge) for edge in edges]
        matrix = raw.FS_MATRIX()
        for thing, inside in self._text_objects(page):
            key = ctypes.cast(thing, ctypes.c_void_p).value or 0
            span = self._span(thing)
            if span is not None:
                self._span_of[key] = span
            if inside or not raw.FPDFPageObj_GetBounds(thing, *by_edges):
                continue
            left, bottom, right, top = (edge.value for edge in edges)
            raw.FPDFPageObj_GetMatrix(thing, ctypes.byref(matrix))
            if span is not None:
                span.parts.append((left, bottom, right, top))
                span.pens.append((matrix.e, matrix.f))
            elif right - left < _INKLESS:
                self.found.spaces.append((matrix.e, matrix.f))

    def _text_objects(self, page: Any) -> Iterator[tuple[Any, bool]]:
        """Yield text objects, and whether they are inside of a form."""
        raw = self.raw
        count = raw.FPDFPage_CountObjects(page)
        waiting = [(raw.FPDFPage_GetObject(page, i), 0) for i in range(min(count, _MAX_OBJECTS) - 1, -1, -1)]
        seen = 0
        while waiting and seen < _MAX_OBJECTS:
            thing, depth = waiting.pop()
            seen += 1
            kind = raw.FPDFPageObj_GetType(thing)
            if kind == raw.FPDF_PAGEOBJ_TEXT:
                yield thing, depth > 0
            elif kind == raw.FPDF_PAGEOBJ_FORM and depth < _DEPTH:
                inner = min(max(raw.FPDFFormObj_CountObjects(thing), 0), _MAX_OBJECTS)
                waiting += [(raw.FPDFFormObj_GetObject(thing, i), depth + 1) for i in range(inner - 1, -1, -1)]

    def _span(self, thing: Any) -> _Span | None:
        """Return the innermost span with a text of its own around a text object."""
        raw = self.raw
        for index in range(min(raw.FPDFPageObj_CountMarks(thing), _MAX_MARKS) - 1, -1, -1):
            mark = raw.FPDFPageObj_GetMark(thing, index)
            key = ctypes.cast(mark, ctypes.c_void_p).value or 0
            if key not in self._spans:
                self._spans[key] = _Span(self._actual(mark))
            if self._spans[key].text:
                return self._spans[key]
        return None

    def _actual(self, mark: Any) -> str:
        """Return the text that a mark gives, "" without one."""
        read, length = self.raw.FPDFPageObjMark_GetParamBlobValue, ctypes.c_ulong()
        if not read(mark, b"ActualText", None, 0, ctypes.byref(length)) or not 0 < length.value <= _LONGEST:
            return ""
        buffer = (ctypes.c_ubyte * length.value)()
        read(mark, b"ActualText", buffer, length.value, ctypes.byref(length))
        data = bytes(buffer)
        for start, charset in ((b"\xfe\xff", "utf-16-be"), (b"\xff\xfe", "utf-16-le"), (b"\xef\xbb\xbf", "utf-8")):
            if data.startswith(start):
                return data[len(start) :].decode(charset, "replace")
        return data.decode("latin-1")

    def _spaced(self, codes: Sequence[int]) -> None:
        """Find the spaces that are characters of the file: those that PDFium adds have no width."""
        raw = self.raw
        x, y = ctypes.c_double(), ctypes.c_double()
        for at, code in enumerate(codes):
            if code > 32 and code not in (0xA0, 0x202F, 0x3000) and not 0x2000 <= code <= 0x200A:
                continue
            if code >= 32 and raw.FPDFText_GetTextObject(self.text, at):
                start, end = self._ink(at, 0) or (0.0, 0.0)
                if end - start > _INKLESS:
                    raw.FPDFText_GetCharOrigin(self.text, at, ctypes.byref(x), ctypes.byref(y))
                    self.found.spaces.append((x.value, y.value))


def plain(text: str) -> str:
    """Return a text with base letters for the forms that letters take in a word, without controls of direction."""
    shown = []
    for letter in text:
        if "\ufb1d" <= letter <= "\ufdff" or "\ufe70" <= letter <= "\ufefc":
            shown.append(unicodedata.normalize("NFKC", letter).strip())
        elif letter not in _CONTROLS:
            shown.append(letter)
    return "".join(shown)


def _mirrored(codes: Iterable[int]) -> bytearray:
    """Return which characters PDFium has mirrored: those that follow right-to-left letters in its own order."""
    found = bytearray()
    line: list[str] = []
    for code in codes:
        line.append(_side(code))
        if code in (10, 13):
            found += _mirrored_line(line)
            line = []
    return found + _mirrored_line(line)


def _mirrored_line(line: Sequence[str]) -> bytes:
    runs = [side for i, side in enumerate(line) if not i or line[i - 1] != side]
    right = 0 < runs.count("R") >= runs.count("L")
    flags = bytearray()
    for side in line:
        right = side == "R" if side in "LR" else right
        flags.append(right and side == "-")
    return bytes(flags)


def _side(code: int) -> str:
    kind = unicodedata.bidirectional(chr(code)) if 0 <= code < 0x110000 else ""
    return {"L": "L", "R": "R", "AL": "R", "EN": "0", "AN": "0"}.get(kind, "-")


def _ligature(codes: Sequence[str]) -> str:
    """Return the letters of one glyph in the order in which they are read.

    PDFium turns the letters of the file round, but not those that it makes itself of one code such as U+FEFB.
    """
    text = "".join(codes)
    if not any(is_right_to_left(ord(letter)) for letter in codes):
        return text
    turned = text[::-1]
    if unicodedata.category(turned[0]) == "Mn" or (text in _ligatures() and turned not in _ligatures()):
        return text
    return turned


@cache
def _ligatures() -> frozenset[str]:
    """Return what the codes of whole ligatures stand for."""
    codes = [*range(0xFB1D, 0xFB50), *range(0xFB50, 0xFE00), *range(0xFE70, 0xFEFD)]
    texts = (unicodedata.normalize("NFKC", chr(code)).strip() for code in codes)
    return frozenset(text for text in texts if len(text) > 1)


def _extent(span: _Span, turn: int) -> tuple[float, float, float, float] | None:
    """Return where a span begins and ends along its line, and the pen and base of its main glyph.

    Marks are often drawn before the letter to which they belong.
    """
    if not span.parts:
        return None
    sides = [_stretch(box, turn) for box in span.parts]
    widths = [end - start for start, end in sides]
    widest = max(range(len(sides)), key=lambda i: widths[i])
    if 2 * widths[-1] > widths[widest]:
        widest = len(sides) - 1
    x, y = span.pens[widest]
    pen, base = (x, y, -x, -y)[turn], (-y, x, y, -x)[turn]
    return min(pen, *(start for start, _ in sides)), max(end for _, end in sides), pen, base


def _stretch(box: Box, turn: int) -> tuple[float, float]:
    left, bottom, right, top = box
    return ((left, right), (bottom, top), (-right, -left), (-top, -bottom))[turn]
