"""Rows of a DOCX table, with merged cells resolved."""

from collections.abc import Callable, Iterator
from typing import Any

from ingest.documents.parsers._office.ooxml import W
from ingest.documents.parsers._reading.table_blocks import REPEATED
from ingest.documents.parsers.docx.styles import flag, is_shaded, value

_PASSED = frozenset(W + name for name in ("sdt", "sdtContent", "customXml", "ins", "moveTo", "smartTag"))
_WIDEST = 1000  # columns that one cell may span; Word allows 63


def rows(table: Any, text_of: Callable[[Any, bool], str], on_white: bool) -> tuple[list[list[str]], int]:
    """Return the cells of each row that is not deleted, and the number of rows marked as header.

    Args:
        table: A `w:tbl`.
        text_of: Returns the text of a `w:tc`; its second argument is whether the cell's background is white.
        on_white: Whether the table's background is white.
    """
    found: list[list[str]] = []
    headers = 0
    above: dict[int, str] = {}  # column → text of the cell that continues below
    for row in _inside(table, W + "tr"):
        properties = row.find(W + "trPr")
        if properties is not None and properties.find(W + "del") is not None:
            continue
        cells = [""] * _count(properties, "gridBefore")
        members = list(_inside(row, W + "tc"))
        for cell in members:
            cells += _spread(cell, text_of, on_white, above, len(cells), len(members) == 1)
        if not any(cells):
            continue
        marked = None if properties is None else properties.find(W + "tblHeader")
        if marked is not None and flag(marked.get(W + "val"), True) and headers == len(found):
            headers += 1
        found.append(cells)
    return found, headers if headers < len(found) else 0


def _spread(
    cell: Any, text_of: Callable[[Any, bool], str], on_white: bool, above: dict[int, str], column: int, alone: bool
) -> list[str]:
    """Return the texts of the columns that one cell covers; a short one is repeated, which keeps columns aligned."""
    properties = cell.find(W + "tcPr")
    merge = None if properties is None else properties.find(W + "vMerge")
    span = max(_count(properties, "gridSpan"), 1)
    text = text_of(cell, on_white and not is_shaded(properties))
    if merge is not None and value(merge) != "restart":
        text = text or above.get(column, "")
    elif merge is not None and len(text) <= REPEATED:
        above[column] = text
    else:
        above.pop(column, None)
    return [text] + [text if len(text) <= REPEATED and not alone else ""] * (span - 1)


def _inside(parent: Any, tag: str) -> Iterator[Any]:
    """Yield the members of a table or row, including those in content controls."""
    for child in parent:
        if child.tag == tag:
            yield child
        elif child.tag in _PASSED:
            yield from _inside(child, tag)


def _count(properties: Any, name: str) -> int:
    number = "" if properties is None else value(properties.find(W + name))
    return min(int(number), _WIDEST) if number.isdecimal() and len(number) < 9 else 0
