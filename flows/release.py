"""Evaluate, promote and roll back from the Prefect UI: thin over the same functions as the command line."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State

from flows.parameters import EvaluateParameters, PromoteParameters, RollbackParameters, Target
from flows.report import LoggingObserver, as_state
from ingest.errors import UnknownRelease
from ingest.pipeline.collections import releases_of
from ingest.pipeline.promotion import evaluate_candidate, promote_candidate
from ingest.pipeline.rollback import check_target
from ingest.ports import Services
from ingest.release.generation_states import decision_in_force, lake_of, waiting_candidate
from ingest.settings import load_settings
from ingest.wiring.services import close_services, open_services

# Seconds a person waits before something is wrong; a collection that has to be restored from the lake takes longest.
PERSON_SECONDS = 4 * 3600


@flow(name="evaluate", timeout_seconds=PERSON_SECONDS, persist_result=False, result_serializer="json")
def evaluate(parameters: EvaluateParameters) -> State[dict[str, Any]]:
    """Judge a sealed generation against the release in force. Promotes nothing. The state's result is the verdict."""
    with _opened(parameters) as (services, observer):
        chosen = parameters.generation or waiting_candidate(services)
        if chosen is None and (current := decision_in_force(lake_of(services))) is not None:
            chosen = current.generation
        verdict = evaluate_candidate(services, chosen)
    decision = "positive" if verdict.positive else "refused"
    return as_state(decision, f"generation {verdict.candidate}", verdict.model_dump(mode="json"), observer)


@flow(name="promote", timeout_seconds=PERSON_SECONDS, persist_result=False, result_serializer="json")
def promote(parameters: PromoteParameters) -> State[dict[str, Any]]:
    """Judge a generation and promote it on a positive verdict. The state's result is the verdict and the release."""
    with _opened(parameters) as (services, observer):
        chosen = parameters.generation or waiting_candidate(services)
        if chosen is None:
            raise UnknownRelease(
                f"index {services.options.index}: no sealed generation waits for promotion; the flow `nightly` builds "
                "one, and one that was released before must be named"
            )
        verdict, release = promote_candidate(services, chosen, parameters.why, lift_hold=parameters.lift_hold)
    result = {
        "verdict": verdict.model_dump(mode="json"),
        "release": release.model_dump(mode="json", exclude={"token"}) if release is not None else None,
    }
    decision = "refused" if release is None else f"promoted as release {release.number}"
    return as_state(decision, f"generation {verdict.candidate}", result, observer)


@flow(name="rollback", timeout_seconds=PERSON_SECONDS, persist_result=False, result_serializer="json")
def rollback(parameters: RollbackParameters) -> State[dict[str, Any]]:
    """Bring an earlier release back, after opening it, and hold automatic promotion. The result is the new release."""
    with _opened(parameters) as (services, observer):
        release = releases_of(services).rollback(
            parameters.to, parameters.why, check=lambda target: check_target(services, target)
        )
        observer.told("release", release)
    message = f"release {release.number} serves generation {release.generation}; automatic promotion is on hold"
    return as_state("rolled back", message, release.model_dump(mode="json", exclude={"token"}), observer)


@contextmanager
def _opened(parameters: Target) -> Iterator[tuple[Services, LoggingObserver]]:
    observer = LoggingObserver(get_run_logger())
    services = open_services(load_settings(parameters.settings), parameters.index, observer)
    try:
        yield services, observer
    finally:
        close_services(services)
