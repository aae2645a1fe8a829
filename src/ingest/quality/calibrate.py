"""Calibrate: ask the release in force the judged questions, and fit how to tell answers from non-answers.

Nothing is promoted: the settings name a calibration, and the next promotion makes a release with it.
"""

import logging
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.errors import InvalidSettings
from ingest.extras import require
from ingest.lake.model_files import keep_learned
from ingest.lake.stored_records import to_bytes
from ingest.quality.evaluate import read_questions
from ingest.quality.judged_sets import distinct_questions
from ingest.quality.metrics import percentile_interval
from ingest.quality.tuning import candidates_of, live_questions, open_fused
from ingest.records import BuildOptions, Question
from ingest.search import Searcher
from ingest.search.confidence import LOOKED_AT, SIGNALS, Calibration, expit, signals
from ingest.search.ranking import Floats
from ingest.services import Retrieval

FOLDS = 10
STRENGTHS = (0.01, 0.03, 0.1, 0.3, 1.0)  # C of the regression; chosen within each fold's own questions
LEAST = 20  # questions of each kind: two per fold
SEED = 0
LEVEL = 0.95  # of the intervals

Bools = NDArray[np.bool_]
Fitted = tuple[Any, Floats, float, float]  # regression, scores, Platt's slope and offset
log = logging.getLogger(__name__)


def calibrate(
    retrieval: Retrieval, options: BuildOptions, target: float, *, leave_out: bool = False
) -> tuple[str, Calibration]:
    """Return the name (SHA-256) and the record of a calibration, which the lake now keeps.

    Stale questions, whose places the sources have changed or deleted, are left out. `target` is the desired precision
    among the questions that are answered, 0 to 1. With `leave_out`, every answerable question counts a second time,
    without its gold documents, as an unanswerable one; the unanswerable questions of the judged sets are not asked.

    Raises: UnknownRelease when nothing serves, InvalidSettings when there are too few questions of a kind.
    """
    require("a calibration", "ingest[calibrate]", "scikit-learn", "scipy")
    asked = distinct_questions(read_questions(options.judged))[0]
    questions = [q for q in asked if q.answerable or not leave_out]
    searcher = open_fused(retrieval, options.profile)
    found, stale = live_questions(searcher, [q for q in questions if q.answerable])
    live = {q.query_id: q for q in found}
    if stale:
        log.warning("%d stale questions are left out: their places are in no document of the release", len(stale))
    questions = [live.get(q.query_id, q) for q in questions if q.query_id in live or not q.answerable]
    copies = questions if leave_out else []
    known, texts = [q.answerable for q in questions] + [False] * len(copies), [q.text for q in questions + copies]
    without = {q.text for q in questions if leave_out or not q.answerable}
    check_counts(len({q.text for q in questions if q.answerable}), len(without))
    rows = np.array(_signals(searcher, questions, leave_out))
    calibration = fit_calibration(rows, np.array(known), target, left_out=leave_out, texts=texts)
    return keep_learned(retrieval.lake.store, to_bytes(calibration)), calibration


def _signals(searcher: Searcher, questions: Sequence[Question], leave_out: bool) -> list[Floats]:
    """Return the signals of each question, in order, as its asker gets them; then those without gold documents."""
    ways, rows = 2 if leave_out else 1, dict[str, list[Floats]]()
    for batch in candidates_of(searcher, "calibrate", questions, None if leave_out else LOOKED_AT):
        for question, found in batch:
            left = [r for r in found if not any(g.is_in(r.source, r.path) for g in question.gold)]
            rows[question.query_id] = [signals(question.text, some, searcher.wording) for some in (found, left)[:ways]]
    return [rows[q.query_id][way] for way in range(ways) for q in questions]


def unseen_figures(confidences: Floats, known: Bools, passed: Bools) -> dict[str, Any]:
    """Return the figures of a calibration, from its (n,) float64 confidences in questions that it has not seen.

        auc        the probability that an answerable question scores above an unanswerable one; ties count half
        precision  share of answerable questions among those that passed; 1 if none did
        answered   share of the answerable questions that passed

    The interval of the AUC is the percentile bootstrap over the questions of each kind, the other one Wilson's.
    `known` (n,) is True where there is an answer, `passed` where the confidence reaches the threshold.
    """
    from scipy.stats import binomtest

    def auc(positive: Floats, negative: Floats) -> float:
        ranked = np.sort(negative)
        return float(np.mean([ranked.searchsorted(positive, side) for side in ("left", "right")]) / len(negative))

    kinds = (confidences[known], confidences[~known])
    right, every = int((passed & known).sum()), int(passed.sum())
    wilson = binomtest(right, every).proportion_ci(LEVEL, method="wilson") if every else (0.0, 1.0)
    return {
        "auc": auc(*kinds),
        "auc_interval": percentile_interval(kinds, auc, 1000, LEVEL, SEED),
        "precision": right / every if every else 1.0,
        "precision_interval": (float(wilson[0]), float(wilson[1])),
        "answered": float(passed[known].mean()),
    }


