"""The fused score and how near words of both are, in milliseconds, without a forward pass. Nothing is trained."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ingest.errors import InvalidSettings
from ingest.ports import Wording
from ingest.records import QueryProfile, Result
from ingest.search.ranking import blend


def open_reranker(profile: QueryProfile, wording: Wording) -> "BlendReranker":
    """Return the re-ranker. Raises: InvalidSettings for the name of a model: it has none."""
    if model := profile.reranker_model:
        told = f"reranker blend: it has no model, but reranker_model is {model!r}; trained trees are no longer read"
        raise InvalidSettings(told)
    return BlendReranker(wording, profile.dense_weight)


class BlendReranker:
    """`ranking.blend` of one generation. Thread-safe."""

    def __init__(self, wording: Wording, dense_weight: float) -> None:
        self._wording, self._dense_weight = wording, dense_weight

    def scores(self, question: str, candidates: Sequence[Result]) -> NDArray[np.float64]:
        return blend(question, candidates, self._wording, self._dense_weight)
