"""load_shard: committed chunks and stored vectors become points of the generation's collection."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ingest.ids import collection_name, point_digest, point_id
from ingest.lake.embeddings import EmbeddingStore
from ingest.lake.lake import Lake
from ingest.lake.tables import DocumentRow, chunk_rows, document_rows
from ingest.pipeline.duplicates import NOTHING, collapsed_of, duplicates_part
from ingest.pipeline.lease import lease_watch
from ingest.pipeline.work import ShardTask, embedding_store, finished, resource, task_parts
from ingest.ports import Services
from ingest.records import Chunk, Marker, PartFile, Point

Rows = Sequence[tuple[Chunk, DocumentRow]]


@resource("io")
def load_shard(services: Services, task: ShardTask) -> Marker:
    """Return the marker of a shard whose points are durable. A hint only: the conservation check looks itself.

    Raises: LeaseLost before a request, when another builder took over; TransientError, FatalError.
    """
    if (done := finished(services, task, "load")) is not None:
        return done
    lake = Lake(services.store, services.options.index)
    parts = task_parts(lake, task)
    collection = collection_name(lake.index, task.generation)
    store = embedding_store(services, services.model.fingerprint)
    watch = lease_watch(services, lake, task.run)
    chunks = rows_of(lake, parts, collapsed_of(services, lake, duplicates_part(lake, task.generation)))
    for batch in batches(chunks, services.options.load_batch):
        watch.confirm()
        services.vectors.upsert(collection, points(store, batch, task.shard))
    watch.confirm()
    services.vectors.flush(collection)
    counts = {"documents": parts["documents"].rows, "chunks": len(chunks)}
    marker = Marker(step="load", shard=task.shard, plan_hash=task.plan_hash, counts=counts)
    return lake.mark(task.generation, marker)


def rows_of(
    lake: Lake, parts: Mapping[str, PartFile], collapsed: frozenset[str] = NOTHING
) -> list[tuple[Chunk, DocumentRow]]:
    """Return a shard's chunks that become points, each with its document, in the order of the rows."""
    documents = {d.document_id: d for d in document_rows(lake.read(parts["documents"]))}
    chunks = chunk_rows(lake.read(parts["chunks"]))
    return [(chunk, documents[chunk.document_id]) for chunk in chunks if chunk.chunk_id not in collapsed]


def points(store: EmbeddingStore, rows: Rows, shard: int) -> list[Point]:
    """Return the points of chunks, with the vectors read back from the store."""
    vectors = store.vectors([chunk.embedding_key for chunk, _ in rows])
    return [
        Point(point_id(chunk.chunk_id), vectors[i], payload(chunk, document, shard, store.fingerprint))
        for i, (chunk, document) in enumerate(rows)
    ]


def payload(chunk: Chunk, document: DocumentRow, shard: int, model_fingerprint: str) -> dict[str, Any]:
    """Return a point's payload in the shape that LangChain reads, with its digest; `marks` only where there are any."""
    metadata: dict[str, Any] = {
        "chunk_id": chunk.chunk_id, "document_id": chunk.document_id, "uri": document.uri, "source": document.source,
        "path": document.path, "title": document.title, "heading_path": list(chunk.heading_path),
        "start": chunk.start, "end": chunk.end, "page": chunk.page, "tokens": chunk.tokens,
        "acl": list(document.acl), "tenant": document.tenant, "language": document.language, "shard": shard,
    }  # fmt: skip
    if chunk.parent:
        metadata["parent"] = list(chunk.parent)
    if chunk.marks:
        metadata["marks"] = list(chunk.marks)
    stored = {"page_content": chunk.text, "metadata": metadata}
    metadata["digest"] = point_digest(chunk.embedding_key, model_fingerprint, stored)
    return stored


def batches(rows: Rows, size: int) -> Iterator[Rows]:
    """Yield slices of at most `size` rows."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
