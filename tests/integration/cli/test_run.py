"""`ingest run` and `ingest plan`."""

import pytest

from ingest import pipeline
from ingest.errors import BudgetExceeded, DocumentError, IngestError, InvalidSettings, SourceUnavailable
from tests.integration.cli.conftest import Lab


def test_run_promotes_and_a_second_run_changes_nothing(lab: Lab) -> None:
    first, second = lab("run", "--json"), lab("run", "--json")
    assert [first.code, second.code] == [0, 0], first.err
    assert [first.document["decision"], second.document["decision"]] == ["promoted", "unchanged"]
    assert [first.document["release"], second.document["release"]] == [1, 1]
    assert lab.closed == 2


def test_run_prints_plan_conservation_verdict_and_release_for_people(lab: Lab) -> None:
    answer = lab("run")
    headings = ("Plan of the first generation", "Conservation", "Verdict on ", "Release 1: promote", "Promoted: ")
    assert [answer.out.count(heading) for heading in headings] == [1, 1, 1, 1, 1]
    assert [answer.out.index(heading) for heading in headings] == sorted(answer.out.index(h) for h in headings)


def test_a_log_gets_no_progress_bar(lab: Lab) -> None:
    assert lab("run").err == ""


def test_no_promote_leaves_a_positive_candidate_waiting(lab: Lab) -> None:
    answer = lab("run", "--no-promote")
    assert answer.code == 6
    assert "Waiting for a person: `ingest promote 0001-" in answer.out
    assert lab("status", "--json").document["release"] is None


def test_manual_decision_in_the_settings_leaves_the_candidate_waiting(lab: Lab) -> None:
    lab.settings(decide="manual")
    answer = lab("run", "--json")
    assert (answer.code, answer.document["decision"]) == (6, "waiting")


def test_under_a_hold_a_run_leaves_its_candidate_waiting_and_names_the_hold(lab: Lab) -> None:
    lab("run")
    lab.write("silver")
    lab("run")
    lab("rollback", "--why", "wrong prices")
    lab.write("tin")
    answer = lab("run")
    assert answer.code == 6
    assert " --lift-hold` promotes it. It is held by night@shift: wrong prices." in answer.out


def test_a_refused_candidate_gives_3_and_its_reasons(lab: Lab) -> None:
    lab.settings(gate={"floors": {"fused.ndcg@10": 1.0}})
    lab.write("copper", "Nothing about it, the title says it all.\n" * 3)
    for topic in ("granite", "walnut"):
        lab.write(topic, "Where is the copper beam? Where is the copper beam?\n")
    answer = lab("run", "--json")
    assert (answer.code, answer.document["decision"]) == (3, "refused"), answer.out
    assert any("below its floor" in reason for reason in answer.document["reasons"])


def test_run_outside_its_scope_carries_documents(lab: Lab) -> None:
    lab("run")
    lab.write("copper", "The copper beam is elsewhere now.\n")
    lab.write("silver")
    prefix = f"file://{lab.folder}/documents/silver"
    counts = lab("run", "--prefix", prefix, "--source", "notes", "--json").document["plan"]["counts"]
    assert (counts["added"], counts["carried"], counts.get("changed", 0)) == (1, 6, 0)


def test_plan_shows_the_counts_and_builds_nothing(lab: Lab) -> None:
    people, document = lab("plan"), lab("plan", "--json")
    assert [people.code, document.code] == [0, 0]
    assert document.document["counts"]["added"] == 6
    assert "added" in people.out
    assert lab("generations", "--json").document["generations"] == []


def test_an_unknown_source_in_the_scope_is_a_fatal_error(lab: Lab) -> None:
    answer = lab("plan", "--source", "nots", "--json")
    assert (answer.code, answer.document["error"]["class"]) == (4, "InvalidSettings")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidSettings("x"), 4),
        (BudgetExceeded("x"), 4),
        (SourceUnavailable("x"), 5),
        (DocumentError("x"), 1),
        (IngestError("x"), 1),
        (ZeroDivisionError("x"), 1),
    ],
)
def test_each_error_has_its_exit_code_and_lets_go_of_the_services(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(pipeline, "run", fail)
    answer = lab("run", "--json")
    expected = {"class": type(error).__name__, "message": "x", "exit_code": code}
    assert (answer.code, answer.document["error"], lab.closed) == (code, expected, 1)
    assert answer.err.startswith(f"{type(error).__name__}: x")


def test_ctrl_c_gives_130_and_says_how_to_go_on(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "run", interrupt)
    answer = lab("run")
    assert (answer.code, answer.out, lab.closed) == (130, "", 1)
    assert answer.err.startswith("Stopped. Serving was not touched. `ingest run` resumes where this one stopped")
