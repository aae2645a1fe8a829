"""Three signals with fixed weights, in milliseconds and without a forward pass. Nothing in it is trained."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ingest.errors import InvalidSettings
from ingest.ports import Wording
from ingest.records import Result
from ingest.search.ranking import blend


def open_reranker(model: str, wording: Wording) -> "BlendReranker":
    """Return the re-ranker. Raises: InvalidSettings for the name of a model: it has none."""
    if model:
        told = f"reranker blend: it has no model, but reranker_model is {model!r}; trained trees are no longer read"
        raise InvalidSettings(told)
    return BlendReranker(wording)


class BlendReranker:
    """`ranking.blend` of one generation. Thread-safe."""

    def __init__(self, wording: Wording) -> None:
        self._wording = wording

    def scores(self, question: str, candidates: Sequence[Result]) -> NDArray[np.float64]:
        return blend(question, candidates, self._wording)
