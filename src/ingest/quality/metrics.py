"""How good ranked chunks are, whatever the chunker: which hold a gold place, metrics, answers within some tokens."""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from statistics import NormalDist, fmean, stdev
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.errors import InvalidSettings
from ingest.keyword.words import WORD
from ingest.records import Gold, PairedDifference, Question, Result

WITHOUT_SPACES = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]")  # Thai, kana, Han
LONG_SPAN = 30  # words; of a longer span, one run of part of it is enough
ENOUGH_OF_SPAN = 0.7
ENOUGH_OF_OFFSETS = 0.5
RANKED = {"ndcg@10": "nDCG@10", "recall@10": "R@10", "recall@50": "R@50", "mrr@10": "RR@10"}  # name → ir-measures
BUDGETS = (500, 1000, 2000)
METRICS = (*RANKED, *(f"answered@{budget}" for budget in BUDGETS))
DEPTH = 50  # results that the ranked metrics consider
RESAMPLES = 9_999  # of the bootstrap and of the permutation test
RESAMPLED_AT_ONCE = 1_000  # rows of one number per question: limits memory
SEED = 20_090_719  # the same scores always give the same verdict
POWER = 0.8
ROUNDING = 1e-9  # a mean may miss its bound by this much

Places = Sequence[Sequence[Gold]]
Count = Callable[[Sequence[str]], Sequence[int]]  # number of tokens per text
Scores = Mapping[str, Mapping[str, float]]  # query id → "stage.metric" → value, 0 to 1
Differences = dict[str, float]  # by query id


def relevant(result: Result, gold: Gold) -> bool:
    """Return whether a chunk answers a question by a gold place; the first rule for which both have data decides.

    1. spans: the chunk's text `holds` one of them, comparing case-folded letters and digits;
    2. offsets: the chunk and start…end share at least half of the shorter of the two;
    3. headings: the chunk's heading path begins with them;
    4. otherwise, being in the document is enough.
    """
    if not gold.is_in(result.source, result.path):
        return False
    if gold.spans:
        return any(holds(result.text, span) for span in gold.spans)
    if gold.start is not None and gold.end is not None and has_offsets(result):
        return _share((result.start, result.end), (gold.start, gold.end))
    if gold.headings:
        path = [_words(heading) for heading in result.heading_path[: len(gold.headings)]]
        return path == [_words(heading) for heading in gold.headings]
    return True


def distinct_places(gold: Sequence[Gold]) -> list[list[Gold]]:
    """Return the places in order, those that are the same one together, however often and in whatever way it is listed.

    In one document, places with offsets are the same if they share at least half of the shorter one; places of which
    one has no offsets, if their spans and headings have the same words.
    """
    places: list[list[Gold]] = []
    for one in gold:
        same = [place for place in places if any(_same(one, other) for other in place)]
        places = [place for place in places if place not in same]
        places.append([*(other for place in same for other in place), one])
    return sorted(places, key=lambda place: gold.index(place[0]))


def _same(one: Gold, other: Gold) -> bool:
    if one.doc != other.doc or (one.source and other.source and one.source != other.source):
        return False
    spans = [(g.start, g.end) for g in (one, other) if g.start is not None and g.end is not None]
    texts = [([*map(_words, g.spans)], [*map(_words, g.headings)]) for g in (one, other)]
    return _share(*spans) if len(spans) == 2 else texts[0] == texts[1]


def _share(one: tuple[int, int], other: tuple[int, int]) -> bool:
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return shared > 0 and shared >= ENOUGH_OF_OFFSETS * min(one[1] - one[0], other[1] - other[0])


def has_offsets(result: Result) -> bool:
    """Return whether a chunk knows its place in the document; an empty span means it does not."""
    return result.end > result.start >= 0


