"""Calibrate: ask the release in force the judged questions, and fit how to tell answers from non-answers.

Nothing is promoted: the settings name a calibration, and the next promotion makes a release with it.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.errors import InvalidSettings
from ingest.extras import require
from ingest.lake.contents import contents_of
from ingest.quality.anchors import anchored, side_of
from ingest.quality.evaluate import UNCALIBRATED, read_sets
from ingest.quality.judged_sets import asked_in_batches, scored_questions
from ingest.quality.metrics import paired_difference, percentile_interval
from ingest.records import BuildOptions, QueryProfile, Question, Result
from ingest.search import Searcher, open_serving
from ingest.search.confidence import LOOKED_AT, SIGNALS, Calibration, expit, signals
from ingest.search.ranking import Floats
from ingest.services import Retrieval

FOLDS = 10
STRENGTHS = (0.01, 0.03, 0.1, 0.3, 1.0)  # C of the regression; chosen within each fold's own questions
LEAST = 20  # questions of each kind: two per fold
SEED = 0
LEVEL = 0.95  # of the intervals
PLAIN = ("dense", "bm25", "fused")  # stages whose top score alone is a rival; so is the blend of the signals
THRESHOLDS = tuple(n / 20 for n in range(21))  # of the trade-off

Bools = NDArray[np.bool_]
Batch = list[tuple[Question, list[Result]]]
Fitted = tuple[Any, Floats, float, float]  # regression, scores, Platt's slope and offset


def calibrate(retrieval: Retrieval, options: BuildOptions, wrong_answer: float) -> Calibration:
    """Return a calibration, for wrong answers that cost as much as so many wrong refusals. Writes nothing.

    Raises: UnknownRelease when nothing serves, InvalidSettings when there are too few questions of a kind.
    """
    require("a calibration", "ingest[calibrate]", "scikit-learn", "scipy", "matplotlib")
    asked = scored_questions(read_sets(options.judged))
    searcher = open_fused(retrieval, options.profile)
    questions, stale = live_questions(searcher, asked.scored)
    asked = replace(asked, scored=[*questions], unscored=asked.unscored | {"are stale": stale})
    questions += [q for q in asked.every if not q.answerable]
    check_counts(*(len({q.text for q in questions if q.answerable is kind}) for kind in (True, False)))
    rows, known = np.array(_signals(searcher, questions)), np.array([q.answerable for q in questions])
    made = fit_calibration(rows, known, wrong_answer, [q.text for q in questions])
    return made.model_copy(update={"scored": str(asked)})


def open_fused(retrieval: Retrieval, profile: QueryProfile, depth: int = 0) -> Searcher:
    """Return a searcher on the release in force under a profile's fusion alone. Raises: UnknownRelease."""
    alone = {**UNCALIBRATED, "reranker": "none", "depth": max(depth, profile.depth)}  # what else it names may be lost
    return open_serving(retrieval, profile.model_copy(update=alone))


def live_questions(searcher: Searcher, questions: Sequence[Question]) -> tuple[list[Question], list[str]]:
    """Return the answerable questions whose places a generation holds, by query id, and the ids of the stale ones."""
    contents = contents_of(searcher.retrieval.lake, searcher.manifest)
    found = anchored(questions, side_of(contents, questions), None)
    return sorted(found.live, key=lambda q: q.query_id), found.stale


def candidates_of(searcher: Searcher, step: str, questions: Sequence[Question], most: int | None) -> Iterator[Batch]:
    """Yield the questions, batch by batch, with their askers' `Searcher.candidates`. `step`: name for the observer."""
    observer = searcher.retrieval.observer
    with observer.step(step, len(questions), "questions"):
        yield from asked_in_batches(observer, step, questions, partial(searcher.candidates, most=most))


def _signals(searcher: Searcher, questions: Sequence[Question]) -> list[Floats]:
    """Return `signals_and_tops` of each question, in order, as its asker gets it."""
    batches, rows = candidates_of(searcher, "calibrate", questions, LOOKED_AT), dict[str, Floats]()
    for question, found in chain.from_iterable(batches):
        rows[question.query_id] = signals_and_tops(question.text, found, searcher)
    return [rows[q.query_id] for q in questions]


