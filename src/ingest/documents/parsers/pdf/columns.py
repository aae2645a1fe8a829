"""Rows of pieces of text that are side by side, and columns of running text with a gutter between them."""

from collections.abc import Sequence

from ingest.documents.parsers.pdf.form_lines import ends_with_field
from ingest.documents.parsers.pdf.page import Piece
from ingest.documents.parsers.pdf.views import Box

_COLUMN_LINES = 4  # at least, on both sides of a gutter
_PROSE = 20  # characters: the median line of a text column has at least as many
_SHORT = 3  # lines of text in two columns, at least, where the page has no others
_SMALL = 0.5  # of their lines, at least, begin in small letters
_LEADING = 1.6  # font sizes between them, at most
_EDGE = 2.0  # points
_ALIKE = 0.75  # times the width of the widest of three columns or more: the others are no narrower
_NARROW = 0.6  # times the width of what has two columns: most of their lines are narrower
_SIDE = 0.25  # of the page's width: no gutter is closer to the edge


def rows_of_pieces(pieces: list[Piece]) -> list[list[Piece]]:
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


def columns_of(pieces: list[Piece], width: float, boxes: Sequence[Box]) -> list[list[Piece]]:
    """Return the pieces as columns in reading order; a piece across the gutter separates what is above and below."""
    gutter = _gutter(pieces, width)
    if gutter is None:
        return _short_columns(pieces)
    found: list[list[Piece]] = []
    for band in _bands(pieces, gutter, boxes):
        left = [piece for piece in band if piece.x1 <= gutter]
        right = [piece for piece in band if piece.x0 >= gutter]
        if len(left) + len(right) == len(band) and _is_text(left) and _is_text(right):
            inner = [*_inner_columns(left), *_inner_columns(right)]
            widths = [max(piece.x1 for piece in column) - min(piece.x0 for piece in column) for column in inner]
            found += inner if min(widths) >= _ALIKE * max(widths) else [left, right]
        elif found and len(band) <= 2 and len(left) + len(right) == len(band):
            found[-1 if right or len(found) < 2 else -2].extend(band)
        else:
            found.append(band)
    return found


def _inner_columns(side: list[Piece]) -> list[list[Piece]]:
    """Return one side of a gutter as the columns of running text of which it consists: a page may have three."""
    left = min(piece.x0 for piece in side)
    width = max(piece.x1 for piece in side) - left
    narrow = sum(piece.x1 - piece.x0 < _NARROW * width for piece in side)
    gutter = _gutter(side, width, left) if 2 * narrow > len(side) else None
    if gutter is None:
        return [side]
    parts = [piece for piece in side if piece.x1 <= gutter], [piece for piece in side if piece.x0 >= gutter]
    if sum(map(len, parts)) < len(side) or not all(map(_is_running, parts)):
        return [side]
    return [column for part in parts for column in _inner_columns(part)]


def _short_columns(pieces: list[Piece]) -> list[list[Piece]]:
    """Return the pieces with a few lines of text in two columns taken out of what is above and below."""
    rows, found, at = rows_of_pieces(pieces), list[list[Piece]](), 0
    kept: list[Piece] = []
    while at < len(rows):
        end = at + 1
        while end < len(rows) and _goes_on(rows[end - 1], rows[end]):
            end += 1
        tail = end
        while end - at >= _SHORT and tail < len(rows) and _ends_side(rows[tail - 1], rows[tail], rows[at]):
            tail += 1
        sides = _sides(rows[at:tail]) if end - at >= _SHORT else None
        alone = not (_is_near(rows, at - 1, at) or _is_near(rows, tail, tail - 1))
        if sides and alone and all(map(_is_running, sides)) and not _starts_together(rows[at:end]):
            found += [kept, *sides] if kept else sides
            kept, end = [], tail
        else:
            kept += [piece for row in rows[at:end] for piece in row]
        at = end
    return [*found, kept] if kept else found


def _goes_on(above: list[Piece], row: list[Piece]) -> bool:
    """Return whether two rows are lines of the same two columns."""
    if len(above) != 2 or len(row) != 2:
        return False
    size = row[0].size
    return row[0].base - above[0].base <= _LEADING * size and all(
        abs(a.x0 - b.x0) <= _EDGE and abs(a.size - b.size) <= 0.05 * size for a, b in zip(above, row, strict=True)
    )


def _ends_side(above: list[Piece], row: list[Piece], first: list[Piece]) -> bool:
    """Return whether a row is one more line of the longer one of two columns, whose first lines are given."""
    close = row[0].base - above[0].base <= _LEADING * row[0].size
    return close and len(row) == 1 and _in_column(row[0], first) and any(abs(row[0].x0 - a.x0) <= _EDGE for a in first)


def _sides(rows: Sequence[list[Piece]]) -> list[list[Piece]]:
    """Return the left and the right pieces of rows."""
    right = min(row[1].x0 for row in rows if len(row) > 1)
    pieces = [piece for row in rows for piece in row]
    return [[piece for piece in pieces if piece.x0 < right], [piece for piece in pieces if piece.x0 >= right]]


def _is_near(rows: Sequence[list[Piece]], other: int, at: int) -> bool:
    """Return whether a row above or below others is part of a larger table or of text in columns."""
    if not 0 <= other < len(rows):
        return False
    apart = abs(rows[other][0].base - rows[at][0].base)
    return apart <= 2 * _LEADING * rows[at][0].size and (len(rows[other]) > 1 or _in_column(rows[other][0], rows[at]))


def _in_column(piece: Piece, row: Sequence[Piece]) -> bool:
    return piece.x1 < row[-1].x0 or piece.x0 > row[0].x1


def _is_running(side: list[Piece]) -> bool:
    """Return whether lines are a sentence or several: most begin in small letters."""
    small = sum(piece.text[:1].islower() for piece in side[1:])
    return _is_text(side) and small >= _SMALL * (len(side) - 1)


def _starts_together(rows: Sequence[list[Piece]]) -> bool:
    """Return whether both columns begin something in one row, as those of a table do."""
    return any(not any(piece.text[:1].islower() for piece in row) for row in rows[1:])


def _bands(pieces: list[Piece], gutter: float, boxes: Sequence[Box]) -> list[list[Piece]]:
    """Split a page where rows start or stop crossing the gutter, and at tables that cross it."""
    tables = sorted(top for x0, top, x1, _ in boxes if x0 < gutter < x1)
    bands: list[list[Piece]] = []
    was_across: bool | None = None
    for row in rows_of_pieces(pieces):
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
    lengths = sorted(
        max(0 if ends_with_field(piece) else len(piece.text) for piece in row) for row in rows_of_pieces(side)
    )
    return lengths[len(lengths) // 2] >= _PROSE


def _gutter(pieces: list[Piece], width: float, left: float = 0.0) -> float | None:
    """Return the x coordinate of the blank strip between two columns of text, None without one.

    Args:
        pieces: What is in the columns.
        width: Of the page, or of the part of it in which they are.
        left: Where that begins.
    """
    slots = max(int(width), 1) + 1
    change = [0] * (slots + 2)
    for piece in pieces:
        change[min(max(int(piece.x0 - left), 0), slots)] += 1
        change[min(max(int(piece.x1 - left) + 1, 0), slots + 1)] -= 1
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
    best = left + _widest([x for x in inner if cover[x] <= least])
    sides = [piece for piece in pieces if piece.x1 <= best], [piece for piece in pieces if piece.x0 >= best]
    enough = min(map(len, sides)) >= _COLUMN_LINES
    return best if enough and all(map(_is_text, sides)) else None


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
