"""Points that do not match the rows of the lake, shard by shard."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ingest import payloads
from ingest.ids import point_id
from ingest.lake.contents import Contents
from ingest.lake.rows import DocumentRow
from ingest.pipeline.point_maker import PointMaker, Rows
from ingest.ports import VectorIndex
from ingest.records import EVERYTHING, Chunk, Filter


@dataclass
class PointFaults:
    """Points of one shard that do not match its rows."""

    missing: list[tuple[Chunk, DocumentRow]] = field(default_factory=list)
    stale: list[tuple[Chunk, DocumentRow]] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)  # point ids
    sound: int = 0

    def __bool__(self) -> bool:
        return bool(self.missing or self.stale or self.orphans)

    def named(self) -> Iterator[str]:
        """Yield a sentence per fault."""
        for found, what in ((self.missing, "lost"), (self.stale, "stale")):
            yield from (f"point {point_id(c.chunk_id)} of chunk {c.chunk_id} is {what}" for c, _ in found)
        yield from (f"point {id_} is an orphan: no chunk of this generation has it" for id_ in self.orphans)


def point_faults(vectors: VectorIndex, maker: PointMaker, shard: int, rows: Rows) -> PointFaults:
    """Compare a shard's points with its rows by id and payload, whose digest covers all that a point depends on."""
    wanted = {point_id(c.chunk_id): (c, d) for c, d in rows}
    found, seen = PointFaults(), set[str]()
    for point in vectors.scroll(maker.contents.collection, Filter(acl=None, tenant=None, shard=shard)):
        if point.id not in wanted:
            found.orphans.append(point.id)
            continue
        seen.add(point.id)
        chunk, document = wanted[point.id]
        if point.payload != maker.payload(chunk, document, shard):
            found.stale.append((chunk, document))
    found.missing = [row for id_, row in wanted.items() if id_ not in seen]
    found.sound = len(seen) - len(found.stale)
    return found


def stray_points(vectors: VectorIndex, contents: Contents) -> list[str]:
    """Return the ids of points whose payload names no shard of the generation. Scrolls the whole collection."""
    shards = set(contents.shards)

    def is_stray(payload: dict[str, Any]) -> bool:
        shard = payloads.fields(payload).get("shard")
        return type(shard) is not int or shard not in shards  # 0.0 equals 0, and no filter for 0 finds it

    return [point.id for point in vectors.scroll(contents.collection, EVERYTHING) if is_stray(point.payload)]
