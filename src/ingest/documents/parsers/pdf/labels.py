"""Labels in the cells of a PDF's tables: a form's label and its value belong together."""

from collections.abc import Sequence
from itertools import pairwise

from ingest.documents.parsers.pdf.grid import Table

_LABELS = 0.8  # of a column's cells, at least


def labelled_rows(table: Table) -> list[list[str]]:
    """Return the rows of a table with each label joined to its value, in the columns right of it.

    A label ends with a colon. A table with a header has names instead, and stays as it is.
    """
    rows = table.rows
    starts = [column for column in range(len(rows[0])) if _is_labels([row[column] for row in rows])]
    if table.header or not starts:
        return rows
    parts = [(column, column + 1) for column in range(starts[0])]
    for start, end in pairwise([*starts, len(rows[0])]):
        alone = all(sum(map(bool, row[start + 1 : end])) < 2 for row in rows)
        middle = end if alone else min(start + 2, end)
        parts += [(start, middle), *((column, column + 1) for column in range(middle, end))]
    return [[" ".join(filter(None, row[start:end])) for start, end in parts] for row in rows]


def _is_labels(cells: Sequence[str]) -> bool:
    filled = [cell for cell in cells if cell]
    return len(filled) > 1 and sum(cell.endswith(":") for cell in filled) >= _LABELS * len(filled)
