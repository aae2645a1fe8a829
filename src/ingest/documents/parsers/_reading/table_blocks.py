"""Rows of cells to the lines of a table block, the same way for every format."""

import re
from collections.abc import Iterable, Sequence

from ingest.errors import OversizedDocument

SEPARATOR = " | "
REPEATED = 80  # characters; a value that spans rows is repeated in each up to this length, so that each row is complete

_TITLE_ROWS = 3  # at most, above the column names
_LOOKED_AT = 20  # rows below

_NUMBER = re.compile(r"[-+(]?[$€£¥]?\s?[-+]?\d[\d.,'\s]*(?:[eE][-+]?\d+)?\s?[%$€£¥)]?\Z")
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}(?:[-/.]\d{1,4})?(?:[T ]\d{1,2}:\d{2}.{0,20})?\Z")
_CAPTION = re.compile(
    r"[\s*_\[(]*(?:tables?|tab\.|tabelle|tableau|tabla|tabela|tabella|tabell|tabel|taulukko|таблица|таблиця|表格?|표)"
    r"[*_\s]*(?:[a-z]?[.-]?\d[\d.-]*(?:[a-z]\b)?|[ivxlc]{1,6}\b)(?=[*_)\]]*\s*(?:[:|–—-]|\Z)|[*_)\].]+(?:\s|\Z)|\s*(?-i:[^\sa-z]))",
    re.I,
)
_LONGEST_CAPTION = 500  # characters
_NONE = ("-", "–", "—")
_YEAR = re.compile(r"(?:19|20)\d\d\Z")


def lines(rows: Iterable[Sequence[str]], path: str, limit: int) -> list[str]:
    """Return one line per row: cells separated by bars, white space collapsed, trailing empty cells left out.

    Raises: OversizedDocument as soon as the lines have more than `limit` characters.
    """
    found, size = [], 0
    for row in rows:
        cells = [" ".join(cell.split()) for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        line = SEPARATOR.join(cells)
        size += len(line) + 1
        if size > limit:
            raise OversizedDocument(f"{path}: a table over the limit of {limit} characters")
        found.append(line)
    return found


def header_rows(rows: Sequence[Sequence[str]]) -> int:
    """Return how many of the first rows name the columns; 0 when none does, or when no row follows.

    A row names the columns when it has no number and no date; or years from the second cell on; or only numbers, with
    none below. Rows above it with fewer than half their cells filled (a title, column groups) belong to the header, but
    alone they are none.
    """
    above = 0
    while above < min(_TITLE_ROWS, len(rows) - 1) and _is_sparse(rows[above]):
        above += 1
    if len(rows) - above < 2:
        return 0
    first = [cell.strip() for cell in rows[above]]
    filled = [cell for cell in first if cell]
    if not filled or 2 * len(filled) < len(first):
        return 0
    if len(filled) > 1 and all(map(_YEAR.match, filled[1:])):
        return above + 1
    if all(map(is_number, filled)):
        below = [cell for row in rows[above + 1 : above + 1 + _LOOKED_AT] for cell in row]
        return 0 if any(map(is_number, below)) else above + 1
    return 0 if any(map(is_number, filled)) else above + 1


def is_caption(text: str) -> bool:
    """Return whether a paragraph names a table as captions do: by the word and a number, such as "Table 3: Limits"."""
    return len(text) <= _LONGEST_CAPTION and bool(_CAPTION.match(text))


def _is_sparse(row: Sequence[str]) -> bool:
    filled = [cell for cell in row if cell.strip()]
    return 2 * len(filled) < len(row) and not any(map(is_number, filled))


def is_number(cell: str) -> bool:
    """Return whether a cell holds a number, an amount, a percentage or a date, or a dash in place of one."""
    cell = cell.strip()
    return cell in _NONE or (len(cell) < 40 and bool(_NUMBER.match(cell) or _DATE.match(cell)))
