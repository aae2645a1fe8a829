"""XLSX and XLSM: sheets are sections, rows are lines of cells separated by bars.

Why not `unstructured`: it turns a sheet into one text without headers, hidden parts or formats. Why not `openpyxl` or
`python-calamine`: see `sheet.py`.

Canonical text: a heading of level 1 per sheet, then its tables. Empty rows separate tables, and so do empty columns if
both sides are separate tables. A lone cell above a table is its caption. Cells are as Excel shows them, except that
complete dates and times of the day are ISO 8601; a formula shows its stored value, or itself if it has none. Hidden
sheets, rows, columns and cells are kept in blocks marked hidden. Notes and comments follow the table of their cell;
texts of drawings and charts follow the tables. Left out: macros, print headers.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from ingest.documents.parsers._office.drawings import figures, paragraph
from ingest.documents.parsers._office.ooxml import Package, R, S, keep_one_alternative
from ingest.documents.parsers._reading.assembly import Assembly
from ingest.documents.parsers._reading.comments import MARK, Comment, comment_lines
from ingest.documents.parsers._reading.table_blocks import header_rows, is_number, lines
from ingest.documents.parsers._reading.titles import stated_title
from ingest.documents.parsers.xlsx.cell_notes import read_persons, read_remarks
from ingest.documents.parsers.xlsx.cells import Cells, drawing_lines, read_cells
from ingest.documents.parsers.xlsx.sheet import Sheet, read_sheet
from ingest.errors import EmptyDocument, UnsupportedFormat
from ingest.records import BlockKind, Child, Document, RawDocument

_SHEETS = ("worksheet", "chartsheet", "dialogsheet")
_OWN = 2  # columns that a separate table has at least
_NAMES = 3  # rows of column names, at most
_LOOKED_AT = 30  # rows and columns
_HIDDEN = ("hidden",)

Remarks = dict[tuple[int, int], list[Comment]]  # row and column → what was written about the cell


def parse(raw: RawDocument) -> Document:
    """Return the document. Raises: DocumentError."""
    package = Package(raw)
    main = package.main("xl/workbook.xml")
    if main.endswith(".bin"):
        raise UnsupportedFormat(f"{raw.ref.path}: a binary workbook; save it as xlsx")
    root = package.xml(main)
    cells, relations, out = read_cells(package, main, root), package.relations(main), Assembly(raw)
    children: dict[str, Child] = {}
    persons = read_persons(package, main) if raw.options.comments == "keep" else None
    for place in root.iterfind(f"{S}sheets/{S}sheet"):
        relation = relations.get(place.get(R + "id") or "")
        if relation is None or relation.kind not in _SHEETS:
            continue
        marks = _HIDDEN if place.get("state", "visible") != "visible" else ()
        remarks = {} if persons is None else read_remarks(package, relation.target, persons)
        _Section(raw, package, relation.target, place.get("name") or "", out).add(cells, marks, remarks)
        children |= {child.path: child for child in package.children(relation.target)}
    if not out.blocks and not children:
        raise EmptyDocument(f"{raw.ref.path}: {len(raw.data)} bytes of XLSX, but no text in its cells")
    return Document(
        out.text,
        tuple(out.blocks),
        stated_title(package.title()),
        raw.media_type,
        "xlsx",
        children=tuple(children.values()),
    )


class _Section:
    """Adds one sheet; its heading comes with its first block, so that an empty sheet adds none."""

    def __init__(self, raw: RawDocument, package: Package, part: str, name: str, out: Assembly) -> None:
        self._path, self._limit = raw.ref.path, raw.options.limits.text_characters
        self._package, self._part, self._name, self._out = package, part, name, out
        self._begun = False

    def add(self, cells: Cells, marks: tuple[str, ...], remarks: Remarks) -> None:
        """Add tables with the remarks on their cells, then drawings; `marks` are those of the whole sheet."""
        sheet = read_sheet(self._package, self._part, cells, self._limit)
        for rows in _bands(sheet):
            for table in _side_by_side(rows, sheet):
                self._table(table, sheet, marks)
                if remarks:
                    inside = [(row, column) for row, columns in table for column in columns if (row, column) in remarks]
                    self._remarks({place: remarks.pop(place) for place in inside}, sheet, marks)
        self._remarks(dict(sorted(remarks.items())), sheet, marks)  # on empty cells
        for drawing in self._package.related(self._part, "drawing"):
            root = self._package.xml(drawing)
            keep_one_alternative(root)
            for line in drawing_lines(root, paragraph):
                self._add(BlockKind.PARAGRAPH, [line], marks=marks)
            for kind, texts, headers in figures(self._package, drawing, root):
                self._add(kind, texts, headers, marks=marks)

    def _table(self, numbers: list[tuple[int, list[int]]], sheet: Sheet, marks: tuple[str, ...]) -> None:
        """Add the visible cells, then the hidden ones. `numbers`: row numbers with their column numbers."""
        if not sheet.hidden_rows and not sheet.hidden_columns and not sheet.hidden_cells:
            self._rows(numbers, sheet, marks)
            return
        for hidden in (False, True):
            part = [
                (row, kept)
                for row, columns in numbers
                if (kept := [column for column in columns if sheet.is_hidden(row, column) is hidden])
            ]
            self._rows(part, sheet, _HIDDEN if hidden else marks)

    def _remarks(self, remarks: Remarks, sheet: Sheet, marks: tuple[str, ...]) -> None:
        for (row, column), comments in remarks.items():
            hidden = _HIDDEN if sheet.is_hidden(row, column) else marks
            for comment in comments:
                self._add(BlockKind.PARAGRAPH, comment_lines(comment), marks=(*hidden, MARK))

    def _rows(self, numbers: list[tuple[int, list[int]]], sheet: Sheet, marks: tuple[str, ...]) -> None:
        """Add cells as a caption and a table; a single cell is a paragraph."""
        captions = 0
        while captions < len(numbers) - 2 and len(numbers[captions][1]) == 1 and len(numbers[captions + 1][1]) > 1:
            captions += 1
        for row, columns in numbers[:captions]:
            self._add(BlockKind.CAPTION, [" ".join(sheet.rows[row][columns[0]].split())], marks=marks)
        numbers = numbers[captions:]
        if len(numbers) == 1 and len(numbers[0][1]) == 1:
            text = sheet.rows[numbers[0][0]][numbers[0][1][0]]
            self._add(BlockKind.PARAGRAPH, [" ".join(line.split()) for line in text.strip().split("\n")], marks=marks)
            return
        used = sorted({column for _, columns in numbers for column in columns})
        place = {column: index for index, column in enumerate(used)}
        first = [_filled(sheet.values(row), columns, place) for row, columns in numbers[:_LOOKED_AT]]
        width = len(used)
        headers = header_rows([row + [""] * (width - len(row)) for row in first]) if width > 1 else 0
        rows = (_filled(sheet.rows[row], columns, place) for row, columns in numbers)
        self._add(BlockKind.TABLE, lines(rows, self._path, self._limit), headers, marks=marks)

    def _add(self, kind: BlockKind, texts: list[str], headers: int = 0, **fields: Any) -> None:
        if not self._begun and any(text.strip() for text in texts):
            self._begun = True
            if self._name.strip():
                marks = tuple(mark for mark in fields["marks"] if mark != MARK)
                self._out.heading(self._name, 1, marks=marks)
        self._out.add(kind, texts, headers, **fields)


def _filled(row: dict[int, str], columns: list[int], place: dict[int, int]) -> list[str]:
    """Return the cells of a row up to its last one with text."""
    cells = [""] * (place[columns[-1]] + 1)
    for column in columns:
        cells[place[column]] = row[column]
    return cells


def _bands(sheet: Sheet) -> Iterator[list[int]]:
    """Yield runs of rows without an empty row between them, except one after the column names."""
    band: list[int] = []
    for row in sorted(sheet.rows):
        if band and row != band[-1] + 1 and not (row == band[-1] + 2 and _names(band, row, sheet)):
            yield band
            band = []
        band.append(row)
    if band:
        yield band


def _side_by_side(rows: list[int], sheet: Sheet) -> Iterator[list[tuple[int, list[int]]]]:
    """Yield the tables of a band from left to right, split at empty columns with a table on both sides."""
    used = sorted({column for row in rows for column in sheet.rows[row]})
    gaps = [left for left, right in pairwise(used) if right > left + 1]
    edges = [used[0] - 1]
    for gap in gaps:
        left, right = _top(rows, sheet, edges[-1], gap), _top(rows, sheet, gap, used[-1])
        if _is_table(left) and _is_table(right) and (_is_labelled(right) or not _is_labelled(left)):
            edges.append(gap)
    edges.append(used[-1])
    for low, high in pairwise(edges):
        table = [
            (row, columns)
            for row in rows
            if (columns := sorted(column for column in sheet.rows[row] if low < column <= high))
        ]
        if table:
            yield table


def _names(band: list[int], row: int, sheet: Sheet) -> bool:
    """Return whether a band only names the columns of the next row: texts above numbers, in the same columns."""
    if len(band) > _NAMES or len(sheet.rows[band[-1]]) < _OWN:
        return False
    if any(is_number(cell) for above in band for cell in sheet.values(above).values()):
        return False
    numbers = [column for column, cell in sheet.values(row).items() if is_number(cell)]
    return len(numbers) > 1 and all(column in sheet.rows[band[-1]] for column in numbers)


def _top(rows: list[int], sheet: Sheet, low: int, high: int) -> list[list[str]]:
    """Return the first rows of the columns (low, high] of a band, without empty ones."""
    columns = range(low + 1, min(high, low + _LOOKED_AT) + 1)
    values = [sheet.values(row) for row in rows[:_LOOKED_AT]]
    top = [[row.get(column, "") for column in columns] for row in values]
    used = [index for index in range(len(columns)) if any(row[index] for row in top)]
    return [cells for row in top if any(cells := [row[index] for index in used])]


def _is_table(top: list[list[str]]) -> bool:
    """Return whether a part of a band is a separate table: its columns have names."""
    return bool(top) and len(top[0]) >= _OWN and header_rows(top) > 0


def _is_labelled(top: list[list[str]]) -> bool:
    """Return whether the first column of a table names its rows."""
    return any(row[0] and not is_number(row[0]) for row in top[header_rows(top) :])
