"""How sure an answer is: signals from a question's best candidates, and the calibration that makes them a confidence.

Pure; applying a calibration needs only NumPy. `quality.calibrate` fits one.
"""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError, model_validator

from ingest.errors import InvalidSettings, first_fault
from ingest.ports import Wording
from ingest.records import PairedDifference, Record, Result
from ingest.search.ranking import FEATURES, Floats, features, idf_of

LOOKED_AT = 30  # best fused results from which signals are computed
BEST = ("cosine", "keyword", "near", "proximity")
DISTANCES = ("gap_5", "gap_10", "spread", "keyword_gap_10", "bm25_gap_10", "second", "chunks")
WORDS = ("document", "rarest_1", "rarest_3", "title", "title_named")
BY_FEATURE = (*(f"top_{f}" for f in FEATURES), *(f"best_{f}" for f in BEST), *(f"lead_{f}" for f in BEST))
SIGNALS = (*BY_FEATURE, "blend", "lead_blend", *DISTANCES, *WORDS, "agree_keyword", "agree_near")

Share = Annotated[float, Field(ge=0, le=1)]


class Calibration(Record):
    """`models/learned/<sha256>`: how to turn signals into a confidence, and how well that did on unseen questions.

    signal′ = (signal − mean) / scale
    confidence = 1 / (1 + exp(−(slope · (Σ weight · signal′ + intercept) + offset)))
    """

    format: Literal[2] = 2
    features: tuple[str, ...]  # SIGNALS of the version with which it was fitted
    means: tuple[float, ...]
    scales: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float
    slope: Annotated[float, Field(gt=0)]  # Platt's, from scores of unseen questions
    offset: float
    threshold: Share  # below it an answer abstains
    answerable: int  # questions on which it was fitted
    unanswerable: int
    wrong_answer: float  # what one costs, in wrong refusals; the threshold is the cheapest
    scored: str = ""  # how many questions of how many it was fitted on, and why not on the others
    figures: dict[str, tuple[float, float, float]]  # on unseen questions: values of `calibrate.outcome` with intervals
    trade_off: tuple[dict[str, float], ...]  # the same for other thresholds
    against_top_scores: tuple[PairedDifference, ...]  # cost − that of a threshold on one stage's top score alone

    @model_validator(mode="after")
    def _whole(self) -> Self:
        sizes = {len(self.features), len(self.means), len(self.scales), len(self.weights)}
        if len(sizes) > 1 or min(self.scales, default=0.0) <= 0:
            raise ValueError(f"one mean, positive scale and weight for each feature expected, found {sorted(sizes)}")
        return self

    def confidences(self, signals: Floats) -> Floats:
        """Return for (n, SIGNALS) the (n,) float64 probabilities that the candidates hold an answer to the question.

        They are valid for questions with the same share of answerable ones as those used for fitting.
        """
        standard = (signals - np.array(self.means)) / np.array(self.scales)
        return expit(self.slope * (standard @ np.array(self.weights) + self.intercept) + self.offset)


def expit(scores: Floats) -> Floats:
    """Return the logistic function of log-odds, 0 to 1."""
    return np.asarray(0.5 * (1 + np.tanh(scores / 2)))  # cannot overflow


def read_calibration(name: str, data: bytes) -> Calibration:
    """Return the stored calibration. Raises: InvalidSettings when it is not one, or is for other signals."""
    try:
        found = Calibration.model_validate_json(data)
    except ValidationError as error:
        raise InvalidSettings(f"calibration {name}: {first_fault(error)}; run `ingest calibrate`") from error
    if found.features != SIGNALS:
        odd = sorted(set(found.features) ^ set(SIGNALS)) or "their order"
        told = f"{len(found.features)} signals, this version has {len(SIGNALS)}; they differ in {odd}"
        raise InvalidSettings(f"calibration {name}: {told}; `ingest calibrate` makes a new one")
    return found


