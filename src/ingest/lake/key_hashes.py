"""Which segments may hold a key, looked up in all of them at once: 8 bytes of memory for each key."""

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.bytes_]  # (n,) of 64 hex digits
FACTORS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F], np.uint64)
SEGMENT = np.uint64(2**24 - 1)  # bits that are a segment's number; 40 others are of the key


class KeyHashes:
    """Numbers of segments behind hashes of keys, in sorted runs, each at least twice as long as the one after it."""

    def __init__(self) -> None:
        self.known: dict[str, None] = {}  # segments
        self._runs: list[NDArray[np.uint64]] = []

    def add(self, segment: str, keys: Keys) -> None:
        """Add the keys of one more segment."""
        run = np.sort(_hashed(keys) | np.uint64(len(self.known)))
        while self._runs and len(self._runs[-1]) < 2 * len(run):
            run = np.sort(np.concatenate([self._runs.pop(), run]), kind="stable")
        self._runs.append(run)
        self.known[segment] = None

    def holding(self, keys: Keys) -> set[str]:
        """Return the segments that may hold any of these keys: all that do, rarely another."""
        low, names, found = _hashed(keys), [*self.known], set[str]()
        for run in self._runs:
            start, stop = np.searchsorted(run, low), np.searchsorted(run, low | SEGMENT, side="right")
            for more in range(int((stop - start).max(initial=0))):
                at = start[start + more < stop] + more
                found.update(names[number] for number in np.unique(run[at] & SEGMENT))
        return found


def _hashed(keys: Keys) -> NDArray[np.uint64]:
    """Return 40 bits of each key, above those of a segment."""
    digits = np.ascontiguousarray(keys).view(np.uint64).reshape(len(keys), -1)[:, :2]
    hashed: NDArray[np.uint64] = (digits * FACTORS).sum(axis=1) & ~SEGMENT
    return hashed
