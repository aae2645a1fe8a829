"""The deployments of a settings file, ten for each of its indexes; those that build an index wait for each other.

`ingest deploy` makes or updates, on the server that PREFECT_API_URL names: the work pools; a work queue for each index,
out of which one run at a time is taken; the deployments of `prefect.yaml`, named after the index; the automations of
`automations.yaml`; and one that gives up a run whose machine died. Doing it again changes nothing.
"""

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from shlex import quote
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.settings import get_current_settings

from ingest.errors import FatalError, InvalidSettings, TransientError
from ingest.phrases import shown
from ingest.settings import load_settings
from ingest_flows.automations import REFUSALS, apply, left_out
from ingest_flows.report import NAMES

TEMPLATE = Path(__file__).with_name("prefect.yaml")
SILENT_SECONDS = 80  # without a heartbeat, which comes every 30 s: one may be late, another lost
TAIL = 2000  # characters of what Prefect said that a message repeats
BUILDERS = ["nightly", "backfill", "replay-quarantine"]  # flows
# Names of states after which no heartbeat comes; a suspended run waits for a person.
ENDS = ("Completed", *NAMES.values(), "Failed", "TimedOut", "Cancelled", "Crashed", "Suspended")
WATCH = "ingest: end runs without a sign of life"


@dataclass(frozen=True)
class Deployed:
    """What Prefect's server has now."""

    server: str
    pools: Sequence[str]
    queues: Sequence[str]  # one for each index
    deployments: Sequence[str]  # as "<flow>/<index>"
    automations: Sequence[str]
    left_out: Sequence[str]  # automations that need a notification block
    workers: Sequence[str]  # commands, one for each pool

    def lines(self) -> Iterator[str]:
        """Yield this for people, last what is left to do."""
        yield f"Prefect's server: {self.server}"
        yield f"Work pools: {', '.join(self.pools)}"
        yield f"Work queues, one run at a time from each: {', '.join(self.queues)}"
        yield f"Deployments: {', '.join(self.deployments)}"
        yield f"Automations: {', '.join(self.automations)}"
        yield from (f"Left out: {one}" for one in self.left_out)
        yield from (f"Start a worker: {command}" for command in self.workers)


def deploy(
    settings: Path,
    index: str | None = None,
    blocks: Mapping[str, str | None] | None = None,
    refusals: int = REFUSALS,
    silent_seconds: int = SILENT_SECONDS,
) -> Deployed:
    """Make or update everything that the runs of a settings file need on Prefect's server.

    `index`: only this one; by default, all. `blocks` and `refusals` are those of `automations.apply`.

    Raises: InvalidSettings, FatalError, TransientError when the server does not answer.
    """
    loaded = load_settings(settings)
    names = [*loaded.indexes] if index is None else [loaded.index(index)[0]]
    template = yaml.safe_load(TEMPLATE.read_text())
    template["deployments"] = made = list(for_each_index(template, settings.name, names))
    places = dict.fromkeys((one["work_pool"]["name"], one["work_pool"].get("work_queue_name")) for one in made)
    pools = [*dict.fromkeys(pool for pool, _ in places)]
    with _server() as (client, server):
        for pool in pools:
            _make_pool(client, pool)
        for pool, queue in places:
            if queue is not None:
                _make_queue(client, pool, queue)
        _make_watch(client, silent_seconds)
        applied = [WATCH, *apply(client, blocks or {}, refusals)]
        _deploy_all(template)
    where = f"PREFECT_API_URL={quote(server)} INGEST_HOME={quote(str(settings.resolve().parent))}"
    workers = [f"{where} prefect worker start --pool {pool}" for pool in pools]
    deployments = [f"{flow}/{name}" for name in names for flow in flows()]
    return Deployed(server, pools, names, deployments, applied, left_out(blocks or {}), workers)


def flows() -> list[str]:
    """Return the names of the flows that each index has a deployment of."""
    return [one["name"] for one in yaml.safe_load(TEMPLATE.read_text())["deployments"]]


def for_each_index(template: Mapping[str, Any], settings: str, indexes: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield the template's deployments once for each index: its name, its parameters, its queue."""
    for index in indexes:
        for deployment in deepcopy(template["deployments"]):
            deployment["name"] = index
            deployment["parameters"] |= {"settings": settings, "index": index}
            if "work_queue_name" in deployment["work_pool"]:
                deployment["work_pool"]["work_queue_name"] = index
            yield deployment


@contextmanager
def _server() -> Iterator[tuple[SyncPrefectClient, str]]:
    """Yield a client of the server, and its address without secrets. Raises: as `deploy`."""
    if not (url := get_current_settings().api.url):
        raise InvalidSettings(
            "PREFECT_API_URL names no server: start one with `prefect server start`, and set it to "
            "http://its-machine:4200/api, here and for each worker"
        )
    address = shown(url)
    try:
        with get_client(sync_client=True) as client:
            yield client, address
    except (httpx.HTTPError, RuntimeError) as error:  # Prefect wraps the first failure to reach it
        silent = any(isinstance(one, httpx.TransportError) for one in (error, error.__cause__))
        told = str(error).replace(url, address)
        raise (TransientError if silent else FatalError)(f"Prefect's server at {address}: {told}") from error


def _deploy_all(template: Mapping[str, Any]) -> None:
    """Have Prefect's command line make the deployments, and repeat what it says only if it fails."""
    with TemporaryDirectory(prefix="ingest-deployments-") as folder:
        file = Path(folder) / "prefect.yaml"
        file.write_text(yaml.safe_dump(template))
        environment = {**os.environ, **get_current_settings().to_environment_variables(exclude_unset=True)}
        command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(file)]
        done = subprocess.run(
            command, cwd=TEMPLATE.parent, env=environment, check=False, capture_output=True, text=True
        )
    if done.returncode:
        said = f"{done.stdout}{done.stderr}"[-TAIL:]
        raise FatalError(f"{' '.join(command[2:])}: exit code {done.returncode}: {said}")


def _make_pool(client: SyncPrefectClient, name: str) -> None:
    with suppress(ObjectAlreadyExists):
        client.create_work_pool(WorkPoolCreate(name=name, type="process"))


def _make_queue(client: SyncPrefectClient, pool: str, name: str) -> None:
    try:
        found = client.read_work_queue_by_name(name, work_pool_name=pool)
    except ObjectNotFound:
        found = client.create_work_queue(name, work_pool_name=pool)
    client.update_work_queue(found.id, concurrency_limit=1)


def _make_watch(client: SyncPrefectClient, silent_seconds: int) -> None:
    """Have the server end a run that fell silent: its worker cannot tell when it died, too, and the queue stays taken.

    A run that is alive and falsely ended goes on; the next one then stops at the builder's lease.
    """
    beat, ends = "prefect.flow-run.heartbeat", {f"prefect.flow-run.{name}" for name in ENDS}
    trigger = EventTrigger(
        match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
        match_related=[
            ResourceSpecification({"prefect.resource.role": ["flow"], "prefect.resource.name": BUILDERS}),
            ResourceSpecification({"prefect.resource.role": ["deployment"]}),  # which have runs send heartbeats
        ],
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        after={beat, "prefect.flow-run.Running"},  # also if the first heartbeat is lost
        expect={beat, *ends},
        threshold=1,
        within=timedelta(seconds=silent_seconds),
    )
    end = ChangeFlowRunState(state=StateType.CRASHED, message=f"No sign of life for {silent_seconds} s")
    for found in client.read_automations_by_name(WATCH):
        client.delete_automation(found.id)
    client.create_automation(AutomationCore(name=WATCH, trigger=trigger, actions=[end]))
