"""What is left out is named every night, since when, and in which generation; it can be tried again by itself."""

from datetime import timedelta
from pathlib import Path

import pytest

from ingest.errors import AccessDenied, DeleteGuardTripped, InvalidSettings, UnknownDocument
from ingest.lake.rows import SCHEMAS, complete, quarantine_rows, table_of
from ingest.pipeline.document_acts import DocumentActs
from ingest.pipeline.quarantine import in_quarantine
from ingest.pipeline.scope import Scope
from ingest.records import DocumentRef, ParseLimits, Quarantined, QuarantineState, RunReport
from tests.pipelines import START, Project, document, project

HOUR = timedelta(hours=1)


@pytest.fixture
def p(tmp_path: Path) -> Project:
    """Five documents and a broken one, an hour after the first run."""
    made = project(tmp_path, documents=5)
    made.source.write("empty.md", "")
    made.run()
    made.later(hours=1)
    return made


def names(states: list[QuarantineState]) -> list[tuple[bool, list[str]]]:
    """Return of each generation whether it serves, and the names of what it leaves out."""
    return [(state.serves, [row.uri.rpartition("/")[2] for row in state.documents]) for state in states]


def again(p: Project, **conditions: object) -> RunReport:
    """Try what is in quarantine again, as `Index.replay` does."""
    rows = [row for state in in_quarantine(p.lake, Scope(**conditions)) for row in state.documents]  # type: ignore[arg-type]
    return p.run(Scope(uris=frozenset(row.uri.partition("#")[0] for row in rows), force=frozenset({"parse"})))


def test_a_row_from_before_the_times_were_kept_says_that_they_are_unknown() -> None:
    row = Quarantined("uri", "a", "v1", "parse", "MalformedDocument", "why", "print", 12)
    old = table_of("quarantine", [row]).drop(["first_seen", "last_seen"])
    assert quarantine_rows(complete("quarantine", old)) == [row]
    assert ("", "") == (row.first_seen, row.last_seen)
    assert SCHEMAS["quarantine"].names[-2:] == ["first_seen", "last_seen"]


def test_since_when_a_document_is_left_out_stays_over_tries_and_versions(p: Project) -> None:
    assert (START.isoformat(), START.isoformat(), 1) == seen(p)
    again(p, errors=frozenset({"EmptyDocument"}))
    assert (START.isoformat(), (START + HOUR).isoformat(), 2) == seen(p)
    p.later(hours=1)
    p.source.write("empty.md", " \n ")
    p.run()
    assert (START.isoformat(), (START + 2 * HOUR).isoformat(), 1) == seen(p)


def seen(p: Project) -> tuple[str, str, int]:
    row = p.quarantined()["empty.md"]
    return row.first_seen, row.last_seen, row.attempts


def test_a_night_without_a_change_names_what_is_left_out(p: Project) -> None:
    report = p.run()
    assert "unchanged" == report.decision
    (state,) = report.in_quarantine
    assert (p.manifest().generation, True, {"EmptyDocument": 1}) == (state.generation, state.serves, state.counts)
    assert ["empty.md"] == [row.uri.rpartition("/")[2] for row in state.documents]
    assert report == p.lake.read_history(RunReport, p.lake.history()[-1])


def test_a_report_names_the_newest_few_and_counts_all(p: Project) -> None:
    for n in range(8):
        p.source.write(f"bad{n}.md", "")
    p.run()
    (state,) = p.run().in_quarantine
    assert ({"EmptyDocument": 9}, 5) == (state.counts, len(state.documents))
    assert {(START + HOUR).isoformat()} == {row.first_seen for row in state.documents}


def test_a_run_that_fails_names_what_is_left_out_of_what_serves(p: Project) -> None:
    for n in range(5):
        p.source.write(f"d{n:02d}.md", "")
    p.change(keep_last_good_days=0)
    with pytest.raises(DeleteGuardTripped):
        p.run()
    failed = p.lake.read_history(RunReport, p.lake.history()[-1])
    assert ("failed", [{"EmptyDocument": 1}]) == (failed.decision, [state.counts for state in failed.in_quarantine])
    every = ["d00.md", "d01.md", "d02.md", "d03.md", "d04.md", "empty.md"]
    assert [(False, every), (True, ["empty.md"])] == names(in_quarantine(p.lake))  # asked, also of the stopped build


def test_a_newer_generation_that_waits_is_named_before_what_serves(p: Project) -> None:
    p.source.write("worse.md", "")
    report = p.run(decide=lambda verdict: False)
    assert [(False, ["worse.md", "empty.md"]), (True, ["empty.md"])] == names([*report.in_quarantine])  # newest first
    assert [(False, ["empty.md", "worse.md"]), (True, ["empty.md"])] == names(in_quarantine(p.lake))
    p.run()
    assert [(True, ["empty.md", "worse.md"])] == names(in_quarantine(p.lake))


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ({"sources": ("docs",)}, ["empty.md", "worse.md"]),
        ({"sources": ("other",)}, []),
        ({"errors": frozenset({"EmptyDocument"})}, ["empty.md", "worse.md"]),
        ({"errors": frozenset({"ParserTimeout"})}, []),
        ({"modified_until": START + HOUR}, ["empty.md"]),
        ({"modified_since": START + HOUR}, ["worse.md"]),
    ],
    ids=["source", "other-source", "error", "other-error", "until", "since"],
)
def test_what_is_in_quarantine_is_chosen_by(p: Project, conditions: dict[str, object], found: list[str]) -> None:
    p.source.write("worse.md", "")
    p.run()
    assert [(True, found)] == names(in_quarantine(p.lake, Scope(**conditions)))  # type: ignore[arg-type]


