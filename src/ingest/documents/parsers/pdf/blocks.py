"""Lines and tables of all pages to blocks: running lines are left out, headings get levels, lines become text."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from ingest.documents.parsers._reading.assembly import Assembly
from ingest.documents.parsers.pdf.continuation import joined_over_pages
from ingest.documents.parsers.pdf.flow import flowed
from ingest.documents.parsers.pdf.grid import Table
from ingest.documents.parsers.pdf.headings import Headings
from ingest.documents.parsers.pdf.hyphens import Vocabulary, vocabulary
from ingest.documents.parsers.pdf.labels import labelled_rows
from ingest.documents.parsers.pdf.layout import Line, PageLayout
from ingest.documents.parsers.pdf.levels import levels
from ingest.documents.parsers.pdf.listings import as_typed, listing_lines, number_listings
from ingest.documents.parsers.pdf.remarks import PlacedRemarks
from ingest.documents.parsers.pdf.running import running_lines, without_tables
from ingest.documents.parsers.pdf.text import CAPTION, ITEM, LEADERS, MARKER, join_lines
from ingest.records import BlockKind

_LEADING = 1.7  # font sizes between lines of a paragraph, at most
_APART = 3.0  # font sizes between items of a list, at most
_FORM = 4.0  # font sizes between lines of a form, at most
_INDENT = 1.0  # font sizes
_ROOM = 1.0  # font sizes that a word leaves free where it would have fitted, at least
_LEADER = re.compile(r"(?<!\s)\s*(?:\.{4,}|(?:\. ){4,}\.?|…{2,})\s*")


class _Right(NamedTuple):
    """Where lines end, by column."""

    usual: dict[int, float]  # most of them, which is roughly the right edge of the text
    widest: dict[int, float]


def add_blocks(assembly: Assembly, sheets: Sequence[PageLayout], headings: Headings, title: str = "") -> None:
    """Append the blocks of all pages in order; `title` is the metadata's. Raises: OversizedDocument."""
    sheets = as_typed(sheets)
    running = running_lines(sheets, title)
    looks = sum((sheet.looks for sheet in sheets), Counter[tuple[float, bool]]())
    size = looks.most_common(1)[0][0][0] if looks else 0.0
    sheets = joined_over_pages(without_tables(sheets, running), running, size)
    number_listings(sheets, running, size)
    lines = [item for sheet in sheets for item in sheet.items if isinstance(item, Line) and id(item) not in running]
    headings.learn([line for line in lines if not (line.form or line.listing)], looks)
    words = vocabulary([line.text for line in lines])
    remarks = PlacedRemarks(sheets, running)
    groups = list(_groups(sheets, running, headings))
    for group in flowed(groups, headings, _edges(sheets)):
        remarks.add_before(group, assembly)
        _add_group(assembly, group, headings, words)
        remarks.add_after(group, assembly)
    remarks.add_rest(assembly)


def _add_group(assembly: Assembly, group: Table | list[Line], headings: Headings, words: Vocabulary) -> None:
    """Append the block of a table, or of lines that belong together. Raises: OversizedDocument."""
    if isinstance(group, Table):
        cells = labelled_rows(group)
        kind = BlockKind.TABLE if len(cells[0]) > 1 else BlockKind.LIST
        rows = [" | ".join(row).replace("\n", " ") for row in cells]
        assembly.add(kind, rows, header_lines=group.header, page=group.page)
        return
    first = group[0]
    marks = ("hidden",) if first.hidden else ()
    if first.form:
        texts = [_LEADER.sub(" … ", text) for line in group for text in line.text.split("\n")]
        assembly.add(BlockKind.PARAGRAPH, texts, page=first.page, marks=marks)
    elif first.listing:
        assembly.add(BlockKind.CODE, listing_lines(group), page=first.page)
    elif level := headings.level(first):
        assembly.heading(join_lines([line.text for line in group], words), level, page=first.page)
    elif LEADERS.search(first.text) and not first.hidden:
        assembly.add(BlockKind.LIST, [_LEADER.sub(" … ", line.text) for line in group], page=first.page)
    elif MARKER.fullmatch(first.text.split(None, 1)[0]) and ITEM.match(first.text) and not first.hidden:
        assembly.add(BlockKind.LIST, _items(group, words), page=first.page)
    else:
        kind = BlockKind.CAPTION if CAPTION.match(first.text) and not first.hidden else BlockKind.PARAGRAPH
        text = join_lines([line.text for line in group], words)
        assembly.add(kind, [text], page=first.page, marks=marks)


def _groups(sheets: Sequence[PageLayout], running: set[int], headings: Headings) -> Iterator[Table | list[Line]]:
    """Yield tables, and lines that belong together: a heading, a paragraph, a list."""
    group: list[Line] = []
    for sheet in sheets:
        right = _right_edges(sheet)
        for item in sheet.items:
            if isinstance(item, Line) and id(item) in running:
                continue
            if isinstance(item, Line) and group and _together(group, item, headings, right):
                group.append(item)
                continue
            if group:
                yield group
            group = []
            if isinstance(item, Table):
                yield item
            else:
                group = [item]
    if group:
        yield group


