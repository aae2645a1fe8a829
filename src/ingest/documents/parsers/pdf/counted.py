"""Items of lists whose numbers have neither a dot nor a bracket: they get the dot that other lists have.

Such a list counts from its beginning: 1, a, A, i or I. All its texts begin at one place, right of the numbers, and so
do the lines in which they go on. A line above it with words over both the numbers and the texts is the header of a
table, and texts in a font of one width are lines of code.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ingest.documents.parsers._reading.numerals import numeral
from ingest.documents.parsers.pdf.page import Piece, Word

_SYSTEMS = {"1": "decimal", "a": "lower-alpha", "A": "upper-alpha", "i": "lower-roman", "I": "upper-roman"}
_FEWEST = {"decimal": 2}  # items; of letters, which may be words, one more
_GAP = 0.4  # font sizes between a number and its text, at least
_FARTHEST = 5.0  # font sizes between them, at most
_APART = 3.0  # font sizes between two lines, at most
_EXACT = 1.5  # points: texts begin at the same place
_NAMES = 4  # words of a header without gaps, at most
_COLUMN = 4.0  # points: a word is over a column


@dataclass(slots=True)
class _Counted:
    system: str
    place: float  # where its texts begin
    items: list[int] = field(default_factory=list)  # rows

    def next(self) -> str:
        """Return the number of the item that follows."""
        return numeral(len(self.items) + 1, self.system)


def with_dots(rows: list[list[Piece]]) -> list[list[Piece]]:
    """Return rows from top to bottom, with a dot behind each number of such a list."""
    found = rows
    done = 0
    for at, row in enumerate(rows):
        first = row[0].words[0]
        if at < done or first.text not in _SYSTEMS or _is_below_header(rows, at):
            continue
        lists, done = _lists_at(rows, at)
        for numbered in lists:
            found = list(rows) if found is rows else found
            for place in numbered.items:
                found[place] = _dotted(found[place])
    return found


def _lists_at(rows: Sequence[list[Piece]], at: int) -> tuple[list[_Counted], int]:
    """Return the lists that begin in a row, inner ones too, and the row behind them."""
    open_: list[_Counted] = []
    every: list[_Counted] = []
    last: Word | None = None
    while at < len(rows):
        words = [word for piece in rows[at] for word in piece.words]
        first, size = words[0], max(words[0].size, 1.0)
        if last is not None and not 0 < first.base - last.base <= _APART * size:
            break
        goes_on = next((one for one in reversed(open_) if _is_item(rows[at], words, one)), None)
        if goes_on:
            del open_[open_.index(goes_on) + 1 :]
            goes_on.items.append(at)
        elif begun := _begun(rows[at], words, open_[-1].place if open_ else None):
            open_.append(begun)
            every.append(begun)
            begun.items.append(at)
        elif len(rows[at]) > 1 or not any(abs(first.x0 - one.place) <= _EXACT for one in open_):
            break
        last = first
        at += 1
    return [one for one in every if len(one.items) >= _FEWEST.get(one.system, 3)], at


def _begun(row: list[Piece], words: Sequence[Word], around: float | None) -> _Counted | None:
    """Return the list that begins in a row, inside of one whose texts begin at `around`."""
    system = _SYSTEMS.get(words[0].text)
    if system is None or len(words) < 2 or (around is not None and words[0].x0 < around - _EXACT):
        return None
    gap = words[1].x0 - words[0].x1
    begun = _Counted(system, words[1].x0)
    size = max(words[0].size, 1.0)
    return begun if _GAP * size <= gap <= _FARTHEST * size and _is_item(row, words, begun) else None


def _is_item(row: list[Piece], words: Sequence[Word], numbered: _Counted) -> bool:
    """Return whether a row is the next item of a list."""
    if len(words) < 2 or len(row) > 2 or words[0].text != numbered.next():
        return False
    text = words[1]
    in_place = abs(text.x0 - numbered.place) <= _EXACT and words[0].x1 < text.x0
    return in_place and (len(row) < 2 or row[1].words[0] is text) and not (text.face.fixed or text.text[:1].isdigit())


def _is_below_header(rows: Sequence[list[Piece]], at: int) -> bool:
    """Return whether the row above has words over a number and over its text, as the header of a table has."""
    words = [word for piece in rows[at] for word in piece.words[:2]]
    above = [word for piece in rows[at - 1] for word in piece.words] if at else []
    if len(words) < 2 or not above or words[0].base - above[0].base > _APART * words[0].size:
        return False
    if len(rows[at - 1]) < 2 and len(above) > _NAMES:
        return False
    place = words[1].x0
    return above[0].x0 < place - _COLUMN and any(abs(word.x0 - place) <= _COLUMN for word in above[1:])


def _dotted(row: list[Piece]) -> list[Piece]:
    first, *others = row[0].words
    return [replace(row[0], words=[replace(first, text=f"{first.text}."), *others]), *row[1:]]
