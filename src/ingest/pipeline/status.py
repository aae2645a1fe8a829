"""Where an index stands: what serves, what was decided, what waits, how the newest run ended."""

from dataclasses import dataclass
from typing import Any

from ingest.errors import DamagedFile, IndexUnavailable, IngestError, SchemaMismatch
from ingest.lake.contents import contents_of
from ingest.lake.lake import Lake
from ingest.pipeline.guard import carried_in
from ingest.ports import VectorIndex
from ingest.records import EVERYTHING, CarriedOrigin, QueryProfile, Release, RunReport, RunStart
from ingest.release import Releases
from ingest.release import generation_states as states

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
    unfinished: RunStart | None  # the newest run, when it has no end
    holds_lease: bool  # it did not sign off: it is at work, or was killed and nobody built since
    newest_run: RunReport | None  # that ended
    candidate: str | None  # sealed and never released
    candidate_decision: str | None  # of the newest run on it
    reasons: tuple[str, ...]  # against the candidate
    points: int | None  # in the collection that serves; None: nothing serves, or that is unknown
    expected_points: int | None  # by the manifest of what serves
    carried: tuple[CarriedOrigin, ...]  # what is stale in the decided generation
    rolled_back: str  # what people are told of the generation that the rollback in force left


def status_of(lake: Lake, vectors: VectorIndex, releases: Releases, profile: QueryProfile) -> IndexStatus:
    """Return where an index stands under the query profile of the settings."""
    release, fault, points, expected = None, None, None, None
    try:
        release = releases.current()
        shown, _ = states.sealed_manifest(lake, release.generation) if release is not None else (None, "")
        expected = None if shown is None else contents_of(lake, shown).points()
        points = None if release is None else vectors.count(release.collection, EVERYTHING)
    except (IndexUnavailable, SchemaMismatch) as error:
        fault = error
    decision, damaged = _decided(lake, release)
    manifest, damage = states.sealed_manifest(lake, decision.generation) if decision is not None else (None, "")
    ways = "`ingest run` makes it again, `ingest rollback` serves an earlier release"
    fault = damaged or (DamagedFile(f"{damage}; {ways}") if damage else fault)
    runs, started = list(states.past_runs(lake, RECENT_RUNS)), states.unfinished_run(lake)
    lease = next(lake.leases.newest_first(1), None)
    held = started is not None and lease is not None and (lease[1].run, bool(lease[1].holder)) == (started.run, True)
    candidate = states.waiting_candidate(lake, profile) if damaged is None else None
    judged = next((run for run in runs if run.generation is not None and run.generation == candidate), None)
    return IndexStatus(
        index=lake.index,
        release=release,
        fault=fault,
        decision=decision,
        counts=manifest.counts if manifest is not None else {},
        **{name: getattr(manifest, name, None) for name in ("base", "digest")},
        unfinished=started,
        holds_lease=held,
        newest_run=runs[0] if runs else None,
        candidate=candidate,
        candidate_decision=judged.decision if judged is not None else None,
        reasons=_reasons(lake, judged.verdict) if judged is not None and judged.verdict else (),
        points=points,
        expected_points=expected,
        carried=tuple(carried_in(lake, manifest).values()) if manifest is not None else (),
        rolled_back=states.last_rollback(lake),
    )


def _decided(lake: Lake, release: Release | None) -> tuple[Release | None, DamagedFile | None]:
    """Return the decision in force, and what is wrong with the newest record: then it is what readers see."""
    decision, last = lake.decision(), lake.releases.last()
    if last == (decision.number if decision is not None else 0):
        return decision, None
    told = "search goes on; `ingest run` writes another, with a hold that `ingest promote --lift-hold` ends"
    return release or decision, DamagedFile(f"{lake.releases.where(last)} is damaged: {told}")


def _reasons(lake: Lake, verdict: str) -> tuple[str, ...]:
    try:
        return lake.verdict(verdict).reasons
    except DamagedFile as error:
        return (f"{error}; `ingest evaluate` judges again",)
