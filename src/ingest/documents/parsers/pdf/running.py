"""Running lines: headers, footers and page numbers that repeat on the pages of a document, and belong to none of them.

On three pages or more, a line is one if it repeats at the same height. Two pages prove less, since texts repeat lines
as well: there the line must also be outermost and set off from the text, and its numbers, if they differ, must count
the pages. One in larger print at the top may be a title: there the first one stays.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from itertools import pairwise

from ingest.documents.parsers.pdf.grid import Table
from ingest.documents.parsers.pdf.layout import Line, PageLayout
from ingest.documents.parsers.pdf.text import CAPTION, PAGE_NUMBER

_EDGE = 0.13  # of the page's height: running lines are in this margin at the top or bottom
_OUTER = 3  # lines at either end of a page that may be running lines
_NEAR = 4.0  # points by which a running line's height may differ between pages
_PAGES = 3  # that prove a running line
_SHARE = 0.4  # of the pages, at least: left and right pages may differ
_BLOCK = 6  # lines of a header or footer, at most
_SET_OFF = 1.6  # font sizes between a running line and the text, at least
_ABOVE_LARGER = 0.4  # font sizes between a small running line and the tops of larger letters below it
_WIDER = 1.2  # times the space between paragraphs
_LEADING = 1.35  # font sizes between the lines of a paragraph, at most
_SHORT = 20  # characters, of the first line of a paragraph, at least
_MARGIN = 0.18  # of the page's height: a running line that is set off may be this far inside
_OPPOSITE = 0.07  # of the page's height: what is in this margin is no text that sets off the other margin's lines
_PROSE = 60  # characters: several lines as long as this are a paragraph
_SMALLER = 0.92  # times the size of the text
_LARGER = 1.08  # times the body's size: a heading
_LETTERS = 3  # of a line that is compared with the title, at least
_ROMAN = re.compile(r"[ivxlc]{1,7}")
_DIGITS = re.compile(r"\d+")
_NUMBER = re.compile(r"(?<!\w)\d+(?!\w)")  # "CUT1" is a name
_RULES = " |·•-–—"
_OPENING = (",", ":")  # at the end of a line that belongs to what follows, such as "Dear reader,"

Item = Line | Table


def running_lines(sheets: Sequence[PageLayout], title: str = "") -> set[int]:
    """Return the ids of lines and tables that repeat at the edges of pages, and of page numbers there.

    Args:
        sheets: All pages, in order.
        title: Of the document's metadata: of lines that repeat it, one stays if nothing else has it.
    """
    if len(sheets) < 2:
        return set()
    found = _repeated(sheets)
    found |= _set_off(sheets, found, _wanted(title))
    left = any(id(item) not in found for sheet in sheets for item in sheet.items)
    return found if left else set()


def without_tables(sheets: Sequence[PageLayout], found: AbstractSet[int]) -> list[PageLayout]:
    """Return the pages without the tables that are headers or footers."""
    return [
        replace(sheet, items=[item for item in sheet.items if isinstance(item, Line) or id(item) not in found])
        for sheet in sheets
    ]


def _repeated(sheets: Sequence[PageLayout]) -> set[int]:
    """Return the lines that many pages have at the same height."""
    seen: dict[tuple[str, int], list[Line]] = {}
    for sheet in sheets:
        lines = [item for item in sheet.items if isinstance(item, Line) and item.column >= 0 and not item.form]
        bases = sorted({line.base for line in lines})
        edges = (bases[0], bases[-1]) if bases else ()
        outer = {*bases[:_OUTER], *bases[-_OUTER:]}
        for line in lines:
            if line.base in outer and not _EDGE * line.height < line.base < (1 - _EDGE) * line.height:
                text = numberless(line.text)
                numbered = line.base in edges and PAGE_NUMBER.fullmatch(text)
                place = -1 - edges.index(line.base) if numbered else round(line.base / _NEAR)
                seen.setdefault(("#" if numbered else text, place), []).append(line)
    found: set[int] = set()
    for (text, place), lines in seen.items():
        near = lines if place < 0 else [line for at in (-1, 0, 1) for line in seen.get((text, place + at), [])]
        pages = len({line.page for line in near})
        least = max(2, 0.25 * len(sheets)) if place < 0 else max(_PAGES, _SHARE * len(sheets))
        if pages >= least:
            found |= {id(line) for line in lines}
    return found - _tight(sheets, found)


def _tight(sheets: Sequence[PageLayout], found: set[int]) -> set[int]:
    """Return those of the lines that text of the same look follows without more space: its first or last lines."""
    tight: set[int] = set()
    for sheet in sheets:
        lines = [item for item in sheet.items if isinstance(item, Line) and item.column >= 0 and not item.form]
        for ordered in (sorted(lines, key=_place), sorted(lines, key=_place, reverse=True)):
            for line, inner in reversed(list(pairwise(ordered[: 2 * _OUTER]))):
                near = 0.5 * line.size < abs(inner.base - line.base) < _LEADING * line.size
                like = (
                    abs(inner.size - line.size) < 0.5
                    and inner.bold == line.bold
                    and abs(inner.x0 - line.x0) < line.size
                )
                if (
                    near
                    and like
                    and len(line.text) > _SHORT
                    and id(line) in found
                    and (id(inner) not in found or id(inner) in tight)
                ):
                    tight.add(id(line))
    return tight


def numberless(text: str) -> str:
    """Return a line in lower case with numbers replaced, so that lines with different page numbers are equal."""
    low = " ".join(text.lower().split())
    bare = _DIGITS.sub("#", low)
    if PAGE_NUMBER.fullmatch(bare):
        return bare
    text = _NUMBER.sub("#", low)
    return "#" if _ROMAN.fullmatch(text) else text


def _set_off(sheets: Sequence[PageLayout], known: set[int], title: str) -> set[int]:
    """Return what repeats on fewer pages, but stands apart from the text."""
    sizes = sum((sheet.looks for sheet in sheets), Counter())
    body = max(sizes, key=lambda style: (sizes[style], style))[0] if sizes else 0.0
    groups: dict[tuple[str, int], list[Item]] = defaultdict(list)
    for sheet in sheets:
        for item in _outermost(sheet, known):
            if isinstance(item, Table) or _may_repeat(item):
                groups[_key(item), round(_place(item) / _NEAR)].append(item)
    found: set[int] = set()
    for (text, place), items in groups.items():
        near = [item for at in (-1, 0, 1) for item in groups.get((text, place + at), [])]
        pages = len({item.page for item in near})
        if pages >= max(2, _SHARE * len(sheets)) and _counts_pages(near):
            first, alike = min(item.page for item in near), len({_shown(item) for item in near}) == 1
            found |= {id(item) for item in items if not _may_be_title(item, body) or (alike and item.page > first)}
    found |= _titles(sheets, known | found, body)
    return found - _only(sheets, known | found, title)


def _may_repeat(line: Line) -> bool:
    """Return whether a line may be a header or footer by itself: no caption, no salutation."""
    return line.text[-1:] not in _OPENING and not CAPTION.match(line.text)


def _may_be_title(item: Item, body: float) -> bool:
    """Return whether something is a line in larger print at the top of its page, with no number set apart."""
    if isinstance(item, Table) or item.size < _LARGER * body or item.base > item.height / 2:
        return False
    return item.pieces == 1 or not any(map(str.isdigit, item.text))


def _shown(item: Item) -> str:
    return item.text if isinstance(item, Line) else ""


def _outermost(sheet: PageLayout, known: set[int]) -> Iterator[Item]:
    """Yield what is in the margins and parted from the text by more than the space between its paragraphs."""
    shown = [item for item in sheet.items if isinstance(item, Table) or item.column >= 0]
    height = max((item.height for item in shown if isinstance(item, Line)), default=0.0)
    left = [item for item in shown if id(item) not in known]
    for ordered in (sorted(left, key=_place), sorted(left, key=_place, reverse=True)):
        rows = list(_by_row(ordered))
        usual = _usual_gap(rows)
        for at, (row, inner) in enumerate(pairwise(rows[: _BLOCK + 1]), start=1):
            if not all(_in_margin(item, height, _MARGIN) for item in row):
                break
            if _apart(row[0], inner[0], usual):
                outer = [item for members in rows[:at] for item in members]
                prose = sum(isinstance(item, Line) and len(item.text) > _PROSE for item in outer) > 1
                far = height - _place(inner[0]) if _place(inner[0]) > _place(row[0]) else _place(inner[0])
                if not prose and far > _OPPOSITE * height:
                    yield from (item for item in outer if isinstance(item, Table) or not item.form)
                break


def _by_row(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Yield items at the same height together."""
    row: list[Item] = []
    for item in items:
        if row and abs(_place(item) - _place(row[0])) > 1.0:
            yield row
            row = []
        row.append(item)
    if row:
        yield row


