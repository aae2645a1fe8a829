"""Tables of a PDF that go on over pages: their parts become one table with one header.

A part continues the last table of the page before when nothing of the text is between them and its columns are at the
same places. Running lines, footnotes and remarks such as "Table 3 (continued)" are not text in this sense. A header
that the new page repeats is left out, as the remarks are; another header means another table.
"""

import re
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import pairwise

from ingest.documents.parsers._reading.lines import WORD
from ingest.documents.parsers.pdf.grid import NUMERIC, Table
from ingest.documents.parsers.pdf.layout import Line, PageLayout
from ingest.documents.parsers.pdf.matching import aligned_places, column_from, same_edges
from ingest.documents.parsers.pdf.running import numberless
from ingest.documents.parsers.pdf.text import CAPTION, join_lines

_SPARE = 0.25  # of the page's height: a table that goes on without its header ends lower than this above the text's end
_HEADER_ROWS = 4  # at most, that are repeated
_NUMBERS = 0.8  # of the cells of a column of numbers, at least
_EDGE = 0.09  # of the page's height
_SMALL = 0.93  # times the size of most text: footnotes are smaller
_WORDS = 14  # of a remark, at most
_WORD = (
    r"(?:continue[ds]|continuing|cont(?:['’]d|d\b|\.)|fortsetzung|fortgesetzt|forts\.|suite|continuaci[oó]n|continúa|"
    r"continua(?:zione|ção)?|vervolg|続き|续表?)"
)
_PLACE = (
    r"(?:on|from|overleaf|at|the|next|previous|following|preceding|last|page|of|table|tab\.?|von|auf|der|nächsten?|"
    r"vorherigen?|seite|tabelle|de|du|la|à|page|tableau|suivante|précédente|en|página|siguiente|anterior|tabla|[\d.]+)"
)
_REMARK = re.compile(rf"[\s(\[.,:;–—-]*\b{_WORD}(?:\s+{_PLACE})*[\s)\].:…–—-]*$", re.IGNORECASE)


@dataclass(slots=True)
class _Open:
    """A table at the end of a page that may go on."""

    table: Table  # with the rows of all its parts so far
    known: set[str]  # lines on its first page, as letters and digits
    room: float  # below it on its last page, of the page's height


def joined_over_pages(sheets: Sequence[PageLayout], running: AbstractSet[int], size: float) -> list[PageLayout]:
    """Return the pages with each table that goes on over pages on the page where it begins.

    Args:
        sheets: All pages, in order.
        running: Ids of the lines that are left out.
        size: Of most of the document's text, in points.
    """
    running = running | _margins(sheets)
    floors = [max((_bottom(item) for item in _text(sheet, running)), default=0.0) for sheet in sheets]
    floor = max(floors, default=0.0)
    found: list[PageLayout] = []
    before: _Open | None = None
    for sheet, lowest in zip(sheets, floors, strict=True):
        items = list(sheet.items)
        whole = before is not None and _take_over(before, items, running)
        found.append(replace(sheet, items=items))
        room = (floor - lowest) / max(sheet.height, 1.0)
        if last := _last_table(items, running, size):
            before = _Open(last, {_plain(item.text) for item in items if isinstance(item, Line)}, room)
        elif before is not None and whole and not _rest(items, running, size):
            before.room = room
        else:
            before = None
    return found


def remark_removed(text: str) -> str | None:
    """Return a line without the remark at its end that something continues; None without such a remark."""
    found = _REMARK.search(text) if len(text.split()) <= _WORDS else None
    return text[: found.start()] if found else None


def _take_over(before: _Open, items: list[Line | Table], running: AbstractSet[int]) -> bool:
    """Move the rows of the first table on a page to the table before, if it goes on there; return whether it does."""
    remarks = list[int]()
    for at, item in enumerate(items):
        if isinstance(item, Table):
            if not _goes_on(before, item):
                return False
            for index in (at, *reversed(remarks)):
                del items[index]
            return True
        if id(item) in running:
            continue
        if not _is_remark(item, before.known):
            return False
        remarks.append(at)
    return False


def _goes_on(before: _Open, part: Table) -> bool:
    """Add a part to the table before if it is one; return whether it is."""
    table = before.table
    places = _places(table, part)
    if places is None:
        return False
    rows = [_moved(row, places, len(table.rows[0])) for row in part.rows]
    start = next((at for at, row in enumerate(rows) if not _is_note_row(row)), 0)
    repeated = _repeated(table.rows, rows[start:])
    if not repeated and (before.room > _SPARE or _has_own_header(table, rows[start:], part)):
        return False
    end = next((at for at in range(len(table.rows), 1, -1) if not _is_note_row(table.rows[at - 1])), 1)
    del table.rows[end:], table.bold[end:]
    table.header = max(table.header, repeated)
    first = start + repeated
    if first < len(rows) and end > table.header and _is_rest(table, rows[first], table.cut[1] or part.cut[0]):
        table.rows[-1] = [join_lines(filter(None, cells)) for cells in zip(table.rows[-1], rows[first], strict=True)]
        first += 1
    table.rows += rows[first:]
    table.bold += part.bold[first:]
    table.cut = table.cut[0], part.cut[1]
    return True


