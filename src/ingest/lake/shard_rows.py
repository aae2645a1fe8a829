"""All rows of one shard, by document, as its part files hold them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from ingest.lake.lake import Lake
from ingest.lake.rows import DocumentRow, Dropped, chunk_rows, document_rows, dropped_rows, quarantine_rows
from ingest.records import Chunk, PartFile, PartKind, Quarantined

R = TypeVar("R")


@dataclass
class ShardRows:
    """All rows of one shard, by document. Look up families only once all rows are there: the groups are cached."""

    documents: dict[str, DocumentRow] = field(default_factory=dict)  # by URI
    texts: dict[str, Mapping[str, Any]] = field(default_factory=dict)  # by document id
    chunks: dict[str, list[Chunk]] = field(default_factory=dict)  # by document id
    quarantine: dict[str, Quarantined] = field(default_factory=dict)  # by URI
    dropped: dict[str, list[Dropped]] = field(default_factory=dict)  # by document id

    @cached_property
    def children(self) -> dict[str, list[DocumentRow]]:
        """The documents directly inside a document, by its id."""
        return _grouped((row for row in self.documents.values() if row.parent), lambda row: row.parent)

    @cached_property
    def failures(self) -> dict[str, list[Quarantined]]:
        """The failures directly inside a document, by its id."""
        return _grouped((row for row in self.quarantine.values() if row.parent), lambda row: row.parent)

    def is_whole(self, row: DocumentRow) -> bool:
        """Return whether everything inside a document, on all levels, is here: as a document or as a failure."""
        inside = (self.children.get(row.document_id, ()), self.failures.get(row.document_id, ()))
        return row.child_count == sum(map(len, inside)) and all(map(self.is_whole, inside[0]))

    def family(self, row: DocumentRow) -> Iterator[DocumentRow]:
        """Yield a document and all documents inside it, parents first."""
        yield row
        for child in self.children.get(row.document_id, ()):
            yield from self.family(child)


def _grouped(rows: Iterable[R], key: Callable[[R], str]) -> dict[str, list[R]]:
    found: dict[str, list[R]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found


def read_rows(lake: Lake, parts: Mapping[str, PartFile], *kinds: PartKind) -> ShardRows:
    """Return the rows that the parts of a shard, or of a slice, hold; empty for a shard that has none yet.

    Parts that are lost have no rows. `kinds`: only those.
    """
    rows, parts = ShardRows(), {kind: part for kind, part in parts.items() if not kinds or kind in kinds}
    if "documents" in parts:
        rows.documents = {d.uri: d for d in document_rows(lake.read(parts["documents"]))}
    if "texts" in parts:
        rows.texts = {row["document_id"]: row for row in lake.read(parts["texts"]).to_pylist()}
    if "chunks" in parts:
        rows.chunks = _grouped(chunk_rows(lake.read(parts["chunks"])), lambda chunk: chunk.document_id)
    if "quarantine" in parts:
        rows.quarantine = {q.uri: q for q in quarantine_rows(lake.read(parts["quarantine"]))}
    if "dropped" in parts:  # a slice has no empty parts, and generations older than screening have none
        rows.dropped = _grouped(dropped_rows(lake.read(parts["dropped"])), lambda left: left.chunk.document_id)
    return rows


def outermost(parents: Mapping[str, str], document: str) -> str:
    """Return the id of the listed document that contains one on whatever level; `parents` by document id."""
    for _ in parents:  # rows that are damaged may contain each other
        if not (parent := parents.get(document, "")):
            break
        document = parent
    return document


def by_kind(parts: tuple[PartFile, ...]) -> dict[str, PartFile]:
    """Return a shard's parts by kind."""
    return {part.kind: part for part in parts}
