"""The parts of the BM25 formula that do not depend on the chunk."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ingest.errors import InvalidSettings

VARIANTS = ("lucene", "okapi")
EPSILON = 0.25  # of the mean idf: Okapi's floor


@dataclass(frozen=True)
class Formula:
    """A variant of BM25 with its parameters. Raises: InvalidSettings for a parameter out of range."""

    k1: float = 1.2  # at least 0: how slowly repeated occurrences stop adding to the score
    b: float = 0.75  # 0 to 1: how much long chunks are discounted
    variant: str = "lucene"  # or okapi

    def __post_init__(self) -> None:
        if self.variant not in VARIANTS:
            raise InvalidSettings(f"keyword index: variant must be one of {', '.join(VARIANTS)}, not {self.variant!r}")
        if self.k1 < 0 or not 0 <= self.b <= 1:
            raise InvalidSettings(f"keyword index: k1 must be at least 0, b within 0 and 1, not {self.k1} and {self.b}")

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the formula for which a generation was built."""
        return cls(float(record["k1"]), float(record["b"]), record.get("variant", "lucene"))

    def norms(self, lengths: NDArray[np.int64], average: float) -> NDArray[np.float64]:
        """Return k1 · (1 − b + b · length / average), float64, for lengths in terms."""
        return np.asarray(self.k1 * ((1 - self.b) + self.b * (lengths / (average or 1.0))))


def idf(document_frequency: int, chunks: int) -> float:
    """Return Lucene's idf, ln(1 + (n − df + 0.5) / (df + 0.5)): above 0 even for a term in every chunk."""
    return math.log(1 + (chunks - document_frequency + 0.5) / (document_frequency + 0.5))


def okapi_sum(document_frequencies: NDArray[Any], chunks: int) -> float:
    """Return the sum over terms of Okapi's idf, ln(n − df + 0.5) − ln(df + 0.5): below 0 if more than half hold one."""
    frequencies = document_frequencies.astype(np.float64)
    return math.fsum((np.log(chunks - frequencies + 0.5) - np.log(frequencies + 0.5)).tolist())
