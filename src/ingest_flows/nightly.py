"""The nightly reindex: all of `pipeline.run`, with each shard's step as a Prefect task."""

from functools import partial
from typing import Any

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from ingest.index import Index
from ingest.lake.lake import Lake
from ingest.pipeline.tasks import Execute
from ingest.records import RunReport
from ingest.settings import Settings
from ingest.wiring.service_opening import open_executor, open_lake_store, open_services
from ingest_flows.approval import approve, decided, suspend
from ingest_flows.artifacts import RunObserver
from ingest_flows.events import tell_run
from ingest_flows.executor import PrefectExecutor, forget_services, services_of
from ingest_flows.forms import flat
from ingest_flows.opening import settings_of
from ingest_flows.parameters import NightlyParameters, ReplayParameters
from ingest_flows.report import LIMITS, as_state

NIGHT_SECONDS = 23 * 3600  # a hung run must not block the queue of its index; the next one resumes
Chosen = NightlyParameters | ReplayParameters


@flow(name="nightly", timeout_seconds=NIGHT_SECONDS, persist_result=False, result_serializer="json")
@flat(NightlyParameters)
def nightly(parameters: NightlyParameters) -> State[dict[str, Any]]:
    """Plan, build, seal, evaluate, promote. The state's result is the run's report as JSON values."""
    return build(parameters)


def build(parameters: Chosen) -> State[dict[str, Any]]:
    """Run inside a flow, leave artifacts, also if it failed, and return the flow's last state.

    A candidate that waits because the settings say `decide: manual` suspends the flow run until a person has decided in
    the UI; the run then begins again, and only carries that out.
    """
    if (decision := decided()) is not None:
        return approve(parameters, decision)
    settings = settings_of(parameters)
    name, chosen = settings.index(parameters.index)
    observer = RunObserver(get_run_logger(), Lake(open_lake_store(settings), name))
    observer.limits = {limit: getattr(chosen, limit) for limit in LIMITS}
    try:
        report = run(settings, parameters, observer)
    finally:
        if observer.report is not None:
            tell_run(observer.report)
    suspend(settings, report, observer)
    message = f"generation {report.generation}, release {report.release}"
    return as_state(report.decision, message, report.model_dump(mode="json"), observer)


def run(settings: Settings, parameters: Chosen, observer: RunObserver) -> RunReport:
    """Return the report of one run inside a flow."""
    opener = partial(open_services, settings, parameters.index)
    key = str(flow_run.get_id())
    try:
        services = services_of(partial(opener, observer), key)  # worker processes open theirs without it
        execute: Execute = PrefectExecutor(opener, key, parameters.window, settings.workers)
        if settings.executor.kind == "ray":  # Prefect plans and shows, Ray runs
            execute = open_executor(settings, parameters.index, services)
        index, promote = Index(settings, services), parameters.promote
        if isinstance(parameters, ReplayParameters):
            return index.replay(promote=promote, execute=execute, **parameters.choice())
        limits = parameters.model_dump(include={"max_deleted_share", "why"})
        return index.run(promote=promote, execute=execute, **limits, **parameters.choice())
    finally:
        forget_services(key)


if __name__ == "__main__":
    nightly()
