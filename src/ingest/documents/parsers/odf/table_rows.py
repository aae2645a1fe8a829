"""Rows of an OpenDocument table or sheet, with merged and repeated cells resolved."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from ingest.documents.parsers._office.number_formats import plain_number
from ingest.documents.parsers._reading.comments import Comment, copied_thread
from ingest.documents.parsers._reading.symbol_fonts import with_symbols
from ingest.documents.parsers._reading.table_blocks import REPEATED, is_number
from ingest.documents.parsers.odf.data_styles import number_format
from ingest.documents.parsers.odf.text import (
    ANNOTATIONS,
    OFFICE,
    TABLE,
    TEXT,
    OdfStyles,
    comment_of,
    paragraph_lines,
    repeated,
)
from ingest.errors import OversizedDocument

_DEFAULT_STYLE = TABLE + "default-cell-style-name"
_CELLS = (TABLE + "table-cell", TABLE + "covered-table-cell")
_VALUE, _VALUE_TYPE = OFFICE + "value", OFFICE + "value-type"
_STYLED, _REPEATED, _SPANNED = (
    TABLE + name for name in ("style-name", "number-columns-repeated", "number-columns-spanned")
)
_COLUMNS = 16384  # of the format
_PARAGRAPHS = (TEXT + "p", TEXT + "h")
_PREFIX = re.compile(r"\A(?:of|oooc|msoxl):=?")
_REFERENCE = re.compile(r"\[\.?([^\[\]]{1,200})\]")  # [.B2], [.A1:.A9], [$Sheet.B2]
_DURATION = re.compile(r"PT(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,6})(?:[.,]\d{1,12})?S)?\Z")
_NUMBERS = ("float", "percentage", "currency")
_VALUES = {"date": "date-value", "boolean": "boolean-value", "string": "string-value"}
_LONGEST = 8192  # characters of a formula


class TableRow(NamedTuple):
    """A row of a table."""

    cells: list[str]
    figures: list[str]  # the same, with the numbers behind texts such as "12 kg"
    hidden: bool
    comments: list[Comment]


def table_rows(table: Any, styles: OdfStyles, path: str, limit: int) -> Iterator[TableRow]:
    """Yield the rows of a table; a short text of merged cells is repeated in each. Raises: OversizedDocument."""
    number, columns = 1, _column_styles(table)
    commented = next(table.iter(*ANNOTATIONS), None) is not None
    for row in table.iter(TABLE + "table-row"):
        if next(row.iterancestors(TABLE + "table")) is not table:
            continue  # of a nested table, whose text is part of its cell
        cells: list[str] = []
        figures: list[str] = []
        comments: list[Comment] = []
        for cell in row:
            if cell.tag in _CELLS:
                place = f"{_column_name(len(cells))}{number}" if commented else ""
                comments += _comments(cell, styles, place) if commented else []
                column = columns[len(cells)] if len(cells) < len(columns) else ""
                name = cell.get(_STYLED) or row.get(_DEFAULT_STYLE) or column
                texts = _texts(_shown(cell, name, styles), cell, path, limit)
                figure = _figure(cell, texts)
                cells += texts
                figures += [figure if text else "" for text in texts] if figure else texts
            if len(cells) > 2 * _COLUMNS:
                raise OversizedDocument(f"{path}: a row of more than {_COLUMNS} cells")
        while cells and not cells[-1]:
            cells.pop()
        repeats = repeated(row, TABLE + "number-rows-repeated")
        number += repeats
        times = repeats if any(cells) else 1
        if sum(map(len, cells)) * times > limit:
            raise OversizedDocument(f"{path}: a row {times} times: over the limit of {limit} characters")
        for at in range(times):
            yield TableRow(
                cells,
                figures[: len(cells)],
                row.get(TABLE + "visibility") in ("collapse", "filter"),
                [] if at else comments,
            )


def _column_styles(table: Any) -> list[str]:
    """Return the style of each column's cells that have none of their own."""
    found: list[str] = []
    for column in table.iter(TABLE + "table-column"):
        times = min(repeated(column, _REPEATED), _COLUMNS - len(found))
        found += [column.get(_DEFAULT_STYLE) or ""] * times
    return found