def signals(question: str, candidates: Sequence[Result], wording: Wording) -> Floats:
    """Return the (SIGNALS,) float64 of one question's best candidates; all 0 if there are none.

    The top is the candidate with the greatest cosine + keyword + near / 2, the blend. It is not taken from
    `ranking`, because better weights there must not change what a calibration means. Rivals are candidates from other
    documents; without any, they count as 0.

        top_f, best_f          feature f of the top, and the greatest of all candidates (features: `ranking.features`)
        lead_f                 top_f − the greatest f of a rival;   blend, lead_blend: the same for the blend
        gap_n, keyword_gap_n   the greatest cosine (share of keyword score; bm25: the score itself) − the n-th greatest
        spread                 (greatest cosine − mean) / standard deviation
        second, chunks         second cosine within the top's document (first − 0.1 without one); its candidates
        document               share of the question's idf in the candidates of the top's document, with headings
        rarest_n               share of the n rarest terms in them
        title, title_named     share of the question's idf in the top's title; of the title's terms in the question
        agree_f                1 when the candidates with the greatest cosine and the greatest f are of one document

    Only the first LOOKED_AT candidates count: fused results with scores `dense` and `bm25`.
    """
    if not (candidates := candidates[:LOOKED_AT]):
        return np.zeros(len(SIGNALS))
    by = dict(zip(FEATURES, features(question, candidates, wording).T, strict=True))
    by["blend"] = by["cosine"] + by["keyword"] + 0.5 * by["near"]
    top = int(by["blend"].argmax())
    documents = np.array([c.document_id for c in candidates])
    own = documents == documents[top]
    first = documents[by["cosine"].argmax()]
    return np.array(
        [
            *(by[name][top] for name in FEATURES),
            *(by[name].max() for name in BEST),
            *(_lead(by[name], top, own) for name in BEST),
            by["blend"][top],
            _lead(by["blend"], top, own),
            *_distances(by["cosine"], by["keyword"], np.array([c.scores.get("bm25", 0.0) for c in candidates]), own),
            *_words(question, candidates, own, top, wording),
            *(float(first == documents[by[name].argmax()]) for name in ("keyword", "near")),
        ]
    )


def _lead(values: Floats, top: int, own: NDArray[np.bool_]) -> float:
    return float(values[top] - (values[~own].max() if not own.all() else 0.0))


def _distances(cosine: Floats, keyword: Floats, bm25: Floats, own: NDArray[np.bool_]) -> tuple[float, ...]:
    """Return DISTANCES."""
    cosines, keywords, bm25s, within = (np.sort(values)[::-1] for values in (cosine, keyword, bm25, cosine[own]))
    spread = float(cosines.std())
    fifth, tenth = min(5, len(cosine)) - 1, min(10, len(cosine)) - 1  # the last one if there are fewer
    return (
        float(cosines[0] - cosines[fifth]),
        float(cosines[0] - cosines[tenth]),
        float(cosines[0] - cosines.mean()) / spread if spread > 0 else 0.0,
        float(keywords[0] - keywords[tenth]),
        float(bm25s[0] - bm25s[tenth]),
        float(within[1] if len(within) > 1 else within[0] - 0.1),
        float(own.sum()),
    )


def _words(
    question: str, candidates: Sequence[Result], own: NDArray[np.bool_], top: int, wording: Wording
) -> tuple[float, ...]:
    """Return WORDS."""
    texts = [" ".join((c.text, c.title, *c.heading_path)) for c, mine in zip(candidates, own, strict=True) if mine]
    asked, title, *held = wording.terms([question, candidates[top].title, *texts])
    terms = list(dict.fromkeys(asked))
    if not terms:
        return (0.0,) * 5
    there, named = set().union(*held), set(title)
    idf = idf_of(terms, wording)
    holds = np.array([term in there for term in terms])
    rarest = np.argsort(-idf, kind="stable")
    total = idf.sum() or 1.0
    return (
        float(idf[holds].sum() / total),
        float(holds[rarest[0]]),
        float(holds[rarest[:3]].mean()),
        float(idf[[term in named for term in terms]].sum() / total),
        len(named & set(terms)) / max(1, len(named)),
    )
