"""Rows of pieces of text that are side by side, and columns of running text with a gutter between them."""

from collections.abc import Sequence

from ingest.documents.parsers.pdf.form_lines import ends_with_field
from ingest.documents.parsers.pdf.page import Piece
from ingest.documents.parsers.pdf.views import Box

_COLUMN_LINES = 4  # at least, on both sides of a gutter
_PROSE = 20  # characters: the median line of a text column has at least as many
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
