"""The formula, and the best scores seen so far."""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

SAMPLED = 8  # every so manieth score is looked at first where there are many


def idf(document_frequency: int, chunks: int) -> float:
    """Return Lucene's idf, ln(1 + (n − df + 0.5) / (df + 0.5)): above 0 also for a term that every chunk holds."""
    return math.log(1 + (chunks - document_frequency + 0.5) / (document_frequency + 0.5))


def weights(frequencies: NDArray[np.uint32], lengths: NDArray[np.float64], k1: float, b: float) -> NDArray[np.float64]:
    """Return tf / (tf + k1 · (1 − b + b · length)), (n,) float64.

    Args:
        frequencies: (n,) times the term occurs in the chunk, at least 1.
        lengths: (n,) chunk length divided by the average chunk length.
        k1: At least 0.
        b: 0 to 1.
    """
    found: NDArray[np.float64] = frequencies / (frequencies + k1 * ((1 - b) + b * lengths))
    return found


def _last_of_best(scores: NDArray[np.float64], limit: int) -> float:
    return float(np.partition(scores, len(scores) - limit)[len(scores) - limit])


@dataclass
class Best:
    """The `limit` best of all that was added; equal scores: the lower ordinal first."""

    limit: int
    _ordinals: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    _scores: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0, np.float64))

    def add(self, ordinals: NDArray[np.int64], scores: NDArray[np.float64]) -> None:
        """Take candidates, (n,) each, that were not added before."""
        ordinals = np.concatenate([self._ordinals, ordinals])
        scores = np.concatenate([self._scores, scores])
        if len(scores) > 8 * SAMPLED * self.limit:  # the last of the best in a sample is at most that of all
            enough = scores >= _last_of_best(scores[::SAMPLED], self.limit)
            ordinals, scores = ordinals[enough], scores[enough]
        if len(scores) > self.limit:
            enough = scores >= _last_of_best(scores, self.limit)  # all that tie: the ordinal decides below
            ordinals, scores = ordinals[enough], scores[enough]
        order = np.lexsort((ordinals, -scores))[: self.limit]
        self._ordinals, self._scores = ordinals[order], scores[order]

    def sorted(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return (ordinals, scores), best first."""
        return self._ordinals, self._scores
