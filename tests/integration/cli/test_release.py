"""`ingest evaluate`, `promote`, `rollback`, `reconcile`, `status`, `generations`, `log`, `revoke` and `retire`."""

import pytest

from ingest.errors import IndexUnavailable
from ingest.lake.lake import Lake
from ingest.records import EVERYTHING
from tests.integration.cli.conftest import Lab


def states(lab: Lab) -> list[tuple[str, str]]:
    """Return (number in the id, state) of all generations, newest first."""
    return [(g["id"][:4], g["state"]) for g in lab("generations", "--json").document["generations"]]


def rolled_back(lab: Lab) -> str:
    """Promote two generations, go back to the first, and return the id of the second."""
    lab("run")
    lab.write("silver")
    second = lab("run", "--json").document["generation"]
    answer = lab("rollback", "--why", "wrong prices", "--json")
    assert answer.code == 0, answer.out
    return str(second)


def test_a_waiting_candidate_is_evaluated_shown_and_promoted(lab: Lab) -> None:
    generation = lab("run", "--no-promote", "--json").document["generation"]
    status = lab("status", "--json").document
    assert (status["candidate"], status["candidate_decision"]) == (generation, "waiting")
    verdict = lab("evaluate", "--json")
    assert (verdict.code, verdict.document["candidate"], verdict.document["positive"]) == (0, generation, True)
    promoted = lab("promote", "--why", "read it", "--json")
    assert promoted.code == 0, promoted.out
    release = promoted.document["release"]
    assert (release["generation"], release["why"], release["who"]) == (generation, "read it", "night@shift")
    assert lab("status", "--json").document["candidate"] is None


def test_evaluate_writes_its_verdict_to_the_lake_and_promotes_nothing(lab: Lab) -> None:
    lab("run", "--no-promote")
    lab.settings(gate={"floors": {"dense.ndcg@10": 0.1}})  # another verdict than the run's
    before = len(list(lab.store.list("docs/verdicts/")))
    assert lab("evaluate").code == 0
    assert len(list(lab.store.list("docs/verdicts/"))) == before + 1
    assert lab("status", "--json").document["release"] is None


def test_evaluate_without_a_candidate_judges_what_serves(served: Lab) -> None:
    answer = served("evaluate", "--json")
    assert (answer.code, answer.document["candidate"]) == (0, answer.document["serving"])


def test_a_negative_verdict_gives_3_and_promotes_nothing(lab: Lab) -> None:
    lab("run", "--no-promote")
    lab.settings(gate={"floors": {"fused.ndcg@10": 2.0}})
    assert lab("evaluate").code == 3
    answer = lab("promote", "--json")
    assert (answer.code, answer.document["refused"], answer.document["release"]) == (3, True, None)
    assert "against" in lab("promote").out


def test_promote_with_nothing_to_promote_is_a_fatal_error(served: Lab) -> None:
    answer = served("promote")
    assert (answer.code, answer.out) == (4, "")
    assert "no sealed generation waits for promotion" in answer.err


def test_promote_names_the_generations_when_one_is_unknown(served: Lab) -> None:
    answer = served("promote", "9999-x")
    assert answer.code == 4
    assert "there are 0001-" in answer.err


def test_rollback_holds_and_tells_the_seconds(lab: Lab) -> None:
    lab("run")
    lab.write("silver")
    lab("run")
    answer = lab("rollback", "--why", "wrong prices")
    assert answer.code == 0
    assert "Held by night@shift: wrong prices." in answer.out
    assert "Rolled back in 0.75 s." in answer.out
    assert states(lab) == [("0002", "rolled back"), ("0001", "serving")]
    assert "Held by night@shift: wrong prices." in lab("status").out


def test_rollback_to_an_unknown_release_and_without_a_reason(served: Lab) -> None:
    assert served("rollback", "--to", "7", "--why", "x").code == 4
    assert served("rollback").code == 2


def test_lifting_the_hold_does_not_bring_back_what_was_rolled_back(lab: Lab) -> None:
    rolled_back(lab)
    answer = lab("promote", "--lift-hold", "--json")
    release = answer.document["release"]
    assert (answer.code, release["action"], release["hold"]) == (0, "unhold", None)
    assert release["why"] == "hold lifted by hand"
    assert states(lab) == [("0002", "rolled back"), ("0001", "serving")]


def test_a_named_generation_that_was_rolled_back_can_be_promoted_again(lab: Lab) -> None:
    second = rolled_back(lab)
    assert lab("promote", second).code == 4  # the hold
    assert lab("promote", second, "--lift-hold").code == 0
    assert states(lab) == [("0002", "serving"), ("0001", "kept")]


