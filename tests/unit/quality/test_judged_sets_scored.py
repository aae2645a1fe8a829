"""Which questions count in figures: one rule for gate, evaluation, calibration and benchmarks."""

import json

from ingest.quality.gate import Facts, judge
from ingest.quality.judged_sets import INEXACT, REPEATED, UNANSWERABLE, read_judged_set, scored_questions
from ingest.records import GateRules, Gold, Question

EXACT = Gold("a.md", start=3, end=9)
PAGE = Gold("a.md")


def question(query_id: str, *gold: Gold, text: str = "", **fields) -> Question:
    return Question(query_id, text or query_id, bool(gold), gold, **fields)


def test_where_any_question_of_a_set_has_offsets_in_all_places_only_such_ones_count() -> None:
    asked = scored_questions([[question("q1", EXACT), question("q2", PAGE), question("q3", EXACT, PAGE)]])
    assert (["q1"], ["q1", "q2", "q3"]) == ([q.query_id for q in asked.scored], [q.query_id for q in asked.every])
    assert "1 of 3 questions are scored: 2 have a place without offsets, unlike others of their set" == str(asked)


def test_a_set_without_offsets_counts_as_a_whole_beside_one_with_them() -> None:
    asked = scored_questions([[question("q1", EXACT), question("q2", PAGE)], [question("q3", PAGE)]])
    assert ["q1", "q3"] == [q.query_id for q in asked.scored]


def test_questions_that_repeat_another_one_or_have_no_answer_are_told_apart() -> None:
    again, never = question("q3", EXACT, text="Q1"), question("q4")
    asked = scored_questions([[question("q1", EXACT), question("q2", PAGE), again, never]])
    assert {INEXACT: ["q2"], REPEATED: ["q3"], UNANSWERABLE: ["q4"]} == asked.unscored
    assert (never, "1 of 4 questions are scored") == (asked.every[-1], str(asked).partition(":")[0])


def test_what_makes_a_place_an_alternative_may_be_told_in_words_and_is_kept() -> None:
    line = {"query_id": "q", "text": "t", "gold": [{"doc": "a.md"}, {"doc": "b.md", "added": "same text"}]}
    (found,) = read_judged_set([json.dumps(line)], "set.jsonl")
    assert (False, "same text") == tuple(place.added for place in found.gold)


def test_what_does_not_count_is_in_no_mean_but_must_still_pass_and_the_verdict_says_so() -> None:
    scores = {
        "q1": {"fused.ndcg@10": 1.0, "fused.recall@10": 1.0},
        "q2": {"fused.ndcg@10": 0.0, "fused.recall@10": 0.0},
    }
    facts = Facts("docs", "g1", judged=2, unscored={INEXACT: ["q2"], UNANSWERABLE: ["q9"]}, must_pass=["q2"])
    verdict = judge(scores, None, GateRules(), facts)
    assert (1, {INEXACT: 1, UNANSWERABLE: 1}, 1.0) == (
        verdict.questions,
        verdict.unscored,
        verdict.candidate_scores["fused.ndcg@10"],
    )
    assert ("Must-pass question q2 has fused.recall@10 0.0000, it must be above 0.0000.",) == verdict.reasons
    assert "1 questions have a place without offsets, unlike others of their set: q2." in verdict.warnings
