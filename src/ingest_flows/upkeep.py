"""Reconcile, retire, revoke, sync permissions from the Prefect UI: as the command line does."""

from dataclasses import asdict
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from ingest_flows.artifacts import leave
from ingest_flows.forms import flat
from ingest_flows.markdown import listed, table
from ingest_flows.opening import PERSON_SECONDS, opened
from ingest_flows.parameters import ReconcileParameters, RetireParameters, RevokeParameters, SyncParameters
from ingest_flows.report import as_state


@flow(name="reconcile", timeout_seconds=PERSON_SECONDS, persist_result=False, result_serializer="json")
@flat(ReconcileParameters)
def reconcile(parameters: ReconcileParameters) -> State[dict[str, Any]]:
    """Compare all of what serves with the lake, at once, and mend it. Ends as Refused if faults are left."""
    with opened(parameters) as (index, observer):
        found = index.reconcile()
        figures = found.model_dump(exclude={"faults"})
        leave(
            index.name, "reconcile", [*table(("compared", ""), figures.items()), *listed("faults left", found.faults)]
        )
    decision = f"{len(found.faults)} faults are left" if found.faults else "all is as it should be"
    message = f"release {found.release}, generation {found.generation}, {found.mended:,} points mended"
    return as_state(decision, message, found.model_dump(mode="json"), observer, "Refused" if found.faults else "")


@flow(name="retire", timeout_seconds=PERSON_SECONDS, persist_result=False, result_serializer="json")
@flat(RetireParameters)
def retire(parameters: RetireParameters) -> State[dict[str, Any]]:
    """Mark what may not serve any more, and remove what was marked and has soaked; as a dry run, only tell."""
    with opened(parameters) as (index, observer):
        done = index.retire(dry_run=parameters.dry_run)
        files = [(folder, count, done.bytes[folder]) for folder, count in sorted(done.files.items())]
        lines = [*listed("marked", done.marked), *listed("removed", done.removed), *listed("dropped", done.collections)]
        lines += table(("files of", "number", "bytes"), files)
        leave(
            index.name, "retirement", [*lines, *([f"Segments of embeddings wait: {done.waits}"] if done.waits else [])]
        )
    verb = "would be" if parameters.dry_run else "were"
    message = f"{len(done.removed)} generations and {done.files.total():,} files {verb} removed"
    return as_state("dry run" if parameters.dry_run else "retired", message, asdict(done), observer)


@flow(name="revoke", timeout_seconds=PERSON_SECONDS, persist_result=False, result_serializer="json")
@flat(RevokeParameters)
def revoke(parameters: RevokeParameters) -> State[dict[str, Any]]:
    """Make documents unfindable in every generation at once, until that is lifted; or lift it."""
    with opened(parameters) as (index, observer):
        if parameters.lift is not None:
            lifted = index.unrevoke(parameters.lift, why=parameters.why)
            leave(index.name, "revocation", [f"Revocation {parameters.lift} is lifted by decision {lifted.number}."])
            message = f"the next run brings the documents of revocation {parameters.lift} back"
            return as_state("lifted", message, _decision(lifted), observer)
        named = parameters.model_dump(include={"uris", "prefixes", "sources", "tenants"})
        made = index.revoke(why=parameters.why, **named)
        number, counts = made.decision.number, made.documents
        lines = [f"Decision {number}, by {made.decision.who}. `lift: {number}` lifts it.", ""]
        leave(index.name, "revocation", [*lines, *table(("generation", "documents"), counts.items())])
    message = f"{max(counts.values(), default=0):,} documents, by decision {number}"
    return as_state("revoked", message, {"decision": _decision(made.decision), "documents": counts}, observer)


@flow(name="sync-permissions", timeout_seconds=PERSON_SECONDS, persist_result=False, result_serializer="json")
@flat(SyncParameters)
def sync_permissions(parameters: SyncParameters) -> State[dict[str, Any]]:
    """List the sources, and let narrowed permissions take effect at once; read no document."""
    with opened(parameters) as (index, observer):
        count = index.sync_permissions()
        leave(index.name, "permissions", [f"{count:,} documents are seen by fewer people, or by nobody any more."])
    return as_state("synced", f"{count:,} documents are seen by fewer", {"documents": count}, observer)


def _decision(made: Any) -> dict[str, Any]:
    shown: dict[str, Any] = made.model_dump(mode="json", exclude={"token"})
    return shown
