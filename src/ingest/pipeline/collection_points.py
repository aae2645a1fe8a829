"""The points of a generation: chunk fields in the shape of its collection, with dense and sparse vectors.

Made from the rows of the lake; those of its collection are compared with them, and made to match.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ingest import payloads
from ingest.bounded_cache import BoundedCache
from ingest.ids import digest_of, point_id, set_hash
from ingest.keyword import read_shard
from ingest.keyword.parquet_files import numbers
from ingest.keyword.sparse_vectors import FORMAT, shard_vectors
from ingest.lake.contents import Contents
from ingest.lake.embedding_store import EmbeddingStore
from ingest.lake.rows import DocumentRow, chunk_rows, document_rows
from ingest.lake.shard_rows import keyword_files
from ingest.ports import Tally, VectorIndex
from ingest.records import EVERYTHING, Chunk, Filter, Lengths, Point, SparseVector, StoredPoint, Vectors

OF_CHUNK = ("text", "chunk_id", "document_id", "start", "end", "page", "tokens")
LONGEST_SHOWN = 1000  # code points of a title or a heading in a payload; the lake holds the whole
EPOCH_DRIFT = 0.1  # of the average length of chunks, as a share
HEADINGS = 16  # of a heading path in a payload, the deepest
OF_DOCUMENT = ("uri", "source", "path", "title", "tenant", "language")  # and its groups
Rows = Sequence[tuple[Chunk, DocumentRow]]
AT_ONCE = 2048  # vectors in memory; read in smaller parts, each would read the same pages of large segments
LEAST_COSINE = 0.999  # between a stored vector and what its model gives for the same text later
NORM_TOLERANCE = 1e-3  # of vectors that are kept; also where they are checked later
TOLERANCE = 1e-3  # distance of unit vectors: Qdrant normalises again, and may keep 16 bits of a number


def rows_of(contents: Contents, shard: int, of: slice = slice(None)) -> Rows:
    """Return a shard's chunks that become points, each with its document, in row order; `of`: only those rows."""
    lake, parts, collapsed = contents.lake, contents.parts(shard), contents.collapsed
    documents = {d.document_id: d for d in document_rows(lake.read(parts["documents"]))}
    revoked = lake.revocations.now().ids(documents.values())
    chunks = chunk_rows(lake.read(parts["chunks"])[of])
    shown = (c for c in chunks if c.chunk_id not in collapsed and c.document_id not in revoked)
    return [(chunk, documents[chunk.document_id]) for chunk in shown]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A point as its rows make it, but for the vectors."""

    id: str
    chunk: Chunk
    payload: dict[str, Any]
    digest: str  # covers all that the point depends on


@dataclass(frozen=True)
class PointMaker:
    """Makes the points of one generation, the same way when loading, mending and restoring a collection."""

    contents: Contents
    embeddings: EmbeddingStore
    _sparse: BoundedCache[int, Mapping[str, SparseVector]] = field(default_factory=partial(BoundedCache, 1))  # by shard

    @classmethod
    def of(cls, contents: Contents) -> Self:
        """Return a maker that uses this process's shared embedding store."""
        return cls(contents, contents.lake.embeddings(contents.model_fingerprint))

    def points(self, wanted: Sequence[Wanted], shard: int) -> list[Point]:
        """Return points of one shard with the vectors that its generation was built with."""
        vectors = self.embeddings.vectors([w.chunk.embedding_key for w in wanted], self.contents.segments(shard))
        weighed = self._sparse.keep(shard, partial(self._weighed, shard))
        return [Point(w.id, vectors[i], w.payload, weighed.get(w.chunk.chunk_id)) for i, w in enumerate(wanted)]

    def wanted(self, rows: Rows, shard: int) -> list[Wanted]:
        """Return the points of rows, with payloads in the shape of the collection; long titles are shortened."""
        shape, model, of_documents = self.contents.shape, self.embeddings.fingerprint, dict[str, dict[str, Any]]()
        path, made = payloads.path(shape, "digest"), list[Wanted]()
        for chunk, document in rows:
            if (shared := of_documents.get(document.document_id)) is None:
                shared = of_documents[document.document_id] = {name: getattr(document, name) for name in OF_DOCUMENT}
                shared |= {name: _shown(shared[name]) for name in ("title", "language")} | {"shard": shard}
            fields = {name: getattr(chunk, name) for name in OF_CHUNK} | shared | {"acl": list(document.acl)}
            fields["heading_path"] = [_shown(heading) for heading in chunk.heading_path[-HEADINGS:]]
            fields |= {name: list(getattr(chunk, name)) for name in ("parent", "marks") if getattr(chunk, name)}
            payload = payloads.stored(shape, fields, chunk.embedding_key, model, self.weighing)
            made.append(Wanted(point_id(chunk.chunk_id), chunk, payload, payloads.at(payload, path)))
        return made

    @cached_property
    def weighing(self) -> str:
        """Digest of everything on which sparse vectors depend besides the text."""
        if self.lengths is None:
            return ""
        return digest_of([FORMAT, dict(self.contents.analyser), self.lengths.chunks, self.lengths.terms])

    @cached_property
    def lengths(self) -> Lengths | None:
        """Lengths by which chunks are weighed, read once per process; None without sparse vectors.

        Those of all chunks when their epoch began. It ends when their average is another by more than EPOCH_DRIFT:
        otherwise every point would be another every night.
        """
        contents = self.contents
        if not contents.shape.sparse:
            return None

        def read() -> Lengths:
            parts = map(contents.parts, contents.shards)
            tables = (keyword_files(contents.lake, one, contents.collapsed)[0] for one in parts)
            held = np.concatenate([numbers(lengths["length"]) for lengths in tables])
            now, epoch = Lengths(len(held), int(held.sum())), contents.epoch
            is_near = epoch is not None and abs(now.average - epoch.average) <= EPOCH_DRIFT * epoch.average
            return epoch if epoch is not None and is_near else now

        return contents.lake.lengths.keep(contents.generation, read)

    def _weighed(self, shard: int) -> Mapping[str, SparseVector]:
        """Return the sparse vectors of a shard by chunk id, none without sparse vectors."""
        if (lengths := self.lengths) is None:
            return {}
        analyser, files = self.contents.analyser, keyword_files(self.contents.lake, self.contents.parts(shard))
        return shard_vectors(read_shard(files), lengths.average, float(analyser["k1"]), float(analyser["b"]))


