"""Train a re-ranker and tune fusion: from judged questions on the release in force, judged out of fold.

The re-ranker is trees on top of the blend. The questions are asked by fusion alone, and rankings are compared. All
figures of the trees come from questions they were not trained on; the trees kept are trained on all of them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.errors import InvalidSettings
from ingest.ids import sha256_hex
from ingest.lake.contents import contents_of
from ingest.quality.anchors import anchored, side_of
from ingest.quality.evaluate import UNCALIBRATED, judged_questions, untimed
from ingest.quality.judged_sets import asked_in_batches
from ingest.quality.metrics import DEPTH, Scores, mean_scores, paired_difference, relevant, score_questions
from ingest.records import BuildOptions, PairedDifference, QueryProfile, Question, Result
from ingest.search import Searcher, open_serving
from ingest.search.context import counter
from ingest.search.fusion import bounded
from ingest.search.ranking import SCALE, Floats, blend, features
from ingest.services import Retrieval

METRICS = ("ndcg@10", "answered@1000")
CHOSEN_BY = METRICS[0]
CONFIDENCE = 0.95
FOLDS = 5
LEAST_TRAINING = 50  # questions that teach something, with both a relevant and an irrelevant candidate
MOST_GRADE = 30  # LightGBM's highest label by default
WEIGHTS = tuple(n / 20 for n in range(21))
LEAST_TUNING = 20  # questions with different texts

Batch = list[tuple[Question, list[Result]]]
Fit = Callable[[Floats, NDArray[np.int32], list[int]], Any]  # `fit` of the adapter that knows LightGBM
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
class Example:
    """A judged question with what re-ranking sees of it."""

    question: Question
    fused: tuple[Result, ...]  # the whole fused ranking, the candidates first
    rows: Floats  # (candidates, FEATURES)
    grades: NDArray[np.int32]  # (candidates,) grade of the best place in each, 0 for none

    @property
    def teaches(self) -> bool:
        """Whether one candidate has a higher grade than another."""
        return len(self.grades) > 0 and self.grades.min() < self.grades.max()


@dataclass(frozen=True)
class Training:
    """Trees, and their value on questions that they were not trained on."""

    release: int | None
    generation: str
    questions: int
    taught: int  # questions that teach something
    stale: tuple[str, ...]
    folds: int
    scores: dict[str, dict[str, float]]  # fused, blend, trained → metric → mean; trained: out of fold
    against_blend: tuple[PairedDifference, ...]  # trained − blend, one per metric
    against_fused: tuple[PairedDifference, ...]  # trained − fused
    model: bytes  # its SHA-256 is its name for `profile.reranker_model`

    @property
    def helps(self) -> bool:
        """Whether the trees beat the blend alone by nDCG@10 with statistical significance."""
        return self.against_blend[0].lower > 0


def train(retrieval: Retrieval, options: BuildOptions, fit: Fit) -> Training:
    """Return trees trained by `fit` on the settings' judged questions over the release in force. Writes nothing.

    Candidates are those of the settings' query profile. Questions with the same text are in the same fold.

    Raises: UnknownRelease when nothing serves; InvalidSettings when fewer than `LEAST_TRAINING` teach something.
    """
    serving = open_fused(retrieval, options.profile, max(DEPTH, options.profile.rerank_depth))
    manifest = serving.manifest
    live, stale = live_questions(serving, judged_questions(options.judged))
    examples = examples_of(serving, live)
    taught = [e for e in examples if e.teaches]
    if len({e.question.text for e in taught}) < LEAST_TRAINING:
        told = f"{len(taught)} of {len(live) + len(stale)} judged questions have a relevant and an irrelevant candidate"
        least = f"at least {LEAST_TRAINING} with different texts are needed to train a re-ranker"
        raise InvalidSettings(f"index {manifest.index}: {told}, {least}")
    count = counter(retrieval.tokenizer)
    rows = {name: score_questions(ranked, count) for name, ranked in _rankings(examples, fit).items()}
    return Training(
        release=serving.release,
        generation=manifest.generation,
        questions=len(examples),
        taught=len(taught),
        stale=tuple(stale),
        folds=FOLDS,
        scores={name: means(found) for name, found in rows.items()},
        against_blend=differences(rows["trained"], rows["blend"]),
        against_fused=differences(rows["trained"], rows["fused"]),
        model=trees_of(taught, fit).model_to_string().encode(),
    )


def examples_of(searcher: Searcher, questions: Sequence[Question]) -> list[Example]:
    """Return each question with its candidates for re-ranking, which its profile's fusion finds, by filter."""
    examples, depth = [], searcher.profile.rerank_depth
    for batch in candidates_of(searcher, "train-reranker", questions, max(DEPTH, depth)):
        for question, fused in batch:
            rows = features(question.text, fused[:depth], searcher.wording)
            best = [max((g.grade for g in question.gold if relevant(r, g)), default=0) for r in fused[:depth]]
            examples.append(Example(question, tuple(fused), rows, np.minimum(best, MOST_GRADE).astype(np.int32)))
    return examples


