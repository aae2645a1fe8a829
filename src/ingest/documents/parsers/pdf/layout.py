"""Turns the words of a PDF page into lines and tables in reading order.

words ──runs──▶ pieces ──ruled tables taken out──▶ columns ──▶ rows ──aligned tables taken out──▶ lines
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise

from ingest.documents.parsers.pdf.aligned import aligned_table, joined_tables
from ingest.documents.parsers.pdf.filling import filled
from ingest.documents.parsers.pdf.form_lines import form_lines, is_form
from ingest.documents.parsers.pdf.grid import Table, turn_round
from ingest.documents.parsers.pdf.page import Page, Piece, Word
from ingest.documents.parsers.pdf.ruled import ruled_tables

_GAP = 1.0  # of the font size: a wider gap separates two pieces of a row
_WIDE = 6.0  # points, the least gap
_COLUMN_LINES = 4  # at least, on both sides of a gutter
_PROSE = 20  # characters: the median line of a text column has at least as many
_SIDE = 0.25  # of the page's width: no gutter is closer to the edge


Box = tuple[float, float, float, float]  # x0, x1, top, bottom


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


@dataclass(slots=True)
class PageLayout:
    """The content of a page, in reading order."""

    number: int
    items: list[Line | Table] = field(default_factory=list)
    looks: Counter[tuple[float, bool]] = field(default_factory=Counter)  # number of characters per size and weight
    height: float = 0.0  # in points


def lay_out(page: Page) -> PageLayout:
    """Return lines and tables in reading order; hidden and sideways text comes last, in content order."""
    words = filled(page, _pieces) if page.noted.shown else page.words
    upright = [word for word in words if word.turn == 0 and not word.hidden]
    pieces = _pieces(upright)
    tables, left = ruled_tables(page, upright)
    if tables:
        taken = {id(word) for table in tables for word in table.words}
        pieces = _pieces([word for word in left if id(word) not in taken])
    boxes = [(table.x0, table.x1, table.top, table.bottom) for table in tables]
    sheet = PageLayout(page.number, height=page.height)
    for word in upright:
        sheet.looks[round(word.size * 2) / 2, word.bold] += len(word.text)
    waiting = sorted(tables, key=lambda table: (table.top, table.x0))
    for column, members in enumerate(_columns(pieces, page.width, boxes)):
        for item in _items(members, page, column):
            while waiting and _before(waiting[0], item, page.width):
                sheet.items.append(waiting.pop(0))
            sheet.items.append(item)
    sheet.items += waiting
    for item in sheet.items if page.glyphs and not page.mirrored else ():
        if isinstance(item, Table):
            turn_round(item)
    apart = [word for word in words if word.turn or word.hidden]
    sheet.items += [_line([piece], page, -1) for piece in _in_order(apart)]
    return sheet


def _before(table: Table, item: Line | Table, width: float) -> bool:
    """Return whether a ruled table is above an item of its column."""
    top = item.base if isinstance(item, Line) else item.top
    return table.top < top and (table.x0 < item.x1 or table.x1 > 0.9 * width) and table.x1 > item.x0


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
    rows = _rows(cut)
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


def _rows(pieces: list[Piece]) -> list[list[Piece]]:
    """Group pieces that are side by side; pieces go from left to right, rows from top to bottom."""
    rows: list[list[Piece]] = []
    for piece in sorted(pieces, key=lambda piece: (piece.base, piece.x0)):
        if rows:
            last = max(rows[-1], key=lambda other: other.size)
            near = 0.5 * min(max(last.size, piece.size), 1.6 * min(last.size, piece.size))
            if abs(piece.base - last.base) <= near:
                rows[-1].append(piece)
                continue
        rows.append([piece])
    return [sorted(row, key=lambda piece: piece.x0) for row in rows]


def _columns(pieces: list[Piece], width: float, boxes: Sequence[Box]) -> list[list[Piece]]:
    """Return the pieces as columns in reading order; a piece across the gutter separates what is above and below."""
    gutter = _gutter(pieces, width)
    if gutter is None:
        return [pieces] if pieces else []
    found: list[list[Piece]] = []
    for band in _bands(pieces, gutter, boxes):
        left = [piece for piece in band if piece.x1 <= gutter]
        right = [piece for piece in band if piece.x0 >= gutter]
        if len(left) + len(right) == len(band) and _is_text(left) and _is_text(right):
            found += [left, right]
        elif found and len(band) <= 2 and len(left) + len(right) == len(band):
            found[-1 if right or len(found) < 2 else -2].extend(band)
        else:
            found.append(band)
    return found


def _bands(pieces: list[Piece], gutter: float, boxes: Sequence[Box]) -> list[list[Piece]]:
    """Split a page where rows start or stop crossing the gutter, and at tables that cross it."""
    tables = sorted(top for x0, x1, top, _ in boxes if x0 < gutter < x1)
    bands: list[list[Piece]] = []
    was_across: bool | None = None
    for row in _rows(pieces):
        across = any(piece.x0 < gutter < piece.x1 for piece in row)
        passed = bool(tables) and tables[0] < row[0].base
        while tables and tables[0] < row[0].base:
            tables.pop(0)
        if across != was_across or passed:
            bands.append([])
        bands[-1] += row
        was_across = across
    return bands


def _is_text(side: list[Piece]) -> bool:
    """Return whether one side of a gutter is running text, not cells or labels."""
    if len(side) < 2:
        return False
    lengths = sorted(max(0 if piece.is_field else len(piece.text) for piece in row) for row in _rows(side))
    return lengths[len(lengths) // 2] >= _PROSE


def _gutter(pieces: list[Piece], width: float) -> float | None:
    """Return the x coordinate of the blank strip between two columns of text, None without one."""
    slots = max(int(width), 1) + 1
    change = [0] * (slots + 2)
    for piece in pieces:
        change[min(max(int(piece.x0), 0), slots)] += 1
        change[min(max(int(piece.x1) + 1, 0), slots + 1)] -= 1
    cover, now = [], 0
    for step in change[:slots]:
        now += step
        cover.append(now)
    inner = range(int(_SIDE * width), int((1 - _SIDE) * width) + 1)
    if not pieces or not inner or max(cover) < 2 * _COLUMN_LINES - 1:
        return None
    least = min(cover[x] for x in inner)
    if least > 0.35 * max(cover):
        return None
    best = _widest([x for x in inner if cover[x] <= least])
    left = [piece for piece in pieces if piece.x1 <= best]
    right = [piece for piece in pieces if piece.x0 >= best]
    enough = min(len(left), len(right)) >= _COLUMN_LINES
    return best if enough and _is_text(left) and _is_text(right) else None


def _widest(places: list[int]) -> float:
    """Return the middle of the longest stretch of neighbouring places."""
    best = start = 0
    length = 0
    for at in range(len(places)):
        if at and places[at] != places[at - 1] + 1:
            start = at
        if at - start + 1 > length:
            best, length = start, at - start + 1
    return places[best] + (length - 1) / 2 + 0.5


def _items(pieces: list[Piece], page: Page, column: int) -> list[Line | Table]:
    """Return the lines of one column, and the tables whose cells are aligned."""
    found: list[Line | Table] = []
    for in_form, group in groupby(_rows(pieces), lambda row: any(piece.words[0].part for piece in row)):
        if in_form:
            found += [_line(part, page, column) for row in group for part in form_lines(row)]
        else:
            found += _tables_and_lines(list(group), page, column)
    return found


def _tables_and_lines(rows: list[list[Piece]], page: Page, column: int) -> list[Line | Table]:
    found: list[Line | Table] = []
    at = 0
    while at < len(rows):
        end, table = aligned_table(rows, at, page.number)
        if table is not None:
            last = found[-1] if found else None
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
    )


def _join(words: list[Word]) -> str:
    """Return the text of words, without a space where two runs touch, as in a word with two looks."""
    parts = [words[0].text]
    for before, word in pairwise(words):
        touching = before.run != word.run and -0.3 * word.size < _gap(before, word) < 0.08 * word.size
        parts.append(word.text if touching else f" {word.text}")
    return "".join(parts)
