"""Scores from features of question and candidate, in milliseconds and without a forward pass.

    score = SCALE · blend(features) + trees(features)

The blend of `ranking` needs no file and has no fitted weights. LightGBM trees (LambdaMART), trained on the user's own
judgments, may be added; those of one public set helped no other (docs/retrieval.md), so none are shipped.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.errors import InvalidSettings
from ingest.extras import require
from ingest.ports import Wording
from ingest.records import Result
from ingest.search.ranking import FEATURES, RISING, SCALE, Floats, blend, features

SHA256 = re.compile("[0-9a-f]{64}")
ROUNDS = 300
PARAMETERS: dict[str, Any] = {
    "objective": "lambdarank",
    "lambdarank_truncation_level": 20,
    "learning_rate": 0.03,
    "num_leaves": 7,
    "min_data_in_leaf": 100,
    "lambda_l2": 10.0,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "monotone_constraints": [int(name in RISING) for name in FEATURES],
    "verbose": -1,
    "num_threads": 1,
    "seed": 0,
    "deterministic": True,
    "force_row_wise": True,
}


def open_reranker(model: str, wording: Wording, read: Callable[[str], bytes]) -> "LearnedReranker":
    """Return the re-ranker. Raises: InvalidSettings for no name or other features; SchemaMismatch without the file."""
    if model and not SHA256.fullmatch(model):
        told = f"reranker learned: reranker_model must be the name that `ingest train-reranker` prints, not {model!r}"
        raise InvalidSettings(told)
    return LearnedReranker(wording, _trees(model, read(model)) if model else None)


class LearnedReranker:
    """The blend, plus trees if there are any. Thread-safe."""

    slice = 25

    def __init__(self, wording: Wording, trees: Any = None) -> None:
        self._wording, self._trees = wording, trees

    def scores(self, question: str, candidates: Sequence[Result]) -> NDArray[np.float64]:
        found = features(question, candidates, self._wording)
        scores = SCALE * blend(found)
        if self._trees is not None and len(found):
            scores = scores + self._trees.predict(found, num_threads=1)
        return np.asarray(scores, np.float64)


def _trees(name: str, text: bytes) -> Any:
    require(f"reranker model {name}", "ingest[rerank]", "lightgbm")
    import lightgbm

    try:
        trees = lightgbm.Booster(model_str=text.decode())
    except (lightgbm.basic.LightGBMError, UnicodeDecodeError) as error:
        raise InvalidSettings(f"reranker model {name}: not a LightGBM model: {error}") from error
    if trees.feature_name() != list(FEATURES):
        raise InvalidSettings(f"reranker model {name}: features {trees.feature_name()}, this version has {FEATURES}")
    return trees


def fit(rows: Floats, grades: NDArray[np.int32], groups: list[int]) -> Any:
    """Return LightGBM's Booster, trained on top of the blend: LambdaMART. Equal rows give equal bytes.

    Rows are (candidates, FEATURES), grades (candidates,), groups the number of candidates of each question in turn.
    Source: Burges 2010, "From RankNet to LambdaRank to LambdaMART".
    """
    import lightgbm

    start = SCALE * blend(rows)
    data = lightgbm.Dataset(rows, grades, group=groups, init_score=start, feature_name=list(FEATURES))
    return lightgbm.train(PARAMETERS, data, ROUNDS)
