"""Sentences, list items and words that go on over a page or column, past what stands between: notes, figures, tables.

A group of lines goes on in a later one if its last line is as wide as its column and ends no sentence, and if the later
group begins in small letters, or nothing but notes lies between both. What lies between comes after the whole.
"""

from collections.abc import Iterator, Mapping, Sequence

from ingest.documents.parsers.pdf.grid import Table
from ingest.documents.parsers.pdf.headings import Headings
from ingest.documents.parsers.pdf.hyphens import HYPHENS
from ingest.documents.parsers.pdf.layout import Line
from ingest.documents.parsers.pdf.text import CAPTION, ITEM, LEADERS

_PASSED = 12  # groups between the parts of a sentence, at most
_PAGES = 2  # that it may go on over at once, the second one behind a page of figures
_RAGGED = 0.25  # of the column's width: a line that ends so early may still go on in small letters
_LONG = 0.5  # of the column's width, at least, of a line that goes on
_NARROW = 40  # characters of a line that goes on in a capital letter, at least
_NOTE = 0.92  # of the text's size: notes and the words in figures are smaller
_EDGE = 0.1  # of the page's height
_ENDS = ".!?:;。！？：；…"
_CLOSING = ")]}\"'”’»›」』）"

Stretch = Table | list[Line]
Edges = Mapping[tuple[int, int], tuple[float, float]]  # page, column → where its lines begin and end


def flowed(groups: Sequence[Stretch], headings: Headings, edges: Edges) -> Iterator[Stretch]:
    """Yield groups in order, each with the lines by which it goes on."""
    gone: set[int] = set()
    for at, group in enumerate(groups):
        if at in gone:
            continue
        if isinstance(group, Table) or group[0].listing or headings.level(group[0]):
            yield group
            continue
        whole, here = list(group), at
        while found := _continuation(groups, (here, gone), whole[-1], headings, edges):
            here, more = found
            whole += more
            gone.add(here)
        _take_items(groups, (here, gone), whole)
        yield whole


def _continuation(
    groups: Sequence[Stretch], place: tuple[int, set[int]], last: Line, headings: Headings, edges: Edges
) -> tuple[int, list[Line]] | None:
    """Return the group in which a line goes on, with its number; None if it ends there."""
    here, gone = place
    if not _is_open(last, edges):
        return None
    only_notes = True
    for at in range(here + 1, min(here + 1 + _PASSED, len(groups))):
        group = groups[at]
        if at in gone:
            continue
        if isinstance(group, Table) or group[0].listing:
            only_notes = False
            continue
        line = group[0]
        if headings.level(line) or line.page - last.page > _PAGES:
            return None
        if not line.hidden and line.column >= 0 and _alike(last, line):
            if _moves(last, line) and _goes_on(last, line, edges, only_notes and line.page == last.page + 1):
                return at, group
            if not _passable(group, last):
                return None
        only_notes = only_notes and (line.size <= _NOTE * last.size or line.hidden or line.column < 0)
    return None


def _is_open(last: Line, edges: Edges) -> bool:
    """Return whether a line ends no sentence and is about as wide as its column."""
    if last.hidden or last.form or last.column < 0 or LEADERS.search(last.text) or CAPTION.match(last.text):
        return False
    if not (last.text.rstrip(_CLOSING)[-1:] or ".") not in _ENDS:
        return False
    words = last.text.split()
    if 2 * sum(any(map(str.isalpha, word)) for word in words) < len(words):
        return False  # a row of figures
    start, end = edges.get((last.page, last.column), (last.x0, last.x1))
    if last.text[-1:] in HYPHENS and last.text[-2:-1].isalpha():
        return True
    return last.x1 >= end - max(_RAGGED * (end - start), 3 * last.size) and last.x1 - last.x0 >= _LONG * (end - start)


def _goes_on(last: Line, line: Line, edges: Edges, anyhow: bool) -> bool:
    """Return whether a sentence goes on in a line: in small letters, or `anyhow` if its column is filled."""
    if line.form or ITEM.match(line.text) or CAPTION.match(line.text) or LEADERS.search(line.text):
        return False
    if line.text[:1].islower():
        return True
    _, end = edges.get((last.page, last.column), (last.x0, last.x1))
    start, _ = edges.get((line.page, line.column), (line.x0, line.x1))
    filled = last.x1 >= end - 3 * last.size and line.x0 <= start + line.size
    wide = min(_width(last.text), _width(line.text)) >= _NARROW
    return anyhow and filled and wide and last.pieces == line.pieces == 1


def _alike(last: Line, line: Line) -> bool:
    """Return whether two lines have the look of one paragraph."""
    return abs(last.size - line.size) <= 0.06 * max(last.size, line.size) and last.bold == line.bold


def _moves(last: Line, line: Line) -> bool:
    """Return whether a line begins elsewhere, not right below, where a paragraph was ended on purpose."""
    return line.page != last.page or line.column != last.column or line.base - last.base > 4 * last.size


def _passable(group: list[Line], last: Line) -> bool:
    """Return whether a group may stand inside a sentence: a caption, a line at the page's edge."""
    line = group[0]
    at_edge = not _EDGE * line.height < line.base < (1 - _EDGE) * line.height
    return bool(CAPTION.match(line.text)) or (len(group) == 1 and at_edge and line.page != last.page)


def _take_items(groups: Sequence[Stretch], place: tuple[int, set[int]], group: list[Line]) -> None:
    """Append the next page's list to a list if it goes on with the same marker, right below the page's edge."""
    at, gone = place
    if at + 1 >= len(groups) or at + 1 in gone or not ITEM.match(group[0].text):
        return
    more, last = groups[at + 1], group[-1]
    if isinstance(more, Table) or more[0].listing or not ITEM.match(more[0].text) or LEADERS.search(last.text):
        return
    markers = {line.text.split(None, 1)[0] for line in group if ITEM.match(line.text)}
    marker = more[0].text.split(None, 1)[0]
    over = group[0].page < more[0].page <= last.page + 1
    if over and _alike(last, more[0]) and (marker in markers or _counts_on(markers, marker)):
        group += more
        gone.add(at + 1)


def _counts_on(markers: set[str], marker: str) -> bool:
    """Return whether a number follows those of a list: "4." after "3."."""
    digits = "".join(filter(str.isdecimal, marker))
    return bool(digits) and marker.replace(digits, str(int(digits) - 1), 1) in markers


def _width(text: str) -> int:
    return sum(2 if letter >= "\u2e80" else 1 for letter in text)