def test_a_place_or_an_id_chooses_one_and_a_mistyped_one_is_refused_with_the_nearest(p: Project) -> None:
    p.source.write("worse.md", "")
    p.run()
    uri = f"{p.source.uri}/worse.md"
    for scope in (Scope(prefixes=(f"{p.source.uri}/w",)), Scope(uris=frozenset({uri}))):
        assert [(True, ["worse.md"])] == names(in_quarantine(p.lake, scope))
    with pytest.raises(UnknownDocument, match=f"is {uri} meant"):
        in_quarantine(p.lake, Scope(uris=frozenset({f"{p.source.uri}/wrose.md"})))


def test_a_replay_reads_what_is_in_quarantine_and_nothing_else(p: Project) -> None:
    p.source.write("d00.md", document(0, edition=2))
    p.source.write("empty.md", document(9))
    report = again(p, sources=("docs",))
    assert ("promoted", {"empty.md": 1}, []) == (report.decision, p.gets(), [*p.quarantined()])


def test_a_replay_of_what_is_gone_takes_it_out_of_quarantine(p: Project) -> None:
    p.source.write("worse.md", "")
    p.run(decide=lambda verdict: False)
    p.source.delete("empty.md")
    p.source.delete("worse.md")
    assert "promoted" == again(p).decision
    assert [(True, [])] == names(in_quarantine(p.lake))


def accept(p: Project, **conditions: object) -> None:
    """Accept what is in quarantine, as `Index.accept` does."""
    DocumentActs(p.services()).accept(why="known", **conditions)  # type: ignore[arg-type]


@pytest.fixture
def refused(tmp_path: Path) -> Project:
    """Eight documents of which three are broken, which is too many."""
    p = project(tmp_path, documents=5, max_quarantined_share=0.3)
    for n in range(3):
        p.source.write(f"bad{n}.md", "")
    assert "refused" == p.run().decision
    return p


def test_what_is_accepted_no_longer_counts_for_the_share_and_stays_named(refused: Project) -> None:
    p = refused
    accept(p, prefixes=[f"{p.source.uri}/bad"])
    report = p.run()
    assert "promoted" == report.decision
    (state,) = report.in_quarantine
    assert ({"EmptyDocument": 3}, {"tester@here: known"}) == (state.counts, set(state.accepted.values()))
    (made,) = (made for _, made in p.lake.decisions.after(0))
    assert ("accept", "tester@here", 3) == (made.kind, made.who, len(made.about["uri"]))


def test_what_is_accepted_counts_again_when_its_bytes_change(refused: Project) -> None:
    p = refused
    accept(p)
    for n in range(3):
        p.source.write(f"bad{n}.md", " \n")
    assert "refused" == p.run().decision


def test_what_is_accepted_counts_again_when_the_code_changes(refused: Project) -> None:
    p = refused
    accept(p)
    p.change(limits=ParseLimits(archive_depth=2), settings={"archive_depth": 2})
    assert "refused" == p.run().decision


def test_what_is_accepted_of_a_build_that_the_delete_guard_stopped_is_no_loss(tmp_path: Path) -> None:
    p = project(tmp_path, documents=6, keep_last_good_days=0, max_deleted_share=0.3)
    p.run()
    for n in range(3):
        p.source.write(f"d{n:02d}.md", "")
    with pytest.raises(DeleteGuardTripped):
        p.run()
    accept(p, uris=[f"{p.source.uri}/d{n:02d}.md" for n in range(3)])
    assert "promoted" == p.run().decision


def test_what_is_accepted_of_a_build_that_could_not_read_enough_is_no_fault_of_its_source(tmp_path: Path) -> None:
    p = project(tmp_path, documents=6)

    def fail(ref: DocumentRef) -> None:
        if ref.path < "d03":
            raise AccessDenied("KMS key")

    p.source.before_read = fail
    with pytest.raises(AccessDenied, match="max_unreadable_share"):
        p.run()
    accept(p, errors=["DeniedDocument"])
    assert ("promoted", 3) == (p.run().decision, len(p.quarantined()))


def test_nothing_is_accepted_without_a_reason_or_a_document(p: Project) -> None:
    with pytest.raises(InvalidSettings, match="accept: one line that says why is needed"):
        DocumentActs(p.services()).accept(why=" ")
    with pytest.raises(UnknownDocument, match="nothing in quarantine meets these conditions"):
        accept(p, errors=["ParserTimeout"])
    assert 0 == p.lake.decisions.last()
