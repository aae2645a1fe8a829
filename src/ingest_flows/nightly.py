"""The nightly reindex: all of `pipeline.run`, with each shard's step as a Prefect task."""

from functools import partial
from typing import Any

from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from ingest.index import Index
from ingest.records import RunReport
from ingest.settings import load_settings
from ingest.wiring.service_opening import open_services
from ingest_flows.executor import PrefectExecutor, forget_services, services_of
from ingest_flows.parameters import NightlyParameters
from ingest_flows.report import LoggingObserver, as_markdown, as_state

NIGHT_SECONDS = 23 * 3600  # a hung run must not block the queue of its index; the next one resumes


@flow(name="nightly", timeout_seconds=NIGHT_SECONDS, persist_result=False, result_serializer="json")
def nightly(parameters: NightlyParameters) -> State[dict[str, Any]]:
    """Plan, build, seal, evaluate, promote. The state's result is the run's report as JSON values."""
    return build(parameters)


def build(parameters: NightlyParameters) -> State[dict[str, Any]]:
    """Run inside a flow, leave the report as an artifact, also if it failed, and return the flow's last state."""
    observer = LoggingObserver(get_run_logger())
    try:
        report = run(parameters, observer)
    finally:
        if (ended := observer.report) is not None:
            markdown = as_markdown(ended, observer.verdict)
            create_markdown_artifact(markdown, key=f"{ended.index}-run", description=f"Run {ended.run}")
    message = f"generation {report.generation}, release {report.release}"
    return as_state(report.decision, message, report.model_dump(mode="json"), observer)


def run(parameters: NightlyParameters, observer: LoggingObserver) -> RunReport:
    """Return the report of one run inside a flow."""
    settings = load_settings(parameters.settings)
    opener = partial(open_services, settings, parameters.index)
    key = str(flow_run.get_id())
    execute = PrefectExecutor(opener, key, parameters.window, settings.workers)
    try:
        services = services_of(partial(opener, observer), key)  # worker processes open theirs without it
        return Index(settings, services).run(
            **parameters.model_dump(include={"promote", "max_deleted_share", "why"}),
            execute=execute,
            **parameters.choice(),
        )
    finally:
        forget_services(key)


if __name__ == "__main__":
    nightly(NightlyParameters())
