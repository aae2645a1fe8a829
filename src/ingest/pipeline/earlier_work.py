"""Finished work of generations that were built on the same base and never released: adopted, not fetched again."""

from ingest.errors import SchemaMismatch
from ingest.lake.lake import Lake
from ingest.lake.shard_rows import ShardRows, by_kind, read_rows

CLAIMS = 5  # newest claims that are looked at: each is one shard's rows in memory


def earlier_work(lake: Lake, generation: str, shard: int) -> list[ShardRows]:
    """Return what claims since a generation's base, itself left out, committed for a shard, newest first."""
    own = lake.plan(generation)
    last = lake.claims.last()
    found = []
    for number in range(last, max(last - CLAIMS, 0), -1):
        claim = lake.claims.get(number)
        if claim is None or own is None or claim.id == own.base:
            break
        if claim.id != generation and (rows := _committed(lake, claim.id, shard)) is not None:
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
