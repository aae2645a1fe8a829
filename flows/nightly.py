"""The nightly reindex: all of `pipeline.run`, each shard's step a Prefect task."""

from functools import partial
from typing import Any

from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.task_runners import ThreadPoolTaskRunner

from flows.executor import PrefectExecutor, forget_services, services_of
from flows.parameters import NightlyParameters
from flows.report import LoggingObserver, as_markdown
from ingest import pipeline
from ingest.planning import Scope
from ingest.records import RunReport
from ingest.settings import load_settings
from ingest.wiring import open_services


@flow(name="nightly", task_runner=ThreadPoolTaskRunner(max_workers=4), persist_result=False, validate_parameters=True)
def nightly(parameters: NightlyParameters) -> dict[str, Any]:
    """Plan, build, seal, evaluate, promote. Returns the run's report as JSON values."""
    return run(parameters).model_dump(mode="json")


def run(parameters: NightlyParameters) -> RunReport:
    """Return the report of one run inside a flow."""
    settings = load_settings(parameters.settings)
    observer = LoggingObserver(get_run_logger())
    opener = partial(open_services, settings, parameters.index)
    key = f"{parameters.settings.resolve()}#{parameters.index}"
    services = services_of(opener, key)
    services.observer = observer
    scope = Scope(tuple(parameters.sources), tuple(parameters.prefixes))
    automatic = parameters.promote and services.options.decide == "automatic"
    try:
        report = pipeline.run(services, scope, PrefectExecutor(opener, key, parameters.window), lambda _: automatic)
    finally:
        forget_services(key)
    create_markdown_artifact(as_markdown(report), key=f"{report.index}-run", description=f"Run {report.run}")
    return report


if __name__ == "__main__":
    nightly(NightlyParameters())
