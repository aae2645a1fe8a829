"""Where an index stands, as its lake tells: candidates, states of generations, what the last runs came to."""

from collections.abc import Iterator
from dataclasses import dataclass

from ingest.errors import SchemaMismatch
from ingest.ids import sha256_hex
from ingest.lake.journal import to_bytes
from ingest.lake.lake import Lake
from ingest.ports import Services
from ingest.records import Claim, Manifest, Release, RunReport

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


def lake_of(services: Services) -> Lake:
    """Return the lake of the settings' index."""
    return Lake(services.store, services.options.index)


def decision_in_force(lake: Lake) -> Release | None:
    """Return the newest release record, None before the first."""
    newest = lake.releases.newest()
    return None if newest is None else newest[1]


def waiting_candidate(services: Services) -> str | None:
    """Return the newest generation that could be promoted and never was, None when there is none.

    That is a sealed one built on the generation in force; or the one in force, when the settings have another query
    profile. What was released before under the same profile is left out: it was rolled back, and to bring it back
    somebody has to name it.
    """
    lake = lake_of(services)
    current = decision_in_force(lake)
    serving = current.generation if current is not None else None
    profile = sha256_hex(to_bytes(services.options.profile))
    released = {(r.generation, r.profile) for r in past_releases(lake)}
    for _, claim in newest_claims(lake):
        if claim.base == serving and (claim.id, profile) not in released and lake.manifest(claim.id) is not None:
            return claim.id
    return serving if serving is not None and (serving, profile) not in released else None


def past_releases(lake: Lake, limit: int = LOOK_BACK) -> Iterator[Release]:
    """Yield the newest releases, newest first."""
    last = lake.releases.last()
    for number in range(last, max(last - limit, 0), -1):
        release = lake.releases.get(number)
        if release is not None:
            yield release


def newest_claims(lake: Lake, limit: int = LOOK_BACK) -> Iterator[tuple[int, Claim]]:
    """Yield the newest claims, newest first."""
    last = lake.claims.last()
    for number in range(last, max(last - limit, 0), -1):
        claim = lake.claims.get(number)
        if claim is not None:
            yield number, claim


def past_runs(lake: Lake, limit: int = LOOK_BACK) -> Iterator[RunReport]:
    """Yield the reports of the newest runs, newest first; what is not a run's report is skipped."""
    for name in reversed(lake.history()[-limit:]):
        try:
            yield lake.read_history(RunReport, name)
        except SchemaMismatch:
            continue


def generation_states(services: Services, limit: int) -> list[GenerationState]:
    """Return the newest `limit` generations, newest first."""
    lake = lake_of(services)
    current = decision_in_force(lake)
    released = {release.generation for release in past_releases(lake)}
    decisions: dict[str, str] = {}
    for run in past_runs(lake):
        if run.generation is not None:
            decisions.setdefault(run.generation, run.decision)
    newest = lake.claims.last()
    found = []
    for number, claim in newest_claims(lake, limit):
        manifest = lake.manifest(claim.id)
        if current is not None and claim.id == current.generation:
            state = "serving"
        elif manifest is None:
            state = "building" if number == newest else "failed"
        elif claim.id in released:
            state = "retired"
        else:
            state = "refused" if decisions.get(claim.id) == "refused" else "sealed"
        found.append(_listed(claim, state, manifest))
    return found


def _listed(claim: Claim, state: str, manifest: Manifest | None) -> GenerationState:
    if manifest is None:
        return GenerationState(claim.id, state, claim.base, None, None, None)
    counts = manifest.counts
    return GenerationState(claim.id, state, claim.base, counts.get("documents"), counts.get("chunks"), manifest.digest)
