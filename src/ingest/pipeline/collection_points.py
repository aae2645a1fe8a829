"""The points of a generation's collection beside the rows of the lake: compared by id and digest, and made to match.

A sample of them is compared whole on every run, payload and vectors, and all of them on demand.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from ingest.ids import point_id
from ingest.pipeline.point_maker import PointMaker, PointRow, Rows
from ingest.ports import Tally, VectorIndex
from ingest.records import EVERYTHING, Filter, Point, SparseVector, StoredPoint, Vectors

POINTS_PER_RUN = 4096  # compared whole in one generation, across its shards
LEAST_PER_SHARD = 8
COMPARED = ("digest", "shard", "acl", "tenant", "source", "document_id")  # of every point: what filters look at, too
AT_ONCE = 256  # vectors in memory
TOLERANCE = 1e-3  # distance of unit vectors: Qdrant normalises again, and may keep 16 bits of a number
GOLDEN = (5**0.5 - 1) / 2  # steps of this part of a turn leave the smallest gaps, however many there are
DAY = 86_400  # seconds


@dataclass(frozen=True)
class PointSample:
    """Which points to compare whole. The same for the same moment; other ones every night, until all were seen."""

    started: datetime | None  # when the run did; None: every point

    def of(self, rows: Rows, shard: int, shards: int) -> Rows:
        """Return some of a shard's rows, evenly spread; with few rows all of them."""
        most = max(LEAST_PER_SHARD, POINTS_PER_RUN // shards)
        if self.started is None or len(rows) <= most:
            return rows
        turn = (self.started.timestamp() / DAY + shard) * GOLDEN % 1
        return [rows[int((i + turn) * len(rows) / most)] for i in range(most)]


EVERY_POINT = PointSample(None)


@dataclass(frozen=True)
class PointFaults:
    """Points of one shard that do not match its rows."""

    wrong: Sequence[tuple[PointRow, str]] = ()  # rows whose points have to be written again, and what became of those
    orphans: Sequence[str] = ()  # ids of points without a row
    tampered: bool = False  # whether points are not what their digest says
    sound: int = 0
    compared: int = 0  # points that were looked at whole

    def __len__(self) -> int:
        return len(self.wrong) + len(self.orphans)

    def named(self) -> Iterator[str]:
        """Yield a sentence per fault."""
        yield from (f"point {point_id(c.chunk_id)} of chunk {c.chunk_id} {what}" for (c, _), what in self.wrong)
        yield from (f"point {id_} is an orphan: no chunk of this generation has it" for id_ in self.orphans)


@dataclass(frozen=True)
class CollectionPoints:
    """What a collection holds, and what it should. A `batch` is written per request; `confirm` raises before one."""

    vectors: VectorIndex
    maker: PointMaker
    batch: int
    confirm: Callable[[], None] = lambda: None
    tally: Tally = field(default_factory=Tally)  # of points that are compared

    def load(self, shard: int, rows: Rows) -> None:
        """Give some of a shard's rows their points, durably. Those that are there are not sent again."""
        self.mend(shard, self.faults(shard, rows).wrong)

    def mend(self, shard: int, wrong: Sequence[tuple[PointRow, str]], orphans: Sequence[str] = ()) -> None:
        """Write points of a shard and remove others, durably. Raises: UnknownRelease once it has been recycled."""
        for start in range(0, len(wrong), self.batch):
            self._confirm()
            rows = [row for row, _ in wrong[start : start + self.batch]]
            self.vectors.upsert(self._collection, self.maker.points(rows, shard))
        if orphans:
            self._confirm()
            self.vectors.delete(self._collection, orphans)
        self.vectors.flush(self._collection)

    def faults(self, shard: int, rows: Rows, sample: PointSample | None = None) -> PointFaults:
        """Compare a shard's points with its rows by id, digest, and the fields by which searches hide a point.

        A digest does not show what became of the rest since: points of `sample` are compared whole; None: none.
        """
        wanted = {point_id(c.chunk_id): (c, d) for c, d in rows}
        right, orphans, of_shard = dict[str, bool](), list[str](), Filter(acl=None, tenant=None, shard=shard)
        for point in self.tally.each(self.vectors.scroll(self._collection, of_shard, COMPARED)):
            if (row := wanted.get(point.id)) is None:
                orphans.append(point.id)
            else:
                right[point.id] = point.payload == self.maker.fields(row, shard, COMPARED)
        sound = [row for id_, row in wanted.items() if right.get(id_)]
        chosen = sample.of(sound, shard, len(self.maker.contents.shards)) if sample is not None else ()
        unlike = [*self.unlike(shard, chosen)]
        lost = [(row, "is lost") for id_, row in wanted.items() if id_ not in right]
        stale = [(wanted[id_], "is stale") for id_, is_right in right.items() if not is_right]
        return PointFaults(lost + stale + unlike, orphans, bool(unlike), len(sound) - len(unlike), len(chosen))

    def unlike(self, shard: int, rows: Rows) -> Iterator[tuple[PointRow, str]]:
        """Yield the rows whose points are others than the lake makes, and what became of those.

        Points whose vector the lake has lost are compared by payload: a rollback need not wait for what cannot be had.
        """
        absent = {*self.maker.embeddings.missing([chunk.embedding_key for chunk, _ in rows])}
        for start in range(0, len(rows), AT_ONCE):
            some = {point_id(row[0].chunk_id): row for row in rows[start : start + AT_ONCE]}
            whole = [row for row in some.values() if row[0].embedding_key not in absent]
            made = {point.id: point for point in self.maker.points(whole, shard)}
            held = self.vectors.retrieve(self._collection, [*some], vectors=True)
            for id_, row in some.items():
                point, stored = made.get(id_), held.get(id_)
                payload = self.maker.payload(*row, shard) if point is None else point.payload
                if stored is None or stored.payload != payload:
                    yield row, "is stale"
                elif point is not None and not is_same(point, stored):
                    yield row, "has another vector than the lake"

    def strays(self) -> list[str]:
        """Return the ids of points whose payload names no shard of the generation. Scrolls the whole collection."""
        shards, found = {*self.maker.contents.shards}, self.vectors.scroll(self._collection, EVERYTHING, ("shard",))
        # 0.0 equals 0, and no filter for 0 finds it
        return [p.id for p in found if type(p.payload["shard"]) is not int or p.payload["shard"] not in shards]

    def _confirm(self) -> None:
        self.confirm()
        self.maker.contents.refuse_recycled(self.vectors)

    @property
    def _collection(self) -> str:
        return self.maker.contents.collection


def is_same(wanted: Point, stored: StoredPoint) -> bool:
    """Return whether a stored point has the vectors of the lake, but for rounding and length."""
    if stored.vector is None or stored.vector.shape != wanted.vector.shape:
        return False
    no_terms = SparseVector(np.empty(0, np.uint32), np.empty(0, np.float32))
    ours, theirs = wanted.sparse or no_terms, stored.sparse or no_terms
    if not np.array_equal(ours.indices, theirs.indices) or not np.allclose(ours.values, theirs.values, rtol=TOLERANCE):
        return False
    return bool(np.linalg.norm(_unit(wanted.vector) - _unit(stored.vector)) <= TOLERANCE)


def _unit(vector: Vectors) -> Vectors:
    return vector / np.float32(max(float(np.linalg.norm(vector)), TOLERANCE))
