"""Turns the words of a PDF page into lines and tables in reading order.

words ──runs──▶ pieces ──ruled tables taken out──▶ columns ──▶ rows ──aligned tables taken out──▶ lines
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, pairwise

from ingest.documents.parsers.pdf.aligned import aligned_table, joined_tables
from ingest.documents.parsers.pdf.annotations import Remark
from ingest.documents.parsers.pdf.columns import columns_of, rows_of_pieces
from ingest.documents.parsers.pdf.counted import with_dots
from ingest.documents.parsers.pdf.filling import filled, remarks_of
from ingest.documents.parsers.pdf.form_lines import form_columns, form_rows, is_form
from ingest.documents.parsers.pdf.grid import Table, turn_round
from ingest.documents.parsers.pdf.gutters import with_narrow_gutters
from ingest.documents.parsers.pdf.matching import TableAbove
from ingest.documents.parsers.pdf.narrow_headers import with_header_above
from ingest.documents.parsers.pdf.page import Page, Piece, Word
from ingest.documents.parsers.pdf.ruled import ruled_tables
from ingest.documents.parsers.pdf.typed import TypedText, typed_text
from ingest.documents.parsers.pdf.views import Box, is_content, views

_GAP = 1.0  # of the font size: a wider gap separates two pieces of a row
_WIDE = 6.0  # points, the least gap
_FIXED = 0.6  # of a page's letters in fonts of one width, at least, if all of it may be typewritten
_LAST = 12  # items of a page, among which is the table that may go on
_TURNED = 10_000  # the first column of text with a quarter turn: more than a page has


@dataclass(slots=True)
class Line:
    """A line of text."""

    text: str
    page: int
    x0: float
    x1: float
    base: float
    size: float
    bold: bool
    hidden: bool
    role: str = ""  # its role in a tagged document
    column: int = 0  # lines of one column follow each other
    height: float = 0.0  # of the page
    pieces: int = 1  # with wide gaps between them
    form: bool = False  # it holds fields of a form
    typed: TypedText | None = None  # if all its letters are equally wide
    listing: int = 0  # the number of the code to which it belongs


@dataclass(slots=True)
class PageLayout:
    """The content of a page, in reading order."""

    number: int
    items: list[Line | Table] = field(default_factory=list)
    looks: Counter[tuple[float, bool]] = field(default_factory=Counter)  # number of characters per size and weight
    height: float = 0.0  # in points
    remarks: list[Remark] = field(default_factory=list)  # comments about the page
    fixed: int = 0  # characters in fonts of one width
    verbatim: list[Line | Table] | None = None  # the items if lines of one width make no tables, where that differs


def lay_out(page: Page, before: PageLayout | None = None) -> PageLayout:
    """Return lines and tables in reading order; hidden text and notes that stand sideways come last.

    Args:
        page: Its words and lines.
        before: The page before, whose last table may go on.
    """
    last = [item for item in before.items[-_LAST:] if isinstance(item, Table)] if before else []
    page.above = TableAbove(last[-1].turn, last[-1].columns, last[-1].ends) if last else None
    fixed = sum(len(word.text) for word in page.words if word.face.fixed and not word.hidden)
    page.verbatim = fixed <= _FIXED * sum(len(word.text) for word in page.words if not word.hidden)
    sheet = _laid_out(page)
    sheet.fixed = fixed
    if not (page.verbatim or page.noted.shown) and any(isinstance(item, Table) for item in sheet.items):
        sheet.verbatim = _laid_out(replace(page, verbatim=True)).items
    return sheet


def _laid_out(page: Page) -> PageLayout:
    sheet = PageLayout(page.number, height=page.height, remarks=remarks_of(page))
    words = filled(page, _pieces) if page.noted.shown else page.words
    letters = sum(len(word.text) for word in words if not word.hidden)
    notes = list[Word]()
    for view in views(replace(page, words=words)):
        if page.above and page.above.turn != view.turn:
            view.page.above = None
        items = _upright(view.page, _TURNED * view.turn)
        tables = [item for item in items if isinstance(item, Table)]
        if sheet.items and not is_content(view, [(table.ruled, len(table.columns)) for table in tables], letters):
            notes += view.page.words
            continue
        for table in tables:
            table.turn = view.turn
        for word in view.page.words:
            sheet.looks[round(word.size * 2) / 2, word.bold] += len(word.text)
        at = _place(view.box, sheet.items)
        sheet.items[at:at] = items
    notes += [word for word in words if word.hidden]
    sheet.items += [_line([piece], page, -1) for piece in _in_order(notes)]
    return sheet


def _upright(page: Page, first: int) -> list[Line | Table]:
    """Return the lines and tables of a page whose words are upright; columns are counted from `first`."""
    pieces = _pieces(page.words)
    tables, left = ruled_tables(page, page.words)
    if tables:
        taken = {id(word) for table in tables for word in table.words}
        pieces = _pieces([word for word in left if id(word) not in taken])
    boxes = [_box(table) for table in tables]
    found: list[Line | Table] = []
    waiting = sorted(tables, key=lambda table: (table.top, table.x0))
    columns = columns_of(pieces, page.width, boxes)
    for column, members in enumerate(columns, start=first):
        sides = min(piece.x0 for piece in members), max(piece.x1 for piece in members)
        if len(columns) == 1:  # a short line below a table in the middle of the page does not stand beside it
            sides = 0.0, page.width
        for item in _items(members, page, column):
            while waiting and _before(_box(waiting[0]), item, sides, page.width):
                found.append(waiting.pop(0))
            found.append(item)
    found += waiting
    for item in found if page.glyphs and not page.mirrored else ():
        if isinstance(item, Table):
            turn_round(item)
    return found


def _place(box: Box, items: Sequence[Line | Table]) -> int:
    """Return where what stands in a box belongs among items in reading order: before the first below it in a column."""
    columns: dict[int, tuple[float, float]] = {}
    for item in items:
        column = item.column if isinstance(item, Line) else -1
        x0, x1 = columns.get(column, (item.x0, item.x1))
        columns[column] = min(x0, item.x0), max(x1, item.x1)
    for at, item in enumerate(items):
        x0, x1 = columns[item.column] if isinstance(item, Line) else (item.x0, item.x1)
        if box[1] < (item.base if isinstance(item, Line) else item.top) and box[0] < x1 and box[2] > x0:
            return at
    return len(items)


def _box(table: Table) -> Box:
    return table.x0, table.top, table.x1, table.bottom


def _before(box: Box, item: Line | Table, sides: tuple[float, float], width: float) -> bool:
    """Return whether a table's box is above an item of its column, which has these sides."""
    x0, top, x1, bottom = box
    below = item.base if isinstance(item, Line) else item.top
    left, right = sides if bottom < below - 0.8 * (item.size if isinstance(item, Line) else 0.0) else (item.x0, item.x1)
    return top < below and (x0 < right or x1 > 0.9 * width) and x1 > left


