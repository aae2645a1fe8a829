"""Finished work of generations that were built on the same base and never released: adopted, not fetched again."""

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
        if (rows := _committed(lake, claim.id, shard)) is not None:
            found.append(rows)
    return found


def _committed(lake: Lake, generation: str, shard: int) -> ShardRows | None:
    summary = lake.plan(generation)
    plan_hash = summary.shards.get(shard) if summary is not None else None
    marker = lake.marker(generation, "chunk", shard, plan_hash) if plan_hash is not None else None
    if marker is None:
        return None
    try:
        return read_rows(lake, by_kind(marker.parts))
    except SchemaMismatch:  # its part files were removed after it was retired
        return None
