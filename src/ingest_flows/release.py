"""Evaluate, promote and roll back from the Prefect UI: thin wrappers around the functions of the command line."""

from contextlib import suppress
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from ingest.errors import IngestError
from ingest_flows import markdown
from ingest_flows.approval import promoted
from ingest_flows.artifacts import leave, leave_verdict
from ingest_flows.events import tell
from ingest_flows.forms import flat
from ingest_flows.opening import PERSON_SECONDS, opened
from ingest_flows.parameters import EvaluateParameters, PromoteParameters, RollbackParameters
from ingest_flows.report import as_state


@flow(name="evaluate", timeout_seconds=PERSON_SECONDS, persist_result=False, result_serializer="json")
@flat(EvaluateParameters)
def evaluate(parameters: EvaluateParameters) -> State[dict[str, Any]]:
    """Judge a sealed generation against the release in force. Promotes nothing. The state's result is the verdict."""
    with opened(parameters) as (index, observer):
        verdict = index.evaluate(parameters.generation)
        leave_verdict(index.services.bench.lake, verdict)
    decision = "positive" if verdict.positive else "refused"
    return as_state(decision, f"generation {verdict.candidate}", verdict.model_dump(mode="json"), observer)


@flow(name="promote", timeout_seconds=PERSON_SECONDS, persist_result=False, result_serializer="json")
@flat(PromoteParameters)
def promote(parameters: PromoteParameters) -> State[dict[str, Any]]:
    """Judge a generation and promote it on a positive verdict. The state's result is the verdict and the release."""
    with opened(parameters) as (index, observer):
        chosen = parameters.model_dump(include={"why", "lift_hold", "max_deleted_share"})
        outcome = index.promote(parameters.generation, **chosen)
        return promoted(index, outcome, observer)


@flow(name="rollback", timeout_seconds=PERSON_SECONDS, persist_result=False, result_serializer="json")
@flat(RollbackParameters)
def rollback(parameters: RollbackParameters) -> State[dict[str, Any]]:
    """Bring back an earlier release, once it opens, and hold automatic promotion. The result is the new release."""
    with opened(parameters) as (index, observer):
        release = index.rollback(parameters.to, why=parameters.why)
        result = release.model_dump(mode="json", exclude={"token"})
        observer.told("release", release)
        tell("ingest.generation.rolled-back", index.name, generation=release.generation, release=release.number)
        rows = [(name, result[name]) for name in ("number", "generation", "collection", "at", "why")]
        leave(index.name, "rollback", [f"# Rolled back: release {release.number}", "", *markdown.table(("", ""), rows)])
        with suppress(IngestError):  # it was brought back, whatever cannot be read now
            serving = index.serving()
            if serving is not None and serving.number != release.number:
                told = f"release {release.number} was followed: release {serving.number} serves"
                return as_state("overtaken", told, result, observer)
    message = f"release {release.number} serves generation {release.generation}; automatic promotion is on hold"
    return as_state("rolled back", message, result, observer)
