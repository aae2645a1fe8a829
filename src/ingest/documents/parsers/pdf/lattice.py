"""From ruling lines to the cells of tables: lines ──snap, join──▶ long lines ──▶ crossings ──▶ cells ──▶ tables.

A line has one fixed coordinate and extends along the other: `at` is the y of a horizontal and the x of a vertical line.
Points within the tolerance count as equal. A cell is the smallest rectangle to the lower right of a crossing whose four
corners are crossings and whose sides are entirely on lines. Cells that share a corner form one table.

Source: Nurminen 2013, "Algorithmic extraction of data in tables in PDF documents", section 3.3.2.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

Box = tuple[float, float, float, float]  # x0, top, x1, bottom
Corner = tuple[float, float]  # x, y
TOLERANCE = 3.0  # points


class RulingLine(NamedTuple):
    """A ruling line, horizontal or vertical, without thickness."""

    at: float
    start: float
    end: float


class _Crossing(NamedTuple):
    """The lines that meet at a point, as indices."""

    down: set[int]
    across: set[int]


def joined_lines(lines: Iterable[RulingLine]) -> list[RulingLine]:
    """Return parallel lines, snapped together where they are close, and joined where they touch end to end.

    All lines in a chain of close neighbours move to their mean.
    """
    found: list[RulingLine] = []
    for group in _close(sorted(lines)):
        at = sum(line.at for line in group) / len(group)
        for line in sorted(group, key=lambda line: line.start):
            if found and found[-1].at == at and line.start <= found[-1].end + TOLERANCE:
                found[-1] = RulingLine(at, found[-1].start, max(found[-1].end, line.end))
            else:
                found.append(RulingLine(at, line.start, line.end))
    return found


def tables(across: Sequence[RulingLine], down: Sequence[RulingLine]) -> list[list[Box]]:
    """Return the cells of each table of two cells or more, from top to bottom.

    Args:
        across: Horizontal lines, joined.
        down: Vertical lines, joined.
    """
    boxes = list(_cells(_crossings(across, down)))
    touching: dict[Corner, list[Box]] = defaultdict(list)
    for box in boxes:
        for corner in _corners(box):
            touching[corner].append(box)
    groups, grouped = list[list[Box]](), set[Box]()
    for first in boxes:
        group, ahead = list[Box](), [first]
        while ahead:
            box = ahead.pop()
            if box not in grouped:
                grouped.add(box)
                group.append(box)
                for corner in _corners(box):
                    ahead += touching.pop(corner, ())
        groups += [sorted(group)] if len(group) > 1 else []
    return sorted(groups, key=lambda group: min((top, x0) for x0, top, _, _ in group))


def _corners(box: Box) -> tuple[Corner, Corner, Corner, Corner]:
    x0, top, x1, bottom = box
    return (x0, top), (x0, bottom), (x1, top), (x1, bottom)


def _close(lines: Sequence[RulingLine]) -> Iterator[Sequence[RulingLine]]:
    """Yield runs of sorted lines, each within the tolerance of the previous one."""
    cuts = [i + 1 for i, (one, two) in enumerate(pairwise(lines)) if two.at > one.at + TOLERANCE]
    for start, end in pairwise([0, *cuts, len(lines)]):
        if start < end:
            yield lines[start:end]


def _crossings(across: Sequence[RulingLine], down: Sequence[RulingLine]) -> dict[Corner, _Crossing]:
    found: dict[Corner, _Crossing] = {}
    for i, upright in enumerate(down):
        for j, flat in enumerate(across):
            if (
                upright.start - TOLERANCE <= flat.at <= upright.end + TOLERANCE
                and flat.start - TOLERANCE <= upright.at <= flat.end + TOLERANCE
            ):
                crossing = found.setdefault((upright.at, flat.at), _Crossing(set(), set()))
                crossing.down.add(i)
                crossing.across.add(j)
    return found


def _cells(crossings: dict[Corner, _Crossing]) -> Iterator[Box]:
    """Yield the smallest cell to the lower right of each crossing, if there is one, by column and row."""
    columns: dict[float, list[float]] = defaultdict(list)
    rows: dict[float, list[float]] = defaultdict(list)
    for x, y in sorted(crossings):
        columns[x].append(y)
        rows[y].append(x)
    for (x, y), corner in sorted(crossings.items()):
        beside = rows[y][bisect_right(rows[y], x) :]
        below = columns[x][bisect_right(columns[x], y) :] if beside else []
        linked = (bottom for bottom in below if corner.down & crossings[x, bottom].down)
        sizes = ((right, bottom) for bottom in linked for right in beside)
        found = next((end for end in sizes if _closes(crossings, (x, y), end)), None)
        if found is not None:
            yield x, y, *found


def _closes(crossings: dict[Corner, _Crossing], start: Corner, end: Corner) -> bool:
    """Return whether lines run along the upper, right and lower sides of a rectangle."""
    lower_right = crossings.get(end)
    if lower_right is None:
        return False
    upper_left, upper_right, lower_left = crossings[start], crossings[end[0], start[1]], crossings[start[0], end[1]]
    return bool(
        upper_left.across & upper_right.across
        and lower_right.down & upper_right.down
        and lower_right.across & lower_left.across
    )