def _shown(cell: Any, style: str, styles: OdfStyles) -> str:
    """Return what a cell shows: its text; a plain number, or one without text, as its style shows it."""
    paragraphs = list(_inside(cell, _PARAGRAPHS)) if len(cell) else ()
    font = (styles.symbols(style) or "") if style else ""
    text = " ".join([line for p in paragraphs for line in paragraph_lines(p, styles, around=font)])
    form = number_format(style, styles) if style and cell.get(_VALUE_TYPE) in _NUMBERS else None
    if form is not None:
        number = _number(cell.get(_VALUE) or "")
        if number is not None and (not text or _number(text) == number):
            text = with_symbols(form.number(number), font) or text
            if not number and not text:
                return ""  # a zero that is not shown is none
    return text if text or paragraphs else _stored(cell)


def _texts(text: str, cell: Any, path: str, limit: int) -> list[str]:
    """Return the texts of the columns that one cell repeats over or covers."""
    if cell.tag == _CELLS[1] and not text:
        return []  # counted with the cell that covers it
    times = min(repeated(cell, _REPEATED), _COLUMNS)
    spans = min(repeated(cell, _SPANNED), _COLUMNS)
    if len(text) * times > limit:
        raise OversizedDocument(f"{path}: a cell of {len(text)} characters, {times} times")
    if times == spans == 1:
        return [text]
    return [text] * times + [text if len(text) <= REPEATED else ""] * (spans - 1)


def _figure(cell: Any, texts: list[str]) -> str:
    """Return the number of a cell whose text does not look like one, "" for other cells."""
    if cell.get(_VALUE_TYPE) not in _NUMBERS or not any(texts) or is_number(texts[0]):
        return ""
    number = _number(cell.get(_VALUE) or "")
    return "" if number is None else plain_number(number)


def _inside(cell: Any, tags: tuple[str, ...]) -> Iterator[Any]:
    """Yield the elements with one of the tags in a cell, but those inside comments only if comments are wanted."""
    if len(cell) == 1 and not len(cell[0]):  # as nearly all are
        if cell[0].tag in tags:
            yield cell[0]
        return
    for child in cell:
        if child.tag in tags:
            yield child
        if child.tag not in ANNOTATIONS:
            yield from _inside(child, tags)


def _stored(cell: Any) -> str:
    """Return the value of a cell that has no text, as programs write it that show nothing; else its formula."""
    kind = cell.get(_VALUE_TYPE) or ""
    if kind in _NUMBERS:
        number = _number(cell.get(_VALUE) or "")
        shown = "" if number is None else plain_number(100 * number if kind == "percentage" else number)
        unit = {"percentage": "%", "currency": f" {cell.get(OFFICE + 'currency') or ''}"}.get(kind, "")
        return f"{shown}{unit}".strip() if shown else ""
    if kind == "time":
        match = _DURATION.match(cell.get(OFFICE + "time-value") or "")
        return "{}:{:02d}:{:02d}".format(*(int(part or 0) for part in match.groups())) if match else ""
    if kind in _VALUES:
        stored = cell.get(OFFICE + _VALUES[kind]) or ""
        return stored.upper() if kind == "boolean" else stored.replace("T", " ") if kind == "date" else stored
    return _formula(cell.get(TABLE + "formula") or "")


def _formula(text: str) -> str:
    """Return a formula with references as people write them; "" when there is none or it is too long."""
    if not text or len(text) > _LONGEST:
        return ""
    plain = _REFERENCE.sub(lambda match: match[1].replace(":.", ":"), _PREFIX.sub("", text))
    return f"={plain.removeprefix('=')}"


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if abs(number) < 1e300 else None


def _comments(cell: Any, styles: OdfStyles, place: str) -> Iterator[Comment]:
    """Yield the comments on a cell; one that repeats a thread of Excel is as many as the thread has."""
    for found in (comment_of(each, styles, place) for each in _inside(cell, ANNOTATIONS)):
        copied = copied_thread(found.lines)
        yield from (Comment("", lines, found.resolved, place) for lines in copied) if copied else (found,)


def _column_name(index: int) -> str:
    """Return the letters of a column, counted from 0."""
    letters, number = "", index + 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