def _edges(sheets: Sequence[PageLayout]) -> dict[tuple[int, int], tuple[float, float]]:
    """Return where most lines of each page's columns begin and end, which is roughly the left and right edge."""
    found: dict[tuple[int, int], list[Line]] = {}
    for sheet in sheets:
        for item in sheet.items:
            if isinstance(item, Line) and not item.form:
                found.setdefault((sheet.number, item.column), []).append(item)
    return {place: (min(line.x0 for line in lines), _right_edge(lines)) for place, lines in found.items()}


def _right_edge(lines: Sequence[Line]) -> float:
    return sorted(line.x1 for line in lines)[int(0.8 * (len(lines) - 1))]


def _right_edges(sheet: PageLayout) -> _Right:
    """Return where the lines of each column end."""
    widest: dict[int, float] = {}
    for item in sheet.items:
        if isinstance(item, Line) and not item.form:
            widest[item.column] = max(item.x1, widest.get(item.column, 0.0))
    return _Right({column: end for (_, column), (_, end) in _edges([sheet]).items()}, widest)


def _together(group: list[Line], line: Line, headings: Headings, right: _Right) -> bool:
    """Return whether a line continues the lines before it."""
    last = group[-1]
    if last.listing or line.listing:
        return last.listing == line.listing
    level, other = headings.level(last), headings.level(line)
    if level or other:
        return level == other and headings.same(group, line)
    if last.hidden != line.hidden or last.page != line.page or last.form != line.form:
        return False
    if line.form:
        return _close(last, line, _FORM)
    if line.hidden or line.column < 0:
        return line.column == last.column and _close(last, line, _LEADING)
    goes_on = _flows(last, line, right) if line.column != last.column else _follows(group, line, right)
    return goes_on and not _unlike(last, line)


def _follows(group: list[Line], line: Line, right: _Right) -> bool:
    """Return whether a line with the same column and look continues a list or a paragraph."""
    last, in_list = group[-1], bool(ITEM.match(group[0].text))
    if LEADERS.search(last.text) or LEADERS.search(line.text):  # a table of contents
        return bool(LEADERS.search(group[0].text) and LEADERS.search(line.text)) and _close(last, line, _APART)
    if in_list and ITEM.match(line.text):
        return _close(last, line, _APART)
    if not _close(last, line, _LEADING) or CAPTION.match(line.text):
        return False
    if ITEM.match(line.text):
        return False
    if in_list:
        return line.x0 > group[0].x0 + 0.3 * line.size or not (_ended(last, right) or _has_room(group, line, right))
    return not _begins(group, line, right)


def _close(last: Line, line: Line, leading: float) -> bool:
    size = max(last.size, line.size)
    return last.page == line.page and -0.5 * size <= line.base - last.base <= leading * size


def _unlike(last: Line, line: Line) -> bool:
    """Return whether two lines differ in size or weight like separate paragraphs."""
    return abs(last.size - line.size) > 0.12 * max(last.size, line.size) or (
        last.bold != line.bold and (not last.bold or last.text[-1:] in ".:!?")
    )


def _flows(last: Line, line: Line, right: _Right) -> bool:
    """Return whether a sentence continues in the next column."""
    return (
        not _unlike(last, line) and not _ended(last, right) and line.text[:1].islower() and last.text[-1:] not in ".:"
    )


def _ended(last: Line, right: _Right) -> bool:
    """Return whether a line ends before the right edge, or ends a sentence."""
    return last.x1 < right.usual.get(last.column, last.x1) - 3 * last.size or last.text[-1:] in ".!?:;"


def _has_room(group: list[Line], line: Line, right: _Right) -> bool:
    """Return whether the first word of a line would have fitted into the line before: it is no rest of that item."""
    last = group[-1]
    word = len(line.text.split(None, 1)[0]) / len(line.text) * (line.x1 - line.x0)
    widest = right.widest.get(last.column, last.x1)
    return last.x1 + word < widest - _ROOM * line.size


def _begins(group: list[Line], line: Line, right: _Right) -> bool:
    """Return whether a line begins a paragraph: it is indented, or follows a line that ends early."""
    last = group[-1]
    edge = right.usual.get(last.column, last.x1)
    if line.x0 > last.x0 + _INDENT * line.size and last.text[-1:] in '.!?:;)\u201d"' and line.x0 < edge / 2:
        return len(group) > 1 or line.x0 < last.x0 + 6 * line.size
    gap = line.base - last.base
    usual = [b.base - a.base for a, b in pairwise(group) if b.base > a.base]
    if usual and gap > 1.25 * min(usual) and gap > min(usual) + 0.25 * line.size:
        return _ended(last, right) or not line.text[:1].islower()  # a raised figure needs space
    return last.x1 < edge - 0.25 * (edge - last.x0) and last.text[-1:] in ".!?:" and not line.text[:1].islower()


def _items(group: list[Line], words: Vocabulary) -> list[str]:
    """Return one line per list item, indented by its level."""
    items: list[list[str]] = []
    firsts = [line for at, line in enumerate(group) if ITEM.match(line.text) or not at]
    starts = {id(line) for line in firsts}
    for line in group:
        if id(line) in starts:
            items.append([line.text])
        else:
            items[-1].append(line.text)
    return ["  " * level + join_lines(item, words) for level, item in zip(levels(firsts), items, strict=True)]
