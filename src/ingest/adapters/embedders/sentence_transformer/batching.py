"""Groups texts into batches, one per forward pass, with little padding."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ingest.errors import InvalidSettings

Batch = NDArray[np.int64]  # positions in the input, (texts,)


def token_batches(lengths: Sequence[int], token_budget: int, max_texts: int) -> list[Batch]:
    """Return batches of positions that cover every text once, longest texts first, equal lengths in input order.

    So what takes the most memory fails first, and a batch has hardly any padding. Lengths are in tokens, including
    special ones. A batch's longest length × texts is at most `token_budget`; a text above it gets its own batch.

    Raises: InvalidSettings if a limit is not positive.
    """
    if token_budget < 1 or max_texts < 1:
        raise InvalidSettings(f"token_budget {token_budget} and max_texts {max_texts} must be positive")
    sizes = np.maximum(np.asarray(lengths, dtype=np.int64), 1)
    left = np.argsort(-sizes, kind="stable")
    found = []
    while len(left):
        fitting = max(1, min(max_texts, token_budget // int(sizes[left[0]])))
        found.append(left[:fitting])
        left = left[fitting:]
    return found
