"""The rows of one worksheet, read as a stream: only cells with text are kept, wherever they are on the sheet.

Why not `openpyxl` or `python-calamine`: in its bounded mode openpyxl ignores merged cells and hidden rows and columns;
calamine makes a dense table of everything between the first and the last cell, 17 billion cells for two in opposite
corners, and ignores hidden rows.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ingest.documents.parsers._office.ooxml import Package, S
from ingest.documents.parsers._reading.table_blocks import REPEATED
from ingest.documents.parsers.xlsx.cells import Cells
from ingest.documents.parsers.xlsx.formulas import Formulas, cell_column, cell_place
from ingest.errors import OversizedDocument

_AREA = re.compile(r"([A-Z]{1,3}[0-9]{1,7}):([A-Z]{1,3}[0-9]{1,7})\Z")
_COLUMNS = 16384  # of the format
_SHARED = 4  # characters that each cell counts at least, since it costs memory


@dataclass
class Sheet:
    """Cells by row and column, from 1, and which of them are hidden."""

    rows: dict[int, dict[int, str]] = field(default_factory=dict)
    figures: dict[int, dict[int, str]] = field(default_factory=dict)  # numbers that do not look like numbers
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: set[int] = field(default_factory=set)
    hidden_cells: set[tuple[int, int]] = field(default_factory=set)

    def is_hidden(self, row: int, column: int) -> bool:
        """Return whether a cell is in a hidden row or column, or has an invisible style."""
        return row in self.hidden_rows or column in self.hidden_columns or (row, column) in self.hidden_cells

    def values(self, row: int) -> dict[int, str]:
        """Return the cells of a row, with the numbers behind texts such as "12 kg"."""
        return {**self.rows[row], **self.figures[row]} if row in self.figures else self.rows[row]


def read_sheet(package: Package, part: str, cells: Cells, limit: int) -> Sheet:
    """Return the cells of a worksheet; short texts are repeated in merged cells.

    Raises: MalformedDocument; OversizedDocument as soon as they hold more than `limit` characters.
    """
    sheet, row_at, size = Sheet(), 0, 0
    hidden_by_default, formulas = False, Formulas()
    names = [S + name for name in ("row", "col", "mergeCell", "sheetFormatPr")]
    for element in package.elements(part, *names):
        if element.tag == names[0]:
            row_at = _number(element.get("r"), row_at + 1)
            size += _row(element, row_at, sheet, cells, formulas)
            if _is_true(element.get("hidden")) or (hidden_by_default and element.get("hidden") is None):
                sheet.hidden_rows.add(row_at)
        elif element.tag == names[1] and _is_true(element.get("hidden")):
            first, last = _number(element.get("min"), 1), _number(element.get("max"), 1)
            sheet.hidden_columns |= set(range(first, min(last, _COLUMNS) + 1))
        elif element.tag == names[2]:
            size += _merge(element.get("ref") or "", sheet, limit - size)
        elif element.tag == names[3]:
            hidden_by_default = _is_true(element.get("zeroHeight"))
        if size > limit:
            raise OversizedDocument(f"{package.path}: {part}: over the limit of {limit} characters")
    return sheet


def _row(element: Any, number: int, sheet: Sheet, cells: Cells, formulas: Formulas) -> int:
    """Keep the cells of a row that have text; return their number of characters."""
    found: dict[int, str] = {}
    column = size = 0
    for cell in element.iterfind(S + "c"):
        column = cell_column(cell.get("r") or "") or column + 1
        shown = cells.show(cell, (number, column), formulas)
        if not shown.text.strip():
            continue
        found[column] = shown.text
        size += max(len(shown.text), _SHARED)
        if shown.hidden:
            sheet.hidden_cells.add((number, column))
        if shown.figure:
            sheet.figures.setdefault(number, {})[column] = shown.figure
    if found:
        sheet.rows.setdefault(number, {}).update(found)
    return size


def _merge(area: str, sheet: Sheet, left: int) -> int:
    """Repeat a short text in the cells that it covers, unless they are a whole row; return the characters added.

    A title above the table, merged across an otherwise empty row, stays one cell.
    """
    match = _AREA.match(area)
    if not match:
        return 0
    (top, first), (bottom, last) = cell_place(match[1]) or (1, 1), cell_place(match[2]) or (1, 1)
    text = sheet.rows.get(top, {}).get(first, "")
    if not text or len(text) > REPEATED:
        return 0
    if top == bottom and len(sheet.rows[top]) == 1:
        return 0
    hidden = (top, first) in sheet.hidden_cells
    figure = sheet.figures.get(top, {}).get(first)
    numbers: Iterable[int] = range(top, bottom + 1)
    size = 1  # visits count too: areas of hostile files overlap
    if bottom - top > len(sheet.rows):
        size += len(sheet.rows)
        numbers = [row for row in sorted(sheet.rows) if top <= row <= bottom]
    for row in numbers:
        for column in range(first, last + 1) if row in sheet.rows else ():
            size += len(text) + _SHARED if sheet.rows[row].setdefault(column, text) is text else 1
            if hidden:
                sheet.hidden_cells.add((row, column))
            if figure and sheet.rows[row][column] is text:
                sheet.figures.setdefault(row, {})[column] = figure
            if size > left:
                return size
    return size


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 9 else default


def _is_true(text: str | None) -> bool:
    return text in ("1", "true")
