"""Nightly and backfill through a real server and worker: one builds, the other waits, and a dead one is not waited for.

Processes are stopped (SIGSTOP) while they build, and killed: nothing here depends on how long a build takes.
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
from prefect.client.schemas.objects import StateType
from prefect.settings import get_current_settings

from ingest_flows.deployments import WATCH, deploy
from tests.integration.ingest_flows.conftest import Site, eventually

TERM = 5.0  # seconds, of the builder's lease
LIMIT = 2 * TERM + 30  # seconds until the next run starts
SILENT_SECONDS = 10  # the least that Prefect takes


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


def test_what_would_build_waits_for_what_builds_and_follows_when_its_machine_dies(
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
    assert StateType.CRASHED == runs.state(nightly)
    assert {site.index, f"{site.index}@1"} == set(site.aliases())
