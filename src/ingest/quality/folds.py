"""Compares rankings question by question: folds, means and paired differences, for training and tuning."""

from collections.abc import Mapping, Sequence

import numpy as np

from ingest.ids import sha256_hex
from ingest.quality.gate import paired_difference
from ingest.records import PairedDifference

METRICS = ("ndcg@10", "answered@1000")
CONFIDENCE = 0.95
FOLDS = 5
Rows = Mapping[str, Mapping[str, float]]  # query id → metric → value


def folds_of(texts: Sequence[str]) -> list[int]:
    """Return a fold for each question, in order; equal texts share a fold, and the order of the texts is irrelevant."""
    distinct = sorted(set(texts), key=lambda text: sha256_hex(text.encode()))
    fold = {text: n % FOLDS for n, text in enumerate(distinct)}
    return [fold[text] for text in texts]


def means(rows: Rows) -> dict[str, float]:
    """Return the mean of each of `METRICS`."""
    return {metric: float(np.mean([row[metric] for row in rows.values()])) for metric in METRICS}


def differences(ours: Rows, theirs: Rows) -> tuple[PairedDifference, ...]:
    """Return ours − theirs with its interval for each of `METRICS`; both hold the same questions."""
    by_metric = {metric: [ours[q][metric] - theirs[q][metric] for q in sorted(ours)] for metric in METRICS}
    return tuple(paired_difference(metric, found, CONFIDENCE) for metric, found in by_metric.items())
