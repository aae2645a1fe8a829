"""What automations of Prefect's server can wait for: events about an index, sent from within a flow run."""

from typing import Any

from prefect.events import emit_event

from ingest.records import RunReport

DECISIONS = ("promoted", "refused", "waiting", "overtaken")
LIMITS = {  # class of the error that ended a run → the event
    "IncompleteGeneration": "ingest.generation.incomplete",
    "DeleteGuardTripped": "ingest.deletions.exceeded",
    "StaleOrigin": "ingest.source.stale",
    "BudgetExceeded": "ingest.budget.exceeded",
}
QUARANTINE_LIMIT = "max_quarantined_share"  # stands in what tells that it was exceeded


def tell(event: str, index: str, **payload: Any) -> None:
    """Send an event about an index; flow run, deployment and work queue are named in it by Prefect."""
    resource = {"prefect.resource.id": f"ingest.index.{index}", "prefect.resource.name": index}
    emit_event(event, resource, payload=payload)


def tell_decision(decision: str, index: str, **payload: Any) -> None:
    """Send what became of a generation; nothing where there was nothing to decide about it."""
    if decision in DECISIONS:
        tell(f"ingest.generation.{decision}", index, **payload)


def tell_run(report: RunReport) -> None:
    """Send what a run came to: its decision or what ended it, and each source that is carried."""
    known = {"generation": report.generation, "release": report.release, "run": report.run}
    tell_decision(report.decision, report.index, **known)
    if report.decision == "failed":
        kind = report.error.partition(":")[0]
        tell(LIMITS.get(kind, "ingest.run.failed"), report.index, error=report.error, **known)
    faults = report.conservation.faults if report.conservation is not None else ()
    if any(QUARANTINE_LIMIT in told for told in (report.error, *faults, *(origin.why for origin in report.carried))):
        tell("ingest.quarantine.exceeded", report.index, quarantined=report.quarantined, **known)
    for origin in report.carried:
        tell("ingest.source.silent", report.index, source=origin.name, since=origin.since, why=origin.why)
