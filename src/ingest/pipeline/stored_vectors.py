"""Vectors in a collection, compared with those of the lake: a sample on every run, all of them on demand."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

import numpy as np

from ingest.pipeline.point_maker import PointMaker, Rows
from ingest.ports import VectorIndex
from ingest.records import Point, SparseVector, StoredPoint, Vectors

VECTORS_PER_RUN = 4096  # compared in one generation, across its shards
LEAST_PER_SHARD = 8
AT_ONCE = 256  # vectors in memory
TOLERANCE = 1e-3  # distance of unit vectors: Qdrant normalises again, and may keep 16 bits of a number
GOLDEN = (5**0.5 - 1) / 2  # steps of this part of a turn leave the smallest gaps, however many there are
DAY = 86_400  # seconds


@dataclass(frozen=True)
class VectorSample:
    """Which vectors to compare. The same for the same moment; other ones every night, until all were seen."""

    days: float | None  # of the run, since 1970; None: every vector

    @classmethod
    def at(cls, moment: datetime) -> Self:
        """Return the sample of a run that started then."""
        return cls(moment.timestamp() / DAY)

    def of(self, rows: Rows, shard: int, shards: int) -> Rows:
        """Return some of a shard's rows, evenly spread; with few rows all of them."""
        most = max(LEAST_PER_SHARD, VECTORS_PER_RUN // shards)
        if self.days is None or len(rows) <= most:
            return rows
        turn = (self.days + shard) * GOLDEN % 1
        return [rows[int((i + turn) * len(rows) / most)] for i in range(most)]


EVERY_VECTOR = VectorSample(None)


def replaced_rows(vectors: VectorIndex, maker: PointMaker, shard: int, rows: Rows) -> Rows:
    """Return the rows of a shard whose points are gone or not as the lake makes them.

    Rows whose vector the lake has lost are left out: there is nothing to compare with.
    """
    found, lost = [], {*maker.embeddings.missing([chunk.embedding_key for chunk, _ in rows])}
    rows = [row for row in rows if row[0].embedding_key not in lost]
    for start in range(0, len(rows), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        wanted = maker.points(some, shard)
        held = vectors.retrieve(maker.contents.collection, [point.id for point in wanted], vectors=True)
        found += [row for row, p in zip(some, wanted, strict=True) if p.id not in held or not is_same(p, held[p.id])]
    return found


def is_same(wanted: Point, stored: StoredPoint) -> bool:
    """Return whether a stored point has the payload and the vectors of the lake, but for rounding and length."""
    if stored.payload != wanted.payload or stored.vector is None or stored.vector.shape != wanted.vector.shape:
        return False
    no_terms = SparseVector(np.empty(0, np.uint32), np.empty(0, np.float32))
    ours, theirs = wanted.sparse or no_terms, stored.sparse or no_terms
    if not np.array_equal(ours.indices, theirs.indices) or not np.allclose(ours.values, theirs.values, rtol=TOLERANCE):
        return False
    return bool(np.linalg.norm(_unit(wanted.vector) - _unit(stored.vector)) <= TOLERANCE)


def _unit(vector: Vectors) -> Vectors:
    return vector / np.float32(max(float(np.linalg.norm(vector)), TOLERANCE))