def trees_of(examples: Sequence[Example], fit: Fit) -> Any:
    """Return LightGBM's Booster, trained on top of the blend. Raises: InvalidSettings without examples."""
    if not examples:
        raise InvalidSettings("training: 0 questions with a relevant and an irrelevant candidate, at least 1 is needed")
    rows, grades = np.vstack([e.rows for e in examples]), np.concatenate([e.grades for e in examples])
    return fit(rows, grades, [len(e.rows) for e in examples])


def _rankings(examples: Sequence[Example], fit: Fit) -> dict[str, list[tuple[list[Result], Question]]]:
    folds, trained = folds_of([e.question.text for e in examples]), dict[int, list[Result]]()
    for fold in range(FOLDS):
        trees = trees_of([e for e, f in zip(examples, folds, strict=True) if f != fold and e.teaches], fit)
        for i, example in ((i, example) for i, example in enumerate(examples) if folds[i] == fold):
            more = trees.predict(example.rows, num_threads=1) if len(example.rows) else np.zeros(0)
            trained[i] = ordered(example, SCALE * blend(example.rows) + more)
    return {
        "fused": [(list(e.fused), e.question) for e in examples],
        "blend": [(ordered(e, blend(e.rows)), e.question) for e in examples],
        "trained": [(trained[i], e.question) for i, e in enumerate(examples)],
    }


def ordered(example: Example, scores: Floats) -> list[Result]:
    """Return the candidates by their new scores, ties in fused order, then the rest of the fused ranking."""
    order = np.argsort(-scores, kind="stable")
    return [example.fused[i] for i in order] + list(example.fused[len(order) :])


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
    bounds: bool  # whether the settings already fuse by bounds, so that only the weight has to change

    @property
    def helps(self) -> bool:
        """Whether choosing beats the settings' fusion by nDCG@10 with statistical significance."""
        return self.against_now[0].lower > 0


def tune(retrieval: Retrieval, options: BuildOptions) -> Tuning:
    """Return what each weight of the dense stage is worth on the settings' judged questions. Writes nothing.

    Fusion is convex by theoretical bounds (`fusion.bounded`), whatever the settings' profile is now. Every chunk found
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
        bounds=(serving.profile.fusion, serving.profile.normalisation) == ("convex", "bounds"),
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
    return [by_id[hit.chunk_id] for hit in bounded(dense, keyword, weight, bound)[:DEPTH]]


def _best(table: Mapping[float, Mapping[str, ByMetric]], query_ids: Sequence[str]) -> float:
    """Return the weight with the highest mean over some questions, in a tie the one closest to even shares."""
    sums = {weight: sum(rows[q][CHOSEN_BY] for q in query_ids) for weight, rows in table.items()}
    return max(sums, key=lambda weight: (round(sums[weight], 9), -abs(weight - 0.5), -weight))
