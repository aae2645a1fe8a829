"""The conservation check's questions about documents inside documents, dropped chunks and collapsed chunks."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingest.lake.rows import DocumentRow
from ingest.lake.shard_rows import ShardRows


def family_faults(rows: ShardRows) -> Iterator[str]:
    """Yield what is wrong with documents inside documents: none may be lost, and they must follow their parents."""
    by_id = {d.document_id: d for d in rows.documents.values()}
    for child in (d for d in rows.documents.values() if d.parent):
        parent = by_id.get(child.parent)
        if parent is None:
            yield f"document {child.uri}: its parent {child.parent} is not in the generation"
        elif _followed(child) != _followed(parent):
            yield f"document {child.uri}: {_followed(child)}, its parent has {_followed(parent)}"
    for parent in rows.documents.values():
        inside, failed = rows.children.get(parent.document_id, []), rows.failures.get(parent.document_id, [])
        if len(inside) + len(failed) != parent.child_count:
            yield (
                f"document {parent.uri}: {len(inside)} documents inside it and {len(failed)} of them in quarantine, "
                f"its row says {parent.child_count} together"
            )
    for id_ in sorted(rows.failures.keys() - by_id.keys()):
        yield f"quarantine {rows.failures[id_][0].uri}: its parent {id_} is not in the generation"


def dropped_faults(rows: ShardRows) -> Iterator[str]:
    """Yield where the dropped chunks disagree with the counts in the documents' rows."""
    for document in rows.documents.values():
        dropped = rows.dropped.get(document.document_id, [])
        if len(dropped) != document.dropped_count:
            yield f"document {document.uri}: {len(dropped)} dropped chunks, its row says {document.dropped_count}"
    known = {d.document_id for d in rows.documents.values()}
    for stray in sorted(rows.dropped.keys() - known):
        yield f"document id {stray}: dropped chunks of a document that is not in the generation"


def secret_places(rows: ShardRows) -> list[str]:
    """Return where chunks were left out for a secret, by document: URI and characters, never what stands there."""
    return [
        f"{document.uri}: characters {dropped.chunk.start} to {dropped.chunk.end}"
        for document in rows.documents.values()
        for dropped in rows.dropped.get(document.document_id, [])
        if dropped.reason == "secret"
    ]


def collapsed_faults(lengths: Path, collapsed: frozenset[str]) -> Iterator[str]:
    """Yield the collapsed chunks that have postings according to the keyword index's lengths."""
    if not collapsed:
        return
    ids = pa.array(sorted(collapsed), pa.string())
    with pq.ParquetFile(lengths) as file:
        for batch in file.iter_batches(columns=["chunk_id", "length"]):
            wrong = batch.filter(pc.and_(pc.is_in(batch["chunk_id"], value_set=ids), pc.greater(batch["length"], 0)))
            for row in wrong.to_pylist():
                yield f"keyword row of chunk {row['chunk_id']}: {row['length']} terms, though it is collapsed"


def _followed(row: DocumentRow) -> tuple[object, ...]:
    return row.acl, row.tenant, row.source, row.status, row.stale_since
