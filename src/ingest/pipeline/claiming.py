"""The claim of a generation: a new one, or that of an earlier run which stopped, so that this run goes on with it."""

from collections.abc import Mapping
from contextlib import suppress

from ingest.errors import SchemaMismatch, may_pass
from ingest.lake.lake import Lake
from ingest.pipeline.damage import is_sound
from ingest.pipeline.guard import changed_too_much
from ingest.pipeline.tasks import DOCUMENT_STEPS
from ingest.records import Claim, PlanSummary
from ingest.services import Workbench, Writer


def claim_generation(
    bench: Workbench, writer: Writer, settings_hash: str, released: int, summary: PlanSummary, *, repeats: bool
) -> tuple[Claim, bool]:
    """Return the claim to build under, and whether its frozen plan is this plan; if it `repeats`, not if sealed."""
    claims = bench.lake.claims
    with suppress(SchemaMismatch):  # then a new generation adopts what is whole of this one
        newest = claims.newest(released)
        same = newest and (newest[1].base, newest[1].settings_hash) == (summary.base, settings_hash)
        if newest and same and (is_frozen := _goes_on(bench, newest[1], summary, repeats=repeats)) is not None:
            return newest[1], is_frozen

    def made(number: int) -> Claim:
        named = {"base": summary.base, "settings_hash": settings_hash, "token": writer.new_token()}
        return Claim(id=f"{number:04d}-{settings_hash[:8]}", shards=len(summary.shards), **named)

    return claims.add(made, released), False


def carried_instead(lake: Lake, settings_hash: str, released: int, summary: PlanSummary) -> PlanSummary | None:
    """Return the newest plan if it carries what this one was found to lack, unless it is sealed and that may pass."""
    with suppress(SchemaMismatch):
        newest = lake.claims.newest(released)
        frozen = lake.plan(newest[1].id) if newest is not None and newest[1].settings_hash == settings_hash else None
        first = lake.plan(frozen.instead_of) if frozen is not None and frozen.instead_of else None
        if frozen and first and (first.base, first.shards) == (summary.base, summary.shards):
            markers = (lake.marker(first.generation, "chunk", *one) for one in first.shards.items())
            again = any(_may_pass(marker.counts) for marker in markers if marker is not None)
            return None if again and lake.manifest(frozen.generation) is not None else frozen
    return None


def _goes_on(bench: Workbench, claim: Claim, summary: PlanSummary, *, repeats: bool) -> bool | None:
    """Return whether a claim's frozen plan is this plan, None if it cannot go on with it. Raises: SchemaMismatch."""
    lake = bench.lake
    frozen, sealed = lake.plan(claim.id), lake.manifest(claim.id) is not None
    if lake.is_retired(claim.id) or (sealed and repeats):  # what was done once more and refused is done once more
        return None
    if frozen is None:
        return False
    steps = DOCUMENT_STEPS if sealed else DOCUMENT_STEPS[:1]  # a run that died goes on after its vectors
    done = [(step, *one) for step in steps for one in frozen.shards.items()]
    named = (lake.marker(frozen.generation, *one) for one in done)
    again = any(_may_pass(marker.counts) for marker in named if marker is not None)
    lacks = frozen.shards != summary.shards or again or changed_too_much(lake, bench.options, frozen)
    return None if lacks or not is_sound(lake, frozen, bench.model.fingerprint) else True


def _may_pass(counts: Mapping[str, int]) -> bool:
    errors, kinds = {name.partition(".")[2] for name in counts}, ("quarantined", "quarantined_children")
    failed = {error: sum(counts.get(f"{kind}.{error}", 0) for kind in kinds) for error in errors}
    return any(may_pass(error) and n > counts.get(f"adopted.{error}", 0) for error, n in failed.items())
