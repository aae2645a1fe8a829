"""Arrow schemas of the part files, and the conversions between rows and records.

In every kind, a shard's rows are ordered by document URI, then by position in the document, so row n of `chunks`, row n
of `attributes` and ordinal n of the shard's keyword index are the same chunk.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from functools import cache, partial
from operator import attrgetter
from typing import Any, TypeVar, get_type_hints

import pyarrow as pa
from pydantic import TypeAdapter

from ingest.ids import digest_of
from ingest.records import Block, Chunk, Document, DocumentRef, PartKind, Quarantined

T = TypeVar("T")
BETWEEN = " › "  # between a document's path and that of a document inside it


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRow(DocumentRef):
    """One row of `documents`: what a generation holds about a document, with type and title as they were read."""

    document_id: str
    sha256: str
    acl: tuple[str, ...]  # always told, as the tenant
    tenant: str
    parser: str = ""
    language: str = ""
    parent: str = ""  # id of the document that contains it; "" if it is not inside another
    attributes_digest: str = ""
    parser_fingerprint: str = ""  # of the parser, the source's options and the media type rules
    chunker_fingerprint: str = ""
    status: str = "current"  # or "last_good": a newer version is quarantined
    stale_since: str = ""  # ISO 8601 when last_good
    chunk_count: int = 0
    chunk_digest: str = ""
    child_count: int = 0  # documents directly inside it, quarantined ones included
    dropped_count: int = 0  # chunks that the source's policy kept out of the index
    text_language: str = ""  # by which it was cut and analysed: `language` is what the document says; "": not told


@dataclass(frozen=True, slots=True)
class Dropped(Chunk):
    """One row of `dropped`: a chunk that the source's policy kept out of the index."""

    reason: str = ""  # the mark that caused it


_strings = pa.list_(pa.string())
_ARROW: dict[Any, pa.DataType] = {str: pa.string(), int: pa.int64(), bytes: pa.binary(), tuple[str, ...]: _strings}
_ARROW |= {tuple[int, ...]: pa.list_(pa.int64()), float: pa.float64()}


def _columns(row: type, **others: pa.DataType) -> list[tuple[str, pa.DataType]]:
    """Return the columns of a dataclass: its fields in order, with the types of `others` or else their own."""
    types = get_type_hints(row)  # without what only the sandbox checks
    return [(field.name, others.get(field.name) or _ARROW[types[field.name]]) for field in fields(row)]


_blocks = pa.list_(pa.struct(_columns(Block, kind=pa.string(), level=pa.int32(), page=pa.int32())))
_numbers = {"page": pa.int32(), "tokens": pa.int32(), "parent": pa.list_(pa.int64())}
_chunk = _columns(Chunk, heading_paths=pa.list_(_strings), text=pa.large_string(), **_numbers)
_chunk.insert(8, _chunk.pop(10))  # the page is stored before the tokens
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
"""Stored columns by kind. None is ever renamed; one that is added has a default, which parts lack that are older."""

ROWS: dict[str, type] = {"documents": DocumentRow, "chunks": Chunk, "dropped": Dropped, "quarantine": Quarantined}


def complete(kind: str, table: pa.Table, columns: Sequence[str] = ()) -> pa.Table:
    """Return a part with the columns that its kind has today, or some; those that an older part lacks get defaults."""
    wanted, known = columns or SCHEMAS[kind].names, {*table.schema.names}
    defaults = {one.name: one.default for one in fields(ROWS[kind])} if kind in ROWS else {}
    for name in wanted:
        if name not in known and defaults.get(name, MISSING) is not MISSING:
            field = SCHEMAS[kind].field(name)
            table = table.append_column(field, pa.array([defaults[name]] * len(table), field.type))
    return table.select([name for name in wanted if name in table.schema.names])


def attributes_digest(acl: Sequence[str], tenant: str, source: str, title: str) -> str:
    """Return the digest of what can change while the bytes stay. `title` is the one from the source, "" for none."""
    return digest_of([sorted(acl), tenant, source, title])


def chunk_digest(chunks: Iterable[Chunk]) -> str:
    """Return the digest of a document's chunks in order; fields that older chunks lack count only when set."""
    told = attrgetter("chunk_id", "embedding_key", "start", "end", "tokens", "heading_path", "heading_paths", "page")
    return digest_of([[*told(c), *filter(None, (c.marks, c.parent))] for c in chunks])


def table_of(kind: PartKind, rows: Sequence[Any]) -> pa.Table:
    """Return the table of rows that are dataclasses with a kind's columns: documents, chunks, dropped, quarantine."""
    return pa.Table.from_pylist([asdict(row) for row in rows], schema=SCHEMAS[kind])


_adapter: Callable[[Any], TypeAdapter[Any]] = cache(TypeAdapter)


def _rows_of(row: type[T], table: pa.Table) -> list[T]:
    """Return the rows of a table as dataclasses of its kind."""
    rows: list[T] = _adapter(list[row]).validate_python(table.to_pylist())  # type: ignore[valid-type]
    return rows


document_rows = partial(_rows_of, DocumentRow)
chunk_rows = partial(_rows_of, Chunk)
dropped_rows = partial(_rows_of, Dropped)
quarantine_rows = partial(_rows_of, Quarantined)


def text_table(documents: Sequence[tuple[str, str, Sequence[Block]]]) -> pa.Table:
    """Return the `texts` table of (document id, canonical text, blocks)."""
    rows = [{"document_id": d, "text": t, "blocks": [asdict(b) for b in blocks]} for d, t, blocks in documents]
    return pa.Table.from_pylist(rows, schema=SCHEMAS["texts"])


def stored_document(row: dict[str, Any], of: DocumentRow) -> Document:
    """Return the parsed document from its rows of `texts` and `documents`."""
    blocks = _adapter(tuple[Block, ...]).validate_python(row["blocks"])
    return Document(row["text"], blocks, of.title, of.media_type, of.parser, of.language)


def attribute_table(chunks: Sequence[Chunk], of: dict[str, DocumentRow]) -> pa.Table:
    """Return the `attributes` table of chunks, in their order."""
    own, *others = SCHEMAS["attributes"].names
    rows = [{own: c.chunk_id, **{name: getattr(of[c.document_id], name) for name in others}} for c in chunks]
    return pa.Table.from_pylist(rows, schema=SCHEMAS["attributes"])
