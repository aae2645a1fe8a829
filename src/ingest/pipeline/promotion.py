"""Judge and promote a sealed generation outside a run: what a person does with a candidate that waits."""

from ingest.errors import UnknownRelease
from ingest.lake.lake import Lake
from ingest.pipeline.collections import ensure_collection, releases_of
from ingest.ports import Services
from ingest.quality.evaluate import evaluate
from ingest.records import Manifest, Release, Verdict
from ingest.release import Candidate


def candidate_of(services: Services, generation: str | None) -> Manifest:
    """Return a sealed generation; the newest one when none is named.

    Raises: UnknownRelease when there is none, or it was never sealed.
    """
    lake = Lake(services.store, services.options.index)
    names = [claim.id for _, claim in lake.generations()]
    if generation is not None and generation not in names:
        raise UnknownRelease(f"index {lake.index}: no generation {generation}; there are {', '.join(names) or 'none'}")
    for name in [generation] if generation is not None else reversed(names):
        manifest = lake.manifest(name)
        if manifest is not None:
            return manifest
    raise UnknownRelease(f"index {lake.index}: no sealed generation{f' {generation}' if generation else ''}")


def evaluate_candidate(services: Services, generation: str | None) -> Verdict:
    """Return the verdict on a sealed generation under the settings' query profile, and keep it in the lake."""
    return _judged(services, candidate_of(services, generation))[0]


def promote_candidate(
    services: Services, generation: str | None, why: str, *, lift_hold: bool = False
) -> tuple[Verdict, Release | None]:
    """Judge a sealed generation and promote it on a positive verdict; the release is None when it is refused.

    Raises: Overtaken, Held, UnknownRelease.
    """
    manifest = candidate_of(services, generation)
    verdict, name = _judged(services, manifest)
    if not verdict.positive:
        return verdict, None
    lake = Lake(services.store, services.options.index)
    profile = lake.write_profile(services.options.profile)
    candidate = Candidate(manifest.generation, manifest.collection, profile, name, manifest.base)
    return verdict, releases_of(services).promote(candidate, why, lift_hold=lift_hold)


def _judged(services: Services, manifest: Manifest) -> tuple[Verdict, str]:
    lake = Lake(services.store, services.options.index)
    ensure_collection(services, lake, manifest)
    verdict = evaluate(services, manifest, services.options.profile, releases_of(services).current())
    name = lake.write_verdict(verdict)
    services.observer.told("verdict", verdict)
    return verdict, name
