"""Tables of a PDF: rows of cells, and which rows are their header."""

import re
from dataclasses import dataclass, field

from ingest.documents.parsers.pdf.matching import Span
from ingest.documents.parsers.pdf.page import Word
from ingest.documents.parsers.pdf.text import right_to_left

_HEADER_ROWS = 3
_NAME_WORDS = 15  # of a column's name, fewer
NUMERIC = re.compile(r"[-+(]?[$€£]?[\d.,%\s)*/-]+")


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
    cut: tuple[bool, bool] = (False, False)  # whether its first and last row have no line at the page's edge

    @property
    def ends(self) -> list[float]:
        """Where the cells of a ruled table begin, and its right end."""
        return [*self.edges, self.x1] if self.edges else []

    @property
    def ruled(self) -> bool:
        """Whether lines make its cells."""
        return bool(self.edges)


def turn_round(table: Table) -> None:
    """Put the columns of a table into reading order if it is read from right to left."""
    if right_to_left(word for row in table.rows for cell in row for word in cell.split()):
        table.rows, table.columns = [row[::-1] for row in table.rows], table.columns[::-1]


def bold_header_rows(rows: list[list[str]], bold: list[bool]) -> int:
    """Return the number of header rows: bold ones above others, or else one row of names."""
    count = 0
    while count < min(_HEADER_ROWS, len(rows)) and bold[count] and not (count and _is_title(rows[count])):
        count += 1
    if 0 < count < len(rows) and not all(bold):
        return count
    names = [text for text in rows[0] if text]
    named = len(names) > 1 and not any(NUMERIC.fullmatch(text) or _is_no_name(text) for text in names)
    return 1 if named and len(rows) > 1 else 0


def _is_title(row: list[str]) -> bool:
    """Return whether a row has only its first cell, as the title of a group of rows."""
    return bool(row[0]) and not any(row[1:])


def _is_no_name(text: str) -> bool:
    """Return whether a text is the label of a form, or longer than a column's name is."""
    return text.endswith(":") or text.count(" ") >= _NAME_WORDS
