"""Asks judged questions by fusion alone, and compares rankings: for calibration, training and tuning."""

from collections.abc import Iterator, Sequence
from functools import partial

from ingest.ids import sha256_hex
from ingest.lake.contents import contents_of
from ingest.quality.anchors import anchored, side_of
from ingest.quality.evaluate import UNCALIBRATED, untimed
from ingest.quality.judged_sets import asked_in_batches
from ingest.quality.metrics import Scores, mean_scores, paired_difference
from ingest.records import PairedDifference, QueryProfile, Question, Result
from ingest.search import Searcher, open_serving
from ingest.services import Retrieval

METRICS = ("ndcg@10", "answered@1000")
CONFIDENCE = 0.95
FOLDS = 5
Batch = list[tuple[Question, list[Result]]]


def open_fused(retrieval: Retrieval, profile: QueryProfile, depth: int = 0) -> Searcher:
    """Return a searcher on the release in force under a profile's fusion alone. Raises: UnknownRelease."""
    alone = {**UNCALIBRATED, "reranker": "none"}  # what else it names may be lost
    return open_serving(retrieval, untimed(profile, **alone, depth=max(depth, profile.depth)))


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


def folds_of(texts: Sequence[str]) -> list[int]:
    """Return each question's fold, in order; equal texts share a fold, and folds do not depend on the order."""
    distinct = sorted(set(texts), key=lambda text: sha256_hex(text.encode()))
    fold = {text: n % FOLDS for n, text in enumerate(distinct)}
    return [fold[text] for text in texts]


def means(rows: Scores) -> dict[str, float]:
    """Return the mean of each of `METRICS`."""
    found = mean_scores(rows)
    return {metric: found[metric] for metric in METRICS}


def differences(ours: Scores, theirs: Scores) -> tuple[PairedDifference, ...]:
    """Return ours − theirs with its interval for each of `METRICS`; both have the same questions."""
    by_metric = {metric: [ours[q][metric] - theirs[q][metric] for q in sorted(ours)] for metric in METRICS}
    return tuple(paired_difference(metric, found, CONFIDENCE) for metric, found in by_metric.items())
