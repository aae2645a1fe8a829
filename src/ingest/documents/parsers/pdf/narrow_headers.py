"""Headers of tables without ruling lines whose names fill their columns: the columns below part them, no gap does."""

from collections.abc import Sequence
from dataclasses import replace

from ingest.documents.parsers.pdf.grid import Table
from ingest.documents.parsers.pdf.page import Piece, Word

_EXACT = 2.0  # points: a name begins, ends or has its middle where its column has
_PITCH = 2.6  # font sizes between a header and its table, at most
_FEWEST = 3  # columns


def with_header_above(row: Sequence[Piece], table: Table) -> Table | None:
    """Return a table with a bold row above it as its header, None if its words do not stand over the columns.

    Args:
        row: The pieces of the row right above the table.
        table: Without ruling lines; that its first row names its columns was only guessed.
    """
    columns = sorted(table.columns)
    words = [word for piece in row for word in piece.words]
    size = max(words[0].size, 1.0)
    if table.ruled or len(columns) < _FEWEST or len(words) < len(columns) or any(table.bold):
        return None
    if not all(word.bold for word in words) or not 0 < table.top + size - words[0].base <= _PITCH * size:
        return None
    names: list[list[Word]] = [[] for _ in columns]
    for word in words:
        middle = (word.x0 + word.x1) / 2
        near = min(range(len(columns)), key=lambda at: _distance(middle, columns[at]))
        names[near].append(word)
    if not all(names) or not all(map(_fits, names, columns)):
        return None
    texts = [" ".join(word.text for word in name) for name in names]
    top = words[0].base - size
    return replace(table, rows=[texts, *table.rows], header=1, top=top, bold=[True, *table.bold])


def _distance(x: float, column: tuple[float, float]) -> float:
    return max(column[0] - x, x - column[1], 0.0)


def _fits(name: Sequence[Word], column: tuple[float, float]) -> bool:
    """Return whether a name is set in a column: at its left, at its right or in its middle."""
    left, right = name[0].x0 - column[0], name[-1].x1 - column[1]
    return min(abs(left), abs(right), abs(left + right) / 2) <= _EXACT
