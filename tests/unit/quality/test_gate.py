"""The gate: what is promoted, what is refused, and what is told."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.ids import canonical_json
from ingest.quality.gate import Facts, judge
from ingest.quality.metrics import paired_difference
from ingest.records import GateRules, Verdict

METRIC = "fused.ndcg@10"
RULES = GateRules(floors={METRIC: 0.2}, min_questions=5)


def scores(*values: float, metric: str = METRIC, start: int = 0) -> dict[str, dict[str, float]]:
    return {f"q{start + i:04}": {metric: v, "fused.recall@10": float(v > 0)} for i, v in enumerate(values)}


def facts(judged: int = 10, **fields) -> Facts:
    return Facts(**{"index": "docs", "candidate": "g2", "serving": "g1", "release": 7, "judged": judged, **fields})


def first(judged: int = 10, **fields) -> Facts:
    return facts(judged, serving=None, release=None, **fields)


def decide(candidate, serving, rules: GateRules = RULES, told: Facts | None = None) -> Verdict:
    return judge(candidate, serving, rules, told or facts(len(candidate)))


@settings(max_examples=40)
@given(values=st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_an_unchanged_index_is_promoted_with_a_difference_of_exactly_zero(values):
    rules = GateRules(floors={METRIC: 0.0}, margin=0.0)
    verdict = decide(scores(*values), scores(*values), rules)
    assert verdict.positive
    assert (verdict.difference.mean, verdict.difference.lower, verdict.difference.upper) == (0.0, 0.0, 0.0)


@settings(max_examples=40)
@given(
    pairs=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=30),
    margin=st.sampled_from([0.0, 0.02, 0.3]),
)
def test_a_candidate_is_promoted_if_and_only_if_the_lower_bound_reaches_minus_margin(pairs, margin):
    rules = GateRules(floors={METRIC: 0.0}, margin=margin)
    verdict = decide(scores(*(a for a, _ in pairs)), scores(*(b for _, b in pairs)), rules)
    assert verdict.positive == (verdict.difference.lower >= -margin - 1e-9)
    assert verdict.positive == (not verdict.reasons)


def test_a_real_loss_is_refused_with_both_numbers_and_a_gain_is_not():
    rng = np.random.default_rng(0)
    before = rng.uniform(0.4, 1.0, 200)
    after = before - rng.uniform(0.05, 0.15, 200)
    verdict = decide(scores(*after), scores(*before))
    assert not verdict.positive
    assert verdict.reasons == (
        f"fused.ndcg@10 may have fallen by more than the margin: candidate − release 7 is "
        f"{verdict.difference.mean:+.4f} on 200 questions, 95% interval {verdict.difference.lower:+.4f} to "
        f"{verdict.difference.upper:+.4f}; the lower bound must be at least -0.0200.",
    )
    assert decide(scores(*before), scores(*after)).positive


RERANKED = "reranked.ndcg@10"


def both(fused: float, reranked: float, count: int = 10) -> dict[str, dict[str, float]]:
    return {f"q{i}": {METRIC: fused, RERANKED: reranked} for i in range(count)}


@pytest.mark.parametrize(
    ("candidate", "serving", "reasons"),
    [
        (both(0.5, 0.4), both(0.5, 0.6), 1),  # a worse re-ranker leaves the fused order as it is
        (both(0.5, 0.4), scores(*[0.5] * 10), 1),  # one that is worse than none
        (scores(*[0.5] * 10), both(0.5, 0.6), 1),  # a good one taken away
        (both(0.5, 0.6), both(0.5, 0.6), 0),
        (both(0.5, 0.7), both(0.5, 0.6), 0),
        (both(0.4, 0.7), both(0.5, 0.6), 1),  # the metric of the rules counts as well
    ],
)
def test_what_callers_get_must_not_be_worse_where_either_side_reranks(candidate, serving, reasons):
    renamed = ({f"q{i}": row for i, row in enumerate(side.values())} for side in (candidate, serving))
    verdict = decide(*renamed)
    assert (verdict.positive, len(verdict.reasons)) == (not reasons, reasons)


def test_a_worse_reranker_is_refused_by_the_name_of_its_metric():
    (reason,) = decide(both(0.5, 0.4), both(0.5, 0.6)).reasons
    assert "reranked.ndcg@10 may have fallen by more than the margin" in reason


def test_the_interval_agrees_with_the_normal_one_on_many_questions():
    rng = np.random.default_rng(1)
    differences = rng.normal(0.01, 0.2, 1000)
    found = paired_difference(METRIC, differences.tolist(), 0.95)
    half = 1.96 * differences.std(ddof=1) / math.sqrt(1000)
    assert found.mean == pytest.approx(differences.mean())
    assert (found.lower, found.upper) == pytest.approx((found.mean - half, found.mean + half), abs=0.0015)
    assert found.detectable == pytest.approx(
        (1.959964 + 0.841621) * differences.std(ddof=1) / math.sqrt(1000), rel=1e-5
    )


def test_the_same_scores_give_the_same_verdict_in_any_order():
    rng = np.random.default_rng(2)
    one, two = scores(*rng.uniform(0, 1, 50)), scores(*rng.uniform(0, 1, 50))
    backwards = dict(reversed(one.items())), dict(reversed(two.items()))
    assert decide(one, two) == decide(*backwards)


def test_a_difference_without_spread_is_taken_as_it_is_and_the_border_belongs_to_promotion():
    rules = GateRules(floors={METRIC: 0.1}, margin=0.02)
    assert decide(scores(0.48, 0.28), scores(0.5, 0.3), rules).positive
    assert not decide(scores(0.479, 0.279), scores(0.5, 0.3), rules).positive


def test_too_few_questions_are_told_with_what_they_can_detect_and_the_bound_stays():
    verdict = decide(scores(0.5, 0.9, 0.4), scores(0.4, 0.8, 0.2), GateRules(min_questions=20))
    assert verdict.positive
    assert verdict.difference.detectable == pytest.approx(2.801585 * 0.0577350 / math.sqrt(3), abs=1e-6)
    assert verdict.warnings == (
        "Only 3 questions are compared, fewer than 20: a true difference below 0.0934 is likely to be missed.",
    )
    equal = decide(scores(0.5, 0.9), scores(0.5, 0.9), GateRules(min_questions=20))
    assert "what they can detect is not known" in equal.warnings[0]
    single = decide(scores(0.3), scores(0.9), GateRules(min_questions=20))
    assert single.difference.detectable == 1.0
    assert not single.positive


def test_the_very_first_generation_is_judged_by_its_floors_alone():
    assert decide(scores(*[0.3] * 10), None, told=first()).positive
    verdict = decide(scores(*[0.1] * 10), None, told=first())
    assert verdict.reasons == ("fused.ndcg@10 is 0.1000 on average, below its floor of 0.2000.",)
    assert verdict.difference is None


def test_a_serving_release_that_was_not_scored_is_no_first_generation():
    verdict = decide(scores(*[0.9] * 10), None)
    assert verdict.reasons == ("Generation g1 serves, but it was not scored: there is no comparison.",)


def test_a_serving_release_that_is_lost_leaves_the_floors_and_is_told():
    verdict = decide(scores(*[0.9] * 10), None, told=facts(serving=None))
    assert verdict.positive
    assert verdict.warnings == ("Release 7 could not be evaluated: the floors alone decided.",)


def test_a_floor_that_was_not_measured_refuses():
    rules = GateRules(floors={"dense.ndcg@10": 0.1}, min_questions=1)
    verdict = decide(scores(0.9), scores(0.9), rules)
    assert verdict.reasons == (
        "dense.ndcg@10 has a floor of 0.1000, but was not measured; measured: fused.ndcg@10, fused.recall@10.",
    )


def test_a_floor_holds_though_the_serving_release_is_as_bad():
    assert not decide(scores(*[0.1] * 10), scores(*[0.1] * 10)).positive
    assert decide(scores(*[0.2] * 10), scores(*[0.2] * 10)).positive


def test_a_floor_of_zero_and_no_floor_are_told_in_every_verdict():
    zero = GateRules(floors={METRIC: 0.0}, min_questions=1)
    assert decide(scores(0.5), scores(0.5), zero).warnings == ("The floor of fused.ndcg@10 is 0: it refuses nothing.",)
    none = GateRules(floors={}, min_questions=1)
    assert "No floor is set" in decide(scores(0.5), scores(0.5), none).warnings[0]


def test_without_a_judged_question_nothing_is_promoted_unless_the_rules_allow_it():
    refused = decide({}, {}, told=facts(0))
    assert refused.reasons == (
        "No judged question measures this index: write some (docs/judged-questions.md), or set allow_unjudged.",
    )
    allowed = decide({}, {}, GateRules(allow_unjudged=True), facts(0))
    assert allowed.positive
    assert allowed.warnings == (
        "allow_unjudged is set: this index may be promoted without any judged question.",
        "No judged question measures this index: nothing is known about its quality.",
    )
    assert decide({}, None, GateRules(allow_unjudged=True), first(0)).positive


def test_the_permission_is_told_though_questions_are_there():
    rules = GateRules(allow_unjudged=True, min_questions=1)
    assert decide(scores(0.5), scores(0.5), rules).warnings[0].startswith("allow_unjudged is set")
    assert not decide(scores(0.1), scores(0.1), rules).positive


def test_integrity_problems_refuse_whatever_the_scores_say():
    told = facts(problems=("Collection docs__g2 has 9 points, the manifest 10.",))
    verdict = decide(scores(*[0.9] * 10), scores(*[0.1] * 10), told=told)
    assert verdict.reasons == ("Collection docs__g2 has 9 points, the manifest 10.",)
    assert not decide({}, None, GateRules(allow_unjudged=True), first(0, problems=("Broken.",))).positive


def test_stale_questions_leave_both_sides_and_are_told():
    candidate, serving = scores(*[0.5] * 9, 0.0), scores(*[0.5] * 9, 1.0)
    verdict = decide(candidate, serving, told=facts(stale=("q0009",)))
    assert verdict.positive
    assert verdict.stale == ("q0009",)
    assert (verdict.questions, verdict.difference.questions) == (9, 9)
    assert verdict.serving_scores[METRIC] == 0.5
    assert verdict.warnings == ("1 stale questions were left out: q0009.",)


def test_too_many_stale_questions_refuse():
    live = scores(*[0.5] * 7)
    verdict = decide(live, live, told=facts(stale=("qa", "qb", "qc")))
    assert verdict.reasons == ("3 of 10 judged questions are stale (30.0%), at most 20.0% may be: qa, qb, qc.",)
    assert not decide({}, {}, told=facts(stale=tuple(f"q{i}" for i in range(10)))).positive


def test_questions_that_could_not_be_scored_are_no_reason_to_promote():
    verdict = decide({}, {}, GateRules(allow_unjudged=True), facts(10))
    assert verdict.reasons == ("None of the 10 judged questions could be scored.",)


def test_sides_without_a_question_in_common_cannot_be_compared():
    candidate, serving = scores(0.5, 0.5), scores(0.5, 0.5, start=50)
    verdict = decide(candidate, serving)
    assert verdict.reasons == (
        "Candidate (2 questions) and serving release (2) share no fused.ndcg@10: they cannot be compared.",
    )
    assert decide(candidate, serving, GateRules(allow_unjudged=True)).positive
    assert not decide(candidate, {}).positive


def test_questions_on_one_side_only_are_counted():
    verdict = decide(scores(*[0.5] * 7), scores(*[0.5] * 6, start=2))
    assert verdict.warnings == ("3 questions were scored on one side only; 5 are compared.",)


def test_a_must_pass_question_that_finds_nothing_refuses():
    candidate = scores(*[0.9] * 9, 0.0)
    verdict = decide(candidate, candidate, told=facts(must_pass=("q0009", "q0001")))
    assert verdict.reasons == ("Must-pass question q0009 has fused.recall@10 0.0000, it must be above 0.0000.",)


def test_a_must_pass_question_that_was_not_scored_refuses_and_a_stale_one_is_told():
    live = scores(*[0.9] * 9)
    verdict = decide(live, live, told=facts(must_pass=("lost", "old"), stale=("old",)))
    assert verdict.reasons == ("Must-pass question lost has no fused.recall@10: it was not scored.",)
    assert "Must-pass question old is stale: nothing is known about it." in verdict.warnings


def test_a_score_that_is_no_number_refuses_and_the_verdict_can_still_be_stored():
    candidate = scores(*[0.9] * 9, math.nan)
    verdict = decide(candidate, scores(*[0.9] * 10))
    assert not verdict.positive
    assert "fused.ndcg@10 of question q0009 on the candidate is nan, not a number." in verdict.reasons
    stored = json.loads(canonical_json(verdict.model_dump(mode="json")), parse_constant=pytest.fail)
    assert Verdict.model_validate(stored) == verdict


def test_many_names_are_cut():
    stale = tuple(f"q{i:04}" for i in range(50))
    verdict = decide(scores(*[0.5] * 250, start=50), scores(*[0.5] * 250, start=50), told=facts(300, stale=stale))
    assert verdict.warnings[0].endswith("q0009 and 40 more.")


@pytest.mark.parametrize(
    "field", [{"margin": -0.1}, {"confidence": 1.0}, {"max_stale_share": 2.0}, {"min_questions": -1}]
)
def test_rules_outside_their_range_are_refused(field):
    with pytest.raises(ValueError):
        GateRules(**field)
