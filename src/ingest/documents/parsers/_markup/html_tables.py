"""HTML tables: which ones hold data and which are layout, and the grid of cells with spans filled in."""

from typing import Any

from ingest.documents.parsers._markup.html_chrome import DROPPED
from ingest.documents.parsers._markup.html_hidden import Hiding
from ingest.documents.parsers._markup.html_inline import Inline
from ingest.documents.parsers._reading.table_blocks import REPEATED

_LAYOUT_ROLES = ("presentation", "none")
_FLOW = ("table", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "form", "article", "section", "main")
_SMALL_GRID = 1000  # characters; a regular grid up to this size is data even with tables or headings inside
_LONG_CELL = 300  # characters; a table of one row with such a cell is layout
_WIDEST = 1000  # columns that a cell may span (HTML's own limit)
_PADDING = 10**5  # cells that spans may add to one table; further spans count once


def own_rows(table: Any) -> list[Any]:
    """Return the rows of a table, without those of nested tables."""
    found: list[Any] = []
    open_ = list(table)[::-1]
    while open_:
        element = open_.pop()
        if element.tag == "tr":
            found.append(element)
        elif element.tag not in ("table", "caption", "td", "th"):
            open_ += list(element)[::-1]
    return found


def cells(row: Any) -> list[Any]:
    """Return the cells of a row."""
    return [cell for cell in row if cell.tag in ("td", "th")]


def is_layout(table: Any, parts: list[list[Any]]) -> bool:
    """Return whether a table only arranges the page; if so, it is read as running text. `parts`: cells of each row."""
    if table.get("role") in _LAYOUT_ROLES:
        return True
    if table.find("caption") is not None or table.find("thead") is not None:
        return False
    if any(cell.tag == "th" for row in parts for cell in row):
        return False
    widths = {len(row) for row in parts}
    if max(widths, default=0) <= 1:
        return True
    if next((inner for inner in table.iter(*_FLOW) if inner is not table), None) is not None:
        grids = len(parts) > 1 and len(widths) == 1 and next(table.iter("pre", "form", "article", "main"), None) is None
        return not grids or int(table.xpath("string-length(normalize-space(.))")) > _SMALL_GRID
    return len(parts) == 1 and any(cell.xpath(f"string-length(normalize-space(.)) > {_LONG_CELL}") for cell in parts[0])


def grid(rows: list[Any], inline: Inline) -> tuple[list[list[str]], int]:
    """Return the texts of the cells by row and column, and the number of header rows.

    A value of up to `REPEATED` characters that spans rows is repeated in each; one that spans columns is in the first.
    Header: the rows of `<thead>`, or else the first rows with only `<th>` or only bold text, if more rows follow.
    """
    found: list[list[str]] = []
    waiting: dict[int, tuple[int, str]] = {}  # column → number of rows that a cell above still spans, its text
    budget = _PADDING
    headers = 0
    for row in rows:
        if inline.hiding(row):
            inline.aside(row)
            continue
        if row.tag in DROPPED:
            continue
        parts = cells(row)
        texts, waiting, used = _row(parts, waiting, inline, budget)
        budget -= used
        if budget <= 0:
            waiting = {}
        if not any(texts):
            continue
        if headers == len(found) and _is_header(row, parts, first=not found):
            headers += 1
        found.append(texts)
    return found, headers if headers < len(found) else 0


def leading_headers(rows: list[Any], hiding: Hiding) -> int:
    """Return how many of the first rows are the header, with empty and hidden ones between them; 0 if none follows."""
    headers = 0
    for place, row in enumerate(rows):
        parts = cells(row)
        if hiding(row) or not any("".join(cell.itertext()).strip() for cell in parts):
            continue
        if not _is_header(row, parts, first=not headers):
            return headers
        headers = place + 1
    return 0


def _row(
    parts: list[Any], waiting: dict[int, tuple[int, str]], inline: Inline, budget: int
) -> tuple[list[str], dict[int, tuple[int, str]], int]:
    """Return the texts of one row, the cells that span into the next, and the number of cells added by spans."""
    texts: list[str] = []
    after: dict[int, tuple[int, str]] = {}
    used = 0

    def fill() -> None:
        nonlocal used
        while (above := waiting.get(len(texts))) is not None:
            left, text = above
            if left > 1:
                after[len(texts)] = (left - 1, text)
            texts.append(text)
            used += 1

    for cell in parts:
        if waiting:
            fill()
        if not inline.is_plain(cell, cell.tag) and inline.hiding(cell):
            inline.aside(cell)
            continue
        text = inline.text(cell)
        down = _span(cell, "rowspan", 65534) if used < budget else 1
        across = _span(cell, "colspan", _WIDEST) if used < budget else 1
        for offset in range(across):
            if down > 1:
                after[len(texts)] = (down - 1, text if not offset and len(text) <= REPEATED else "")
            texts.append(text if not offset else "")
        used += across - 1
    fill()
    return texts, after, used


def _span(cell: Any, name: str, most: int) -> int:
    value = cell.get(name)
    if value is None:
        return 1
    value = value.strip()
    if not (value.isascii() and value.isdigit() and len(value) < 8):
        return 1
    return min(int(value), most) or (most if name == "rowspan" else 1)


def _is_header(row: Any, parts: list[Any], *, first: bool) -> bool:
    if row.getparent().tag == "thead":
        return True
    if not parts:
        return False
    if all(cell.tag == "th" for cell in parts):
        return True
    return first and len(parts) > 1 and all(_is_bold(cell) for cell in parts)


def _is_bold(cell: Any) -> bool:
    """Return whether the whole text of a cell is bold."""
    if cell.tag == "th":
        return True
    if (cell.text or "").strip() or len(cell) != 1 or (cell[0].tail or "").strip():
        return False
    inner = cell[0]
    if inner.tag in ("p", "font", "span", "div", "center") and len(inner) == 1 and not (inner.text or "").strip():
        return inner[0].tag in ("b", "strong") and not (inner[0].tail or "").strip()
    return inner.tag in ("b", "strong")
