"""Means over questions, and the floors that they must reach."""

from collections.abc import Mapping
from statistics import fmean

ROUNDING = 1e-9  # a mean may miss its bound by this much

Scores = Mapping[str, Mapping[str, float]]  # query id → "stage.metric" → value, 0 to 1


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