def _is_rest(table: Table, row: Sequence[str], cut: bool) -> bool:
    """Return whether the first row of a part is the rest of the last row above: it is cut, or leaves cells empty."""
    last, filled = table.rows[-1], [at for at, cell in enumerate(row) if cell]
    if cut:
        return True
    if not filled or row[0] or any(not last[at] or NUMERIC.fullmatch(row[at]) for at in filled):
        return False
    groups = any(not cells[0] for cells in table.rows[table.header :])
    return not groups or all(row[at][:1].islower() and last[at][-1:] not in ".!?" for at in filled)


def _places(above: Table, below: Table) -> list[int] | None:
    """Return the column of the upper table for each column of the lower one; None if they are at other places."""
    if above.ruled != below.ruled or above.turn != below.turn or len(below.columns) > len(above.columns):
        return None
    if above.ruled and not same_edges(above.ends, below.ends, subset=True):
        return None
    for shift in {0.0, above.x0 - below.x0}:
        moved = [(x0 + shift, x1 + shift) for x0, x1 in below.columns]
        if not above.ruled:
            found = aligned_places(above.columns, moved)
        else:
            found = [at for x0, _ in moved if (at := column_from(above.columns, x0)) is not None]
            found = found if len({*found}) == len(moved) else None
        if found is not None:
            return found
    return None


def _moved(row: Sequence[str], places: Sequence[int], width: int) -> list[str]:
    cells = [""] * width
    for at, text in zip(places, row, strict=True):
        cells[at] = text
    return cells


def _repeated(above: Sequence[Sequence[str]], below: Sequence[Sequence[str]]) -> int:
    """Return how many of the first rows of both tables are the same."""
    count = 0
    while count < min(_HEADER_ROWS, len(above) - 1, len(below)) and _same_row(above[count], below[count]):
        count += 1
    return count


def _same_row(one: Sequence[str], other: Sequence[str]) -> bool:
    return all(_plain(a) == _plain(remark_removed(b) or b) for a, b in zip(one, other, strict=True))


def _has_own_header(table: Table, rows: Sequence[Sequence[str]], part: Table) -> bool:
    """Return whether rows begin with a header that is not the table's: in bold, or names above numbers."""
    if len(rows) < 2 or not table.header:
        return False
    body = table.bold[table.header :]
    if part.bold[0] and not all(part.bold) and not any(body):
        return True
    for column, name in enumerate(rows[0]):
        cells = [row[column] for row in rows[1:] if row[column]]
        above = [row[column] for row in table.rows[table.header :] if row[column]]
        if name and not NUMERIC.fullmatch(name) and len(cells) > 1 and _numbers(cells) and above and _numbers(above):
            return True
    return False


def _numbers(cells: Sequence[str]) -> bool:
    return sum(bool(NUMERIC.fullmatch(cell)) for cell in cells) >= _NUMBERS * len(cells)


def _is_note_row(row: Sequence[str]) -> bool:
    """Return whether a row of a table only says that the table goes on."""
    removed = remark_removed(" ".join(text for text in row if text))
    return removed is not None and (not removed.strip() or bool(re.match(r"\W*tab", removed, re.IGNORECASE)))


def _is_remark(line: Line, known: AbstractSet[str]) -> bool:
    """Return whether a line only says that a table goes on, or repeats its caption."""
    removed = remark_removed(line.text)
    if removed is None:
        return bool(re.match(r"\W*tab", line.text, re.IGNORECASE)) and _plain(line.text) in known
    plain = _plain(removed)
    return not plain or plain.startswith("tab") or any(text.startswith(plain) for text in known)


def _last_table(items: Sequence[Line | Table], running: AbstractSet[int], size: float) -> Table | None:
    """Return the table at the end of a page, None if text follows it."""
    for at in range(len(items) - 1, -1, -1):
        item = items[at]
        if isinstance(item, Table):
            return None if _rest(items[at + 1 :], running, size) else item
    return None


def _rest(items: Sequence[Line | Table], running: AbstractSet[int], size: float) -> bool:
    """Return whether there is text other than running lines, footnotes and remarks."""
    for item in items:
        if isinstance(item, Table):
            return True
        if id(item) in running or item.hidden or item.column < 0 or remark_removed(item.text) is not None:
            continue
        if item.size > _SMALL * size or CAPTION.match(item.text):
            return True
    return False


def _margins(sheets: Sequence[PageLayout]) -> set[int]:
    """Return the ids of lines at the outer edges that the page before or after has there as well."""
    lines = [
        {
            (numberless(item.text), round(item.base)): id(item)
            for item in sheet.items
            if isinstance(item, Line) and not _EDGE * item.height < item.base < (1 - _EDGE) * item.height
        }
        for sheet in sheets
    ]
    pairs = [(one, two, key) for one, two in pairwise(lines) for key in one.keys() & two.keys()]
    return {found[key] for *both, key in pairs for found in both}


def _text(sheet: PageLayout, running: AbstractSet[int]) -> Iterator[Line | Table]:
    for item in sheet.items:
        if isinstance(item, Table) or (id(item) not in running and not item.hidden and item.column >= 0):
            yield item


def _bottom(item: Line | Table) -> float:
    return item.bottom if isinstance(item, Table) else item.base


def _plain(text: str) -> str:
    return "".join(WORD.findall(text.lower()))
