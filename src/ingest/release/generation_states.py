"""Where an index stands according to its lake: candidates, states of generations, results of the last runs."""

from collections.abc import Iterator
from dataclasses import dataclass

from ingest.errors import SchemaMismatch
from ingest.lake.lake import Lake
from ingest.lake.stored_records import name_of
from ingest.records import QueryProfile, RunReport

LOOK_BACK = 100  # newest releases, claims and runs that are read


@dataclass(frozen=True)
class GenerationState:
    """A generation as `ingest generations` lists it; figures and digest are None until it is sealed."""

    id: str
    state: str  # building, failed, sealed, refused, serving, retired
    base: str | None
    documents: int | None
    chunks: int | None
    digest: str | None


def waiting_candidate(lake: Lake, profile: QueryProfile) -> str | None:
    """Return the newest generation that could be promoted and never was, None when there is none.

    That is a sealed one built on the generation in force, or the one in force if the settings have another query
    profile. What was already released under the same profile is left out: it was rolled back, and somebody has to name
    it to bring it back.
    """
    current = lake.decision()
    serving = current.generation if current is not None else None
    name = name_of(profile)
    released = {(r.generation, r.profile) for _, r in lake.releases.newest_first(LOOK_BACK)}
    for _, claim in lake.claims.newest_first(LOOK_BACK):
        if claim.base == serving and (claim.id, name) not in released and lake.manifest(claim.id) is not None:
            return claim.id
    return serving if serving is not None and (serving, name) not in released else None


def past_runs(lake: Lake, limit: int = LOOK_BACK) -> Iterator[RunReport]:
    """Yield the reports of the newest runs, newest first; other records are skipped."""
    for name in reversed(lake.history()[-limit:]):
        try:
            yield lake.read_history(RunReport, name)
        except SchemaMismatch:
            continue


def generation_states(lake: Lake, limit: int) -> list[GenerationState]:
    """Return the newest `limit` generations, newest first."""
    current = lake.decision()
    released = {release.generation for _, release in lake.releases.newest_first(LOOK_BACK)}
    decisions = {run.generation: run.decision for run in reversed([*past_runs(lake)])}  # the newest run's counts
    newest = lake.claims.last()
    found = []
    for number, claim in lake.claims.newest_first(limit):
        manifest = lake.manifest(claim.id)
        if current is not None and claim.id == current.generation:
            state = "serving"
        elif manifest is None:
            state = "building" if number == newest else "failed"
        elif claim.id in released:
            state = "retired"
        else:
            state = "refused" if decisions.get(claim.id) == "refused" else "sealed"
        counts, digest = ({}, None) if manifest is None else (manifest.counts, manifest.digest)
        sizes = counts.get("documents"), counts.get("chunks")
        found.append(GenerationState(claim.id, state, claim.base, *sizes, digest))
    return found
