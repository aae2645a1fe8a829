"""What generations on the same base that were never released hold of a shard: their work is adopted, not done again."""

from collections.abc import Iterator
from contextlib import suppress

from ingest.errors import DamagedFile, SchemaMismatch
from ingest.lake.lake import Lake, claim_number
from ingest.lake.shard_rows import ShardRows, by_kind, read_rows
from ingest.pipeline.tasks import ShardTask
from ingest.records import PartKind
from ingest.release.generation_states import ADOPTED


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


def newest_failures(lake: Lake, released: int, shard: int, shards: int) -> dict[str, set[str]]:
    """Return, by listed URI, the classes of what failed in the newest such generation after number `released`."""
    found = dict[str, set[str]]()
    for number, claim in lake.claims.newest_first(ADOPTED):
        if found or number <= released:
            break
        with suppress(SchemaMismatch):
            for rows in _finished(lake, claim.id, shard, shards, "quarantine"):
                for row in rows.quarantine.values():
                    found.setdefault(row.uri.partition("#")[0], set()).add(row.error)
    return found


def _finished(lake: Lake, generation: str, shard: int, shards: int, *kinds: PartKind) -> Iterator[ShardRows]:
    """Yield what a generation, perhaps of another number of shards, holds of the documents of one of `shards`."""
    plan = lake.plan(generation)
    theirs = len(plan.shards) if plan is not None else 0
    of = (shard, shards) if theirs < shards and not kinds else None
    for one in range(shard % min(theirs or 1, shards), theirs, shards):
        place = one, plan.shards[one] if plan is not None else ""
        if (embedded := lake.marker(generation, "embed", *place)) is not None and embedded.parts:
            yield read_rows(lake, by_kind(embedded.parts), "quarantine")
        done = lake.marker(generation, "chunk", *place)
        for marker in [done] if done is not None else lake.finished_slices(generation, "chunk", *place):
            yield read_rows(lake, by_kind(marker.parts), *kinds, of=of)
