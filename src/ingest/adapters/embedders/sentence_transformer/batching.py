"""Texts to batches: which texts share a forward pass, so that little of it is padding."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ingest.errors import InvalidSettings

Batch = NDArray[np.int64]  # positions in the input, (texts,)


def batches(lengths: Sequence[int], token_budget: int, max_texts: int) -> list[Batch]:
    """Return batches of positions that cover every text once, longest texts first.

    Sorted by length (equal lengths in input order), so that what takes the most memory fails first and a batch has
    hardly any padding. Same lengths, same batches.

    Args:
        lengths: Tokens of each text, special tokens included.
        token_budget: Greatest longest length * texts of a batch; a text longer than that has a batch of its own.
        max_texts: Greatest number of texts of a batch.

    Raises: InvalidSettings when a limit is not positive.
    """
    if token_budget < 1 or max_texts < 1:
        raise InvalidSettings(f"token_budget {token_budget} and max_texts {max_texts} must be positive")
    sizes = np.maximum(np.asarray(lengths, dtype=np.int64), 1)
    order = np.argsort(-sizes, kind="stable")
    found = []
    start = 0
    while start < len(order):
        fitting = max(1, min(max_texts, token_budget // int(sizes[order[start]])))
        found.append(order[start : start + fitting])
        start += fitting
    return found


def halve(batch: Batch) -> tuple[Batch, Batch]:
    """Return the two halves of a batch of at least two texts, the first one not smaller."""
    middle = (len(batch) + 1) // 2
    return batch[:middle], batch[middle:]
