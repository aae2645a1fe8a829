"""Groups texts into batches, one per forward pass, with little padding."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Batch = NDArray[np.int64]  # positions in the input, (texts,)


def token_batches(lengths: Sequence[int], token_budget: int, max_texts: int) -> list[Batch]:
    """Return batches of positions that cover every text once, longest texts first, equal lengths in input order.

    So what takes the most memory fails first, and a batch has hardly any padding. Lengths are in tokens, including
    special ones. A batch's longest length × texts is at most `token_budget`; a text above it gets its own batch.
    """
    sizes = np.maximum(np.asarray(lengths, dtype=np.int64), 1)
    left = np.argsort(-sizes, kind="stable")
    found = []
    while len(left):
        fitting = max(1, min(max_texts, token_budget // int(sizes[left[0]])))
        found.append(left[:fitting])
        left = left[fitting:]
    return found
