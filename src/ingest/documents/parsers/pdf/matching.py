"""Whether two tables have their columns at the same places, so that one may go on where the other ended."""

from collections.abc import Sequence
from typing import NamedTuple

Span = tuple[float, float]  # from left to right

_TOLERANCE = 3.0  # points between edges of columns that count as equal
_ALIGNED = 0.6  # of the columns of texts, at least, share an edge or their middle


class TableAbove(NamedTuple):
    """The last table of the page before."""

    turn: int  # quarter turns from most of its page's text
    columns: Sequence[Span]
    edges: Sequence[float]  # of its cells with the right end, of a ruled table; else none


def same_edges(above: Sequence[float], below: Sequence[float], subset: bool = False) -> bool:
    """Return whether edges of cells, with the right end, are at the same places, moved together at most.

    Args:
        above: From left to right, or the other way round.
        below: The same.
        subset: Whether one may lack some of the inner edges.
    """
    if len(above) < 2 or len(below) < 2 or (len(above) != len(below) and not subset):
        return False
    above, below = sorted(above), sorted(below)
    few, many = sorted(([x - above[0] for x in above], [x - below[0] for x in below]), key=len)
    if abs(few[-1] - many[-1]) > _TOLERANCE:
        return False
    return all(any(abs(x - other) <= _TOLERANCE for other in many) for x in few)


def aligned_places(above: Sequence[Span], below: Sequence[Span]) -> list[int] | None:
    """Return the column above for each column of texts; None if they are not below each other."""
    found, aligned = list[int](), 0
    for x0, x1 in below:
        over = [at for at, (left, right) in enumerate(above) if x0 < right and x1 > left]
        if len(over) != 1 or over[0] in found:
            return None
        left, right = above[over[0]]
        aligned += min(abs(x0 - left), abs(x1 - right), abs(x0 + x1 - left - right) / 2) <= _TOLERANCE
        found.append(over[0])
    in_order = found in (sorted(found), sorted(found, reverse=True))
    return found if len(found) > 1 and in_order and aligned >= _ALIGNED * len(found) else None


def column_from(columns: Sequence[Span], x0: float) -> int | None:
    """Return the column that begins at a place."""
    return next((at for at, (start, _) in enumerate(columns) if abs(start - x0) <= _TOLERANCE), None)