def holds(text: str, span: str) -> bool:
    """Return whether a text holds a span: all its words in one run or, of more than 30 words, 70 % in one run."""
    within, wanted = _words(text), _words(span)
    if not wanted:
        return False
    if f" {wanted} " in f" {within} " or (WITHOUT_SPACES.search(wanted) and wanted in within):
        return True
    parts = wanted.split()
    if len(parts) <= LONG_SPAN:
        return False
    size = math.ceil(ENOUGH_OF_SPAN * len(parts))
    return any(" ".join(parts[i : i + size]) in within for i in range(len(parts) - size + 1))


@lru_cache(maxsize=2048)  # one chunk is compared with every place of its document
def _words(text: str) -> str:
    return " ".join(WORD.findall(text.casefold()))


def score_questions(answers: Iterable[tuple[Sequence[Result], Question]], count: Count) -> dict[str, dict[str, float]]:
    """Return query id → metric → value, 0 to 1, for each question with a place to find.

        ndcg@10       Järvelin & Kekäläinen 2002: gain = grade, discount log2(rank + 1)
        recall@k      share of the gold places found in the first k
        mrr@10        1 / rank of the first relevant chunk, 0 beyond 10
        answered@B    1 when the first chunks that fit into B tokens answer

    Each gold place counts once, at its best-ranked chunk and with its best grade, however often it is listed; an
    alternative place (`added`) stands in for the first one not yet found. Answered: the chunks taken cover half the
    characters of a place with spans, or hold a relevant chunk of another; taking ends at the first that does not fit.

    Chunks come best first, at least 50 for a valid recall@50; tokens are the embedder's, none special, none cut off.

    Raises: InvalidSettings when a query id occurs twice.
    """
    qrels, run, scores = dict[str, dict[str, int]](), dict[str, dict[str, float]](), dict[str, dict[str, float]]()
    for results, question in answers:
        gold = [place for place in question.gold if place.grade > 0]
        if not question.answerable or not gold:
            continue
        if question.query_id in scores:
            raise InvalidSettings(f"question {question.query_id} is scored twice")
        places = distinct_places(gold)  # one is an alternative if it is listed as nothing else
        wanted = [place for place in places if not all(g.added for g in place)] or places
        others = [place for place in places if place not in wanted]
        qrels[question.query_id] = {f"place {i}": max(g.grade for g in place) for i, place in enumerate(wanted)}
        run[question.query_id] = _places_by_rank(results[:DEPTH], wanted, others)
        scores[question.query_id] = dict.fromkeys(RANKED, 0.0) | _answered(results, gold, count)
    if scores:
        import ir_measures

        measures = {ir_measures.parse_measure(measure): name for name, measure in RANKED.items()}
        for found in ir_measures.iter_calc(list(measures), qrels, run):
            scores[found.query_id][measures[found.measure]] = float(found.value)
    return scores


def _places_by_rank(results: Sequence[Result], places: Places, others: Places) -> dict[str, float]:
    """Return a run for the library: the place found at each rank, with scores that decrease by rank."""
    left, run = list(range(len(places))), {}
    for rank, result in enumerate(results):
        hit = next((i for i in left if any(relevant(result, g) for g in places[i])), None)
        if hit is None and left and any(relevant(result, g) for other in others for g in other):
            hit = left[0]
        if hit is not None:
            left.remove(hit)
        run[f"rank {rank}" if hit is None else f"place {hit}"] = float(-rank)
    return run


def _answered(results: Sequence[Result], gold: Sequence[Gold], count: Count) -> dict[str, float]:
    ends: list[int] = []  # tokens up to and including each chunk, up to the largest budget
    for result in results:
        tokens = result.tokens or next(iter(count([result.text])))
        ends.append((ends[-1] if ends else 0) + tokens)
        if ends[-1] > BUDGETS[-1]:
            break
    taken = {budget: results[: sum(end <= budget for end in ends)] for budget in BUDGETS}
    return {f"answered@{b}": float(any(_answers(chunks, place) for place in gold)) for b, chunks in taken.items()}


