"""`ingest qdrant start | stop | status | check`."""

from pathlib import Path

import pytest

from ingest.adapters.vectors.edge import engine
from ingest.records import AliasAction
from ingest.wiring import service_opening
from tests.earlier_lakes import KeptIndex
from tests.integration.cli.conftest import Lab


class FakeEngine:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Path, dict[str, bool]]] = []
        self.running = False

    def start(self, folder: Path, **options: bool) -> engine.EngineStatus:
        self.calls.append(("start", folder, options))
        self.running = True
        return self.status(folder)

    def stop(self, folder: Path, **options: bool) -> engine.EngineStatus:
        self.calls.append(("stop", folder, options))
        self.running = False
        return self.status(folder)

    def status(self, folder: Path) -> engine.EngineStatus:
        pid, url = (7, "http://127.0.0.1:6333") if self.running else (None, None)
        return engine.EngineStatus(folder, self.running, pid, url, False, self.running, ("docs__0001-a",))


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """An engine that starts no process."""
    fake = FakeEngine()
    for name in ("start", "stop", "status"):
        monkeypatch.setattr(engine, name, getattr(fake, name))
    return fake


def test_start_keeps_the_engine_of_the_settings_folder(lab: Lab, fake: FakeEngine) -> None:
    answer = lab("qdrant", "start")
    folder = (lab.folder / ".ingest" / "qdrant").resolve()
    assert (answer.code, fake.calls) == (0, [("start", folder, {})])
    told = {"running: yes", "pid: 7", "url: http://127.0.0.1:6333", "in use: no", "kept: yes"}
    assert told <= {*answer.out.splitlines()}


def test_stop_and_status_tell_the_state_as_json(lab: Lab, fake: FakeEngine) -> None:
    lab("qdrant", "start")
    running, stopped = lab("qdrant", "status", "--json"), lab("qdrant", "stop", "--force", "--json")
    assert [running.document["running"], stopped.document["running"]] == [True, False]
    assert running.document["collections"] == ["docs__0001-a"]
    assert fake.calls[-1][2] == {"force": True}


@pytest.mark.parametrize("command", ["start", "stop"])
def test_with_a_server_there_is_nothing_to_start_or_stop(
    lab: Lab, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("QDRANT_URL", "https://user:secret@qdrant.example.com:6333")
    answer = lab("qdrant", command)
    assert (answer.code, fake.calls) == (4, [])
    assert "https://qdrant.example.com:6333" in answer.err
    assert "secret" not in answer.err


def test_status_names_the_server_without_its_password(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QDRANT_URL", "https://user:secret@qdrant.example.com:6333")
    answer = lab("qdrant", "status", "--json")
    assert (answer.code, answer.document) == (0, {"kind": "server", "url": "https://qdrant.example.com:6333"})


@pytest.fixture
def checked_index(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str | None, dict[str, object]]]:
    """The lab's index in place of every server; returns how each was opened."""
    opened = list[tuple[str | None, dict[str, object]]]()

    def open_vectors(settings: object, url: str | None = None, **limits: object) -> KeptIndex:
        opened.append((url, limits))
        return lab.vectors

    lab.vectors.__class__ = KeptIndex
    monkeypatch.setattr(service_opening, "open_vectors", open_vectors)
    return opened


def test_check_reports_every_promise_and_leaves_nothing(lab: Lab, checked_index: list[object]) -> None:
    lab.vectors.create_collection("docs__0001", 8)
    lab.vectors.move_aliases([AliasAction("create", "docs", "docs__0001")])
    before = lab.vectors.collections(), lab.vectors.aliases()
    answer = lab("qdrant", "check", "--url", "http://localhost:6333", "--node", "http://localhost:6334", "--json")
    assert (answer.code, answer.document["kept"]) == (0, True)
    assert {"one_writer_wins_each_fence", "other_nodes_follow", "nothing_stays"} <= {
        one["check"] for one in answer.document["checks"]
    }
    assert [(url, limits["page"]) for url, limits in checked_index] == [
        ("http://localhost:6333", 7),
        ("http://localhost:6334", 7),
    ]
    assert before == (lab.vectors.collections(), lab.vectors.aliases())


def test_check_ends_with_exit_code_4_if_a_promise_is_not_kept(lab: Lab, checked_index: list[object]) -> None:
    answer = lab("qdrant", "check", "--kill-node", "echo no such node; exit 3", "--wait", "1")
    assert (answer.code, answer.error.__class__) == (4, SystemExit)
    assert "FAULT  With a node lost" in answer.out
    assert "exit code 3: no such node" in answer.out
    assert "promises were checked, 1 are not kept" in answer.out


def test_check_needs_no_settings_and_refuses_what_is_no_server(lab: Lab) -> None:
    (lab.folder / "ingest.yaml").unlink()
    assert (lab("qdrant", "check", "--url", "localhost").code, lab("qdrant", "check").code) == (4, 4)
    assert "not an http(s) URL" in lab("qdrant", "check", "--url", "localhost").err
    assert "--kill-node" in lab("qdrant", "check", "--url", "http://localhost:1", "--restore-node", "true").err
