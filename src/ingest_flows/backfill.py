"""A backfill: the nightly run over a chosen part of an index, also where nothing changed; or only its plan."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from ingest_flows.artifacts import leave
from ingest_flows.forms import flat
from ingest_flows.markdown import plan_as_markdown
from ingest_flows.nightly import NIGHT_SECONDS, build
from ingest_flows.opening import opened
from ingest_flows.parameters import BackfillParameters
from ingest_flows.report import as_state
from ingest_flows.scopes import named, told


@flow(
    name="backfill", timeout_seconds=NIGHT_SECONDS, persist_result=False, result_serializer="json", flow_run_name=named
)
@flat(BackfillParameters)
def backfill(parameters: BackfillParameters) -> State[dict[str, Any]]:
    """Build the chosen documents again, judge and promote. The state's result is the run's report, or the plan."""
    return plan(parameters) if parameters.dry_run else build(parameters)


def plan(parameters: BackfillParameters) -> State[dict[str, Any]]:
    """Leave what a run would do as an artifact; build nothing."""
    with opened(parameters) as (index, observer):
        raised = parameters.model_dump(include={"max_deleted_share", "why"})
        summary, name = index.plan(**raised, **parameters.choice()), index.name
    observer.told("plan", summary)
    leave(name, "plan", [f"{told(parameters)}", "", plan_as_markdown(name, summary)])
    decision, message = ("refused", summary.refused) if summary.refused else ("planned", f"on base {summary.base}")
    return as_state(decision, message, summary.model_dump(mode="json", exclude={"shards"}), observer)
