"""Evaluate, promote and roll back from the Prefect UI: thin over the same functions as the command line."""

from typing import Any

from prefect import flow, get_run_logger

from flows.parameters import PromoteParameters, RollbackParameters, Target
from flows.report import LoggingObserver
from ingest.pipeline.promote import evaluate_candidate, promote_candidate
from ingest.pipeline.serve import check_target, releases_of
from ingest.ports import Services
from ingest.settings import load_settings
from ingest.wiring import close_services, open_services


@flow(name="evaluate", persist_result=False)
def evaluate(parameters: Target) -> dict[str, Any]:
    """Judge the newest sealed generation again and return the verdict as JSON values."""
    services = _open(parameters)
    try:
        return evaluate_candidate(services, None).model_dump(mode="json")
    finally:
        close_services(services)


@flow(name="promote", persist_result=False)
def promote(parameters: PromoteParameters) -> dict[str, Any]:
    """Judge a generation, promote it on a positive verdict, and return the verdict and the release in force."""
    services = _open(parameters)
    try:
        verdict, release = promote_candidate(
            services, parameters.generation, parameters.why, lift_hold=parameters.lift_hold
        )
        return {
            "verdict": verdict.model_dump(mode="json"),
            "release": release.model_dump(mode="json") if release is not None else None,
        }
    finally:
        close_services(services)


@flow(name="rollback", persist_result=False)
def rollback(parameters: RollbackParameters) -> dict[str, Any]:
    """Bring an earlier release back, hold automatic promotion, and return the new release."""
    services = _open(parameters)
    try:
        release = releases_of(services).rollback(
            parameters.to, parameters.why, check=lambda target: check_target(services, target)
        )
        return release.model_dump(mode="json")
    finally:
        close_services(services)


def _open(parameters: Target) -> Services:
    settings = load_settings(parameters.settings)
    return open_services(settings, parameters.index, LoggingObserver(get_run_logger()))
