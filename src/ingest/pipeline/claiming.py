"""The claim of a generation: a new one, or that of an earlier run which stopped, so that this run goes on with it.

What generations on the same base that were never released hold of a shard is adopted, too: not done again.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress

from ingest.errors import DamagedFile, SchemaMismatch, may_pass
from ingest.lake.lake import Lake, claim_number
from ingest.lake.shard_rows import ShardRows, by_kind, read_rows
from ingest.pipeline.damage import finished, is_sound
from ingest.pipeline.guard import changed_too_much
from ingest.pipeline.tasks import DOCUMENT_STEPS, ShardTask
from ingest.records import Claim, PlanSummary
from ingest.release.generation_states import ADOPTED
from ingest.services import Workbench, Writer


def claim_generation(
    bench: Workbench, writer: Writer, settings_hash: str, released: int, summary: PlanSummary, *, repeats: bool
) -> tuple[Claim, bool]:
    """Return the claim to build under, and whether its frozen plan is this plan.

    It comes after claim number `released` (0: none released). `repeats`: what is sealed already is done once more.
    """
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
            again = any(_may_pass(marker.counts) for marker in finished(lake, first) if marker.step == "chunk")
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
    again = any(_may_pass(marker.counts) for marker in finished(lake, frozen) if marker.step in steps)
    lacks = frozen.shards != summary.shards or again or changed_too_much(lake, bench.options, frozen)
    return None if lacks or not is_sound(lake, frozen, bench.model.fingerprint) else True


def _may_pass(counts: Mapping[str, int]) -> bool:
    errors, kinds = {name.partition(".")[2] for name in counts}, ("quarantined", "quarantined_children")
    failed = {error: sum(counts.get(f"{kind}.{error}", 0) for kind in kinds) for error in errors}
    return any(may_pass(error) and n > counts.get(f"adopted.{error}", 0) for error, n in failed.items())


def unreleased_rows(lake: Lake, task: ShardTask) -> list[ShardRows]:
    """Return a task's shard, or its finished slices, in these, newest first, of each first what the model refused."""
    own, found = lake.plan(task.generation), list[ShardRows]()
    with suppress(DamagedFile):  # of a claim: the older ones are left out too
        for _, claim in lake.claims.newest_first(ADOPTED, below=claim_number(task.generation)):
            if own is None or claim.id == own.base:
                break
            with suppress(SchemaMismatch):  # damaged, or its part files were removed after it was retired
                found += _finished(lake, claim.id, task.shard, len(own.shards))
    return found


def _finished(lake: Lake, generation: str, shard: int, shards: int) -> Iterator[ShardRows]:
    """Yield what a generation, perhaps of another number of shards, holds of the documents of one of `shards`."""
    plan = lake.plan(generation)
    theirs = len(plan.shards) if plan is not None else 0
    of = (shard, shards) if theirs < shards else None
    for one in range(shard % min(theirs or 1, shards), theirs, shards):
        place = one, plan.shards[one] if plan is not None else ""
        if (embedded := lake.marker(generation, "embed", *place)) is not None and embedded.parts:
            yield read_rows(lake, by_kind(embedded.parts), "quarantine")
        done = lake.marker(generation, "chunk", *place)
        for marker in [done] if done is not None else lake.finished_slices(generation, "chunk", *place):
            yield read_rows(lake, by_kind(marker.parts), of=of)