def _answers(taken: Sequence[Result], place: Gold) -> bool:
    if not (place.spans and place.start is not None and place.end is not None and all(map(has_offsets, taken))):
        return any(relevant(result, place) for result in taken)
    covered, reached = 0, place.start
    for start, end in sorted((r.start, r.end) for r in taken if place.is_in(r.source, r.path)):
        start, end = max(start, reached), min(end, place.end)  # noqa: PLW2901  (cut to what is not covered yet)
        if end > start:
            covered, reached = covered + end - start, end
    return 2 * covered >= place.end - place.start


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


def paired(live: Scores, against: Scores, metric: str) -> dict[str, Differences]:
    """Return candidate − serving by metric: for the given one and, if it is of the fused stage and either side
    re-ranks, for what callers get, which is the re-ranked order, or the fused one on a side without a re-ranker.
    """
    stage, _, name = metric.partition(".")
    reranked = f"reranked.{name}"
    found = {metric: _subtracted(live, against, lambda row: row.get(metric))}
    if stage == "fused" and any(reranked in row for side in (live, against) for row in side.values()):
        found[reranked] = _subtracted(live, against, lambda row: row.get(reranked, row.get(metric)))
    return found


def _subtracted(live: Scores, against: Scores, value: Callable[[Mapping[str, float]], float | None]) -> Differences:
    pairs = ((q, value(row), value(against.get(q, {}))) for q, row in live.items())
    return {q: now - before for q, now, before in pairs if now is not None and before is not None}


def paired_difference(metric: str, differences: Sequence[float], confidence: float) -> PairedDifference:
    """Return mean and interval of paired differences, of which there is at least one, in a fixed order.

    The interval is the two-sided percentile bootstrap of the mean (Efron & Tibshirani 1993, "An Introduction to the
    Bootstrap", 13.3), from a fixed seed; of equal differences, that value: exactly 0 for an unchanged index.

    `detectable` is the smallest true mean that such a sample reveals in 80 % of cases, 0 to 1, by the normal
    approximation (z(1 − α/2) + z(0.8)) · sd / √n (Cohen 1988, "Statistical Power Analysis"); 1 for a single question
    (its spread is unknown), 0 if all differences are equal.
    """
    mean = lower = upper = differences[0]
    n, detectable = len(differences), 1.0
    if min(differences) < max(differences):
        mean, sample = fmean(differences), np.asarray(differences, np.float64)
        lower, upper = percentile_interval([sample], np.mean, RESAMPLES, confidence, SEED)
    if n > 1:
        z = NormalDist().inv_cdf(1 - (1 - confidence) / 2) + NormalDist().inv_cdf(POWER)
        detectable = min(1.0, z * stdev(differences) / math.sqrt(n))
    return PairedDifference(metric=metric, questions=n, mean=mean, lower=lower, upper=upper, detectable=detectable)


def percentile_interval(
    samples: Sequence[NDArray[np.float64]], statistic: Callable[..., Any], resamples: int, level: float, seed: int
) -> tuple[float, float]:
    """Return the two-sided percentile bootstrap of a statistic of samples; the same seed, the same interval."""
    from scipy.stats import bootstrap

    options = {"method": "percentile", "confidence_level": level, "batch": RESAMPLED_AT_ONCE, "rng": seed}
    found = bootstrap(samples, statistic, n_resamples=resamples, **options).confidence_interval
    return float(found.low), float(found.high)


def lower_than_rest(sample: Sequence[float], rest: Sequence[float], resamples: int) -> float:
    """Return how often chance alone puts the mean of so many of these differences as far below that of the others.

    One-sided permutation test (Good 2005, "Permutation, Parametric and Bootstrap Tests of Hypotheses"): exact for few
    questions, otherwise on that many random divisions from a fixed seed.
    """
    from scipy.stats import permutation_test

    def below(one: NDArray[np.float64], other: NDArray[np.float64], axis: int) -> Any:
        return np.mean(one, axis=axis) - np.mean(other, axis=axis)

    options: dict[str, Any] = {"alternative": "less", "vectorized": True, "batch": RESAMPLED_AT_ONCE, "rng": SEED}
    samples = [np.asarray(part, np.float64) for part in (sample, rest)]
    return float(permutation_test(samples, below, n_resamples=resamples, **options).pvalue)
