"""The parts of the BM25 formula that do not depend on the chunk."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Formula:
    """The parameters of BM25, of which the settings allow only those within the range."""

    k1: float = 1.2  # at least 0: how slowly repeated occurrences stop adding to the score
    b: float = 0.75  # 0 to 1: how much long chunks are discounted

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the formula for which a generation was built."""
        return cls(float(record["k1"]), float(record["b"]))

    def norms(self, lengths: NDArray[np.int64], average: float) -> NDArray[np.float64]:
        """Return k1 · (1 − b + b · length / average), float64, for lengths in terms."""
        return np.asarray(self.k1 * ((1 - self.b) + self.b * (lengths / (average or 1.0))))


def idf(document_frequency: int, chunks: int) -> float:
    """Return Lucene's idf, ln(1 + (n − df + 0.5) / (df + 0.5)): above 0 even for a term in every chunk."""
    return math.log(1 + (chunks - document_frequency + 0.5) / (document_frequency + 0.5))
