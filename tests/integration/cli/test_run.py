"""`ingest run` and `ingest plan`."""

import errno
from collections.abc import Callable, Sequence

import pytest

from ingest import pipeline
from ingest.errors import (
    BudgetExceeded,
    DocumentError,
    IndexUnavailable,
    IngestError,
    InvalidSettings,
    SourceUnavailable,
    StoreUnavailable,
)
from ingest.lake.lake import Lake
from ingest.records import AliasAction, QueryProfile
from ingest.release.alias_rules import release_actions
from tests.fakes import InMemoryStore
from tests.integration.cli.conftest import Answer, Lab


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


def test_sync_hides_at_once_what_fewer_may_see_and_must_be_told_what_to_sync(lab: Lab) -> None:
    assert (0, 2) == (lab("run").code, lab("sync").code)
    lab.settings(sources=[{"name": "notes", "uri": "documents", "acl": ["staff"]}])
    answer = lab("sync", "--permissions")
    assert (0, True) == (answer.code, "Narrowed: " in answer.out)
    assert "No results" in lab("search", "copper").out


def test_a_log_gets_a_line_per_stage_and_no_progress_bar(lab: Lab) -> None:
    lines = lab("run").err.splitlines()
    stages = [line.partition(":")[0] for line in lines]
    assert [stage for stage in ("plan", "chunk", "embed", "keyword", "load", "seal") if stage not in stages] == []
    assert len(set(stages)) == len(stages)
    assert "\x1b" not in "".join(lines)
    assert any("documents 6" in line for line in lines)


def test_a_mistyped_source_or_prefix_is_refused_with_the_nearest(lab: Lab) -> None:
    lab("run")
    uri = (lab.folder / "documents").as_uri()
    for command in ("run", "plan"):
        answer = lab(command, "--source", "nots")
        assert (4, True) == (answer.code, "no source is called 'nots'; is notes meant?" in answer.err)
        answer = lab(command, "--prefix", uri.replace("documents", "dokuments"))
        assert (4, True) == (answer.code, f"; is {uri}/ meant?" in answer.err or f"; is {uri} meant?" in answer.err)
    answer = lab("search", "copper", "--source", "nots")
    assert (4, True) == (answer.code, "no source 'nots' in generation" in answer.err)
    assert "is notes meant?" in answer.err


def test_a_prefix_whose_documents_are_all_gone_is_still_one(lab: Lab) -> None:
    lab("run")
    (lab.folder / "documents" / "copper.md").unlink()
    uri = (lab.folder / "documents" / "copper.md").as_uri()
    answer = lab("plan", "--prefix", uri, "--json")
    assert (0, 1) == (answer.code, answer.document["counts"]["deleted"])


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


def test_what_was_rolled_back_is_offered_by_nobody_without_saying_so(lab: Lab) -> None:
    lab("run")
    lab.write("silver")
    second = lab("run", "--json").document["generation"]
    lab("rollback", "--why", "wrong prices")
    told = f"Generation {second} was rolled back by release 3 (night@shift: wrong prices); it comes back by name only"
    by_name = f"{told}: `ingest promote {second} --lift-hold`."
    answer, document = lab("run"), lab("run", "--json")
    assert (answer.code, document.code, document.document["rolled_back"]) == (6, 6, by_name)
    assert f"Waiting for a person: {by_name}" in answer.out
    assert by_name in lab("status").out
    assert by_name in lab("promote").err
    assert f"{second}   rolled back" in lab("generations").out

    lab("promote", "--lift-hold")
    lifted = f"{told}: `ingest promote {second}`."
    answer = lab("run")
    assert answer.code == 6
    assert f"Waiting for a person: {lifted}" in answer.out
    assert lab("status", "--json").document["release"]["number"] == 4
    assert lab("promote", second).code == 0
    assert "rolled back" not in lab("status").out + lab("generations").out


def stopped_after_the_alias_moved(lab: Lab, monkeypatch: pytest.MonkeyPatch, *command: str) -> Answer:
    """Run a command that gets SIGTERM, which raises KeyboardInterrupt, when its alias call was answered."""
    move = lab.vectors.move_aliases

    def stop(actions: Sequence[AliasAction]) -> bool:
        move(actions)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(lab.vectors, "move_aliases", stop)
        return lab(*command)


