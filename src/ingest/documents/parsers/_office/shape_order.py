"""The order in which people read the shapes of a slide, where the stored order is plainly another one.

Shapes are stored from back to front, which is the order in which they were made and usually that of reading. It is
kept unless it contradicts the shapes' places: one is stored after another although it stands above it in the same
column, or to its left in the same row. Then the slide is cut recursively at gaps, as in "Recursive X-Y cut" (Nagy and
Seth, 1984): into bands from top to bottom, and these into columns that are read one after the other.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

_MOST = 300  # shapes of a slide; the order of more is not examined
_TOUCH = 0.1  # share of a shape that may reach over a gap
_BESIDE = 0.5  # share of the smaller height or width from which two shapes are in one row or column
_APART = 0.25  # share of the lowest row's height by which distances between rows of cards and inside them differ
_TABLE_ROWS = 3  # rows of as many shapes each, from which on they are read row by row


class Area(NamedTuple):
    """Where a shape is, in any unit; top and left are smaller."""

    left: int
    top: int
    right: int
    bottom: int


def shape_order(boxes: Sequence[Area | None], right_to_left: bool = False) -> list[int]:
    """Return the indices of shapes in reading order; one without a place stays behind the shape stored before it."""
    known = {index: box for index, box in enumerate(boxes) if box is not None}
    if right_to_left:
        known = {index: Area(-box.right, box.top, -box.left, box.bottom) for index, box in known.items()}
    if not 1 < len(known) <= _MOST or not _contradicted(list(known.values())):
        return list(range(len(boxes)))
    behind: dict[int, list[int]] = {}
    last = -1
    for index in range(len(boxes)):
        if index in known:
            last = index
        else:
            behind.setdefault(last, []).append(index)
    order = [-1, *_read(list(known), known)]
    return [each for index in order for each in ([index] if index >= 0 else []) + behind.get(index, [])]


def _contradicted(boxes: list[Area]) -> bool:
    """Return whether a shape is stored after one that it clearly stands above or to the left of."""
    return any(_precedes(later, earlier) for at, later in enumerate(boxes) for earlier in boxes[:at])


def _precedes(one: Area, other: Area) -> bool:
    wide = min(one.right, other.right) - max(one.left, other.left)
    high = min(one.bottom, other.bottom) - max(one.top, other.top)
    width = min(one.right - one.left, other.right - other.left)
    height = min(one.bottom - one.top, other.bottom - other.top)
    above = wide > _BESIDE * width and one.bottom <= other.top + _TOUCH * height
    before = high > _BESIDE * height and one.right <= other.left + _TOUCH * width
    return above or before


def _read(members: list[int], boxes: dict[int, Area]) -> list[int]:
    """Return shapes in the order of reading, whatever their stored order."""
    if len(members) < 2:
        return members
    found: list[int] = []
    bands = _cut(members, boxes, lambda box: (box.top, box.bottom))
    for group in _joined(bands, boxes):
        inside = [member for band in group for member in band]
        columns = _columns(inside, boxes)
        cards = _cards(group, boxes)
        if cards:
            found += [member for row in cards for member in _read(row, boxes)]
        elif len(group) >= _TABLE_ROWS and all(len(band) == len(columns) for band in group):
            columns = [sorted(band, key=lambda member: boxes[member].left) for band in group]
            found += [member for row in columns for member in row]
        elif len(columns) > 1:
            found += [member for column in columns for member in _read(column, boxes)]
        elif len(bands) > 1:
            found += [member for band in group for member in _read(band, boxes)]
        else:
            found += sorted(inside, key=lambda member: (boxes[member].top, boxes[member].left))
    return found


def _joined(bands: list[list[int]], boxes: dict[int, Area]) -> list[list[list[int]]]:
    """Return runs of bands that share their columns."""
    groups: list[list[list[int]]] = []
    inside: list[int] = []
    for band in bands:
        both = inside + band
        alone = max(len(_columns(members, boxes)) for members in (inside, band)) if inside else 1
        if alone > 1 and 1 < len(_columns(both, boxes)) <= alone:
            groups[-1].append(band)
            inside = both
        else:
            groups.append([band])
            inside = band
    return groups


def _cards(bands: list[list[int]], boxes: dict[int, Area]) -> list[list[int]]:
    """Return rows of cards, such as figures with a label below each; [] if bands are about as far from each other."""
    if len(bands) < _TABLE_ROWS or any(len(band) != len(bands[0]) for band in bands):
        return []
    tops = [min(boxes[member].top for member in band) for band in bands]
    bottoms = [max(boxes[member].bottom for member in band) for band in bands]
    gaps = [top - bottom for top, bottom in zip(tops[1:], bottoms, strict=False)]
    near, far = min(gaps), max(gaps)
    if far - near <= _APART * min(bottom - top for top, bottom in zip(tops, bottoms, strict=True)):
        return []
    rows = [[bands[0]]]
    for gap, band in zip(gaps, bands[1:], strict=True):
        if 2 * gap > near + far:
            rows.append([])
        rows[-1].append(band)
    if len(rows[0]) < 2 or any(len(row) != len(rows[0]) for row in rows):
        return []
    return [[member for band in row for member in band] for row in rows]


def _columns(members: list[int], boxes: dict[int, Area]) -> list[list[int]]:
    return _cut(members, boxes, lambda box: (box.left, box.right))


def _cut(members: list[int], boxes: dict[int, Area], side: Callable[[Area], tuple[int, int]]) -> list[list[int]]:
    """Return the parts between gaps along one axis."""
    parts: list[list[int]] = []
    end = 0
    for member in sorted(members, key=lambda member: (side(boxes[member]), member)):
        low, high = side(boxes[member])
        if parts and low < end - _TOUCH * (high - low):
            parts[-1].append(member)
            end = max(end, high)
        else:
            parts.append([member])
            end = high
    return parts
