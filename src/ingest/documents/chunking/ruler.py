"""Counts the tokens of slices of a text that is tokenised once."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ingest.ports import Tokenizer

WINDOW = 2**15  # code points tokenised at once, so that time stays linear and memory low for huge texts
WINDOWS_PER_CALL = 16
LONGEST_GAP = 64  # code points; a longer one counts once per 64, so that no long chunk counts as short
LONGEST_TOKEN = 20  # code points; none in a vocabulary is longer, but an unknown word without end is one token:
PER_TOKEN = 5  # code points of it that count as one, as many as an English token has

Offsets = NDArray[np.int32]


class Ruler:
    """Token counts of slices of `text`; `size`, never smaller, also grows with length: for endless words and gaps."""

    def __init__(self, text: str, tokenizer: Tokenizer) -> None:
        self.text = text
        spans = _offsets(text, tokenizer)
        self._starts = np.maximum.accumulate(spans[:, 0])
        self._ends = np.maximum.accumulate(spans[:, 1])
        self._size_starts, self._size_ends = _stretched(self._starts, self._ends, len(text))

    def tokens(self, start: int, end: int) -> int:
        """Return how many tokens touch [start, end)."""
        return max(0, int(self._starts.searchsorted(end) - self._ends.searchsorted(start, side="right")))

    def size(self, start: int, end: int) -> int:
        """Return the size of [start, end), the measure that limits refer to."""
        return max(0, int(self._size_starts.searchsorted(end) - self._size_ends.searchsorted(start, side="right")))

    def before_start(self, positions: Sequence[int]) -> NDArray[np.int64]:
        """Return for each position, (n,), the number of size units that end at or before it."""
        return self._size_ends.searchsorted(np.asarray(positions, np.int64), side="right")

    def before_end(self, positions: Sequence[int]) -> NDArray[np.int64]:
        """Return (n,) how many size units start before each position: a slice has the difference of its ends."""
        return self._size_starts.searchsorted(np.asarray(positions, np.int64))

    def back(self, position: int, size: int) -> int:
        """Return the start of the longest stretch of at most `size` units that ends at `position`."""
        first = int(self._size_ends.searchsorted(position, side="right")) - size
        return int(self._size_starts[max(0, first)]) if len(self._size_starts) else 0

    def forth(self, position: int, size: int) -> int:
        """Return the end of the longest stretch of at most `size` units that starts at `position`."""
        last = int(self._size_starts.searchsorted(position)) + size - 1
        return int(self._size_ends[min(last, len(self._size_ends) - 1)]) if len(self._size_ends) else position

    def unit_starts(self, start: int, end: int) -> NDArray[np.int64]:
        """Return the positions inside (start, end) where a size unit starts."""
        first = self._size_starts.searchsorted(start, side="right")
        return self._size_starts[first : self._size_starts.searchsorted(end)]

    def trimmed(self, start: int, end: int) -> tuple[int, int]:
        """Return the span without white space at either end; empty if there is nothing else."""
        piece = self.text[start:end]
        left = len(piece) - len(piece.lstrip())
        return (start, start) if left == len(piece) else (start + left, start + len(piece.rstrip()))


def _windows(text: str) -> Iterator[tuple[int, int]]:
    """Yield spans that cover `text`; each ends after white space if its second half has any."""
    start = 0
    while len(text) - start > WINDOW:
        limit = start + WINDOW
        least = start + WINDOW // 2
        end = max(text.rfind("\n", least, limit), text.rfind(" ", least, limit)) + 1 or limit
        yield start, end
        start = end
    yield start, len(text)


def _offsets(text: str, tokenizer: Tokenizer) -> NDArray[np.int64]:
    """Return the spans of the tokens of the whole text, (tokens, 2) int64."""
    windows = list(_windows(text))
    found: list[NDArray[np.int64]] = []
    for i in range(0, len(windows), WINDOWS_PER_CALL):
        batch = windows[i : i + WINDOWS_PER_CALL]
        spans = tokenizer.offsets([text[start:end] for start, end in batch])
        found += [span.astype(np.int64) + start for (start, _), span in zip(batch, spans, strict=True)]
    return np.concatenate(found).reshape(-1, 2)


def _stretched(
    starts: NDArray[np.int64], ends: NDArray[np.int64], length: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return starts and ends with extra units: one per LONGEST_GAP without a start, per PER_TOKEN of a long token."""
    edges = np.concatenate([[0], starts, [length]])
    step = np.where(np.append(False, ends - starts > LONGEST_TOKEN), PER_TOKEN, LONGEST_GAP)
    wide = np.flatnonzero(np.diff(edges) > step)
    if not len(wide):
        return starts, ends
    added = np.concatenate([np.arange(edges[i] + step[i], edges[i + 1], step[i]) for i in wide])
    every = np.concatenate([starts, added])
    order = np.argsort(every, kind="stable")
    reach = np.concatenate([np.minimum(ends, starts + step[1:]), added + 1])
    return every[order], np.maximum.accumulate(reach[order])
