"""Train a re-ranker: trees on top of the blend, from judged questions on the release in force, judged out of fold."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.errors import InvalidSettings
from ingest.ids import sha256_hex
from ingest.quality.evaluate import judged_questions
from ingest.quality.metrics import DEPTH, relevant, score_questions
from ingest.quality.rankings import FOLDS, candidates_of, differences, folds_of, live_questions, means, open_fused
from ingest.records import BuildOptions, PairedDifference, Question, Result
from ingest.search import Searcher
from ingest.search.context import counter
from ingest.search.ranking import SCALE, Floats, blend, features
from ingest.services import Retrieval

LEAST_QUESTIONS = 50  # that teach something, with both a relevant and an irrelevant candidate
MOST_GRADE = 30  # LightGBM's highest label by default
Fit = Callable[[Floats, NDArray[np.int32], list[int]], Any]  # `fit` of the adapter that knows LightGBM


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
    sha256: str  # of `model`, for `profile.reranker_model`
    model: bytes

    @property
    def helps(self) -> bool:
        """Whether the trees beat the blend alone by nDCG@10 with statistical significance."""
        return self.against_blend[0].lower > 0


def train(retrieval: Retrieval, options: BuildOptions, fit: Fit) -> Training:
    """Return trees trained by `fit` on the settings' judged questions over the release in force. Writes nothing.

    Candidates are those of the settings' query profile. Questions with the same text are in the same fold.

    Raises: UnknownRelease when nothing serves; InvalidSettings when fewer than `LEAST_QUESTIONS` teach something.
    """
    serving = open_fused(retrieval, options.profile, max(DEPTH, options.profile.rerank_depth))
    manifest = serving.manifest
    live, stale = live_questions(serving, judged_questions(options.judged))
    examples = examples_of(serving, live)
    taught = [e for e in examples if e.teaches]
    if len({e.question.text for e in taught}) < LEAST_QUESTIONS:
        told = f"{len(taught)} of {len(live) + len(stale)} judged questions have a relevant and an irrelevant candidate"
        least = f"at least {LEAST_QUESTIONS} with different texts are needed to train a re-ranker"
        raise InvalidSettings(f"index {manifest.index}: {told}, {least}")
    count = counter(retrieval.tokenizer)
    rows = {name: score_questions(ranked, count) for name, ranked in _rankings(examples, fit).items()}
    model = trees_of(taught, fit).model_to_string().encode()
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
        sha256=sha256_hex(model),
        model=model,
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
