"""A small index on this machine, driven through the command line: real pipeline, lake and vectors in memory."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ingest.adapters import embedders
from ingest.adapters.sources.file import open_source
from ingest.adapters.vectors.qdrant.qdrant_index import QdrantIndex
from ingest.cli.main import app
from ingest.lake.lake import Lake
from ingest.ports import Observer
from ingest.records import S3Options
from ingest.services import Retrieval, Services, Workbench, Writer
from ingest.settings import Settings
from ingest.wiring import service_opening as wiring
from ingest_conformance import hashing_embedder as hashing
from tests.fakes import InMemoryStore, inline_executor
from tests.inline_sandbox import InlineSandbox
from tests.vector_indexes import in_memory_index

TOPICS = ("copper", "granite", "walnut", "marble", "amber", "cobalt")


@dataclass
class Answer:
    """What a command left behind."""

    code: int
    out: str
    err: str
    error: BaseException | None = None

    @property
    def document(self) -> Any:
        """Return stdout as the one JSON document that it must be."""
        return json.loads(self.out)


@dataclass
class Lab:
    """A folder with settings and documents, and the command line over it."""

    folder: Path
    vectors: QdrantIndex
    store: InMemoryStore = field(default_factory=InMemoryStore)
    closed: int = 0
    observers: list[Observer] = field(default_factory=list)

    def write(self, topic: str, text: str = "") -> None:
        """Write a document about a topic."""
        body = text or f"The {topic} beam is stored beside the {topic} gate.\n"
        (self.folder / "documents" / f"{topic}.md").write_text(f"# About {topic}\n\n{body}")

    def settings(self, **index: Any) -> None:
        """Write ingest.yaml (YAML is a superset of JSON)."""
        (self.folder / "judged.jsonl").write_text(
            "".join(
                json.dumps(
                    {
                        "query_id": t,
                        "text": f"where is the {t} beam",
                        "gold": [{"doc": f"{t}.md", "headings": [f"About {t}"]}],
                    }
                )
                + "\n"
                for t in TOPICS
            )
        )
        values = {
            "sources": [{"name": "notes", "uri": "documents"}],
            "model": {"kind": "hashing", "name": "hashing"},
            "judged": ["judged.jsonl"],
        }
        (self.folder / "ingest.yaml").write_text(json.dumps({"lake": "lake", "indexes": {"docs": {**values, **index}}}))

    def __call__(self, *arguments: str) -> Answer:
        """Run a command in the folder."""
        result = CliRunner().invoke(app, list(arguments))
        return Answer(result.exit_code, result.stdout, result.stderr, result.exception)

    def open_services(
        self,
        settings: Settings,
        index: str | None = None,
        observer: Observer | None = None,
        caller: str | None = None,
    ) -> Services:
        """Stand in for `wiring.open_services`: but lake and vectors live as long as the lab."""
        name, chosen = settings.index(index)
        assert observer is not None
        self.observers.append(observer)
        record = hashing.HashingEmbedder("hashing", {}).record
        shared: dict[str, Any] = {
            "lake": Lake(self.store, name),
            "tokenizer": hashing.HashingTokenizer(),
            "model": record,
        }
        bench = Workbench(
            **shared,
            sources=tuple(open_source(s.name, s.uri, {}, s.acl, s.tenant, S3Options()) for s in chosen.sources),
            sandbox=InlineSandbox(),
            options=wiring.build_options(name, chosen),
            closers=[self._close],
        )
        retrieval = Retrieval(
            **shared, vectors=self.vectors, open_embedder=embedders.reopen, monotonic=Ticks(), observer=observer
        )
        new_token = partial(secrets.token_hex, 16)
        writer = Writer(who="night@shift", clock=lambda: datetime.now(UTC), new_token=new_token)
        return Services(bench=bench, retrieval=retrieval, writer=writer)

    def _close(self) -> None:
        self.closed += 1


class Ticks:
    """A clock in seconds that goes on by a quarter at each look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.25
        return self.now


@contextmanager
def opened_lab(folder: Path) -> Iterator[Lab]:
    """Yield six documents with six judged questions, and nothing built yet."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(folder)
        for name in ("QDRANT_URL", "QDRANT_API_KEY"):
            monkeypatch.delenv(name, raising=False)
        (folder / "documents").mkdir()
        lab = Lab(folder, in_memory_index())
        for topic in TOPICS:
            lab.write(topic)
        lab.settings()
        monkeypatch.setattr("ingest.index.open_services", lab.open_services)
        monkeypatch.setattr("ingest.index.open_executor", lambda settings, index, services: inline_executor(services))
        yield lab
        lab.vectors.close()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A lab of this test alone."""
    with opened_lab(tmp_path) as lab:
        yield lab


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab in which release 1 serves; for tests that change nothing."""
    with opened_lab(tmp_path_factory.mktemp("served")) as lab:
        assert lab("run").code == 0
        yield lab
