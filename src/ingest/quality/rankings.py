"""Asks judged questions with a re-ranker that keeps what it sees, for training and tuning to learn from."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from ingest.lake.contents import contents_of
from ingest.ports import Reranker, Wording
from ingest.quality.anchors import anchored, side_of
from ingest.quality.evaluate import BATCH, judged_questions
from ingest.records import EVERYTHING, Manifest, QueryProfile, Question
from ingest.search import Answer, Searcher
from ingest.services import Services


def live_questions(services: Services, manifest: Manifest) -> tuple[list[Question], list[str]]:
    """Return the judged questions whose places a generation holds, and the ids of the stale ones."""
    contents = contents_of(services.lake, manifest)
    questions = judged_questions(services)
    live, _, stale = anchored(questions, side_of(contents, questions), None)
    return live, list(stale)


def answers_of(
    services: Services,
    serving: Searcher,
    profile: QueryProfile,
    keeper: Callable[[Wording], Reranker],
    wanted: tuple[str, int, Sequence[Question]],
) -> Iterator[list[tuple[Question, Answer]]]:
    """Yield the questions, batch by batch in order of their query ids, with their fused and re-ranked answers.

    Args:
        services: The re-ranker of the profile is not opened.
        serving: A searcher on the generation to ask.
        profile: How to ask.
        keeper: Makes the re-ranker.
        wanted: Name of the step for the observer, results per stage, questions.
    """
    step, top, questions = wanted
    opened = replace(services, open_reranker=lambda _, wording: keeper(wording))
    searcher = Searcher(opened, serving.manifest, profile, serving.release)
    in_order = sorted(questions, key=lambda q: q.query_id)
    with services.observer.step(step, -(-len(in_order) // BATCH)):
        for start in range(0, len(in_order), BATCH):
            batch = in_order[start : start + BATCH]
            answers = searcher.search([q.text for q in batch], EVERYTHING, top, ("fused", "reranked"))
            yield list(zip(batch, answers, strict=True))
            services.observer.advanced(step, {"questions": len(batch)})
