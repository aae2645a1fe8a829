"""`ingest qdrant start | stop | status`."""

from pathlib import Path

import pytest

from ingest.adapters.vectors.edge import engine
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
    assert "is running at http://127.0.0.1:6333 (process 7), not in use, kept by `ingest qdrant start`." in answer.out


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
