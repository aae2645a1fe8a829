"""Where an index stands: what serves, what was decided, what waits, how the newest run ended."""

from dataclasses import dataclass
from typing import Any

from ingest.errors import IndexUnavailable, IngestError, SchemaMismatch
from ingest.lake.lake import Lake
from ingest.records import QueryProfile, Release, RunReport
from ingest.release import Releases
from ingest.release.generation_states import past_runs, waiting_candidate

RECENT_RUNS = 20  # newest entries of the history that are searched for the newest run


@dataclass(frozen=True, kw_only=True)
class IndexStatus:
    """Where an index stands. What the lake knows is filled in even when the vector index does not answer."""

    index: str
    release: Release | None  # what readers see
    fault: IngestError | None  # why that is unknown
    decision: Release | None  # the newest record; normally the release that readers see
    counts: dict[str, Any]  # of the decided generation, with its base and digest
    base: str | None
    digest: str | None
    newest_run: RunReport | None
    candidate: str | None  # sealed and never released
    candidate_decision: str | None  # of the newest run on it
    reasons: tuple[str, ...]  # against the candidate


def status_of(lake: Lake, releases: Releases, profile: QueryProfile) -> IndexStatus:
    """Return where an index stands under the query profile of the settings."""
    release, fault = None, None
    try:
        release = releases.current()
    except (IndexUnavailable, SchemaMismatch) as error:
        fault = error
    decision = lake.decision()
    manifest = lake.manifest(decision.generation) if decision is not None else None
    run = next(past_runs(lake, RECENT_RUNS), None)
    candidate = waiting_candidate(lake, profile)
    judged = run if run is not None and run.generation == candidate else None
    return IndexStatus(
        index=lake.index,
        release=release,
        fault=fault,
        decision=decision,
        counts=manifest.counts if manifest is not None else {},
        base=manifest.base if manifest is not None else None,
        digest=manifest.digest if manifest is not None else None,
        newest_run=run,
        candidate=candidate,
        candidate_decision=judged.decision if judged is not None else None,
        reasons=lake.verdict(judged.verdict).reasons if judged is not None and judged.verdict else (),
    )
