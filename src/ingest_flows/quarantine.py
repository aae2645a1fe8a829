"""Tries again what is in quarantine: a run that touches nothing else."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from ingest_flows.forms import flat
from ingest_flows.nightly import NIGHT_SECONDS, build
from ingest_flows.parameters import ReplayParameters
from ingest_flows.scopes import named


@flow(
    name="replay-quarantine",
    timeout_seconds=NIGHT_SECONDS,
    persist_result=False,
    result_serializer="json",
    flow_run_name=named,
)
@flat(ReplayParameters)
def replay_quarantine(parameters: ReplayParameters) -> State[dict[str, Any]]:
    """Read the chosen documents in quarantine again, build, judge, promote. The state's result is the run's report."""
    return build(parameters)
