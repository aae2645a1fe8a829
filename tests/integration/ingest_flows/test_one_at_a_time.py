"""Nightly and backfill through a real server and worker: one builds, the other waits, and a dead one is not waited for.

Processes are stopped (SIGSTOP) while they build, and killed: nothing here depends on how long a build takes. One is
cancelled while it builds many shards.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, ArtifactFilterKey
from prefect.client.schemas.objects import StateType
from prefect.settings import get_current_settings
from prefect.states import Cancelling

from ingest.lake.lake import Lake
from ingest.wiring.service_opening import open_lake_store
from ingest_flows.deployments import WATCH, deploy
from tests.integration.ingest_flows.conftest import Site, eventually

TERM = 5.0  # seconds, of the builder's lease
LIMIT = 2 * TERM + 30  # seconds until the next run starts
SILENT_SECONDS = 10  # the least that Prefect takes
MANY = 60  # documents, two in a shard: a build that does not end before it is cancelled
CANCELLED_WITHIN = 30 + 15  # seconds, and what server and worker take to say so


@contextmanager
def worker(site: Site) -> Iterator[int]:
    """A worker, by its pid, as long as the block lasts, and then killed; its runs are processes of their own."""
    settings = get_current_settings().to_environment_variables(exclude_unset=True)
    environment = {**os.environ, **settings, "PREFECT_WORKER_QUERY_SECONDS": "1", "INGEST_HOME": str(site.folder)}
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "ingest-gpu"]
    with (site.folder / "worker.log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        yield process.pid
    finally:
        kill(process.pid)
        process.wait()


def kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


@dataclass
class Runs:
    """The runs of a site's deployments."""

    site: Site
    client: SyncPrefectClient

    def start(self, flow: str, **parameters: Any) -> UUID:
        """Ask for a run."""
        deployment = self.client.read_deployment_by_name(f"{flow}/{self.site.index}")
        wanted = {**deployment.parameters, **parameters}
        return self.client.create_flow_run_from_deployment(deployment.id, parameters=wanted).id

    @property
    def log(self) -> str:
        """What the workers and their runs printed."""
        return (self.site.folder / "worker.log").read_text()

    def state(self, run: UUID) -> StateType:
        state = self.client.read_flow_run(run).state
        assert state is not None
        return state.type

    def artifact(self, run: UUID, kind: str) -> str:
        """Return the text of a run's artifact of a kind."""
        key = ArtifactFilterKey(any_=[f"{self.site.index}-{kind}"])
        only = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run]), key=key)
        (found,) = eventually(lambda: self.client.read_artifacts(artifact_filter=only))
        return str(found.data)

    def until(self, run: UUID, wanted: StateType) -> None:
        """Return as soon as a run is in a state."""
        reached = eventually(lambda: [wanted] if self.state(run) == wanted else [])
        assert reached, f"{self.state(run)}: {self.log}"

    @contextmanager
    def stopped_while_building(self, run: UUID) -> Iterator[None]:
        """Stop a run's process as soon as it holds the lease, and kill it at the end of the block."""
        path = self.site.folder / "lake" / self.site.index / "leases" / "builder" / "1.json"
        assert eventually(lambda: [path] if path.exists() else []), self.log
        pid = int(str(self.client.read_flow_run(run).infrastructure_pid).rpartition(":")[2])
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            kill(pid)

    def polled_twice(self) -> None:
        """Return when the worker has asked for work twice more."""
        for _ in range(2):
            now = datetime.now(UTC)
            assert eventually(lambda now=now: [now] if self._polled() > now else []), self.log

    def _polled(self) -> datetime:
        queue = self.client.read_work_queue_by_name(self.site.index, work_pool_name="ingest-gpu")
        return queue.last_polled or datetime.min.replace(tzinfo=UTC)


def holder(site: Site) -> str:
    """Return who holds the builder's lease of a site; "" when it was signed off."""
    newest = Lake(open_lake_store(site.loaded), site.index).leases.newest()
    assert newest is not None
    return newest[1].holder


def test_what_would_build_waits_for_what_builds_follows_when_its_machine_dies_and_signs_off_when_it_is_cancelled(
    site: Site, client: SyncPrefectClient
) -> None:
    site.settings(lease_seconds=TERM)
    deploy(site.settings_path, silent_seconds=SILENT_SECONDS)
    runs = Runs(site, client)
    with worker(site) as machine:
        nightly, backfill = runs.start("nightly"), runs.start("backfill", force=["parse"])
        with runs.stopped_while_building(nightly):
            runs.polled_twice()
            assert (StateType.RUNNING, StateType.SCHEDULED) == (runs.state(nightly), runs.state(backfill))
            kill(machine)
    killed = time.monotonic()  # the worker before its run: nobody tells the server
    with worker(site):
        runs.until(backfill, StateType.RUNNING)
        assert time.monotonic() - killed < LIMIT
        (watch,) = client.read_automations_by_name(WATCH)
        client.pause_automation(watch.id)  # it is set to less than a heartbeat
        runs.until(backfill, StateType.COMPLETED)
        for number in range(MANY):
            site.write(f"topic{number}")
        cancelled = runs.start("backfill")
        assert eventually(lambda: [holder(site)] if holder(site) else []), runs.log
        asked = time.monotonic()
        client.set_flow_run_state(cancelled, Cancelling())
        runs.until(cancelled, StateType.CANCELLED)
        assert time.monotonic() - asked < CANCELLED_WITHIN
        assert holder(site) == ""
        assert f"# Run of `{site.index}`: stopped" in runs.artifact(cancelled, "run")
    assert StateType.CRASHED == runs.state(nightly)
    assert {site.index, f"{site.index}@1"} == set(site.aliases())