def _pieces(words: list[Word]) -> list[Piece]:
    """Return runs of words, split at wide gaps and merged across narrow ones, from top to bottom."""
    cut: list[Piece] = []
    for piece in _in_order(words):
        ordered = sorted(piece.words, key=lambda word: word.x0)
        start = 0
        for at in range(1, len(ordered) + 1):
            if at == len(ordered) or _gap(ordered[at - 1], ordered[at]) > max(_GAP * piece.size, _WIDE):
                cut.append(_piece(ordered[start:at]))
                start = at
    rows = rows_of_pieces(cut)
    return [merged for row in rows for merged in _merged(row)]


def _in_order(words: Iterable[Word]) -> list[Piece]:
    """Return one piece per run, in content order."""
    runs: dict[tuple[int, bool], list[Word]] = {}
    for word in words:
        runs.setdefault((word.run, word.hidden), []).append(word)
    return [_piece(run) for run in runs.values()]


def _piece(words: list[Word]) -> Piece:
    widest = max(words, key=lambda word: len(word.text))
    return Piece(words, min(w.x0 for w in words), max(w.x1 for w in words), widest.base, widest.size)


def _gap(left: Word, right: Word) -> float:
    return max(right.x0 - left.x1, left.x0 - right.x1)


def _merged(row: list[Piece]) -> list[Piece]:
    """Join pieces of one row that touch: a word in bold, a superscript."""
    done = [row[0]]
    for piece in row[1:]:
        last = done[-1]
        if not piece.words[0].part and piece.x0 - last.x1 <= max(0.6 * max(last.size, piece.size), 3.0):
            done[-1] = _piece(last.words + piece.words)
        else:
            done.append(piece)
    return done


def _items(pieces: list[Piece], page: Page, column: int) -> list[Line | Table]:
    """Return the lines of one column, and the tables whose cells are aligned."""
    found, above = list[Line | Table](), list[Piece]()
    for in_form, rows in form_rows(with_dots(rows_of_pieces(pieces))):
        if in_form:
            lines = list(form_columns(above, rows))
            if any(is_head for _, is_head in lines):
                found.pop()
            found += [_line(part, page, column) for part, _ in lines]
            continue
        for typed, part in groupby(rows, lambda row: page.verbatim and _is_typed(row)):
            if typed:
                found += [_line(row, page, column) for row in part]
            else:
                found += _tables_and_lines(with_narrow_gutters(list(part)), page, column)
        above = rows[-1] if isinstance(found[-1], Line) else []
    return found


def _is_typed(row: list[Piece]) -> bool:
    """Return whether all letters of a row are equally wide."""
    return typed_text([word for piece in row for word in piece.words]) is not None


def _tables_and_lines(rows: list[list[Piece]], page: Page, column: int) -> list[Line | Table]:
    found: list[Line | Table] = []
    at = 0
    while at < len(rows):
        end, table = aligned_table(rows, at, page)
        if table is not None:
            last = found[-1] if found else None
            if isinstance(last, Line) and (named := with_header_above(rows[at - 1], table)):
                found[-1] = named
                at = end
                continue
            whole = joined_tables(last, table) if isinstance(last, Table) else None
            found[-1 if whole else len(found) :] = [whole or table]
            at = end
            continue
        found.append(_line(rows[at], page, column))
        at += 1
    return found


def _line(row: list[Piece], page: Page, column: int) -> Line:
    """Return a row as a line; it is hidden if most of its characters are."""
    words = [word for piece in row for word in piece.words]
    count = sum(len(word.text) for word in words)
    bold = sum(len(word.text) for word in words if word.bold) > 0.8 * count
    hidden = sum(len(word.text) for word in words if word.hidden) > 0.5 * count
    roles = [page.tags[word.tag] for word in words if word.tag in page.tags]
    widest = max(row, key=lambda piece: len(piece.text))
    return Line(
        _join(words),
        page.number,
        min(p.x0 for p in row),
        max(p.x1 for p in row),
        widest.base,
        widest.size,
        bold,
        hidden,
        roles[0] if roles and len(roles) == len(words) else "",
        column,
        page.height,
        len(row),
        is_form(words),
        typed_text(words),
    )


def _join(words: list[Word]) -> str:
    """Return the text of words, without a space where two runs touch, as in a word with two looks."""
    parts = [words[0].text]
    for before, word in pairwise(words):
        touching = before.run != word.run and -0.3 * word.size < _gap(before, word) < 0.08 * word.size
        parts.append(word.text if touching else f" {word.text}")
    return "".join(parts)
