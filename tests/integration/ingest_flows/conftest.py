"""One Prefect test server and one embedded engine for the whole folder, and a small index on them."""

import os
import tempfile

# Prefect reads these when it is imported.
os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
os.environ["DO_NOT_TRACK"] = "1"
os.environ["PREFECT_HOME"] = tempfile.mkdtemp(prefix="prefect-home-")

import atexit
import itertools
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId, LogFilter, LogFilterFlowRunId
from prefect.client.schemas.objects import State, TaskRun

from ingest import pipeline
from ingest.adapters.vectors.edge import engine, locks
from ingest.pipeline.changes import Scope
from ingest.records import RunReport
from ingest.services import Services
from ingest.settings import Settings, load_settings
from ingest.wiring import service_opening as wiring
from ingest_flows.nightly import nightly
from tests.fakes import inline_executor

for name in ("QDRANT_URL", "QDRANT_API_KEY"):  # the embedded engine is used
    os.environ.pop(name, None)
atexit.register(shutil.rmtree, os.environ["PREFECT_HOME"], ignore_errors=True)

TOPICS = ("copper", "granite", "walnut", "marble", "amber", "cobalt")
PATIENCE_SECONDS = 60.0  # for what Prefect's server writes later
Found = TypeVar("Found")
_numbers = itertools.count()


@pytest.fixture(scope="package", autouse=True)
def server() -> Iterator[None]:
    """Prefect's own server on SQLite, in a process of its own."""
    from prefect.testing.utilities import prefect_test_harness  # imports the whole server: seconds of each collection

    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture(scope="package")
def client(server: None) -> Iterator[SyncPrefectClient]:
    """A client of the test server."""
    with get_client(sync_client=True) as client:
        yield client


@pytest.fixture(scope="package")
def state_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A state folder whose embedded engine runs for the whole folder."""
    folder = tmp_path_factory.mktemp("state")
    used = engine.Engine(folder / "qdrant")
    used.address()
    yield folder
    used.close()
    locks.wait_until(lambda: not engine.status(folder / "qdrant").running, 30)


@dataclass
class Site:
    """A folder with settings and six documents in several shards; each site has an index of its own."""

    folder: Path
    state: Path
    client: SyncPrefectClient
    index: str = field(default_factory=lambda: f"docs{next(_numbers)}")

    @property
    def settings_path(self) -> Path:
        return self.folder / "ingest.yaml"

    @property
    def loaded(self) -> Settings:
        return load_settings(self.settings_path)

    def write(self, topic: str, text: str = "") -> None:
        """Write a document about a topic."""
        body = text or f"# About {topic}\n\nThe {topic} beam is stored beside the {topic} gate.\n"
        (self.folder / "documents" / f"{topic}.md").write_text(body)

    def uri(self, path: str) -> str:
        """Return the URI of a document, or of those that begin so."""
        return f"{(self.folder / 'documents').as_uri()}/{path}"

    def settings(self, top: dict[str, Any] | None = None, **index: Any) -> None:
        """Write ingest.yaml (YAML is a superset of JSON)."""
        values = {
            "sources": [{"name": "notes", "uri": "documents"}],
            "model": {"kind": "hashing", "name": "hashing"},
            "judged": ["judged.jsonl"],
            "documents_per_shard": 2,
            **index,
        }
        whole = {"lake": "lake", "state": str(self.state), "indexes": {self.index: values}, **(top or {})}
        self.settings_path.write_text(json.dumps(whole))

    @contextmanager
    def opened(self) -> Iterator[Services]:
        """Yield services without Prefect."""
        services = wiring.open_services(self.loaded, self.index)
        try:
            yield services
        finally:
            services.bench.close()

    def run_inline(self) -> RunReport:
        """Run without Prefect, which is quicker: for what has to be there before a test begins."""
        with self.opened() as services:
            return pipeline.run(services, Scope(), inline_executor(services), lambda _: True)

    def aliases(self) -> dict[str, str]:
        """Return the aliases of this index."""
        with self.opened() as services:
            return {k: v for k, v in services.retrieval.vectors.aliases().items() if k.split("@")[0] == self.index}

    def nightly(self, **parameters: Any) -> State[dict[str, Any]]:
        """Run the flow and return its final state."""
        return nightly(settings=self.settings_path, **parameters, return_state=True)

    def task_runs(self, state: State[Any], expected: int) -> list[TaskRun]:
        """Return a flow run's task runs as soon as the server knows `expected` ended ones, which it learns late."""
        run = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run_of(state)]))

        def ended() -> list[TaskRun]:
            found = self.client.read_task_runs(flow_run_filter=run)
            return found if len(found) >= expected and all(r.state and r.state.is_final() for r in found) else []

        return eventually(ended) if expected else self.client.read_task_runs(flow_run_filter=run)

    def logs(self, state: State[Any], until: str) -> list[str]:
        """Return the log lines of a flow run, as soon as one of them holds `until`."""
        run = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[flow_run_of(state)]))

        def lines() -> list[str]:
            found = [log.message for log in self.client.read_logs(run)]
            return found if any(until in line for line in found) else []

        return eventually(lines)


def eventually(look: Callable[[], list[Found]]) -> list[Found]:
    """Return what `look` finds, waiting for the server's background writers; empty when that is nothing."""
    found: list[Found] = []

    def met() -> bool:
        found[:] = look()
        return bool(found)

    locks.wait_until(met, PATIENCE_SECONDS, 0.1)
    return found


def flow_run_of(state: State[Any]) -> UUID:
    """Return the id of a final state's flow run."""
    identity = state.state_details.flow_run_id
    assert identity is not None
    return identity


def by_step(runs: list[TaskRun]) -> Counter[str]:
    """Return how many task runs each step had; a run's name is its step and its shard."""
    return Counter(run.name.split(" ")[0] for run in runs)


@pytest.fixture
def site(tmp_path: Path, state_folder: Path, client: SyncPrefectClient) -> Site:
    """Six documents with six judged questions, and nothing built yet."""
    return new_site(tmp_path, state_folder, client)


def new_site(folder: Path, state: Path, client: SyncPrefectClient) -> Site:
    """Return a site in an empty folder."""
    (folder / "documents").mkdir()
    made = Site(folder, state, client)
    for topic in TOPICS:
        made.write(topic)
    questions = [
        {"query_id": t, "text": f"where is the {t} beam", "gold": [{"doc": f"{t}.md", "headings": [f"About {t}"]}]}
        for t in TOPICS
    ]
    (folder / "judged.jsonl").write_text("".join(json.dumps(q) + "\n" for q in questions))
    made.settings()
    return made
