"""A backfill: the nightly run over a chosen part of an index, also where nothing changed; or only its plan."""

from typing import Any

from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State

import ingest
from ingest_flows.nightly import NIGHT_SECONDS, build
from ingest_flows.parameters import BackfillParameters
from ingest_flows.report import LoggingObserver, as_state, plan_as_markdown


@flow(name="backfill", timeout_seconds=NIGHT_SECONDS, persist_result=False, result_serializer="json")
def backfill(parameters: BackfillParameters) -> State[dict[str, Any]]:
    """Build the chosen documents again, judge and promote. The state's result is the run's report, or the plan."""
    return plan(parameters) if parameters.dry_run else build(parameters)


def plan(parameters: BackfillParameters) -> State[dict[str, Any]]:
    """Leave what a run would do as an artifact; build nothing."""
    observer = LoggingObserver(get_run_logger())
    with ingest.open(parameters.settings, parameters.index, observer=observer) as index:
        raised = parameters.model_dump(include={"max_deleted_share", "why"})
        summary, name = index.plan(**raised, **parameters.choice()), index.name
    observer.told("plan", summary)
    create_markdown_artifact(plan_as_markdown(name, summary), key=f"{name}-plan", description="Dry run of a backfill")
    decision, message = ("refused", summary.refused) if summary.refused else ("planned", f"on base {summary.base}")
    return as_state(decision, message, summary.model_dump(mode="json", exclude={"shards"}), observer)
