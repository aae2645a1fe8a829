"""Chooses, from the possible cuts, those that give pieces of about the target size."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

OVERSIZE = 1e6  # cost of a piece that does not fit: taken only if no cut can prevent it
OVER_TARGET = 0.5  # weight of exceeding the target, relative to falling short of it


@dataclass(frozen=True, slots=True)
class Cut:
    """A possible border between two pieces: one ends at `end`, the next starts at `start`."""

    end: int
    start: int
    penalty: float  # 0: a border between blocks; 1: as bad as an empty piece


def pack(
    cuts: Sequence[Cut], before: tuple[NDArray[np.int64], NDArray[np.int64]], rooms: Sequence[int], target: int
) -> list[tuple[int, int]]:
    """Return the pieces with the lowest total cost, as (first cut, last cut), in order.

        cost = penalty + ((target - size) / target)^2  or  OVER_TARGET * ((size - target) / (room - target))^2

    Solved exactly by dynamic programming over the cuts. Each considers only earlier cuts within the largest room, so
    time is linear in the number of cuts. An edit leaves distant cuts where they were.

    Args:
        cuts: In order; the first and the last are the two ends.
        before: Number of size units before each cut's `start`, and before each cut's `end`, both (cuts,).
        rooms: For each cut, the room for a piece that starts there.
        target: Target size, in the same unit.
    """
    starts, ends = before[0].tolist(), before[1].tolist()
    widest = max(rooms)
    best, origin = [0.0], [0]
    for j in range(1, len(cuts)):
        least, source = float("inf"), j - 1
        for i in range(j - 1, -1, -1):
            size, room = ends[j] - starts[i], rooms[i]
            if i < j - 1 and size > widest:
                break
            if size > room:
                cost = OVERSIZE * (size - room)
            elif size > target:
                cost = OVER_TARGET * ((size - target) / (room - target)) ** 2
            else:
                cost = ((target - size) / target) ** 2
            if best[i] + cost < least:
                least, source = best[i] + cost, i
        best.append(least + cuts[j].penalty)
        origin.append(source)
    pieces, j = list[tuple[int, int]](), len(cuts) - 1
    while j > 0:
        pieces.append((origin[j], j))
        j = origin[j]
    return pieces[::-1]
