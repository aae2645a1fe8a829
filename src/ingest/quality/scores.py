"""Scores of questions: their means, the floors of these, and how far differences between two sides can be trusted."""

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.records import PairedDifference

RESAMPLES = 9_999  # of the bootstrap and of the permutation test
RESAMPLED_AT_ONCE = 1_000  # rows of one number per question: limits memory
SEED = 20_090_719  # the same scores always give the same verdict
POWER = 0.8
ROUNDING = 1e-9  # a mean may miss its bound by this much

Scores = Mapping[str, Mapping[str, float]]  # query id → "stage.metric" → value, 0 to 1
Differences = dict[str, float]  # by query id


def mean_scores(scores: Scores) -> dict[str, float]:
    """Return the mean of each metric over the questions that have it."""
    metrics = sorted({metric for row in scores.values() for metric in row})
    return {m: fmean(row[m] for row in scores.values() if m in row) for m in metrics}


def below_floors(scores: Scores, floors: Mapping[str, float], of: str = "") -> list[str]:
    """Return what misses its floor, one sentence each, which begins with whose scores they are."""
    found, told = mean_scores(scores), []
    for metric, floor in sorted(floors.items()):
        if metric not in found:
            measured = ", ".join(found) or "nothing"
            told.append(f"{of}{metric} has a floor of {floor:.4f}, but was not measured; measured: {measured}.")
        elif found[metric] < floor - ROUNDING:
            told.append(f"{of}{metric} is {found[metric]:.4f} on average, below its floor of {floor:.4f}.")
    return told


def paired(live: Scores, against: Scores, metric: str) -> dict[str, Differences]:
    """Return candidate − serving by metric: for the given one and, if it is of the fused stage and either side
    re-ranks, for what callers get, which is the re-ranked order, or the fused one on a side without a re-ranker.
    """
    stage, _, name = metric.partition(".")
    reranked = f"reranked.{name}"
    found = {metric: _subtracted(live, against, lambda row: row.get(metric))}
    if stage == "fused" and any(reranked in row for side in (live, against) for row in side.values()):
        found[reranked] = _subtracted(live, against, lambda row: row.get(reranked, row.get(metric)))
    return found


def _subtracted(live: Scores, against: Scores, value: Callable[[Mapping[str, float]], float | None]) -> Differences:
    pairs = ((q, value(row), value(against.get(q, {}))) for q, row in live.items())
    return {q: now - before for q, now, before in pairs if now is not None and before is not None}


def paired_difference(metric: str, differences: Sequence[float], confidence: float) -> PairedDifference:
    """Return mean and interval of paired differences, of which there is at least one, in a fixed order.

    The interval is the two-sided percentile bootstrap of the mean (Efron & Tibshirani 1993, "An Introduction to the
    Bootstrap", 13.3), from a fixed seed; of equal differences, that value: exactly 0 for an unchanged index.

    `detectable` is the smallest true mean that such a sample reveals in 80 % of cases, 0 to 1, by the normal
    approximation (z(1 − α/2) + z(0.8)) · sd / √n (Cohen 1988, "Statistical Power Analysis"); 1 for a single question
    (its spread is unknown), 0 if all differences are equal.
    """
    mean = lower = upper = differences[0]
    n, detectable = len(differences), 1.0
    if min(differences) < max(differences):
        mean, sample = fmean(differences), np.asarray(differences, np.float64)
        lower, upper = percentile_interval([sample], np.mean, RESAMPLES, confidence, SEED)
    if n > 1:
        from scipy.stats import norm

        z = norm.ppf(1 - (1 - confidence) / 2) + norm.ppf(POWER)
        detectable = min(1.0, float(z) * stdev(differences) / math.sqrt(n))
    return PairedDifference(metric=metric, questions=n, mean=mean, lower=lower, upper=upper, detectable=detectable)


def percentile_interval(
    samples: Sequence[NDArray[np.float64]], statistic: Callable[..., Any], resamples: int, level: float, seed: int
) -> tuple[float, float]:
    """Return the two-sided percentile bootstrap of a statistic of samples; the same seed, the same interval."""
    from scipy.stats import bootstrap

    options = {"method": "percentile", "confidence_level": level, "batch": RESAMPLED_AT_ONCE, "rng": seed}
    found = bootstrap(samples, statistic, n_resamples=resamples, **options).confidence_interval
    return float(found.low), float(found.high)


def lower_than_rest(sample: Sequence[float], rest: Sequence[float], resamples: int) -> float:
    """Return how often chance alone puts the mean of so many of these differences as far below that of the others.

    One-sided permutation test of the difference of two means (Good 2005, "Permutation, Parametric and Bootstrap Tests
    of Hypotheses"): exact for few questions, otherwise on that many random divisions from a fixed seed.
    """
    from scipy.stats import permutation_test

    def below(one: NDArray[np.float64], other: NDArray[np.float64], axis: int) -> Any:
        return np.mean(one, axis=axis) - np.mean(other, axis=axis)

    options: dict[str, Any] = {"alternative": "less", "vectorized": True, "batch": RESAMPLED_AT_ONCE, "rng": SEED}
    samples = [np.asarray(part, np.float64) for part in (sample, rest)]
    return float(permutation_test(samples, below, n_resamples=resamples, **options).pvalue)
