"""Points that do not match the rows of the lake, shard by shard."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ingest import payloads
from ingest.ids import point_id
from ingest.lake.contents import Contents
from ingest.pipeline.point_maker import PointMaker, Rows
from ingest.pipeline.stored_vectors import VectorSample, replaced_rows
from ingest.ports import Tally, VectorIndex
from ingest.records import EVERYTHING, Filter


@dataclass
class PointFaults:
    """Points of one shard that do not match its rows."""

    missing: Rows = ()
    stale: Rows = ()
    replaced: Rows = ()  # with other vectors; the payload is right
    orphans: list[str] = field(default_factory=list)  # point ids
    sound: int = 0
    compared: int = 0  # points whose vectors were looked at

    @property
    def wrong(self) -> Rows:
        """The rows whose points have to be written again."""
        return [*self.missing, *self.stale, *self.replaced]

    def named(self) -> Iterator[str]:
        """Yield a sentence per fault."""
        other = "has another vector than the lake"
        for found, what in ((self.missing, "is lost"), (self.stale, "is stale"), (self.replaced, other)):
            yield from (f"point {point_id(c.chunk_id)} of chunk {c.chunk_id} {what}" for c, _ in found)
        yield from (f"point {id_} is an orphan: no chunk of this generation has it" for id_ in self.orphans)


def point_faults(
    vectors: VectorIndex, maker: PointMaker, shard: int, rows: Rows, sample: VectorSample | None, tally: Tally
) -> PointFaults:
    """Compare a shard's points with its rows by id and payload, whose digest covers all that a point depends on.

    A payload says nothing of what became of the vectors: those of `sample` are compared, too; None: no vectors.
    """
    wanted = {point_id(c.chunk_id): (c, d) for c, d in rows}
    found, right, of_shard = PointFaults(), dict[str, bool](), Filter(acl=None, tenant=None, shard=shard)
    for point in tally.each(vectors.scroll(maker.contents.collection, of_shard)):
        if (row := wanted.get(point.id)) is None:
            found.orphans.append(point.id)
        else:
            right[point.id] = point.payload == maker.payload(*row, shard)
    found.missing = [row for id_, row in wanted.items() if id_ not in right]
    found.stale = [wanted[id_] for id_, is_right in right.items() if not is_right]
    sound = [row for id_, row in wanted.items() if right.get(id_)]
    chosen = sample.of(sound, shard, len(maker.contents.shards)) if sample is not None else ()
    found.replaced = replaced_rows(vectors, maker, shard, chosen)
    found.sound, found.compared = len(sound) - len(found.replaced), len(chosen)
    return found


def stray_points(vectors: VectorIndex, contents: Contents) -> list[str]:
    """Return the ids of points whose payload names no shard of the generation. Scrolls the whole collection."""
    shards = set(contents.shards)

    def is_stray(payload: dict[str, Any]) -> bool:
        shard = payloads.fields(payload).get("shard")
        return type(shard) is not int or shard not in shards  # 0.0 equals 0, and no filter for 0 finds it

    return [point.id for point in vectors.scroll(contents.collection, EVERYTHING) if is_stray(point.payload)]
