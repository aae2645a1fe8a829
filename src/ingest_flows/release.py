"""Evaluate, promote and roll back from the Prefect UI: thin wrappers around the functions of the command line."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State

import ingest
from ingest.errors import IngestError
from ingest.index import Index
from ingest_flows.parameters import EvaluateParameters, PromoteParameters, RollbackParameters, Target
from ingest_flows.report import LoggingObserver, as_state

# Time limit of a flow that a person waits for, in seconds; restoring a collection from the lake takes longest.
PERSON_SECONDS = 4 * 3600


@flow(name="evaluate", timeout_seconds=PERSON_SECONDS, persist_result=False, result_serializer="json")
def evaluate(parameters: EvaluateParameters) -> State[dict[str, Any]]:
    """Judge a sealed generation against the release in force. Promotes nothing. The state's result is the verdict."""
    with _opened(parameters) as (index, observer):
        verdict = index.evaluate(parameters.generation)
    decision = "positive" if verdict.positive else "refused"
    return as_state(decision, f"generation {verdict.candidate}", verdict.model_dump(mode="json"), observer)


@flow(name="promote", timeout_seconds=PERSON_SECONDS, persist_result=False, result_serializer="json")
def promote(parameters: PromoteParameters) -> State[dict[str, Any]]:
    """Judge a generation and promote it on a positive verdict. The state's result is the verdict and the release."""
    with _opened(parameters) as (index, observer):
        chosen = parameters.model_dump(include={"why", "lift_hold", "max_deleted_share"})
        outcome = index.promote(parameters.generation, **chosen)
    verdict, release = outcome.verdict, outcome.release
    result = {
        "verdict": verdict.model_dump(mode="json") if verdict is not None else None,
        "release": release.model_dump(mode="json", exclude={"token"}) if release is not None else None,
    }
    if outcome.decision in ("refused", "overtaken") or release is None:
        serving = f"; release {release.number} serves" if release is not None else ""
        return as_state(outcome.decision, f"generation {outcome.generation}{serving}", result, observer)
    decision = f"{outcome.decision} as release {release.number}"
    return as_state(decision, f"generation {outcome.generation}", result, observer)


@flow(name="rollback", timeout_seconds=PERSON_SECONDS, persist_result=False, result_serializer="json")
def rollback(parameters: RollbackParameters) -> State[dict[str, Any]]:
    """Bring back an earlier release, once it opens, and hold automatic promotion. The result is the new release."""
    with _opened(parameters) as (index, observer):
        release = index.rollback(parameters.to, why=parameters.why)
        result = release.model_dump(mode="json", exclude={"token"})
        observer.told("release", release)
        with suppress(IngestError):  # it was brought back, whatever cannot be read now
            serving = index.serving()
            if serving is not None and serving.number != release.number:
                told = f"release {release.number} was followed: release {serving.number} serves"
                return as_state("overtaken", told, result, observer)
    message = f"release {release.number} serves generation {release.generation}; automatic promotion is on hold"
    return as_state("rolled back", message, result, observer)


@contextmanager
def _opened(parameters: Target) -> Iterator[tuple[Index, LoggingObserver]]:
    observer = LoggingObserver(get_run_logger())
    with ingest.open(parameters.settings, parameters.index, observer=observer) as index:
        yield index, observer
