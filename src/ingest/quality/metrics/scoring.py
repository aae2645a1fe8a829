"""Metrics of ranked chunks by ir-measures, and whether a question is answered within a number of tokens."""

from collections.abc import Callable, Iterable, Sequence

from ingest.errors import InvalidSettings
from ingest.quality.metrics.relevance import distinct_places, has_offsets, relevant
from ingest.records import Gold, Question, Result

RANKED = {"ndcg@10": "nDCG@10", "recall@10": "R@10", "recall@50": "R@50", "mrr@10": "RR@10"}  # name → ir-measures
BUDGETS = (500, 1000, 2000)
METRICS = (*RANKED, *(f"answered@{budget}" for budget in BUDGETS))
COUNTED = 10  # chunks whose tokens are counted per call
DEPTH = 50  # results that the ranked metrics consider
Count = Callable[[Sequence[str]], Sequence[int]]  # number of tokens per text


def score_questions(answers: Iterable[tuple[Sequence[Result], Question]], count: Count) -> dict[str, dict[str, float]]:
    """Return query id → metric → value, 0 to 1, for each question with a place to find.

        ndcg@10       Järvelin & Kekäläinen 2002: gain = grade, discount log2(rank + 1)
        recall@k      share of the gold places found in the first k
        mrr@10        1 / rank of the first relevant chunk, 0 beyond 10
        answered@B    1 when the first chunks that fit into B tokens answer

    Each gold place counts once, at its best-ranked chunk and with its best grade, however often it is listed; an
    alternative place (`added`) stands in for the first one not yet found. Answered: the chunks taken cover half the
    characters of a place with spans, or include a relevant chunk of a place without spans; taking ends at the first
    chunk that does not fit.

    Chunks come best first, at least 50 for a valid recall@50; their tokens are counted by the embedder's tokenizer,
    without special tokens and truncation.

    Raises: InvalidSettings when a query id occurs twice.
    """
    qrels: dict[str, dict[str, int]] = {}
    run: dict[str, dict[str, float]] = {}
    scores: dict[str, dict[str, float]] = {}
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
    for query_id, metric, value in _by_library(qrels, run) if scores else ():
        scores[query_id][metric] = value
    return scores


def _places_by_rank(
    results: Sequence[Result], places: Sequence[Sequence[Gold]], others: Sequence[Sequence[Gold]]
) -> dict[str, float]:
    """Return a run for the library: the place found at each rank, with scores that decrease by rank."""
    left = list(range(len(places)))
    run = {}
    for rank, result in enumerate(results):
        hit = next((i for i in left if any(relevant(result, g) for g in places[i])), None)
        if hit is None and left and any(relevant(result, g) for other in others for g in other):
            hit = left[0]
        if hit is not None:
            left.remove(hit)
        run[f"rank {rank}" if hit is None else f"place {hit}"] = float(-rank)
    return run


def _by_library(qrels: dict[str, dict[str, int]], run: dict[str, dict[str, float]]) -> Iterable[tuple[str, str, float]]:
    import ir_measures

    measures = {ir_measures.parse_measure(measure): name for name, measure in RANKED.items()}
    for found in ir_measures.iter_calc(list(measures), qrels, run):
        yield found.query_id, measures[found.measure], float(found.value)


def _answered(results: Sequence[Result], gold: Sequence[Gold], count: Count) -> dict[str, float]:
    ends: list[int] = []  # tokens up to and including each chunk, up to the largest budget
    for start in range(0, len(results), COUNTED):
        for tokens in count([result.text for result in results[start : start + COUNTED]]):
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
