"""Lines in letters of one width, as a terminal shows them: each character in its column."""

from collections.abc import Sequence
from dataclasses import dataclass

from ingest.documents.parsers.pdf.page import Word

_FIXED = 0.95  # of a line's characters, at least
_ASCII = 0.5  # of them, at least: letters of some scripts are always equally wide
_DIGITS = 5  # of a number in front of a line of code, at most
_WIDEST = 400  # blanks
_SPACE = 0.6  # characters: narrower gaps are none
_WHOLE = 0.3  # characters less than a number of blanks that still are as many


@dataclass(slots=True)
class TypedText:
    """A line with its blanks."""

    text: str
    x0: float  # where it begins, behind its number
    pitch: float  # the width of a character, in points
    number: str = ""  # in another font in front of it


def typed_text(words: Sequence[Word]) -> TypedText | None:
    """Return the words of a line if nearly all their letters are equally wide, else None."""
    ordered = sorted(words, key=lambda word: word.x0)
    number = ""
    if len(ordered) > 1 and ordered[0].text.isdecimal() and len(ordered[0].text) <= _DIGITS:
        number = "" if ordered[0].face.fixed else ordered.pop(0).text
    letters = sum(len(word.text) for word in ordered)
    fixed = [word for word in ordered if word.face.fixed and not word.hidden and word.turn == 0]
    count = sum(len(word.text) for word in fixed)
    width = sum(word.x1 - word.x0 for word in fixed)
    if count < _FIXED * letters or width <= 0:
        return None
    if sum(letter.isascii() for word in ordered for letter in word.text) < _ASCII * letters:
        return None
    pitch = width / count
    text, end = "", ordered[0].x0
    for word in ordered:
        gap = (word.x0 - end) / pitch
        text += " " * min(max(int(gap + _WHOLE), 1), _WIDEST) * (gap >= _SPACE) + word.text
        end = word.x1
    return TypedText(text, ordered[0].x0, pitch, number)
