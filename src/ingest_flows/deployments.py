"""The deployments of a settings file, ten for each of its indexes; those that build an index wait for each other.

    python -m ingest_flows.deployments ingest.yaml [--people slack-webhook/ops] [--pager pager-duty/night]

makes or updates, on the server that the environment names: the work pools; a work queue for each index, out of which
one run at a time is taken; the deployments of `prefect.yaml`, named after the index; the automations of
`automations.yaml`; and one that gives up a run whose machine died. Doing it again changes nothing.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.settings import get_current_settings

from ingest.errors import FatalError
from ingest.settings import load_settings
from ingest_flows.automations import REFUSALS, apply
from ingest_flows.report import NAMES

TEMPLATE = Path(__file__).with_name("prefect.yaml")
SILENT_SECONDS = 80  # without a heartbeat, which comes every 30 s: one may be late, another lost
BUILDERS = ["nightly", "backfill", "replay-quarantine"]  # flows
# Names of states after which no heartbeat comes; a suspended run waits for a person.
ENDS = ("Completed", *NAMES.values(), "Failed", "TimedOut", "Cancelled", "Crashed", "Suspended")
WATCH = "ingest: end runs without a sign of life"


def deploy(
    settings: Path,
    silent_seconds: int = SILENT_SECONDS,
    blocks: Mapping[str, str | None] | None = None,
    refusals: int = REFUSALS,
) -> None:
    """Make or update everything that the runs of a settings file need on Prefect's server.

    `blocks` and `refusals` are those of `automations.apply`. Raises: InvalidSettings, FatalError.
    """
    template = yaml.safe_load(TEMPLATE.read_text())
    template["deployments"] = list(for_each_index(template, settings.name, load_settings(settings).indexes))
    with get_client(sync_client=True) as client:
        for work_pool in (deployment["work_pool"] for deployment in template["deployments"]):
            _make_pool(client, work_pool["name"])
            if queue := work_pool.get("work_queue_name"):
                _make_queue(client, work_pool["name"], queue)
        _make_watch(client, silent_seconds)
        apply(client, blocks or {}, refusals)
    with TemporaryDirectory(prefix="ingest-deployments-") as folder:
        file = Path(folder) / "prefect.yaml"
        file.write_text(yaml.safe_dump(template))
        environment = {**os.environ, **get_current_settings().to_environment_variables(exclude_unset=True)}
        command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(file)]
        if code := subprocess.run(command, cwd=TEMPLATE.parent, env=environment, check=False).returncode:
            raise FatalError(f"{' '.join(command[2:])}: exit code {code}")


def for_each_index(template: Mapping[str, Any], settings: str, indexes: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the template's deployments once for each index: its name, its parameters, its queue."""
    for index in indexes:
        for deployment in deepcopy(template["deployments"]):
            deployment["name"] = index
            deployment["parameters"] |= {"settings": settings, "index": index}
            if "work_queue_name" in deployment["work_pool"]:
                deployment["work_pool"]["work_queue_name"] = index
            yield deployment


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
        match_related=ResourceSpecification({"prefect.resource.role": ["flow"], "prefect.resource.name": BUILDERS}),
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        after={beat},
        expect={beat, *ends},
        threshold=1,
        within=timedelta(seconds=silent_seconds),
    )
    end = ChangeFlowRunState(state=StateType.CRASHED, message=f"No sign of life for {silent_seconds} s")
    for found in client.read_automations_by_name(WATCH):
        client.delete_automation(found.id)
    client.create_automation(AutomationCore(name=WATCH, trigger=trigger, actions=[end]))


def main(
    settings: Annotated[Path, typer.Argument(help="Settings file.")] = Path("ingest.yaml"),
    people: Annotated[str | None, typer.Option(help="Notification block that people read, as type/name.")] = None,
    pager: Annotated[str | None, typer.Option(help="Notification block that wakes somebody, as type/name.")] = None,
    refusals: Annotated[int, typer.Option(min=1, help="In a week; then a schedule is paused.")] = REFUSALS,
) -> None:
    """Make or update the deployments and automations of a settings file, and say what is left to start."""
    deploy(settings, blocks={"people": people, "pager": pager}, refusals=refusals)
    typer.echo(f"Prefect's server: {get_current_settings().api.url or 'a temporary one'}")
    for pool in ("ingest-gpu", "ingest-cpu"):
        typer.echo(f"Start a worker: INGEST_HOME={settings.resolve().parent} prefect worker start --pool {pool}")


if __name__ == "__main__":
    typer.run(main)
