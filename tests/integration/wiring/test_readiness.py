"""`ingest doctor` finds everything that a run would trip over, in one go."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ingest.cli.main import app
from ingest.errors import IndexUnavailable
from ingest.settings import make_settings
from ingest.wiring import readiness as module
from ingest.wiring import service_opening
from ingest.wiring.readiness import readiness
from tests.inline_sandbox import parse_inline
from tests.vector_indexes import in_memory_index

GOLD = {"query_id": "q1", "text": "where", "gold": [{"doc": "a.md", "headings": ["A"]}]}


@pytest.fixture(autouse=True)
def vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_opening, "open_vectors", lambda settings: in_memory_index())
    parse_inline(monkeypatch)
    for name in ("QDRANT_URL", "QDRANT_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def values(folder: Path, **index: Any) -> dict[str, Any]:
    (folder / "documents").mkdir(exist_ok=True)
    (folder / "documents" / "a.md").write_text("# A\n\nWords.\n")
    (folder / "judged.jsonl").write_text(json.dumps(GOLD))
    told = {
        "sources": [{"name": "docs", "uri": "documents"}],
        "model": {"kind": "hashing", "name": "hashing"},
        "judged": ["judged.jsonl"],
        **index,
    }
    return {"lake": "lake", "indexes": {"docs": told}}


def looked_at(folder: Path, **index: Any) -> dict[str, str]:
    """Return the faults by check."""
    settings = make_settings(values(folder, **index), folder)
    return {one.check: one.fault for one in readiness(settings, None) if one.fault}


def test_all_is_there(tmp_path: Path) -> None:
    found = {one.check: one.found for one in readiness(make_settings(values(tmp_path), tmp_path), None)}
    assert {
        "source docs": "read a.md: 12 bytes, text/markdown",
        "lake": f"file://{tmp_path}/lake can be written and read",
        "gate": "1 judged questions; fused.ndcg@10 0.2; re-ranker blend",
        "budget": "none",
    }.items() <= found.items()
    assert {"sources", "model", "vector index", "disk of the lake", "temporary space"} < found.keys()
    assert [] == [path for path in (tmp_path / "lake").rglob("*") if path.is_file()]


def test_everything_that_is_wrong_is_found_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent:
        def collections(self) -> list[str]:
            raise IndexUnavailable("no answer")

        def close(self) -> None: ...

    monkeypatch.setattr(service_opening, "open_vectors", lambda settings: Silent())
    monkeypatch.setattr(module, "LEAST_BYTES", 2**80)
    (tmp_path / "lake").write_text("a file")
    settings = make_settings(
        values(
            tmp_path,
            sources=[{"name": "docs", "uri": "documents"}, {"name": "wiki", "uri": "wikki"}],
            model={"kind": "hashing", "name": "hashing", "options": {"nonsense": 1}},
            judged=["jugded.jsonl"],
            profile={"reranker": "learnt", "calibration": "0" * 64},
            gate={"floors": {"fused.ndgc@10": 0.2}, "metric": "recall@10"},
        ),
        tmp_path,
    )
    found = [(one.check, one.fault) for one in readiness(settings, None) if one.fault]
    told = dict.fromkeys(check for check, _ in found)
    assert ["source wiki", "lake", "model", "vector index", "gate"] == list(told)[:5]
    assert {"disk of the lake", "disk of the state folder", "temporary space"} < told.keys()
    gate = " ".join(fault for check, fault in found if check == "gate")
    for part in (
        "jugded.jsonl: No such file",
        "unknown kind of reranker: 'learnt'",
        "gate.floors.fused.ndgc@10: nothing is measured as 'fused.ndgc@10' under this query profile; is fused.ndcg@10",
        "gate.metric: nothing is measured as 'recall@10'",
    ):
        assert part in gate


@pytest.mark.parametrize("uri", ["wikki", "s3n://bucket/x"])
def test_a_source_that_cannot_be_opened_is_named(tmp_path: Path, uri: str) -> None:
    assert "source wiki" in looked_at(tmp_path, sources=[{"name": "wiki", "uri": uri}])


def test_a_source_without_a_readable_document_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    settings = make_settings(values(tmp_path, sources=[{"name": "docs", "uri": "empty"}]), tmp_path)
    assert "no documents" in {one.found for one in readiness(settings, None)}
    (tmp_path / "empty" / "a.md").write_text("")
    assert any("none of the first 1 documents can be indexed: " in one.found for one in readiness(settings, None))


def test_the_command_tells_all_and_ends_with_4(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ingest.yaml").write_text(json.dumps(values(tmp_path)))
    sound = CliRunner().invoke(app, ["doctor"])
    assert (0, True) == (sound.exit_code, "All is there that a run will need." in sound.stdout), sound.stdout
    (tmp_path / "ingest.yaml").write_text(json.dumps(values(tmp_path, judged=["none.jsonl"])))
    broken = CliRunner().invoke(app, ["doctor", "--json"])
    document = json.loads(broken.stdout)
    assert (4, False) == (broken.exit_code, document["ready"])
    assert ["gate"] == [one["check"] for one in document["checks"] if one["fault"]]
