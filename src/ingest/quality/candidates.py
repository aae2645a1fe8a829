"""Judged questions and the candidates that the release in force has for them, by fusion alone."""

from collections.abc import Iterator, Sequence
from functools import partial

from ingest.lake.contents import contents_of
from ingest.quality.anchors import anchored, side_of
from ingest.quality.evaluate import UNCALIBRATED
from ingest.quality.judged_sets import asked_in_batches
from ingest.records import QueryProfile, Question, Result
from ingest.search import Searcher, open_serving
from ingest.services import Retrieval

Batch = list[tuple[Question, list[Result]]]


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
