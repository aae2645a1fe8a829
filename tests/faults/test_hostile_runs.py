"""A run over documents that do harm: each ends in quarantine with its reason, the others are indexed."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ingest.adapters.sandbox.pool_sandbox import PoolSandbox
from ingest.records import ParseLimits, ParserOptions
from ingest.services import Services
from tests import hostile_documents as hostile
from tests import hostile_parser
from tests.pipelines import Project, project, with_bench

LIMITS = ParseLimits(wall_seconds=20.0, cpu_seconds=1.0, memory_bytes=512 * 2**20, document_bytes=2**20)


@dataclass
class Walled(Project):
    """A project whose documents are parsed in processes."""

    sandbox: Any = field(default_factory=lambda: PoolSandbox({"docs": ParserOptions(limits=LIMITS)}, 2))

    def services(self) -> Services:
        return with_bench(super().services(), sandbox=self.sandbox)

    def quarantine(self) -> list[dict[str, Any]]:
        """Return the rows of the newest release's quarantine."""
        parts = [part for part in self.manifest().parts if part.kind == "quarantine"]
        return [row for part in parts for row in self.lake.read(part).to_pylist()]


@pytest.fixture
def walled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONPATH", hostile_parser.registered(tmp_path / "hostile"))
    plain = project(tmp_path, documents=3)
    p = Walled(plain.sources, options=plain.options)
    yield p
    p.sandbox.close()


def test_a_run_goes_on_past_documents_that_do_harm(walled: Walled) -> None:
    harm = {
        "bomb.zip": (hostile.overlapped_bomb(500), "OversizedDocument"),
        "deep.xml": ("<?xml version='1.0'?>" + "<a>" * 10_000, "OversizedDocument"),
        "dies.rtf": ("segfault", "ParserCrashed"),
        "eats.rtf": ("eat", "OversizedDocument"),
        "hangs.rtf": ("spin", "ParserTimeout"),
        "laughs.xml": (f"<?xml version='1.0'?>{hostile.LAUGHS}<l>&a10;</l>", "MalformedDocument"),
    }
    for path, (content, _) in harm.items():
        walled.source.write(path, content)
    report = walled.run()
    found = {row["uri"].rpartition("/")[2]: row["error"] for row in walled.quarantine()}
    assert (report.release is not None, found) == (True, {path: error for path, (_, error) in harm.items()})
    assert walled.gets().keys() >= harm.keys()
    walled.run()
    assert walled.gets() == {"hangs.rtf": 1}  # what may pass is tried again
