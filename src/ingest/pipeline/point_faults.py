"""Points that do not match the rows of the lake, shard by shard."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ingest import payloads
from ingest.ids import point_id
from ingest.lake.contents import Contents
from ingest.lake.rows import DocumentRow
from ingest.pipeline.point_maker import PointMaker, Rows
from ingest.pipeline.stored_vectors import VectorSample, replaced_rows
from ingest.ports import VectorIndex
from ingest.records import EVERYTHING, Chunk, Filter


@dataclass
class PointFaults:
    """Points of one shard that do not match its rows."""

    missing: list[tuple[Chunk, DocumentRow]] = field(default_factory=list)
    stale: list[tuple[Chunk, DocumentRow]] = field(default_factory=list)
    replaced: list[tuple[Chunk, DocumentRow]] = field(default_factory=list)  # other vectors; the payload is right
    orphans: list[str] = field(default_factory=list)  # point ids
    sound: int = 0
    compared: int = 0  # points whose vectors were looked at

    def __bool__(self) -> bool:
        return bool(self.wrong or self.orphans)

    @property
    def wrong(self) -> Rows:
        """The rows whose points have to be written again."""
        return self.missing + self.stale + self.replaced

    def named(self) -> Iterator[str]:
        """Yield a sentence per fault."""
        told = (
            (self.missing, "is lost"),
            (self.stale, "is stale"),
            (self.replaced, "has another vector than the lake"),
        )
        for found, what in told:
            yield from (f"point {point_id(c.chunk_id)} of chunk {c.chunk_id} {what}" for c, _ in found)
        yield from (f"point {id_} is an orphan: no chunk of this generation has it" for id_ in self.orphans)


def point_faults(
    vectors: VectorIndex, maker: PointMaker, shard: int, rows: Rows, sample: VectorSample | None
) -> PointFaults:
    """Compare a shard's points with its rows by id and payload, whose digest covers all that a point depends on.

    A payload says nothing of what became of the vectors: those of `sample` are compared, too; None: no vectors.
    """
    wanted = {point_id(c.chunk_id): (c, d) for c, d in rows}
    found, seen = PointFaults(), set[str]()
    for point in vectors.scroll(maker.contents.collection, _of(shard)):
        if (row := wanted.get(point.id)) is None:
            found.orphans.append(point.id)
        elif point.payload == maker.payload(*row, shard):
            seen.add(point.id)
        else:
            found.stale.append(row)
    stale = {point_id(c.chunk_id) for c, _ in found.stale}
    found.missing = [row for id_, row in wanted.items() if id_ not in seen | stale]
    if sample is not None:
        right = [row for id_, row in wanted.items() if id_ in seen]
        chosen = sample.of(right, shard, len(maker.contents.shards))
        found.replaced = [*replaced_rows(vectors, maker, shard, chosen)]
        found.compared = len(chosen)
    found.sound = len(seen) - len(found.replaced)
    return found


def seems_sound(vectors: VectorIndex, maker: PointMaker, shard: int, rows: Rows, sample: VectorSample) -> bool:
    """Compare a shard's number of points, and some of them whole: quicker than `point_faults`."""
    collection = maker.contents.collection
    if vectors.count(collection, _of(shard)) != len(rows):
        return False
    chosen = sample.of(rows, shard, len(maker.contents.shards))
    held = vectors.retrieve(collection, [point_id(c.chunk_id) for c, _ in chosen])
    payloads_right = all(
        (point := held.get(point_id(c.chunk_id))) is not None and point.payload == maker.payload(c, d, shard)
        for c, d in chosen
    )
    return payloads_right and not replaced_rows(vectors, maker, shard, chosen)


def stray_points(vectors: VectorIndex, contents: Contents) -> list[str]:
    """Return the ids of points whose payload names no shard of the generation. Scrolls the whole collection."""
    shards = set(contents.shards)

    def is_stray(payload: dict[str, Any]) -> bool:
        shard = payloads.fields(payload).get("shard")
        return type(shard) is not int or shard not in shards  # 0.0 equals 0, and no filter for 0 finds it

    return [point.id for point in vectors.scroll(contents.collection, EVERYTHING) if is_stray(point.payload)]


def _of(shard: int) -> Filter:
    return Filter(acl=None, tenant=None, shard=shard)