def signals_and_tops(question: str, found: Sequence[Result], searcher: Searcher) -> Floats:
    """Return the (SIGNALS + PLAIN,) float64 of a question: its signals, and the top score of each stage."""
    tops = [max((result.scores.get(stage, 0.0) for result in found), default=0.0) for stage in PLAIN]
    return np.append(signals(question, found, searcher.wording), tops)


def outcome(known: Bools, passed: Bools, wrong_answer: float) -> dict[str, NDArray[Any]]:
    """Return, by figure, the values whose mean it is, of answering only the questions that passed.

    refused: of all questions; precision: answerable ones among the answered; wrong_refusals: refused ones among the
    answerable; cost: 1 for a wrong refusal, `wrong_answer` for an answer where there is none.
    """
    cost = np.where(known, ~passed, wrong_answer * passed)
    return {"refused": ~passed, "precision": known[passed], "wrong_refusals": ~passed[known], "cost": cost}


def _means(found: dict[str, NDArray[Any]]) -> dict[str, float]:
    return {name: float(values.mean()) if len(values) else 1.0 for name, values in found.items()}


def unseen_figures(confidences: Floats, known: Bools, found: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """Return AUC and the means of an `outcome` with 95 % intervals, for questions that a calibration has not seen.

    AUC is the probability that an answerable question scores above an unanswerable one; ties count half. Intervals of
    AUC (resampled by kind) and cost are the percentile bootstrap, those of shares Wilson's.
    """
    from scipy.stats import binomtest, mannwhitneyu

    def auc(one: Floats, other: Floats, axis: int = -1) -> Any:  # the axis lets many resamples be ranked at once
        return mannwhitneyu(one, other, method="asymptotic", axis=axis).statistic / one.shape[axis] / other.shape[axis]

    kinds, cost = (confidences[known], confidences[~known]), paired_difference("cost", found["cost"].tolist(), LEVEL)
    figures = {"auc": (float(auc(*kinds)), *percentile_interval(kinds, auc, 1000, LEVEL, SEED))}
    for name, value in _means(found).items():
        hits, of = int(found[name].sum()), len(found[name])
        share = name != "cost" and of > 0
        wilson = binomtest(hits, of).proportion_ci(LEVEL, method="wilson") if share else (0.0, 1.0)
        figures[name] = value, float(wilson[0]), float(wilson[1])
    return figures | {"cost": (cost.mean, cost.lower, cost.upper)}


def threshold_of(scores: Floats, known: Bools, wrong_answer: float) -> float:
    """Return the threshold on (n,) float64 scores that costs least; of several, the one that answers most.

    It is halfway between the lowest score that passes and the next lower one, −inf if all pass and inf if none does.
    """
    order = np.argsort(-scores, kind="stable")
    ranked, found = scores[order], known[order]
    ends = np.append(0, np.flatnonzero(np.append(ranked[1:] < ranked[:-1], True)) + 1)  # equal scores pass together
    costs = np.append(0, np.cumsum(np.where(found, -1.0, wrong_answer)))[ends]
    count = int(ends[np.flatnonzero(np.isclose(costs, costs.min()))[-1]])
    if count in (0, len(ranked)):
        return -math.inf if count else math.inf
    between = float(ranked[count - 1 : count + 1].mean())
    return between if between > ranked[count] else float(ranked[count - 1])


def fit_calibration(rows: Floats, known: Bools, wrong_answer: float, texts: Sequence[str] = ()) -> Calibration:
    """Return the calibration of judged questions, with its figures from ten folds. Same input, same calibration.

    For each fold, the strength of the regression, Platt's curve and the threshold are chosen within the other nine, so
    nothing that judges a question has seen it; so are the thresholds on top scores. The calibration is fitted on all.

    `rows`: (n, SIGNALS + PLAIN) float64; `known`: (n,) True where there is an answer. Equal `texts` share a fold.

    Raises: InvalidSettings when there are fewer than LEAST questions of a kind, or a number is not finite.
    """
    check_counts(int(known.sum()), int((~known).sum()))
    if not np.isfinite(rows).all():
        raise InvalidSettings(f"calibration: finite signals expected, {int((~np.isfinite(rows)).sum())} are not")
    tops, rows = [rows[:, SIGNALS.index("blend")], *rows[:, len(SIGNALS) :].T], rows[:, : len(SIGNALS)]
    groups = np.unique(texts or np.arange(len(known)), return_inverse=True)[1]
    confidences, ours, *theirs = _held_out(rows, tops, known, groups, wrong_answer)
    (scaler, regression), _, slope, offset = _fitted(rows, known, groups)
    levels = sorted([*THRESHOLDS, threshold := min(max(threshold_of(confidences, known, wrong_answer), 0.0), 1.0)])
    found, *others = (outcome(known, passed > 0, wrong_answer) for passed in (ours, *theirs))
    pairs = [(name, found["cost"] - other["cost"]) for name, other in zip(("blend", *PLAIN), others, strict=True)]
    return Calibration(
        features=SIGNALS,
        means=tuple(scaler.mean_.tolist()),
        scales=tuple(scaler.scale_.tolist()),
        weights=tuple(regression.coef_[0].tolist()),
        intercept=float(regression.intercept_[0]),
        slope=slope,
        offset=offset,
        threshold=threshold,
        answerable=int(known.sum()),
        unanswerable=int((~known).sum()),
        wrong_answer=wrong_answer,
        figures=unseen_figures(confidences, known, found),
        trade_off=tuple({"threshold": t} | _means(outcome(known, confidences >= t, wrong_answer)) for t in levels),
        against_top_scores=tuple(paired_difference(name, costs.tolist(), LEVEL) for name, costs in pairs),
    )


def _held_out(
    rows: Floats, tops: Sequence[Floats], known: Bools, groups: NDArray[np.int64], wrong_answer: float
) -> Floats:
    """Return (2 + tops, n): confidences by calibrations that have not seen the question; 1 where it passes, by each."""
    found = np.zeros((2 + len(tops), len(known)))
    for rest, held in _folds(known, groups):
        regression, inner, slope, offset = _fitted(rows[rest], known[rest], groups[rest])
        found[0, held] = expit(slope * regression.decision_function(rows[held]) + offset)
        pairs = [(expit(slope * inner + offset), found[0, held]), *((top[rest], top[held]) for top in tops)]
        for way, (seen, scores) in zip(found[1:], pairs, strict=True):
            way[held] = scores >= threshold_of(seen, known[rest], wrong_answer)
    return found


def check_counts(answerable: int, unanswerable: int) -> None:
    """Raise InvalidSettings, with both numbers, if there are too few questions of a kind."""
    if min(answerable, unanswerable) < LEAST:
        raise InvalidSettings(
            f"calibration: at least {LEAST} answerable and {LEAST} unanswerable questions are needed, found "
            f'{answerable} and {unanswerable}; write some with "answerable": false'
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
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    solver, scores = "newton-cholesky", {c: np.zeros(len(known)) for c in STRENGTHS}
    for rest, held in _folds(known, groups):
        seen, unseen = map(StandardScaler().fit(rows[rest]).transform, (rows[rest], rows[held]))
        for c, found in scores.items():
            found[held] = LogisticRegression(C=c, solver=solver).fit(seen, known[rest]).decision_function(unseen)
    best = max(scores, key=lambda c: (roc_auc_score(known, scores[c]), -c))
    curve = LogisticRegression(C=1e4, solver=solver).fit(scores[best][:, None], known)
    slope, offset = max(float(curve.coef_[0, 0]), 1e-6), float(curve.intercept_[0])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=best, solver=solver))
    return model.fit(rows, known), scores[best], slope, offset
