"""The points of a generation: fields of chunks in the shape of its collection, dense and sparse vectors."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from ingest import payloads
from ingest.ids import digest_of, point_id
from ingest.keyword.sparse_vectors import FORMAT, Lengths, lengths_of, shard_vectors
from ingest.lake.contents import Contents
from ingest.lake.embedding_store import EmbeddingStore
from ingest.lake.lake import Lake
from ingest.lake.rows import DocumentRow, chunk_rows, document_rows
from ingest.pipeline.find_duplicates import NOTHING, collapsed_of
from ingest.ports import Services
from ingest.records import Chunk, PartFile, Point, SparseVector

Rows = Sequence[tuple[Chunk, DocumentRow]]


def rows_of(
    lake: Lake, parts: Mapping[str, PartFile], collapsed: frozenset[str] = NOTHING
) -> list[tuple[Chunk, DocumentRow]]:
    """Return a shard's chunks that become points, each with its document, in the order of the rows."""
    documents = {d.document_id: d for d in document_rows(lake.read(parts["documents"]))}
    chunks = chunk_rows(lake.read(parts["chunks"]))
    return [(chunk, documents[chunk.document_id]) for chunk in chunks if chunk.chunk_id not in collapsed]


@dataclass(frozen=True)
class PointMaker:
    """Makes the points of one generation, the same way at load, at mending and when a collection is restored."""

    contents: Contents
    store: EmbeddingStore
    lengths: Lengths | None = None  # of all chunks; None without a sparse vector

    @classmethod
    def of(cls, services: Services, contents: Contents, store: EmbeddingStore) -> Self:
        """Return the maker; beside a sparse vector the lengths of all shards are read, once a process."""
        if not contents.shape.sparse:
            return cls(contents, store)
        collapsed = collapsed_of(services, contents.lake, contents.duplicates)
        return cls(
            contents, store, services.keep(f"lengths of {contents.collection}", lambda: _lengths(contents, collapsed))
        )

    def points(self, rows: Rows, shard: int) -> list[Point]:
        """Return the points of chunks of one shard, with the vectors read back from the store."""
        vectors = self.store.vectors([chunk.embedding_key for chunk, _ in rows])
        weighed = self._sparse(shard)
        return [
            Point(
                point_id(chunk.chunk_id), vectors[i], self.payload(chunk, document, shard), weighed.get(chunk.chunk_id)
            )
            for i, (chunk, document) in enumerate(rows)
        ]

    def payload(self, chunk: Chunk, document: DocumentRow, shard: int) -> dict[str, Any]:
        """Return a point's payload in the shape of the collection, with its digest."""
        stored: dict[str, Any] = payloads.stored(
            self.contents.shape,
            fields(chunk, document, shard),
            chunk.embedding_key,
            self.store.fingerprint,
            self._weighing,
        )
        return stored

    @cached_property
    def _weighing(self) -> str:
        """Digest of all that the sparse vectors depend on besides the text."""
        if self.lengths is None:
            return ""
        return digest_of([FORMAT, dict(self.contents.analyser), self.lengths.chunks, self.lengths.terms])

    def _sparse(self, shard: int) -> Mapping[str, SparseVector]:
        """Return the sparse vectors of a shard by chunk id; the last shard's are kept."""
        if self.lengths is None:
            return {}
        if shard not in self._made:
            self._made.clear()
            parts, analyser = self.contents.parts(shard), self.contents.analyser
            postings, lengths = (
                self.contents.lake.part_path(parts[kind]) for kind in ("keyword.postings", "keyword.lengths")
            )
            k1, b = float(analyser["k1"]), float(analyser["b"])
            self._made[shard] = shard_vectors(postings, lengths, self.lengths.average, k1, b)
        return self._made[shard]

    @cached_property
    def _made(self) -> dict[int, Mapping[str, SparseVector]]:
        return {}


def _lengths(contents: Contents, collapsed: frozenset[str]) -> Lengths:
    found = [
        lengths_of(contents.lake.part_path(contents.parts(shard)["keyword.lengths"]), collapsed)
        for shard in contents.shards
    ]
    return Lengths(sum(one.chunks for one in found), sum(one.terms for one in found))


def fields(chunk: Chunk, document: DocumentRow, shard: int) -> dict[str, Any]:
    """Return what the payload says of a chunk, without its digest; `parent` and `marks` only where there are any."""
    found: dict[str, Any] = {
        "text": chunk.text,
        "chunk_id": chunk.chunk_id,
        "document_id": chunk.document_id,
        "uri": document.uri,
        "source": document.source,
        "path": document.path,
        "title": document.title,
        "heading_path": list(chunk.heading_path),
        "start": chunk.start,
        "end": chunk.end,
        "page": chunk.page,
        "tokens": chunk.tokens,
        "acl": list(document.acl),
        "tenant": document.tenant,
        "language": document.language,
        "shard": shard,
    }
    if chunk.parent:
        found["parent"] = list(chunk.parent)
    if chunk.marks:
        found["marks"] = list(chunk.marks)
    return found


def batches(rows: Rows, size: int) -> Iterator[Rows]:
    """Yield slices of at most `size` rows."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
