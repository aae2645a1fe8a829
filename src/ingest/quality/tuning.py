"""Tune fusion: from judged questions on the release in force, judged out of fold.

The questions are asked by fusion alone, and rankings are compared.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from ingest.errors import InvalidSettings
from ingest.ids import sha256_hex
from ingest.lake.contents import contents_of
from ingest.quality.anchors import anchored, side_of
from ingest.quality.evaluate import UNCALIBRATED, judged_questions, untimed
from ingest.quality.judged_sets import asked_in_batches
from ingest.quality.metrics import DEPTH, Scores, mean_scores, paired_difference, score_questions
from ingest.records import BuildOptions, PairedDifference, QueryProfile, Question, Result
from ingest.search import Searcher, open_serving
from ingest.search.context import counter
from ingest.search.fusion import convex
from ingest.services import Retrieval

METRICS = ("ndcg@10", "answered@1000")
CHOSEN_BY = METRICS[0]
CONFIDENCE = 0.95
FOLDS = 5
WEIGHTS = tuple(n / 20 for n in range(21))
LEAST_TUNING = 20  # questions with different texts

Batch = list[tuple[Question, list[Result]]]
ByMetric = dict[str, float]
Rows = dict[str, ByMetric]  # by query id


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


@dataclass(frozen=True)
class Tuning:
    """The value of each weight, and the choice of a weight, evaluated on questions that had no part in it."""

    release: int | None
    generation: str
    questions: int
    stale: tuple[str, ...]
    folds: int
    by_weight: dict[float, ByMetric]  # weight → metric → mean over all questions
    now: ByMetric  # the fusion of the settings' profile
    unseen: ByMetric  # each question under the weight chosen by the other folds
    against_now: tuple[PairedDifference, ...]  # unseen − now, one per metric
    by_fold: tuple[float, ...]  # the weight chosen by the questions outside each fold
    weight: float  # the one chosen by all questions
    convex: bool  # whether the settings already fuse so, and only the weight has to change

    @property
    def helps(self) -> bool:
        """Whether choosing beats the settings' fusion by nDCG@10 with statistical significance."""
        return self.against_now[0].lower > 0


def tune(retrieval: Retrieval, options: BuildOptions) -> Tuning:
    """Return what each weight of the dense stage is worth on the settings' judged questions. Writes nothing.

    Fusion is convex (`fusion.convex`), whatever the settings' profile is now. Every chunk found
    has the scores of both stages, so one search per question is enough for all weights.

    Raises: UnknownRelease when nothing serves; InvalidSettings for fewer than `LEAST_TUNING` live questions.
    """
    serving = open_fused(retrieval, options.profile, DEPTH)
    live, stale = live_questions(serving, judged_questions(options.judged))
    if (distinct := len({q.text for q in live})) < LEAST_TUNING:
        told = f"{len(live)} of {len(live) + len(stale)} judged questions have their place in generation"
        least = f"{distinct} of them with different texts; at least {LEAST_TUNING} are needed to tune fusion"
        raise InvalidSettings(f"index {serving.manifest.index}: {told} {serving.manifest.generation}, {least}")
    now, table = _by_each_weight(serving, live)
    folds = dict(zip((q.query_id for q in live), folds_of([q.text for q in live]), strict=True))
    chosen = [_best(table, [q for q in now if folds[q] != fold]) for fold in range(FOLDS)]
    unseen = {q: table[chosen[folds[q]]][q] for q in now}
    return Tuning(
        release=serving.release,
        generation=serving.manifest.generation,
        questions=len(now),
        stale=tuple(stale),
        folds=FOLDS,
        by_weight={weight: means(rows) for weight, rows in table.items()},
        now=means(now),
        unseen=means(unseen),
        against_now=differences(unseen, now),
        by_fold=tuple(chosen),
        weight=_best(table, list(now)),
        convex=serving.profile.fusion == "convex",
    )


def _by_each_weight(searcher: Searcher, questions: Sequence[Question]) -> tuple[Rows, dict[float, Rows]]:
    now, table = dict[str, ByMetric](), {weight: dict[str, ByMetric]() for weight in WEIGHTS}
    count = counter(searcher.retrieval.tokenizer)
    for batch in candidates_of(searcher, "tune-fusion", questions, None):
        now |= score_questions([(union[:DEPTH], question) for question, union in batch], count)
        bounds = [*map(searcher.wording.bound, searcher.wording.terms([question.text for question, _ in batch]))]
        for weight in WEIGHTS:
            ranked = ((_by_weight(u, bound, weight), q) for (q, u), bound in zip(batch, bounds, strict=True))
            table[weight] |= score_questions(ranked, count)
    return now, table


def _by_weight(union: Sequence[Result], bound: float, weight: float) -> list[Result]:
    by_id = {result.chunk_id: result for result in union}
    dense, keyword = ({c: r.scores[stage] for c, r in by_id.items()} for stage in ("dense", "bm25"))
    return [by_id[hit.chunk_id] for hit in convex(dense, keyword, weight, bound)[:DEPTH]]


def _best(table: Mapping[float, Mapping[str, ByMetric]], query_ids: Sequence[str]) -> float:
    """Return the weight with the highest mean over some questions, in a tie the one closest to even shares."""
    sums = {weight: sum(rows[q][CHOSEN_BY] for q in query_ids) for weight, rows in table.items()}
    return max(sums, key=lambda weight: (round(sums[weight], 9), -abs(weight - 0.5), -weight))
