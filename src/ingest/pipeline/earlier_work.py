"""Finished work of generations that were built on the same base and never released: adopted, not fetched again."""

from contextlib import suppress

from ingest.errors import SchemaMismatch
from ingest.lake.lake import Lake, claim_number
from ingest.lake.shard_rows import ShardRows, by_kind, read_rows

CLAIMS = 5  # newest claims that are looked at: each is one shard's rows in memory


def earlier_work(lake: Lake, generation: str, shard: int) -> list[ShardRows]:
    """Return what the claims between a generation and its base committed for a shard, newest first."""
    own = lake.plan(generation)
    found = []
    for _, claim in lake.claims.newest_first(CLAIMS, below=claim_number(generation)):
        if own is None or claim.id == own.base:
            break
        plan = lake.plan(claim.id)
        if plan is not None and (marker := lake.marker(claim.id, "chunk", shard, plan.shards.get(shard, ""))):
            with suppress(SchemaMismatch):  # its part files were removed after it was retired
                found.append(read_rows(lake, by_kind(marker.parts)))
    return found
