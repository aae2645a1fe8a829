"""Asks judged questions, records what re-ranking sees, and compares rankings, for training and tuning."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from ingest.ids import sha256_hex
from ingest.lake.contents import contents_of
from ingest.lake.lake import Lake
from ingest.ports import Wording
from ingest.quality.anchors import anchored, side_of
from ingest.quality.askers import in_batches
from ingest.quality.floors import Scores
from ingest.quality.paired_differences import paired_difference
from ingest.records import Manifest, PairedDifference, QueryProfile, Question, Result
from ingest.search import Answer, Searcher

METRICS = ("ndcg@10", "answered@1000")
CONFIDENCE = 0.95
FOLDS = 5
T = TypeVar("T")
Look = Callable[[str, Sequence[Result], Wording], T]  # question, its candidates, wording → what is kept


def live_questions(lake: Lake, manifest: Manifest, questions: Sequence[Question]) -> tuple[list[Question], list[str]]:
    """Return the answerable questions whose places a generation holds, and the ids of the stale ones."""
    found = anchored(questions, side_of(contents_of(lake, manifest), questions), None)
    return found.live, found.stale


@dataclass
class Recorder(Generic[T]):
    """A re-ranker that records what it sees; all its scores are equal."""

    look: Look[T]
    wording: Wording
    seen: dict[str, T]  # by question
    slice: int = 2**31  # all candidates of a question per call

    def scores(self, question: str, candidates: Sequence[Result]) -> NDArray[np.float64]:
        """Return zeros, (n,) float64, which keep the order."""
        self.seen[question] = self.look(question, candidates, self.wording)
        return np.zeros(len(candidates))


def answers_of(
    serving: Searcher, profile: QueryProfile, look: Look[T], wanted: tuple[str, int, Sequence[Question]]
) -> Iterator[list[tuple[Question, Answer, T | None]]]:
    """Yield the questions, batch by batch, with their askers' fused answers and what `look` returned.

    Questions under one filter come in query id order. The profile's re-ranker is not opened. `look` receives the
    candidates of each question that has any; others get None. `wanted`: name of the step for the observer, results per
    stage, questions.
    """
    step, top, questions = wanted
    seen: dict[str, T] = {}
    observer = serving.retrieval.observer
    opened = replace(serving.retrieval, open_reranker=lambda _, wording: Recorder(look, wording, seen))
    searcher = Searcher(opened, serving.manifest, profile, serving.release)
    in_order = sorted(questions, key=lambda q: q.query_id)
    with observer.step(step, len(in_order), "questions"):
        for asker, batch in in_batches(observer, step, in_order):
            answers = searcher.search([q.text for q in batch], asker, top, ("fused", "reranked"))
            yield [(q, answer, seen.get(q.text)) for q, answer in zip(batch, answers, strict=True)]
            seen.clear()


def folds_of(texts: Sequence[str]) -> list[int]:
    """Return each question's fold, in order; equal texts share a fold, and folds do not depend on the order."""
    distinct = sorted(set(texts), key=lambda text: sha256_hex(text.encode()))
    fold = {text: n % FOLDS for n, text in enumerate(distinct)}
    return [fold[text] for text in texts]


def means(rows: Scores) -> dict[str, float]:
    """Return the mean of each of `METRICS`."""
    return {metric: float(np.mean([row[metric] for row in rows.values()])) for metric in METRICS}


def differences(ours: Scores, theirs: Scores) -> tuple[PairedDifference, ...]:
    """Return ours − theirs with its interval for each of `METRICS`; both have the same questions."""
    by_metric = {metric: [ours[q][metric] - theirs[q][metric] for q in sorted(ours)] for metric in METRICS}
    return tuple(paired_difference(metric, found, CONFIDENCE) for metric, found in by_metric.items())