def threshold_of(confidences: Floats, known: Bools, target: float) -> float:
    """Return the threshold that passes the most answerable questions while their share still reaches a target.

    It is halfway between the lowest confidence that passes and the next lower one. If no threshold reaches the target,
    the highest share that is reached becomes the target.
    """
    order = np.argsort(-confidences, kind="stable")
    ranked, found = confidences[order], np.cumsum(known[order])
    ends = np.flatnonzero(np.append(ranked[1:] < ranked[:-1], True))  # equal confidences pass together
    ends = ends[np.diff(found[ends], prepend=0) > 0]
    share = found[ends] / (ends + 1)
    last = int(ends[share >= min(target, share.max())][-1])
    between = float(ranked[last : last + 2].mean())
    return between if between > ranked[min(last + 1, len(ranked) - 1)] else float(ranked[last])


def fit_calibration(
    rows: Floats, known: Bools, target: float, *, left_out: bool = False, texts: Sequence[str] = ()
) -> Calibration:
    """Return the calibration of judged questions, with its figures from ten folds. Same input, same calibration.

    For each fold, the strength of the regression, Platt's curve and the threshold are chosen within the other nine, by
    a nested cross-validation, so nothing that judges a question has seen it. The calibration itself is fitted on all.

    `rows` is (n, SIGNALS) float64; `known` (n,) is True where the question has an answer; `target` and `left_out` are
    as in `Calibration`. Rows with equal `texts` share a fold; without texts, none do.

    Raises: InvalidSettings when there are fewer than LEAST questions of a kind, or a number is not finite.
    """
    check_counts(int(known.sum()), int((~known).sum()))
    if not np.isfinite(rows).all():
        raise InvalidSettings(f"calibration: finite signals expected, {int((~np.isfinite(rows)).sum())} are not")
    asked = texts or range(len(known))
    number = {text: n for n, text in enumerate(dict.fromkeys(asked))}
    groups = np.array([number[text] for text in asked])
    confidences, passed = np.zeros(len(known)), np.zeros(len(known), np.bool_)
    for rest, held in _folds(known, groups):
        regression, inner, slope, offset = _fitted(rows[rest], known[rest], groups[rest])
        confidences[held] = expit(slope * regression.decision_function(rows[held]) + offset)
        passed[held] = confidences[held] >= threshold_of(expit(slope * inner + offset), known[rest], target)
    (scaler, regression), _, slope, offset = _fitted(rows, known, groups)
    return Calibration(
        features=SIGNALS,
        means=tuple(scaler.mean_.tolist()),
        scales=tuple(scaler.scale_.tolist()),
        weights=tuple(regression.coef_[0].tolist()),
        intercept=float(regression.intercept_[0]),
        slope=slope,
        offset=offset,
        threshold=threshold_of(confidences, known, target),
        answerable=int(known.sum()),
        unanswerable=int((~known).sum()),
        left_out=left_out,
        target=target,
        **unseen_figures(confidences, known, passed),
    )


def check_counts(answerable: int, unanswerable: int) -> None:
    """Raise InvalidSettings, with both numbers, if there are too few questions of a kind."""
    if min(answerable, unanswerable) < LEAST:
        raise InvalidSettings(
            f"calibration: at least {LEAST} answerable and {LEAST} unanswerable questions are needed, found "
            f'{answerable} and {unanswerable}; write some with "answerable": false, or make them with --leave-out'
        )


def _folds(known: Bools, groups: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield, ten times, the rows of nine folds and those of the remaining one; the rows of a group share a fold."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    alone = len(np.unique(groups)) == len(groups)
    splitter = StratifiedKFold if alone else StratifiedGroupKFold
    yield from splitter(FOLDS, shuffle=True, random_state=SEED).split(groups, known, None if alone else groups)


def _fitted(rows: Floats, known: Bools, groups: NDArray[np.int64]) -> Fitted:
    """Return the regression of the highest AUC, (n,) scores by others that have not seen the question, Platt's curve.

    Source: Platt 1999, "Probabilistic Outputs for Support Vector Machines", without his smoothing of the labels.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    folds, solver, scores = list(_folds(known, groups)), "newton-cholesky", {}
    models = {c: make_pipeline(StandardScaler(), LogisticRegression(C=c, solver=solver)) for c in STRENGTHS}
    for c, model in models.items():
        scores[c] = cross_val_predict(model, rows, known, cv=folds, method="decision_function")
    best = max(scores, key=lambda c: (roc_auc_score(known, scores[c]), -c))
    curve = LogisticRegression(C=1e4, solver=solver).fit(scores[best][:, None], known)
    slope, offset = max(float(curve.coef_[0, 0]), 1e-6), float(curve.intercept_[0])
    return models[best].fit(rows, known), scores[best], slope, offset
