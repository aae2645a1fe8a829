"""The library's front door on the real thing: folders, the embedded engine, the command line beside it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import ingest
from ingest.errors import InvalidSettings, SchemaMismatch, UnknownRelease
from ingest.index import Index
from ingest.lake.lake import Lake
from ingest.ports import VectorIndex
from ingest.records import Release
from ingest.settings import load_settings, make_settings

STAFF = "The vault is opened with the walnut key.\n"


def settings(folder: Path, **index: Any) -> dict[str, Any]:
    """Return settings of an index on the documents of a folder, with one document for staff alone."""
    for name, text in (("granite", "Granite slabs lie beside the north gate.\n"), ("walnut", STAFF)):
        place = folder / ("staff" if name == "walnut" else "notes")
        place.mkdir(exist_ok=True)
        (place / f"{name}.md").write_text(f"# About {name}\n\n{text}")
    sources = [
        {"name": "notes", "uri": str(folder / "notes")},
        {"name": "staff", "uri": str(folder / "staff"), "acl": ["staff"]},
    ]
    given = {"sources": sources, "model": {"kind": "hashing", "name": "hashing"}, "gate": {"allow_unjudged": True}}
    return {
        "lake": str(folder / "lake"),
        "state": str(folder / "state"),
        "indexes": {"docs": {**given, "gate": {"allow_unjudged": True, "floors": {}}, **index}},
    }


def test_an_index_is_planned_built_asked_judged_and_rolled_back_through_the_front_door(tmp_path: Path) -> None:
    values = settings(tmp_path)
    with ingest.open(values) as index:
        assert 2 == index.plan().counts["added"]
        assert "promoted" == index.run().decision
        assert ["granite.md"] == [Path(r.path).name for r in index.search("north gate", top=1).results]
        assert [] == index.search("walnut key", top=1, sources=["staff"]).results
        assert ["walnut.md"] == [r.path for r in index.search("walnut key", groups=["staff"], top=1).results]
        assert "Granite slabs" in index.context("north gate", tokens=100).passages[0].text
        assert index.evaluate().positive
        (tmp_path / "notes" / "granite.md").write_text("# About granite\n\nGranite was sold to the quarry.\n")
        assert "promoted" == index.run().decision
        assert 2 == index.search("quarry", top=1).release
        release = index.rollback(why="the quarry is a rumour")
        assert (3, "the quarry is a rumour") == (release.number, release.why)
        assert 3 == index.search("north gate", top=1).release
        status = index.status()
        assert (3, None, release.generation) == (
            status.release and status.release.number,
            status.fault,
            release.generation,
        )
        assert ["rolled back", "serving"] == [state.state for state in index.generations()]
        assert ["rollback", "promote", "promote"] == [entry.action for entry in index.log()]


def test_a_candidate_that_was_left_to_a_person_is_promoted_by_name(tmp_path: Path) -> None:
    with ingest.open(settings(tmp_path)) as index:
        report = index.run(promote=False)
        assert ("waiting", report.generation) == (report.decision, index.status().candidate)
        outcome = index.promote(report.generation, why="looked at")
        assert ("promoted", 1) == (outcome.decision, outcome.release and outcome.release.number)


def test_settings_may_be_a_file_plain_values_or_settings_that_were_loaded(tmp_path: Path) -> None:
    values = settings(tmp_path)
    path = tmp_path / "ingest.yaml"
    path.write_text(json.dumps(values))
    names = []
    for given in (path, values, load_settings(path)):
        with ingest.open(given) as index:
            names.append(index.name)
    assert ["docs"] * 3 == names


def test_what_is_wrong_is_said_before_anything_is_opened(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="there are: docs"):
        ingest.open(settings(tmp_path), index="dcos")
    with pytest.raises(InvalidSettings, match="ingest init"):
        ingest.open(tmp_path / "nowhere.yaml")


def test_nothing_serves_before_the_first_run(tmp_path: Path) -> None:
    with ingest.open(settings(tmp_path)) as index, pytest.raises(UnknownRelease, match="nothing serves yet"):
        index.search("anything")


def test_everything_is_closed_whatever_fails(tmp_path: Path) -> None:
    closed: list[str] = []

    def fail(index: Index) -> None:
        with index:
            index.services.bench.closers.append(lambda: closed.append("closed"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail(ingest.open(settings(tmp_path)))
    assert ["closed"] == closed


def test_one_closer_that_fails_keeps_no_other_from_closing(tmp_path: Path) -> None:
    closed: list[str] = []

    def fail() -> None:
        raise RuntimeError

    index = ingest.open(settings(tmp_path))
    index.services.bench.closers += [lambda: closed.append("first"), fail, lambda: closed.append("last")]
    with pytest.raises(RuntimeError):
        index.close()
    index.close()
    assert ["last", "first"] == closed
    with pytest.raises(InvalidSettings, match="docs is closed"):
        index.status()


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda index: index.search("key", groups="staff"), "search: groups: Input should be a list of texts, found"),
        (lambda index: index.search("key", groups=["a", 1]), "search: groups.1: Input should be a valid string, found"),
        (lambda index: index.search("key", top="3"), "search: top: Input should be a valid integer, found str"),
        (lambda index: index.search("key", top=0), "search: top: .* greater than or equal to 1, found 0"),
        (lambda index: index.search(3), "search: question: Input should be a valid string, found 3"),
        (lambda index: index.context("key", sources="staff"), "context: sources: Input should be a list of texts"),
        (lambda index: index.context("key", tokens=10.5), "context: tokens: .* a valid integer, found 10.5"),
        (lambda index: index.plan(sources="notes"), "plan: sources: Input should be a list of texts, found str"),
        (lambda index: index.run(prefixes="file"), "run: prefixes: Input should be a list of texts, found str"),
        (lambda index: index.run(uris="file"), "run: uris: Input should be a list of texts, found str"),
        (lambda index: index.plan(modified_since="1 May"), "plan: modified_since.*: Input should be a valid datetime"),
        (lambda index: index.plan(force=["chunk"]), "plan: force.0: Input should be 'parse' or 'embed', found str"),
        (
            lambda index: index.run(errors=["Timeout"]),
            "scope: Timeout is unknown; errors are in docs/errors",
        ),
        (lambda index: index.plan(urls=["file"]), "plan: urls: Extra inputs are not permitted, found"),
        (lambda index: index.run(promote="no"), "run: promote: Input should be a valid boolean, found str"),
        (lambda index: index.evaluate(3), "evaluate: generation: Input should be a valid string, found 3"),
        (lambda index: index.promote(lift_hold="no"), "promote: lift_hold: Input should be a valid boolean"),
        (lambda index: index.rollback(0, why="x"), "rollback: to: .* greater than or equal to 1, found 0"),
        (lambda index: index.rollback(why=" "), "rollback: one line that says why is needed"),
        (lambda index: index.revoke(why=" ", uris=["a"]), "revoke: one line that says why is needed"),
        (lambda index: index.run(take_over=""), "run: one line that says why is needed"),
        (lambda index: index.generations(-1), "generations: limit: .* greater than or equal to 1, found -1"),
    ],
)
def test_a_wrong_argument_is_named_with_what_was_given_and_what_is_allowed(
    tmp_path: Path, call: Callable[[Index], object], told: str
) -> None:
    index = Index(make_settings(settings(tmp_path), tmp_path), SimpleNamespace())  # type: ignore[arg-type]
    with pytest.raises(InvalidSettings, match=told):
        call(index)


def test_a_text_in_the_wrong_place_is_not_repeated(tmp_path: Path) -> None:
    index = Index(make_settings(settings(tmp_path), tmp_path), SimpleNamespace())  # type: ignore[arg-type]
    for call in (lambda: index.search("x", top="hunter2"), lambda: index.search("x", groups="hunter2")):  # type: ignore[arg-type]
        with pytest.raises(InvalidSettings) as error:
            call()
        assert "hunter2" not in str(error.value)
        assert error.value.__suppress_context__  # pydantic's error, which has it, is in no traceback


def test_the_front_door_is_there_with_one_import() -> None:
    script = "import ingest; print(ingest.errors.FatalError.__name__, ingest.Index.__name__, hasattr(ingest, 'Indx'))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert "FatalError Index False" == done.stdout.strip()


def test_the_package_runs_the_command_line() -> None:
    command = [sys.executable, "-m", "ingest", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert version("ingest") == done.stdout.strip()


def test_a_lake_that_was_deleted_under_an_open_index_is_told(tmp_path: Path) -> None:
    with ingest.open(settings(tmp_path)) as index:
        index.run()
        shutil.rmtree(tmp_path / "lake")
        with pytest.raises(SchemaMismatch, match=r"the newest release of this lake is none.*`ingest run --take-over"):
            index.run()


def test_importing_the_library_loads_nothing_heavy() -> None:
    script = (
        "import sys, ingest; print([m for m in ('numpy', 'pydantic', 'pyarrow', 'torch', 'typer') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert "[]" == done.stdout.strip()


def test_what_was_opened_before_a_failure_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []

    def fail(_: object) -> None:
        raise InvalidSettings("no engine")

    monkeypatch.setattr("ingest.wiring.service_opening.open_vectors", fail)
    monkeypatch.setattr("ingest.services.Workbench.close", lambda bench: closed.append(type(bench).__name__))
    with pytest.raises(InvalidSettings, match="no engine"):
        ingest.open(settings(tmp_path))
    assert ["Workbench"] == closed


def test_a_context_never_mixes_two_releases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    look = ingest.index.serving_release

    def watched(lake: Lake, vectors: VectorIndex) -> Release:
        asked.append(1)
        return look(lake, vectors)

    with ingest.open(settings(tmp_path)) as index:
        index.run()
        monkeypatch.setattr("ingest.index.serving_release", watched)
        assert index.context("north gate", tokens=100).passages
    assert 1 == len(asked)  # one look at the aliases for the search and for the texts around its chunks
