"""Arrow schemas of the part files, and the way between rows and records.

Rows of a shard stand in the order of the documents' URIs, then of the position in the document, in every kind: row
numbers of `chunks` and `attributes` are equal, and so are the ordinals of the keyword index.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from operator import attrgetter
from typing import Any

import pyarrow as pa

from ingest.ids import digest_of
from ingest.records import Block, BlockKind, Chunk, Document, PartKind, Quarantined

BETWEEN = " › "  # of a document's path and that of a document inside it


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """One row of `documents`: what a generation holds of a document."""

    document_id: str
    uri: str
    source: str
    path: str
    version: str
    size: int
    modified: str
    sha256: str
    media_type: str = ""
    parser: str = ""
    title: str = ""
    language: str = ""
    parent: str = ""  # document id of the document it was found in; "" for a document of its own
    acl: tuple[str, ...] = ()
    tenant: str = ""
    attributes_digest: str = ""
    parser_fingerprint: str = ""  # of parser, options of the source, and rules for media types
    chunker_fingerprint: str = ""
    status: str = "current"  # or "last_good": a newer version is in quarantine
    stale_since: str = ""  # ISO 8601 when last_good
    chunk_count: int = 0
    chunk_digest: str = ""
    child_count: int = 0  # documents found directly in it: those of the generation and those in quarantine
    dropped_count: int = 0  # chunks that the source's policy keeps out of the index


@dataclass(frozen=True, slots=True)
class Dropped:
    """One row of `dropped`: a chunk that the source's policy keeps out of the index, and the mark it is for."""

    chunk: Chunk
    reason: str


_strings = pa.list_(pa.string())
_ARROW: dict[Any, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    tuple[str, ...]: _strings,
    tuple[int, ...]: pa.list_(pa.int64()),
}


def _columns(row: type, **others: pa.DataType) -> list[tuple[str, pa.DataType]]:
    """Return the columns of a dataclass: its fields in their order, by their types but for `others`."""
    return [(field.name, others.get(field.name) or _ARROW[field.type]) for field in fields(row)]


_blocks = pa.list_(pa.struct(_columns(Block, kind=pa.string(), level=pa.int32(), page=pa.int32())))
_numbers = {"page": pa.int32(), "tokens": pa.int32(), "parent": pa.list_(pa.int64())}
_chunk = _columns(Chunk, heading_paths=pa.list_(_strings), text=pa.large_string(), **_numbers)
_chunk.insert(8, _chunk.pop(10))  # the page is stored in front of the tokens
_attributes = ("chunk_id", "document_id", "source", "acl", "tenant", "language")
_duplicate = ("group_id", "kind", "chunk_id", "document_id", "text_sha256")
_more = (("representative", pa.bool_()), ("collapsed", pa.bool_()), ("documents", pa.int64()))

SCHEMAS: dict[str, pa.Schema] = {
    "documents": pa.schema(_columns(DocumentRow)),
    "texts": pa.schema([("document_id", pa.string()), ("text", pa.large_string()), ("blocks", _blocks)]),
    "chunks": pa.schema(_chunk),
    "dropped": pa.schema([*_chunk, ("reason", pa.string())]),
    "attributes": pa.schema([(name, _strings if name == "acl" else pa.string()) for name in _attributes]),
    "quarantine": pa.schema(_columns(Quarantined)),
    "duplicates": pa.schema([*((name, pa.string()) for name in _duplicate), ("similarity", pa.float32()), *_more]),
}
"""Columns by kind, stored: one that is added has a default in ADDED, none is renamed."""

ADDED: dict[str, dict[str, Any]] = {
    "chunks": {"marks": [], "parent": None},
    "documents": {"child_count": 0, "dropped_count": 0},
    "quarantine": {"parent": ""},
}
"""Columns that parts of older generations lack, by kind, and what they mean there."""


