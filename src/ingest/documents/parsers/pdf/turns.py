"""Coordinates of text that is turned by quarter turns, in a frame where it is upright."""

import math
from collections import Counter
from collections.abc import Iterable

Box = tuple[float, float, float, float]


def quarter_turns(a: float, b: float) -> int:
    """Return by how many quarters text with such a matrix is turned; 0 if its numbers are none."""
    angle = math.atan2(b, a) / (math.pi / 2)
    return 0 if math.isnan(angle) else round(angle) % 4


def turned(box: Box, x: float, y: float, turn: int) -> tuple[float, float, float]:
    """Return where a character begins and ends along its line, and its baseline; values grow in reading direction.

    Args:
        box: Left, top, right, bottom.
        x: Its origin.
        y: The same.
        turn: Quarter turns.
    """
    left, top, right, bottom = box
    if turn == 0:
        return left, left if left > right else right, -y
    if turn == 1:
        return bottom, top, x
    if turn == 2:
        return -right, -left, y
    return -top, -bottom, -x


def turned_box(box: Box, turn: int) -> Box:
    """Return (x0, top, x1, bottom) of a box (left, bottom, right, top), rotated like the text."""
    left, bottom, right, top = box
    if turn == 0:
        return left, -top, right, -bottom
    if turn == 1:
        return bottom, left, top, right
    if turn == 2:
        return -right, bottom, -left, top
    return -top, -right, -bottom, -left


def main_turn(turns: Iterable[tuple[int, int]]) -> int:
    """Return the turn of most of a text, from turns with the number of letters of each."""
    counts: Counter[int] = Counter()
    for turn, letters in turns:
        counts[turn] += letters
    return max(counts, key=lambda turn: (counts[turn], -turn)) if counts else 0


def area(box: Box) -> float:
    """Return the area of a box."""
    return (box[2] - box[0]) * (box[3] - box[1])
