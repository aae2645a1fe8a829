"""Rows of a table that has ruling lines between its columns but none between its rows.

Between two lines across stand many rows then, in cells of several lines: lines of different cells that are side by side
begin a row. A row with cells of several lines stays one if no column of short entries has an entry for each line, or
its first cell names all of it.
"""

from collections.abc import Sequence

from ingest.documents.parsers.pdf.columns import rows_of_pieces
from ingest.documents.parsers.pdf.page import Piece, Word
from ingest.documents.parsers.pdf.wrapping import Places, rows_of_lines

_ROWS = 3  # at least
_SHORT = 3.0  # words of an entry of a column that has one for each row, on average at most
_FILLED = 0.6  # of the rows, at least, have an entry in two columns

_Cells = list[list[list[Word]]]  # lines of each cell


def rows_of_cells(cells: _Cells) -> list[_Cells]:
    """Return the rows of which a row of a grid consists: itself, if its cells just have several lines.

    Args:
        cells: Those with text, from left to right.
    """
    owners: dict[int, int] = {}
    pieces: list[Piece] = []
    for number, lines in enumerate(cells):
        for words in lines:
            piece = _piece(words)
            owners[id(piece)] = number
            pieces.append(piece)
    lines_across = rows_of_pieces(pieces)
    places: list[Places] = [{} for _ in lines_across]
    for place, line in zip(places, lines_across, strict=True):
        for piece in line:
            place.setdefault(owners[id(piece)], []).append(piece)
    columns = [(min(word.x0 for word in _words(lines)), max(word.x1 for word in _words(lines))) for lines in cells]
    groups = rows_of_lines(places, columns)
    if not _are_rows(places, groups, len(cells)):
        return [cells]
    return [
        [[piece.words for at in group for piece in places[at].get(number, ())] for number in range(len(cells))]
        for group in groups
    ]


def _are_rows(places: Sequence[Places], groups: Sequence[Sequence[int]], width: int) -> bool:
    """Return whether groups of lines are rows: most have an entry in two columns, one of which has short ones."""
    if len(groups) < _ROWS or any(len(places[group[0]]) < 2 for group in groups):
        return False
    filled = short = 0
    for column in range(width):
        entries = [[piece for at in group for piece in places[at].get(column, ())] for group in groups]
        entries = [entry for entry in entries if entry]
        if len(entries) < _FILLED * len(groups):
            if not column:
                return False
            continue
        filled += 1
        words = sum(len(piece.words) for entry in entries for piece in entry)
        short += all(len(entry) == 1 for entry in entries) and words <= _SHORT * len(entries)
    return filled > 1 and short > 0


def _words(lines: Sequence[Sequence[Word]]) -> list[Word]:
    return [word for line in lines for word in line]


def _piece(words: list[Word]) -> Piece:
    widest = max(words, key=lambda word: len(word.text))
    return Piece(words, min(word.x0 for word in words), max(word.x1 for word in words), widest.base, widest.size)