def complete(kind: str, table: pa.Table) -> pa.Table:
    """Return a whole part with the columns that its kind has today; what an older part lacks has its default."""
    for name, value in ADDED.get(kind, {}).items():
        if name not in table.schema.names:
            field = SCHEMAS[kind].field(name)
            table = table.append_column(field, pa.array([value] * len(table), field.type))
    known = set(table.schema.names)
    return table.select([name for name in SCHEMAS[kind].names if name in known])


def attributes_digest(acl: Sequence[str], tenant: str, source: str, title: str) -> str:
    """Return the digest of what can change without the bytes changing. `title` is the source's own, "" for none."""
    return digest_of([sorted(acl), tenant, source, title])


def chunk_digest(chunks: Iterable[Chunk]) -> str:
    """Return the digest of a document's chunks in order; what older chunks lack counts only where it is there."""
    told = attrgetter("chunk_id", "embedding_key", "start", "end", "tokens", "heading_path", "heading_paths", "page")
    return digest_of([[*told(c), *filter(None, (c.marks, c.parent))] for c in chunks])


def table_of(kind: PartKind, rows: Sequence[Any]) -> pa.Table:
    """Return the table of rows that are dataclasses with the columns of a kind: documents, chunks, quarantine."""
    return pa.Table.from_pylist([asdict(row) for row in rows], schema=SCHEMAS[kind])


def document_rows(table: pa.Table) -> list[DocumentRow]:
    """Return the rows of a `documents` table."""
    return [DocumentRow(**{**row, "acl": tuple(row["acl"])}) for row in table.to_pylist()]


def chunk_rows(table: pa.Table) -> list[Chunk]:
    """Return the chunks of a `chunks` table."""
    return [_chunk_of(row) for row in table.to_pylist()]


def dropped_table(rows: Sequence[Dropped]) -> pa.Table:
    """Return the `dropped` table of rows."""
    return pa.Table.from_pylist([{**asdict(r.chunk), "reason": r.reason} for r in rows], schema=SCHEMAS["dropped"])


def dropped_rows(table: pa.Table) -> list[Dropped]:
    """Return the rows of a `dropped` table."""
    rows = zip(table.drop(["reason"]).to_pylist(), table["reason"].to_pylist(), strict=True)
    return [Dropped(_chunk_of(row), reason) for row, reason in rows]


def text_table(documents: Sequence[tuple[str, str, Sequence[Block]]]) -> pa.Table:
    """Return the `texts` table of (document id, canonical text, blocks)."""
    rows = [{"document_id": d, "text": t, "blocks": [asdict(b) for b in blocks]} for d, t, blocks in documents]
    return pa.Table.from_pylist(rows, schema=SCHEMAS["texts"])


def stored_document(row: dict[str, Any], of: DocumentRow) -> Document:
    """Return the parsed document that a row of `texts` and its row of `documents` hold."""
    blocks = tuple(
        Block(**{**b, "kind": BlockKind(b["kind"]), "breaks": tuple(b["breaks"]), "marks": tuple(b.get("marks") or ())})
        for b in row["blocks"]
    )
    return Document(row["text"], blocks, of.title, of.media_type, of.parser, of.language)


def attribute_table(chunks: Sequence[Chunk], of: dict[str, DocumentRow]) -> pa.Table:
    """Return the `attributes` table of chunks, in their order."""
    own, *others = SCHEMAS["attributes"].names
    rows = [{own: c.chunk_id, **{name: getattr(of[c.document_id], name) for name in others}} for c in chunks]
    return pa.Table.from_pylist(rows, schema=SCHEMAS["attributes"])


def quarantine_rows(table: pa.Table) -> list[Quarantined]:
    """Return the rows of a `quarantine` table."""
    return [Quarantined(**row) for row in table.to_pylist()]


def _chunk_of(row: dict[str, Any]) -> Chunk:
    lists = {name: tuple(row[name]) for name in ("heading_path", "marks")}
    paths, parent = tuple(map(tuple, row["heading_paths"])), tuple(row["parent"]) if row["parent"] else None
    return Chunk(**{**row, **lists, "heading_paths": paths, "parent": parent})