def test_retire_tells_first_what_would_go_then_marks_and_removes_it(lab: Lab) -> None:
    lab.settings(retire={"keep": 7, "minimum_age_hours": 0, "soak_hours": 0})
    for topic in ("silver", "tin", "zinc"):
        lab.write(topic)
        lab("run")
    lab.settings(retire={"keep": 1, "minimum_age_hours": 0, "soak_hours": 0})
    first = lab("generations", "--json").document["generations"][-1]["id"]
    assert "pin generation 0001-" in lab("pin", first, "--why", "audit").out
    assert "marked: none" in lab("retire", "--dry-run").out
    assert "unpin generation 0001-" in lab("pin", first, "--lift", "--why", "audited").out
    assert "marked: 0001-" in lab("retire", "--dry-run").out
    assert states(lab) == [("0003", "serving"), ("0002", "kept"), ("0001", "kept")]
    assert [lab("retire").code, states(lab)[2]] == [0, ("0001", "retired")]
    would, told = lab("retire", "--dry-run", "--json").document, lab("retire", "--json").document
    assert would == told
    assert ([name[:4] for name in told["removed"]], told["files"]["generations"] > 0) == (["0001"], True)
    assert lab("retire").out.startswith("marked: none\nremoved: none\n")
    assert lab("rollback", "--to", "1", "--why", "prices").code == 4
    assert lab("search", "where is the zinc beam").code == 0


def test_a_refused_candidate_does_not_keep_the_hold(lab: Lab) -> None:
    rolled_back(lab)
    lab.write("tin")
    lab.settings(gate={"floors": {"fused.ndcg@10": 2.0}})
    assert lab("run").code == 3
    assert states(lab)[0] == ("0003", "refused")
    answer = lab("promote", "--lift-hold", "--json")
    assert (answer.code, answer.document["refused"], answer.document["release"]["action"]) == (3, True, "unhold")
    status = lab("status", "--json").document
    assert (status["release"]["hold"], status["candidate_decision"]) == (None, "refused")
    assert status["reasons"] != []


def test_another_query_profile_on_what_serves_is_a_candidate(lab: Lab) -> None:
    lab("run")
    lab.settings(profile={"dense_weight": 0.25})
    status = lab("status", "--json").document
    assert status["candidate"] == status["release"]["generation"]
    release = lab("promote", "--json").document["release"]
    assert (release["number"], release["generation"]) == (2, status["candidate"])


def test_status_tells_what_the_lake_knows_when_the_index_does_not_answer(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab("run")

    def fail() -> dict[str, str]:
        raise IndexUnavailable("no answer")

    monkeypatch.setattr(lab.vectors, "aliases", fail)
    answer = lab("status", "--json")
    assert (answer.code, answer.document["release"], answer.document["problem"]) == (
        5,
        None,
        "IndexUnavailable: no answer",
    )
    assert answer.document["decision"]["number"] == 1
    assert "Decided but not in force: release 1" in lab("status").out


def test_lost_points_are_told_by_status_and_mended_by_reconcile(served: Lab) -> None:
    collection = served("status", "--json").document["release"]["collection"]
    lost = next(iter(served.vectors.scroll(collection, EVERYTHING))).id
    served.vectors.delete(collection, [lost])
    assert "DAMAGED: " in served("status").out
    answer = served("reconcile", "--json")
    told = answer.document
    assert (answer.code, told["mended"], told["faults"], told["vectors_compared"]) == (0, 1, [], told["points"])
    assert "DAMAGED" not in served("status").out
    assert "mended: 0" in served("reconcile").out


def test_status_before_the_first_run_says_what_to_do(lab: Lab) -> None:
    answer = lab("status")
    assert answer.code == 0
    assert "Nothing serves yet; `ingest run`" in answer.out


def test_a_claim_without_manifest_is_building_until_a_later_one_comes(lab: Lab) -> None:
    lab("run")
    lake = Lake(lab.store, "docs")
    claim = lake.claims.get(1)
    assert claim is not None
    for number in (2, 3):
        lake.claims.append(number, claim.model_copy(update={"id": claim.id.replace("0001-", f"000{number}-")}))
    assert states(lab) == [("0003", "building"), ("0002", "failed"), ("0001", "serving")]
    assert len(lab("generations", "--limit", "1", "--json").document["generations"]) == 1


def test_a_lake_without_generations_says_how_the_first_one_comes(lab: Lab) -> None:
    answer = lab("generations")
    assert (0, "docs has no generations yet; `ingest run` builds the first one.\n") == (answer.code, answer.out)
    assert [] == lab("generations", "--json").document["generations"]


def test_a_document_is_revoked_lifted_and_both_stand_in_the_log_with_the_releases(served: Lab) -> None:
    uri = f"{(served.folder / 'documents').as_uri()}/granite.md"
    revoked = served("revoke", uri, "--why", "sold", "--json").document
    assert (1, {"uri": [uri]}, [1]) == (
        revoked["decision"]["number"],
        revoked["decision"]["about"],
        [*revoked["documents"].values()],
    )
    found = served("search", "granite beam", "--json")
    assert (0, False) == (found.code, "granite.md" in found.out)
    assert "revoked" in served("plan").out
    lifted = served("revoke", "--lift", "1", "--why", "bought back")
    assert (0, "Revocation 1 is lifted; the next run brings the documents back.\n") == (lifted.code, lifted.out)
    log = served("log", "--json").document["log"]
    assert ["unrevoke", "revoke"] == [entry["kind"] for entry in log if "kind" in entry]
    assert "promote" == log[-1]["action"]
    told = served("log").out
    assert f"Decision 1: revoke uri {uri} by night@shift, user of the machine at" in told
    assert 2 == served("revoke", uri, "--lift", "1", "--why", "both").code
    assert 4 == served("revoke", "--lift", "1", "--why", "again").code
