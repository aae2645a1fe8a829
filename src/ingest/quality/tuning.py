"""Choose the weight of the dense stage in fusion, by judged questions on the release in force, out of fold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ingest.errors import InvalidSettings
from ingest.quality import rankings
from ingest.quality.evaluate import judged_questions
from ingest.quality.metrics import DEPTH, score_questions
from ingest.records import BuildOptions, PairedDifference, Question, Result
from ingest.search import Searcher
from ingest.search.context import counter
from ingest.search.fusion import bounded
from ingest.services import Retrieval

WEIGHTS = tuple(n / 20 for n in range(21))
LEAST_QUESTIONS = 20
CHOSEN_BY = rankings.METRICS[0]
COUNTED = 2**13  # texts whose tokens are counted once: all weights rank the same ones

Scores = dict[str, float]
Rows = dict[str, Scores]  # by query id


@dataclass(frozen=True)
class Tuning:
    """The value of each weight, and the choice of a weight, evaluated on questions that had no part in it."""

    release: int | None
    generation: str
    questions: int
    stale: tuple[str, ...]
    folds: int
    by_weight: dict[float, Scores]  # weight → metric → mean over all questions
    now: Scores  # the fusion of the settings' profile
    unseen: Scores  # each question under the weight chosen by the other folds
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

    Fusion is convex by theoretical bounds (`fusion.bounded`), whatever the settings' profile is now.

    Raises: UnknownRelease when nothing serves; InvalidSettings for fewer than `LEAST_QUESTIONS` live questions.
    """
    serving = rankings.open_fused(retrieval, options.profile, DEPTH)
    live, stale = rankings.live_questions(serving, judged_questions(options.judged))
    if (distinct := len({q.text for q in live})) < LEAST_QUESTIONS:
        told = f"{len(live)} of {len(live) + len(stale)} judged questions have their place in generation"
        least = f"{distinct} of them with different texts; at least {LEAST_QUESTIONS} are needed to tune fusion"
        raise InvalidSettings(f"index {serving.manifest.index}: {told} {serving.manifest.generation}, {least}")
    now, table = _scored(serving, live)
    folds = dict(zip((q.query_id for q in live), rankings.folds_of([q.text for q in live]), strict=True))
    chosen = [_best(table, [q for q in now if folds[q] != fold]) for fold in range(rankings.FOLDS)]
    unseen = {q: table[chosen[folds[q]]][q] for q in now}
    return Tuning(
        release=serving.release,
        generation=serving.manifest.generation,
        questions=len(now),
        stale=tuple(stale),
        folds=rankings.FOLDS,
        by_weight={weight: rankings.means(rows) for weight, rows in table.items()},
        now=rankings.means(now),
        unseen=rankings.means(unseen),
        against_now=rankings.differences(unseen, now),
        by_fold=tuple(chosen),
        weight=_best(table, list(now)),
        bounds=(serving.profile.fusion, serving.profile.normalisation) == ("convex", "bounds"),
    )


def _scored(searcher: Searcher, questions: Sequence[Question]) -> tuple[Rows, dict[float, Rows]]:
    now, table = dict[str, Scores](), {weight: dict[str, Scores]() for weight in WEIGHTS}
    measure = counter(searcher.retrieval.tokenizer)
    tokens = lru_cache(COUNTED)(lambda text: measure([text])[0])

    def count(texts: Sequence[str]) -> list[int]:
        return [*map(tokens, texts)]

    for batch in rankings.candidates_of(searcher, "tune-fusion", questions, None):
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


def _best(table: Mapping[float, Mapping[str, Scores]], query_ids: Sequence[str]) -> float:
    """Return the weight with the highest mean over some questions, in a tie the one closest to even shares."""
    sums = {weight: sum(rows[q][CHOSEN_BY] for q in query_ids) for weight, rows in table.items()}
    return max(sums, key=lambda weight: (round(sums[weight], 9), -abs(weight - 0.5), -weight))
