"""The parts of the BM25 formula that do not depend on the chunk."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.errors import InvalidSettings

VARIANTS = ("lucene", "okapi")
EPSILON = 0.25  # of the mean idf: Okapi's floor


def idf(document_frequency: int, chunks: int) -> float:
    """Return Lucene's idf, ln(1 + (n − df + 0.5) / (df + 0.5)): above 0 even for a term that every chunk holds."""
    return math.log(1 + (chunks - document_frequency + 0.5) / (document_frequency + 0.5))


def okapi_idf(document_frequency: int, chunks: int) -> float:
    """Return Okapi's idf, ln(n − df + 0.5) − ln(df + 0.5): below 0 for a term in more than half of the chunks."""
    return math.log(chunks - document_frequency + 0.5) - math.log(document_frequency + 0.5)


def okapi_sum(document_frequencies: NDArray[Any], chunks: int) -> float:
    """Return the sum of Okapi's idf over given terms."""
    frequencies = document_frequencies.astype(np.float64)
    return math.fsum((np.log(chunks - frequencies + 0.5) - np.log(frequencies + 0.5)).tolist())


def norms(lengths: NDArray[np.int64], average: float, k1: float, b: float) -> NDArray[np.float64]:
    """Return k1 · (1 − b + b · length / average), float64, for given lengths in terms.

    Raises: InvalidSettings when k1 is below 0 or b is not between 0 and 1.
    """
    if k1 < 0 or not 0 <= b <= 1:
        raise InvalidSettings(f"keyword index: k1 must be at least 0 and b within 0 and 1, not {k1} and {b}")
    found: NDArray[np.float64] = k1 * ((1 - b) + b * (lengths / (average or 1.0)))
    return found
