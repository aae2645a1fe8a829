"""Tables of a PDF page without ruling lines: cells aligned below each other."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from ingest.documents.parsers.pdf.page import Piece, Word
from ingest.documents.parsers.pdf.text import LEADERS, MARKER, right_to_left

_MAX_ROWS = 500  # of one aligned table on a page
_CELL_WORDS = 7.0  # per cell on average, at most, in a table without lines
_PITCH = 2.6  # font sizes between the rows of a table without lines, at most
_APART = 24.0  # points between a header and its table, at most
_HEADER_ROWS = 3
NUMERIC = re.compile(r"[-+(]?[$€£]?[\d.,%\s)*/-]+")


Span = tuple[float, float]  # from left to right


@dataclass(slots=True)
class Table:
    """Rows of cells."""

    rows: list[list[str]]
    header: int  # rows
    page: int
    x0: float
    x1: float
    top: float
    bottom: float
    words: list[Word]
    columns: list[Span]  # in the order of a row's cells
    bold: list[bool]  # for each row
    edges: list[float] = field(default_factory=list)  # where the cells of a ruled table begin, empty columns included
    turn: int = 0  # quarter turns from the text of the page

    @property
    def ruled(self) -> bool:
        """Whether lines make its cells."""
        return bool(self.edges)


def aligned_table(rows: Sequence[Sequence[Piece]], at: int, page: int) -> tuple[int, Table | None]:
    """Return the row after a table that begins at row `at`, and the table; None if its cells are not aligned."""
    if len(_cells(rows[at])) < 2:
        return at, None
    columns = [[piece.x0, piece.x1] for piece in _cells(rows[at])]
    end = last = at + 1
    while end < min(len(rows), at + _MAX_ROWS):
        below, above = rows[end], rows[end - 1]
        if below[0].base - above[0].base > _PITCH * max(below[0].size, above[0].size):
            break
        grown = _grown(columns, _cells(below))
        if grown is None:
            break
        columns, end = grown, end + 1
        if len(below) > 1:
            last = end
    members = [_cells(row) for row in rows[at:last]]
    if not _is_table(members, columns):
        return at, None
    texts = [_aligned_row(row, columns) for row in members]
    spans = [(x0, x1) for x0, x1 in columns]
    bold = [all(word.bold for piece in row for word in piece.words) for row in members]
    pieces = [piece for row in members for piece in row]
    top, bottom = pieces[0].base - pieces[0].size, pieces[-1].base
    header = bold_header_rows(texts, bold)
    return last, Table(texts, header, page, columns[0][0], columns[-1][1], top, bottom, [], spans, bold)


def turn_round(table: Table) -> None:
    """Put the columns of a table into reading order if it is read from right to left."""
    if right_to_left(word for row in table.rows for cell in row for word in cell.split()):
        table.rows, table.columns = [row[::-1] for row in table.rows], table.columns[::-1]


def joined_tables(above: Table, below: Table) -> Table | None:
    """Return two tables as one if the upper one is the header of the lower one, set off by space; else None."""
    apart = below.top - above.bottom > _APART or len(above.rows[0]) != len(below.rows[0])
    if apart or len(above.rows) > _HEADER_ROWS or below.header or above.ruled or below.ruled:
        return None
    x0, x1 = min(above.x0, below.x0), max(above.x1, below.x1)
    pairs = zip(above.columns, below.columns, strict=True)
    spans = [(min(a[0], b[0]), max(a[1], b[1])) for a, b in pairs]
    rows, bold = above.rows + below.rows, above.bold + below.bold
    return Table(rows, len(above.rows), above.page, x0, x1, above.top, below.bottom, [], spans, bold)


def _cells(row: Sequence[Piece]) -> Sequence[Piece]:
    """Return the cells of a row: none if it is a list item or a line of a table of contents."""
    if len(row) > 1 and (MARKER.fullmatch(row[0].text) or any(LEADERS.search(piece.text) for piece in row)):
        return row[:1]
    return row


def _grown(columns: list[list[float]], row: Sequence[Piece]) -> list[list[float]] | None:
    """Return the columns extended by a row, None when the row does not fit."""
    grown = [list(column) for column in columns]
    used: set[int] = set()
    added = []
    for piece in row:
        over = [i for i, (x0, x1) in enumerate(columns) if piece.x0 < x1 and piece.x1 > x0]
        if len(over) > 1 or used & set(over):
            return None
        if not over:
            added.append([piece.x0, piece.x1])
            continue
        used.add(over[0])
        grown[over[0]] = [min(piece.x0, grown[over[0]][0]), max(piece.x1, grown[over[0]][1])]
    if added and len(row) == 1:
        return None
    grown = sorted(grown + added)
    return None if any(a[1] > b[0] for a, b in pairwise(grown)) else grown


def _is_table(rows: Sequence[Sequence[Piece]], columns: list[list[float]]) -> bool:
    """Return whether rows are a table and not text that happens to have gaps."""
    several = [row for row in rows if len(row) > 1]
    if len(several) < (3 if len(columns) < 3 else 2) or len(several) < 0.5 * len(rows):
        return False
    cells = [piece for row in rows for piece in row]
    words = sum(len(piece.words) for piece in cells) / len(cells)
    filled = len(cells) / (len(rows) * len(columns))
    return words <= _CELL_WORDS and filled >= 0.45


def _aligned_row(row: Sequence[Piece], columns: list[list[float]]) -> list[str]:
    texts = [""] * len(columns)
    starts = [column[0] for column in columns]
    for piece in row:
        at = max(bisect_right(starts, piece.x0 + 0.01) - 1, 0)
        texts[at] = f"{texts[at]} {piece.text}".strip()
    return texts


def bold_header_rows(rows: list[list[str]], bold: list[bool]) -> int:
    """Return the number of header rows: bold ones above others, or else one row of names."""
    count = 0
    while count < min(_HEADER_ROWS, len(rows)) and bold[count]:
        count += 1
    if 0 < count < len(rows) and not all(bold):
        return count
    names = [text for text in rows[0] if text]
    named = len(names) > 1 and not any(NUMERIC.fullmatch(text) for text in names)
    return 1 if named and len(rows) > 1 else 0