def test_a_stop_after_the_alias_moved_says_which_release_serves(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab("run")
    lab.write("silver")
    answer = stopped_after_the_alias_moved(lab, monkeypatch, "run")
    assert answer.code == 130
    assert "Stopped. Release 2 serves generation 0002-" in answer.err
    assert "The newest run" not in lab("status").out
    answer = stopped_after_the_alias_moved(lab, monkeypatch, "rollback", "--why", "wrong prices", "--json")
    assert answer.code == 130
    assert answer.document["error"]["message"].startswith("Release 3 serves generation 0001-")
    answer = stopped_after_the_alias_moved(lab, monkeypatch, "promote", "--lift-hold")
    assert "Stopped. Release 4 serves generation 0001-" in answer.err


def test_an_error_says_what_serves_or_that_it_cannot_be_read(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab("run")
    lab.write("silver")

    def away() -> None:
        raise IndexUnavailable("no answer")

    answer = lab("rollback", "--why", "x")
    assert answer.code == 4
    assert "Release 1 serves generation 0001-" in answer.err
    monkeypatch.setattr(lab.vectors, "aliases", away)
    answer = lab("run")
    assert answer.code == 5
    assert "What serves now could not be read (IndexUnavailable: no answer); `ingest status` tells it." in answer.err


def test_a_lake_that_is_away_after_the_promotion_does_not_change_the_exit_code(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab("run")
    lab.write("silver")
    move = lab.vectors.move_aliases

    def away(*_: object) -> bool:
        raise StoreUnavailable("no answer")

    with monkeypatch.context() as patch:

        def move_and_lose(actions: Sequence[AliasAction]) -> bool:
            moved = move(actions)
            for call in ("get", "put", "create", "list"):
                patch.setattr(lab.store, call, away)
            return moved

        patch.setattr(lab.vectors, "move_aliases", move_and_lose)
        answer = lab("run")
    assert answer.code == 0, answer.err
    assert "Promoted: release 2 serves generation 0002-" in answer.out
    assert "never ended" in lab("status").out or "has not ended" in lab("status").out


def test_a_run_that_lost_its_race_does_not_say_promoted(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab("run")
    lab.write("silver")
    move, lake = lab.vectors.move_aliases, Lake(lab.store, "docs")

    def followed(actions: Sequence[AliasAction]) -> bool:
        moved = move(actions)
        monkeypatch.setattr(lab.vectors, "move_aliases", move)
        current = lake.decision()
        assert current is not None
        other = current.model_copy(
            update={
                "number": current.number + 1,
                "profile": lake.write_named(QueryProfile(dense_weight=0.1)),
                "guard": f"docs@{current.number}",
                "token": "another",
            }
        )
        lake.releases.append(other.number, other)
        return moved and move(release_actions("docs", other, other.guard))

    monkeypatch.setattr(lab.vectors, "move_aliases", followed)
    answer = lab("run")
    assert answer.code == 4
    assert "Overtaken: generation 0002-" in answer.out
    assert "Release 3 serves generation 0002-" in answer.out
    assert "Promoted" not in answer.out


def test_a_night_that_failed_is_the_first_thing_in_status(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab("run")
    monkeypatch.setattr(pipeline, "make_plan", raising(SourceUnavailable("the share is away")))
    assert lab("run").code == 5
    status = lab("status")
    assert status.code == 0
    assert status.out.startswith("Newest run: ")
    assert "FAILED at " in status.out.splitlines()[0]
    assert status.out.splitlines()[0].endswith("SourceUnavailable: the share is away.")
    document = lab("status", "--json").document
    assert (document["newest_run"]["decision"], document["newest_run"]["release"]) == ("failed", 1)


def raising(error: Exception) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize("arguments", [("--take-over",), ("--take-over", "--why", " "), ("--why", "x")])
def test_an_index_is_taken_over_with_a_reason_only(lab: Lab, arguments: tuple[str, ...]) -> None:
    assert lab("run", *arguments).code == 2


def test_an_index_of_another_lake_is_refused_and_taken_over_with_a_reason(lab: Lab) -> None:
    lab("run")
    first, lab.store = lab.store, InMemoryStore()
    answer = lab("run")
    assert answer.code == 4
    assert answer.err.count("this is lake ") >= 1
    assert lab("run", "--take-over", "--why", "a new lake").code == 0
    assert "take-over of generation 0001-" in lab("status").out
    lab.store = first
    assert lab("run").code == 4
    assert lab("status").code == 4
    assert lab("promote", "--lift-hold", "--take-over", "--why", "back again").code == 0
    assert lab("status").code == 0


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


def test_a_backfill_names_documents_times_errors_and_what_to_do_again(lab: Lab) -> None:
    lab("run")
    copper = f"file://{lab.folder}/documents/copper.md"
    chosen = ("--uri", copper, "--since", "2020-01-01", "--until", "2120-01-01T00:00:00", "--parser", "markdown")
    chosen += ("--force", "parse")
    plan = lab("plan", *chosen, "--json").document["counts"]
    assert (plan["repeated"], plan["out_of_scope"]) == (1, 5)
    run = lab("run", *chosen, "--force", "embed", "--json")
    assert (run.code, run.document["decision"], run.document["embedded"]) == (0, "promoted", 1)
    wrong = lab("plan", "--error", "Timeout", "--json")
    assert (wrong.code, wrong.document["error"]["class"]) == (4, "InvalidSettings")


def test_the_delete_guard_names_the_option_that_raises_its_limit_for_one_run(lab: Lab) -> None:
    others = ("silver", "tin", "zinc")
    for topic in others:
        lab.write(topic)
    lab("run")
    for topic in others:
        (lab.folder / "documents" / f"{topic}.md").unlink()
    refused = lab("run")
    assert refused.code == 4
    assert "3 of 9 documents would disappear (33.3%)" in refused.err
    assert "`ingest run --max-deleted-share 0.34 --why REASON`" in refused.err
    assert "one line that says why is needed" in lab("run", "--max-deleted-share", "0.5").err
    raised_plan = [lab("plan", *more).code for more in ((), ("--max-deleted-share", "0.5", "--why", "spring cleaning"))]
    assert [4, 0] == raised_plan
    answer = lab("run", "--max-deleted-share", "0.5", "--why", "spring cleaning", "--json")
    assert (answer.code, answer.document["decision"]) == (0, "promoted"), answer.err
    raised = {"max_deleted_share": 0.5, "who": "night@shift", "why": "spring cleaning"}
    assert raised == answer.document["plan"]["raised"]
    assert lab("status", "--json").document["release"]["why"].endswith("by night@shift: spring cleaning")


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
    expected = {"class": type(error).__name__, "message": "x", "exit_code": code, "serving": "Nothing serves."}
    assert (answer.code, answer.document["error"], lab.closed) == (code, expected, 1)
    assert answer.err.startswith(f"{type(error).__name__}: x")


def test_ctrl_c_gives_130_and_says_how_to_go_on(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "run", interrupt)
    answer = lab("run")
    assert (answer.code, answer.out, lab.closed) == (130, "", 1)
    assert answer.err.startswith("Stopped. Nothing serves. `ingest run` resumes where this one stopped")


def test_a_plan_says_what_the_sources_left_out(lab: Lab) -> None:
    for name in (".env", "id_rsa"):
        (lab.folder / "documents" / name).write_text("PASSWORD=hunter2")
    (lab.folder / "documents" / "link.md").symlink_to("copper.md")
    answer, shown = lab("plan", "--json"), lab("plan")
    assert {"default excludes": 2, "symbolic links": 1} == answer.document["left_out"]
    assert "Left out by the sources (a folder counts once): default excludes 2, symbolic links 1." in shown.out


def test_a_folder_of_links_alone_is_told(lab: Lab) -> None:
    for path in (lab.folder / "documents").iterdir():
        path.rename(lab.folder / path.name)
        path.symlink_to(lab.folder / path.name)
    answer = lab("run")
    assert 4 == answer.code
    assert "(left out: symbolic links 6), and nothing serves: there is nothing to build" in answer.err


def test_a_password_beside_the_documents_is_not_found_by_a_search(lab: Lab) -> None:
    (lab.folder / "documents" / ".env").write_text("PASSWORD=hunter2 of the copper gate\n")
    lab("run")
    assert "hunter2" not in lab("search", "what is the PASSWORD of the copper gate").out


def test_an_error_of_a_local_file_is_named_without_a_traceback(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object, **kwargs: object) -> object:
        raise OSError(errno.ENOSPC, "No space left on device", "/state/x")

    monkeypatch.setattr(pipeline, "run", full)
    answer = lab("run", "--json")
    assert 5 == answer.code
    assert {
        "class": "LocalUnavailable",
        "message": "/state/x: No space left on device",
        "exit_code": 5,
        "serving": "Nothing serves.",
    } == answer.document["error"]


@pytest.mark.parametrize("command", ["run", "plan"])
def test_what_the_gate_would_trip_over_is_told_before_anything_is_spent_all_at_once(lab: Lab, command: str) -> None:
    lab.settings(judged=["none.jsonl"], gate={"floors": {"fused.ndgc@10": 0.2}})
    answer = lab(command)
    assert 4 == answer.code
    assert "2 faults: judged set " in answer.err
    assert (
        "gate.floors.fused.ndgc@10: nothing is measured as 'fused.ndgc@10' under this query profile; is " in answer.err
    )


def test_a_damaged_newest_release_is_named_by_status_and_search_goes_on(lab: Lab) -> None:
    lab("run")
    (lab.folder / "documents" / "shed.md").write_text("# Shed\n\nA wooden shed stands behind the hill.\n")
    lab("run")
    record = lab.store.values["docs/releases/2.json"]
    lab.store.values["docs/releases/2.json"] = record.replace(b'"number":2', b'"number":3')
    found = lab("search", "wooden shed hill")
    assert (0, True) == (found.code, "shed" in found.out), found.err
    answer = lab("status")
    assert (4, True) == (answer.code, "releases/2.json is damaged: search goes on" in answer.out), answer.err
    assert "Release 2" in answer.out
    assert ("Decided but not in force" in answer.out, "Candidate" in answer.out) == (False, False)
    assert "unchanged" == lab("run", "--json").document["decision"]
    status = lab("status")
    assert (0, True) == (status.code, "is damaged: its profile, and whether it held, are unknown" in status.out)
    assert 0 == lab("promote", "--lift-hold").code
    assert "is damaged" not in lab("status").out
