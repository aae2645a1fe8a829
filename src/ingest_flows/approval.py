"""Lets a person decide about a candidate in Prefect's UI: the flow run is suspended, and ends with what was decided.

While it waits there is no process, no lease and no slot of a queue: the next run begins as ever, and its candidate
takes the place of the one that waits. The record in the lake is the truth: a candidate may also be promoted from the
command line, and a form that is answered too late changes nothing.
"""

from enum import StrEnum
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import State
from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from prefect.runtime import deployment, flow_run
from prefect.states import Cancelled
from pydantic import Field

from ingest.errors import Overtaken, UnknownRelease
from ingest.index import Index
from ingest.pipeline.promotion import Outcome
from ingest.records import RunReport
from ingest.settings import Settings
from ingest_flows import markdown
from ingest_flows.artifacts import RunObserver, leave_verdict
from ingest_flows.events import tell, tell_decision
from ingest_flows.opening import opened
from ingest_flows.parameters import REASON, Target
from ingest_flows.report import LoggingObserver, as_state

KEY = "approval-"  # before the id of the generation: the key of a suspension
WAIT_SECONDS = 14 * 24 * 3600  # then the run fails; the candidate waits on, for `promote`
MOST_WAITING = 200  # suspended runs of an index that are looked at


class Answered(StrEnum):
    """What a person can decide about a candidate."""

    APPROVE, REFUSE = "approve", "refuse"


class Approval(RunInput):
    """The form of a suspended run."""

    decision: Answered = Field(description="approve: judge once more and promote; refuse: it waits no longer")
    reason: str = REASON


def suspend(settings: Settings, report: RunReport, observer: RunObserver) -> None:
    """Suspend this flow run if a person has to decide about its candidate; return if there is nothing to decide.

    Only a deployment can be suspended, for it has to be started again. A hold needs `promote` with `lift_hold`.
    """
    manual = settings.indexes[report.index].decide == "manual" and report.decision == "waiting" and not observer.held
    if not manual or deployment.get_id() is None or report.generation is None:
        return
    with get_client(sync_client=True) as client:
        _give_up_earlier(client, report.index, report.generation)
    base = f"built on `{report.base}`" if report.base is not None else "the first"
    lines = [f"Generation `{report.generation}` of `{report.index}`, {base}.", ""]
    lines += markdown.reasons(observer.verdict) if observer.verdict is not None else []
    asked = Approval.with_initial_data(description="\n".join(lines))
    suspend_flow_run(wait_for_input=asked, timeout=WAIT_SECONDS, key=f"{KEY}{report.generation}")


def decided() -> tuple[str, Approval] | None:
    """Return the generation that this flow run was suspended for and what was decided; None if it begins anew."""
    identity = flow_run.get_id()
    if identity is None or deployment.get_id() is None:
        return None
    with get_client(sync_client=True) as client:
        policy = client.read_flow_run(UUID(str(identity))).empirical_policy
    key = next((key for key in policy.pause_keys or () if key.startswith(KEY)), None)
    if key is None:
        return None
    return key.removeprefix(KEY), suspend_flow_run(wait_for_input=Approval, key=key)


def approve(parameters: Target, decision: tuple[str, Approval]) -> State[dict[str, Any]]:
    """Carry out what a person decided, and return the flow's last state."""
    generation, given = decision
    with opened(parameters) as (index, observer):
        if given.decision is Answered.REFUSE:
            made = index.decline(generation, why=given.reason)
            tell("ingest.generation.refused", index.name, generation=generation, why=given.reason)
            record = made.model_dump(mode="json", exclude={"token"})
            return as_state("refused", f"generation {generation}, by a person: {given.reason}", record, observer)
        try:
            outcome = index.promote(generation, why=given.reason)
        except (Overtaken, UnknownRelease) as error:
            return as_state("overtaken", f"generation {generation}: {error}", {}, observer)
        return promoted(index, outcome, observer)


def promoted(index: Index, outcome: Outcome, observer: LoggingObserver) -> State[dict[str, Any]]:
    """Return the last state of a flow run that promoted on behalf of a person; leave the verdict, send the event."""
    verdict, release, decision = outcome.verdict, outcome.release, outcome.decision
    number = release.number if release is not None else None
    if verdict is not None:
        leave_verdict(index.services.bench.lake, verdict)
    tell_decision(decision, index.name, generation=outcome.generation, release=number)
    result = {
        "verdict": verdict.model_dump(mode="json") if verdict is not None else None,
        "release": release.model_dump(mode="json", exclude={"token"}) if release is not None else None,
    }
    if decision in ("refused", "overtaken") or number is None:
        serving = f"; release {number} serves" if number is not None else ""
        return as_state(decision, f"generation {outcome.generation}{serving}", result, observer)
    return as_state(f"{decision} as release {number}", f"generation {outcome.generation}", result, observer)


def _give_up_earlier(client: SyncPrefectClient, index: str, generation: str) -> None:
    """Cancel the suspended runs of an index, whatever built them: their candidates wait no longer, a newer one does.

    All that build an index share the work queue that is named after it.
    """
    chosen = FlowRunFilter.model_validate(
        {"work_queue_name": {"any_": [index]}, "state": {"name": {"any_": ["Suspended"]}}}
    )
    for earlier in client.read_flow_runs(flow_run_filter=chosen, limit=MOST_WAITING):
        client.set_flow_run_state(earlier.id, Cancelled(message=f"superseded by generation {generation}"))
