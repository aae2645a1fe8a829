"""The words of a PDF page, from its letters in the order of the content."""

from collections.abc import Iterator
from typing import Any, cast

from ingest.documents.parsers.pdf.fonts import TELLING, UNSEEN
from ingest.documents.parsers.pdf.glyphs import GlyphReader, is_right_to_left
from ingest.documents.parsers.pdf.letters import SPACES, Place, letters_of
from ingest.documents.parsers.pdf.looks import SMALLEST, Look, Looks
from ingest.documents.parsers.pdf.noted import DRAWN
from ingest.documents.parsers.pdf.page import Word
from ingest.documents.parsers.pdf.paint import Paint
from ingest.documents.parsers.pdf.symbols import letter_of, without_halves
from ingest.documents.parsers.pdf.turns import turned

_BREAKS = (10, 13)
_SHIFT = 0.05  # font sizes between the baselines of a word and its raised or lowered part, at least


class WordReader:
    """Goes through the characters of a page once."""

    def __init__(self, text: Any, painted: Paint, box: tuple[float, float, float, float]) -> None:
        """Take pypdfium2's text of a page, what is painted there, and the page's box: left, bottom, right, top."""
        self.text, self.painted, self.box = text, painted, box
        self.looks = Looks(text, painted)
        self.found: list[Word] = []
        self.glyphs: GlyphReader | None = None
        self.run = 0
        self._last: tuple[Word | None, int] = (None, 0)  # the word that goes on, and the white space before it

    def words(self, handle: Any) -> list[Word]:
        """Return the words in content order; boxes are in the page's own coordinates, not rotated yet.

        Args:
            handle: pypdfium2's page.
        """
        for first, codes, places in letters_of(self.text):
            if self.glyphs is None and any(code >= 0x590 and is_right_to_left(code) for code in set(codes)):
                self.glyphs, self.found, self.run = GlyphReader(self.text, handle), [], 0
                self._last = None, 0
                return self.words(handle)  # begin again, and look closer
            self._add(first, codes, places)
        for found in self.found:
            found.text = without_halves(found.text)
        return self.found

    def _add(self, first: int, codes: list[int], places: Iterator[Place]) -> None:
        """Take in characters from the number `first` on; each letter of them has a place."""
        word, before = self._last
        look, last = cast(Look, None), cast(int | None, 0)  # that of the last letter, and the address of its object
        glyphs, looks, tell = self.glyphs, self.looks, TELLING
        for at, code in enumerate(codes, first):
            if code in SPACES:
                word, before = None, code
                continue
            key, box, (x, y) = next(places)
            if key != last or not key:
                look, last = looks.of(at, key), key
            start, end, base = turned(box, x, y, look.turn)
            # Nearly all letters go on with a word where it ends, whatever their size.
            if word is None or base != word.base or look.turn != word.turn or not word.x0 - 1 <= start <= word.x1 + 1:
                word = self._word(word, before, look, (start, end, base), (x, y))
            if code in tell:
                look.face.measure(code, (end - start) / max(look.size, SMALLEST))
            letter = letter_of(code, look.face.symbols)
            word.text += letter
            if glyphs is not None:
                glyphs.add(word, at, letter, (start, end, base))
            word.x0 = start if start < word.x0 else word.x0
            word.x1 = end if end > word.x1 else word.x1
        self._last = word, before

    def _word(
        self,
        word: Word | None,
        before: int,
        look: Look,
        place: tuple[float, float, float],
        origin: tuple[float, float],
    ) -> Word:
        """Return the word to which a letter belongs that does not simply go on with one."""
        start, _, base = place
        if word is None and before in _BREAKS:
            word = self._resumed(look, start, base)
        elif word is None and self._strayed(look, start, base):
            self.run += 1
        joined = word is not None and not self._parted(word, look, start, base)
        if word is None or not joined or self._shifted(word, look, base):
            word = self._begin(look, place, origin, joined)
        return word

    def _parted(self, word: Word, look: Look, start: float, base: float) -> bool:
        """Return whether a character begins a new word although there is no space before it."""
        if base == word.base and look.turn == word.turn and word.x0 - 1 <= start <= word.x1 + 1:
            return False  # as nearly all, whatever their size
        size = max(look.size, word.size, 1.0)
        away = start > word.x1 + size or start < word.x0 - size
        if away or abs(base - word.base) > 0.7 * size or look.turn != word.turn:
            self.run += 1
            return True
        return False

    def _shifted(self, word: Word, look: Look, base: float) -> bool:
        """Return whether a character is a raised or lowered part of a word, or follows one."""
        return look.size != word.size and abs(base - word.base) > _SHIFT * look.size

    def _resumed(self, look: Look, start: float, base: float) -> Word | None:
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

    def _strayed(self, look: Look, start: float, base: float) -> bool:
        """Return whether a character is on another line than the one before."""
        if not self.found or look.turn != (last := self.found[-1]).turn:
            return True
        size = max(look.size, last.size, 1.0)
        return abs(base - last.base) > (0.3 if start < last.x0 - size else 0.7) * size

    def _begin(self, look: Look, place: tuple[float, float, float], origin: tuple[float, float], joined: bool) -> Word:
        hidden = look.size < SMALLEST or self._unseen(look, origin)
        face = UNSEEN if look.mode == 3 else look.face
        word = Word("", *place, look.size, look.bold, hidden, look.tag, self.run, look.turn, face)
        word.joined = joined
        word.part = DRAWN if look.order >= self.painted.own else ""
        self.found.append(word)
        return word

    def _unseen(self, look: Look, origin: tuple[float, float]) -> bool:
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
