"""Slices: none can be lost in silence, and chance refuses none."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from ingest.quality.gate import Facts, judge
from ingest.quality.metrics import lower_than_rest
from ingest.quality.question_slices import slices_of
from ingest.records import Asker, GateRules, Question, SliceRules, Verdict
from tests.records import document_row

METRIC = "fused.ndcg@10"
RULES = GateRules(floors={METRIC: 0.2})
Scores = dict[str, dict[str, float]]


def scores(values: Sequence[float], metric: str = METRIC) -> Scores:
    return {f"q{i:04}": {metric: float(v), "fused.recall@10": float(v > 0)} for i, v in enumerate(values)}


def sliced(count: int, **first: int) -> dict[str, list[tuple[str, str]]]:
    """Return the slices of `count` questions: the first ones of each name have the value "few", the others "many"."""
    return {
        f"q{i:04}": [(name, "few" if i < size else "many") for name, size in sorted(first.items())]
        for i in range(count)
    }


def decide(now: Scores, before: Scores | None, slices: Any, rules: GateRules = RULES) -> Verdict:
    serving, release = (None, None) if before is None else ("g1", 7)
    return judge(now, before, rules, Facts("docs", "g2", serving, release, judged=len(now), slices=slices))


def states(verdict: Verdict) -> dict[str, str]:
    return {f"{s.name}={s.value}": s.state for s in verdict.slices}


def test_a_slice_of_four_among_four_hundred_that_falls_to_zero_refuses_by_its_name() -> None:
    verdict = decide(scores([0.0] * 4 + [0.8] * 396), scores([0.8] * 400), sliced(400, language=4))
    assert not verdict.positive
    assert (
        "Slice language=few fell: fused.ndcg@10 is -0.8000 on 4 questions, +0.0000 on the others; at least -0.1000 is "
        "expected, and chance does this with p = 0.0002, corrected for 2 comparisons."
    ) == verdict.reasons[-1]
    assert {"language=few": "fell", "language=many": "held"} == states(verdict)


def test_scores_and_intervals_of_every_slice_are_in_the_verdict() -> None:
    verdict = decide(scores([0.5] * 10 + [0.9] * 30), scores([0.6] * 10 + [0.8] * 30), sliced(40, topic=10))
    few, many = verdict.slices
    assert (few.name, few.value, few.questions, few.state) == ("topic", "few", 10, "held")
    assert (pytest.approx(0.5), pytest.approx(0.6)) == (few.candidate_scores[METRIC], few.serving_scores[METRIC])
    assert 1.0 == few.candidate_scores["fused.recall@10"]
    assert ["+0.10", "-0.10"] == [f"{d.mean:+.2f}" for s in (many, few) for d in s.differences]


def test_a_slice_that_is_too_small_to_decide_is_listed_as_such() -> None:
    verdict = decide(scores([0.0] * 2 + [0.8] * 398), scores([0.8] * 400), sliced(400, language=2))
    assert (True, "too small") == (verdict.positive, states(verdict)["language=few"])
    crowded = decide(scores([0.0] * 4 + [0.8] * 4), scores([0.8] * 8), sliced(8, language=4))
    assert {"language=few": "too small", "language=many": "too small"} == states(crowded)


def test_one_bad_question_is_no_fallen_slice() -> None:
    verdict = decide(scores([0.0] + [0.8] * 399), scores([0.8] * 400), sliced(400, language=4))
    assert (True, "held") == (verdict.positive, states(verdict)["language=few"])


def test_a_loss_that_all_questions_share_is_the_whole_indexs_and_no_slices() -> None:
    verdict = decide(scores([0.6] * 40), scores([0.8] * 40), sliced(40, language=10))
    assert not verdict.positive
    assert all(" fell: " not in reason for reason in verdict.reasons)


def test_chance_refuses_few_candidates_however_many_slices_there_are() -> None:
    rng = np.random.default_rng(3)
    before = rng.uniform(0.3, 0.7, 200)
    names = {f"s{n}": int(size) for n, size in enumerate(rng.integers(4, 40, 12))}
    refused = 0
    for _ in range(20):
        order = rng.permutation(200)
        after = before + rng.normal(0.02, 0.25, 200)
        slices = {f"q{order[i]:04}": found for i, found in enumerate(sliced(200, **names).values())}
        refused += any(" fell: " in reason for reason in decide(scores(after), scores(before), slices).reasons)
    assert refused <= 2


def test_a_slice_that_loses_what_callers_get_falls_though_its_fused_order_stays() -> None:
    now, before = (
        {f"q{i:04}": {METRIC: 0.5, "reranked.ndcg@10": lost if i < 5 else 0.7} for i in range(100)}
        for lost in (0.1, 0.7)
    )
    verdict = decide(now, before, sliced(100, language=5))
    assert any("Slice language=few fell: reranked.ndcg@10" in reason for reason in verdict.reasons)


@pytest.mark.parametrize(
    ("floors", "refused"),
    [
        ({"*": {METRIC: 0.3}}, True),
        ({"language": {METRIC: 0.3}}, True),
        ({"language=few": {METRIC: 0.3}}, True),
        ({"*": {METRIC: 0.3}, "language=few": {METRIC: 0.1}}, False),  # the more exact one counts
        ({"topic": {METRIC: 0.3}}, True),  # nothing belongs to it
        ({"language=many": {METRIC: 0.3}}, False),
        ({"language=few": {"fused.mrr@10": 0.3}}, True),  # not measured
    ],
)
def test_a_slice_must_reach_its_floors_also_in_the_first_generation(
    floors: dict[str, dict[str, float]], refused: bool
) -> None:
    rules = GateRules(floors={METRIC: 0.2}, slices=SliceRules(floors=floors))
    verdict = decide(scores([0.2] * 4 + [0.8] * 36), None, sliced(40, language=4), rules)
    assert refused != verdict.positive
    assert {"fell", "not compared"} >= set(states(verdict).values())


def test_a_floor_for_one_slice_holds_however_small_it_is_and_a_shared_one_does_not() -> None:
    for key, positive in (("language=few", False), ("*", True)):
        rules = GateRules(floors={}, slices=SliceRules(floors={key: {METRIC: 0.3}}))
        assert positive == decide(scores([0.0] + [0.8] * 39), None, sliced(40, language=1), rules).positive


def test_slices_with_the_same_questions_are_one_comparison() -> None:
    now, before = scores([0.0] * 4 + [0.8] * 396), scores([0.8] * 400)
    once = decide(now, before, sliced(400, language=4))
    thrice = decide(now, before, sliced(400, language=4, source=4, acl=4))
    assert 3 == sum("corrected for 2 comparisons" in reason for reason in thrice.reasons)
    assert once.slices[0].differences == thrice.slices[0].differences


def test_a_slice_whose_questions_are_all_stale_is_listed_with_none() -> None:
    verdict = decide(scores([0.8] * 40), scores([0.8] * 40), {**sliced(40, topic=10), "gone": [("topic", "old")]})
    assert [("old", 0, "too small")] == [(s.value, s.questions, s.state) for s in verdict.slices if s.value == "old"]


def test_what_is_known_of_gold_documents_and_asker_needs_no_typing() -> None:
    row = document_row(source="wiki", media_type="text/html", language="de", acl=("board", "staff"))
    question = Question("q", "?", slices={"language": "German", "topic": "money"}, asker=Asker(("staff",), "acme"))
    assert [
        ("acl", "board"),
        ("acl", "staff"),
        ("asker", "staff of acme"),
        ("language", "German"),
        ("media_type", "text/html"),
        ("source", "wiki"),
        ("topic", "money"),
    ] == slices_of(question, [row])


def test_the_permutation_test_is_exact_for_few_questions() -> None:
    assert pytest.approx(1 / 10) == lower_than_rest([-1.0, -1.0], [0.0, 0.0, 0.0], 9_999)