def _shown(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"


@dataclass(frozen=True)
class PointFaults:
    """Points of one shard that do not match its rows."""

    wrong: Sequence[tuple[Wanted, str]] = ()  # points that have to be written again, and what became of those there
    orphans: Sequence[str] = ()  # ids of points without a row
    tampered: bool = False  # whether points are not what their digest says
    sound: int = 0
    hash: str = ""  # set hash of the points that there should be, by id and digest

    def __len__(self) -> int:
        return len(self.wrong) + len(self.orphans)

    def named(self) -> Iterator[str]:
        """Yield a sentence per fault."""
        yield from (f"point {wanted.id} of chunk {wanted.chunk.chunk_id} {what}" for wanted, what in self.wrong)
        yield from (f"point {id_} is an orphan: no chunk of this generation has it" for id_ in self.orphans)


@dataclass(frozen=True)
class CollectionPoints:
    """What a collection holds, and what it should. A `batch` is written per request; `confirm` raises before one."""

    vectors: VectorIndex
    maker: PointMaker
    batch: int
    confirm: Callable[[], None] = lambda: None
    tally: Tally = field(default_factory=Tally)  # of points that are compared
    per_second: int = 0  # points that are read whole at most; 0: no limit
    sleep: Callable[[float], None] = time.sleep

    def load(self, shard: int, rows: Rows) -> None:
        """Give some of a shard's rows their points, durably. Those that are there are not sent again."""
        self.mend(shard, [wanted for wanted, _ in self.faults(shard, rows, whole=False).wrong])

    def mend(self, shard: int, wrong: Sequence[Wanted], orphans: Sequence[str] = ()) -> None:
        """Write points of a shard and remove others, durably. Raises: UnknownRelease once it has been recycled."""
        for start in range(0, len(wrong), AT_ONCE):
            points = self.maker.points(wrong[start : start + AT_ONCE], shard)
            for first in range(0, len(points), self.batch):
                self._confirm()
                self.vectors.upsert(self._collection, points[first : first + self.batch])
        if orphans:
            self._confirm()
            self.vectors.delete(self._collection, orphans)
        self.vectors.flush(self._collection)

    def faults(self, shard: int, rows: Rows, *, whole: bool) -> PointFaults:
        """Compare a shard's points with its rows by id and digest, which covers all that a point depends on.

        It does not show what became of payload and vectors since: `whole` compares these, too.
        """
        wanted, held = self.maker.wanted(rows, shard), self.held(shard)
        right = [one for one in wanted if held.get(one.id) == one.digest]
        unlike = [*self.unlike(shard, right if whole else ())]
        others = (one for one in wanted if held.get(one.id) != one.digest)
        wrong = [(one, "is stale" if one.id in held else "is lost") for one in others]
        orphans, sound = [*held.keys() - {one.id for one in wanted}], len(right) - len(unlike)
        return PointFaults([*wrong, *unlike], orphans, bool(unlike), sound, hash_of({w.id: w.digest for w in wanted}))

    def held(self, shard: int) -> dict[str, Any]:
        """Return the digests of a shard's points by id."""
        scrolled = self.tally.each(self.vectors.scroll(self._collection, Filter(None, None, shard=shard), ("digest",)))
        return {point.id: point.payload["digest"] for point in scrolled}

    def are_as_many(self, shard: int, expected: Sequence[tuple[DocumentRow, int]]) -> bool:
        """Return, by exact counts, whether each group may see a shard's points as it should, and nobody else any."""
        alike = defaultdict[tuple[str, str, tuple[str, ...]], dict[str, int]](dict)
        for row, points in expected:
            alike[row.tenant, row.source, row.acl][row.document_id] = points
        count = partial(self.vectors.count, self._collection)
        for (tenant, source, groups), documents in alike.items():
            of_all, points = Filter(None, tenant, (source,), tuple(documents), shard), sum(documents.values())
            seen = [of_all, *(replace(of_all, acl=(group,)) for group in groups)]
            others = replace(of_all, excluded=(("acl", groups or ("",)),))
            if count(others) or any(count(one) != points for one in seen):
                return False
        return sum(points for _, points in expected) == count(Filter(acl=None, tenant=None, shard=shard))

    def unlike(self, shard: int, wanted: Sequence[Wanted]) -> Iterator[tuple[Wanted, str]]:
        """Yield points that differ from what the lake makes, and how; vectors that the lake lost do not count."""
        absent = {*self.maker.embeddings.missing([one.chunk.embedding_key for one in wanted])}
        for start in range(0, len(wanted), AT_ONCE):
            some = wanted[start : start + AT_ONCE]
            if self.per_second:
                self.sleep(len(some) / self.per_second)
            held = self.vectors.retrieve(self._collection, [one.id for one in some], vectors=True)
            right = {one.id for one in some if one.id in held and held[one.id].payload == one.payload}
            yield from ((one, "is stale") for one in some if one.id not in right)
            whole = [one for one in some if one.id in right and one.chunk.embedding_key not in absent]
            same = are_same(self.maker.points(whole, shard), [held[one.id] for one in whole])
            yield from ((whole[i], "has another vector than the lake") for i in np.flatnonzero(~same))

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


def hash_of(digests: Mapping[str, Any]) -> str:
    """Return the set hash of points whose digests are given by id."""
    return set_hash(f"{id_} {digest}" for id_, digest in digests.items())


def are_same(wanted: Sequence[Point], stored: Sequence[StoredPoint]) -> NDArray[np.bool_]:
    """Return (n,) which stored points have the vectors of the lake, but for rounding and length."""
    if not wanted:
        return np.ones(0, np.bool_)
    ours, nothing = np.stack([point.vector for point in wanted]), np.zeros_like(wanted[0].vector)
    vectors = (point.vector for point in stored)
    theirs = np.stack([nothing if one is None or one.shape != nothing.shape else one for one in vectors])
    apart = np.linalg.norm(_unit(ours) - _unit(theirs), axis=1)
    sparse = (_is_same(one.sparse, other.sparse) for one, other in zip(wanted, stored, strict=True))
    same: NDArray[np.bool_] = np.fromiter(sparse, np.bool_) & (apart <= TOLERANCE)
    return same


def _is_same(wanted: SparseVector | None, stored: SparseVector | None) -> bool:
    none = SparseVector(np.empty(0, np.uint32), np.empty(0, np.float32))
    ours, theirs = wanted or none, stored or none
    return ours is theirs or (
        np.array_equal(ours.indices, theirs.indices) and np.allclose(ours.values, theirs.values, rtol=TOLERANCE)
    )


def _unit(vectors: Vectors) -> Vectors:
    unit: Vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(TOLERANCE))
    return unit
