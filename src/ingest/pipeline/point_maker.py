"""The points of a generation: chunk fields in the shape of its collection, dense and sparse vectors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, Self

from ingest import payloads
from ingest.bounded_cache import BoundedCache
from ingest.ids import digest_of, point_id
from ingest.keyword import ShardPostings
from ingest.keyword.sparse_vectors import FORMAT, lengths_of, shard_vectors
from ingest.lake.contents import Contents
from ingest.lake.embedding_store import EmbeddingStore
from ingest.lake.rows import DocumentRow, chunk_rows, document_rows
from ingest.records import Chunk, Lengths, Point, SparseVector

OF_CHUNK = ("text", "chunk_id", "document_id", "start", "end", "page", "tokens")
LONGEST_SHOWN = 1000  # code points of a title or a heading in a payload; the lake holds the whole
EPOCH_DRIFT = 0.1  # of the average length of chunks, as a share
HEADINGS = 16  # of a heading path in a payload, the deepest
OF_DOCUMENT = ("uri", "source", "path", "title", "tenant", "language")  # and its groups
PointRow = tuple[Chunk, DocumentRow]
Rows = Sequence[PointRow]


def rows_of(contents: Contents, shard: int, of: slice = slice(None)) -> Rows:
    """Return a shard's chunks that become points, each with its document, in row order; `of`: only those rows."""
    lake, parts, collapsed = contents.lake, contents.parts(shard), contents.collapsed
    documents = {d.document_id: d for d in document_rows(lake.read(parts["documents"]))}
    revoked = lake.revocations.now().ids(documents.values())
    chunks = chunk_rows(lake.read(parts["chunks"])[of])
    shown = (c for c in chunks if c.chunk_id not in collapsed and c.document_id not in revoked)
    return [(chunk, documents[chunk.document_id]) for chunk in shown]


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

    def points(self, rows: Rows, shard: int) -> list[Point]:
        """Return the points of chunks of one shard, with the vectors that its generation was built with."""
        keys = [chunk.embedding_key for chunk, _ in rows]
        vectors = self.embeddings.vectors(keys, self.contents.segments(shard))
        weighed = self._sparse.keep(shard, partial(self._weighed, shard))
        return [
            Point(point_id(c.chunk_id), vectors[i], self.payload(c, document, shard), weighed.get(c.chunk_id))
            for i, (c, document) in enumerate(rows)
        ]

    def payload(self, chunk: Chunk, document: DocumentRow, shard: int) -> dict[str, Any]:
        """Return a point's payload in the shape of the collection, with its digest; long titles are shortened."""
        fields: dict[str, Any] = {name: getattr(chunk, name) for name in OF_CHUNK}
        fields |= {name: getattr(document, name) for name in OF_DOCUMENT}
        fields |= {name: _shown(fields[name]) for name in ("title", "language")}
        headings = [_shown(heading) for heading in chunk.heading_path[-HEADINGS:]]
        fields |= {"heading_path": headings, "acl": list(document.acl), "shard": shard}
        fields |= {name: list(getattr(chunk, name)) for name in ("parent", "marks") if getattr(chunk, name)}
        shape, model = self.contents.shape, self.embeddings.fingerprint
        return dict(payloads.stored(shape, fields, chunk.embedding_key, model, self.weighing))

    def digest(self, row: PointRow, shard: int) -> str:
        """Return the digest of a point, which covers all that it depends on."""
        return str(payloads.at(self.payload(*row, shard), payloads.path(self.contents.shape, "digest")))

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
            tables = (contents.lake.read(contents.parts(shard)["keyword.lengths"]) for shard in contents.shards)
            found = [lengths_of(table, contents.collapsed) for table in tables]
            now, epoch = Lengths(sum(one.chunks for one in found), sum(one.terms for one in found)), contents.epoch
            is_near = epoch is not None and abs(now.average - epoch.average) <= EPOCH_DRIFT * epoch.average
            return epoch if epoch is not None and is_near else now

        return contents.lake.lengths.keep(contents.generation, read)

    def _weighed(self, shard: int) -> Mapping[str, SparseVector]:
        """Return the sparse vectors of a shard by chunk id, none without sparse vectors."""
        if (lengths := self.lengths) is None:
            return {}
        lake, parts, analyser = self.contents.lake, self.contents.parts(shard), self.contents.analyser
        made = ShardPostings(*(lake.read(parts[f"keyword.{kind}"]) for kind in ("postings", "lengths")))
        return shard_vectors(made, lengths.average, float(analyser["k1"]), float(analyser["b"]))


def _shown(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"