def _place(item: Item) -> float:
    return item.base if isinstance(item, Line) else (item.top + item.bottom) / 2


def _in_margin(item: Item, height: float, share: float) -> bool:
    top, bottom = (item.base, item.base) if isinstance(item, Line) else (item.top, item.bottom)
    return bottom <= share * height or top >= (1 - share) * height


def _usual_gap(rows: Sequence[list[Item]]) -> float:
    """Return the distance that most rows inside a page keep at most: that of paragraphs, if there are several."""
    gaps = sorted(abs(_place(below[0]) - _place(above[0])) for above, below in pairwise(rows[1:-1]))
    return gaps[-(-9 * (len(gaps) - 1) // 10)] if gaps else 0.0


def _apart(item: Item, inner: Item, usual: float) -> bool:
    """Return whether there is more space between an item and what is further inside than between paragraphs."""
    (above, below) = (item, inner) if _place(item) < _place(inner) else (inner, item)
    end = above.base if isinstance(above, Line) else above.bottom
    start = below.base if isinstance(below, Line) else below.top
    size = max(thing.size if isinstance(thing, Line) else 0.0 for thing in (above, below))
    small = isinstance(item, Line) and isinstance(inner, Line) and item.size <= _SMALLER * inner.size
    if isinstance(item, Line) and small and below is inner and start - end - size > _ABOVE_LARGER * item.size:
        return True  # the space is above larger letters
    return start - end > _SET_OFF * size and (small or start - end > _WIDER * usual)


def _key(item: Item) -> str:
    """Return the text by which items are compared: without page numbers, on whichever side they are."""
    if isinstance(item, Table):
        return "\n".join(" | ".join(row) for row in item.rows).lower()
    return numberless(item.text).strip("#" + _RULES) or "#"


def _counts_pages(items: Sequence[Item]) -> bool:
    """Return whether the numbers that differ between lines do so by as much as their pages."""
    rows = []
    for item in items:
        numbers = _NUMBER.findall(item.text) if isinstance(item, Line) else []
        rows.append((item.page, [int(number[:9]) for number in numbers]))
    if len({len(numbers) for _, numbers in rows}) > 1:
        return False
    page, first = rows[0]
    return all(
        number in (first[at], first[at] + other - page) for other, numbers in rows for at, number in enumerate(numbers)
    )


def _titles(sheets: Sequence[PageLayout], known: set[int], body: float) -> set[int]:
    """Return running lines of later pages that repeat a larger line of the first page."""
    large = {_key(item): item.size for item in sheets[0].items if isinstance(item, Line) and item.size > body}
    return {
        id(item)
        for sheet in sheets[1:]
        for item in _outermost(sheet, known)
        if isinstance(item, Line) and len(_key(item)) > _LETTERS and item.size < 0.9 * large.get(_key(item), 0.0)
    }


def _only(sheets: Sequence[PageLayout], found: set[int], title: str) -> set[int]:
    """Return the first line that spells the title, if all that do are running lines."""
    spelled = [
        item
        for sheet in sheets
        for item in sheet.items
        if title and isinstance(item, Line) and _wanted(item.text) == title
    ]
    return {id(spelled[0])} if spelled and all(id(item) in found for item in spelled) else set()


def _wanted(title: str) -> str:
    return "".join(filter(str.isalnum, title.lower()))
