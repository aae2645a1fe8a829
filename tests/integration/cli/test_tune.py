"""`ingest tune-fusion`: every weight, what choosing is worth, and a line for the settings."""

import json

import pytest

from tests.integration.cli.conftest import Lab

WORDS = ("zebra", "quokka", "tapir", "okapi", "gnu", "ibex")


def weighed(lab: Lab, dense_weight: float) -> None:
    """Write settings with a weight, and thirty questions that keywords answer and the dense search misreads."""
    lab.settings(gate={"floors": {}, "min_questions": 1}, profile={"dense_weight": dense_weight})
    rows = []
    for n in range(30):
        gold = {"doc": f"d{n}.md", "headings": [f"About d{n}"]}
        rows.append({"query_id": f"q{n}", "text": f"{WORDS[(n + 1) % 6]} {rare(n)}", "gold": [gold]})
    (lab.folder / "judged.jsonl").write_text("\n".join(map(json.dumps, rows)))


def rare(n: int) -> str:
    return f"{WORDS[n % 6]}{WORDS[n // 6]}"


@pytest.fixture
def judged(lab: Lab) -> Lab:
    """Thirty documents, in force under a profile that hears the dense search alone."""
    for n in range(30):
        lab.write(f"d{n}", f"{' '.join([WORDS[n % 6]] * 8)} {rare(n)} {rare(n)}\n")
    weighed(lab, 1.0)
    assert lab("run").code == 0
    return lab


def test_a_weight_that_helps_is_printed_for_the_settings_and_makes_a_release_of_the_same_generation(
    judged: Lab,
) -> None:
    answer = judged("tune-fusion", "--json")
    assert answer.code == 0, answer.err
    told = answer.document
    assert (told["questions"], told["helps"], len(told["by_weight"])) == (30, True, 21)
    assert told["against_now"][0]["lower"] > 0
    shown = judged("tune-fusion")
    assert f"among the keys of profile: dense_weight: {told['weight']:.2f}\n" in shown.out
    weighed(judged, told["weight"])
    before = judged("status", "--json").document
    assert judged("promote", "--why", "tuned").code == 0
    after = judged("status", "--json").document
    assert (after["release"]["number"], after["release"]["generation"]) == (
        before["release"]["number"] + 1,
        before["release"]["generation"],
    )


def test_choosing_that_does_not_help_is_told_with_3(judged: Lab) -> None:
    weighed(judged, 0.1)
    answer = judged("tune-fusion")
    assert answer.code == 3
    assert "Choosing does not help: the lower bound of ndcg@10 against the settings is" in answer.out
    assert "keys of profile" not in answer.out


def test_too_few_questions_are_a_fatal_error_with_both_numbers(lab: Lab) -> None:
    lab("run")
    answer = lab("tune-fusion", "--json")
    assert answer.code == 4
    assert "judged questions have their place in generation" in answer.document["error"]["message"]
