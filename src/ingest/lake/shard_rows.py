"""All rows of one shard, by document, as its part files hold them."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.ids import document_id, shard_of
from ingest.lake.deltas import MOST_DEAD, MOST_FILES, Places, put_together, rows_that_count, with_places
from ingest.lake.lake import Lake
from ingest.lake.rows import SCHEMAS, DocumentRow, Dropped, chunk_rows, document_rows, dropped_rows, quarantine_rows
from ingest.records import Chunk, PartFile, PartKind, Quarantined, ShardHolds

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

    @property
    def unread(self) -> dict[str, tuple[int, int]]:
        """By source, of how many characters of chunks the model has no token, and how many there are."""
        found = dict[str, tuple[int, int]]()
        for document in self.documents.values():
            for chunk in self.chunks.get(document.document_id, ()):
                lost, every = found.get(document.source, (0, 0))
                found[document.source] = lost + round(chunk.unread * len(chunk.text)), every + len(chunk.text)
        return found

    def is_whole(self, row: DocumentRow) -> bool:
        """Return whether everything inside a document, on all levels, is here: as a document or as a failure."""
        inside = (self.children.get(row.document_id, ()), self.failures.get(row.document_id, ()))
        return row.child_count == sum(map(len, inside)) and all(map(self.is_whole, inside[0]))

    def family(self, row: DocumentRow) -> Iterator[DocumentRow]:
        """Yield a document and all documents inside it, parents first."""
        yield row
        for child in self.children.get(row.document_id, ()):
            yield from self.family(child)


def unread_shares(holds: Iterable[ShardHolds]) -> dict[str, float]:
    """Return which share of the text of each source the model has no tokens for, of sources that have such text."""
    lost, every = Counter[str](), Counter[str]()
    for source, (some, whole) in ((name, told) for held in holds for name, told in held.unread.items()):
        lost[source] += some
        every[source] += whole
    return {source: round(count / every[source], 4) for source, count in sorted(lost.items()) if count}


def _grouped(rows: Iterable[R], key: Callable[[R], str]) -> dict[str, list[R]]:
    found: dict[str, list[R]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found


def read_rows(
    lake: Lake, parts: Mapping[str, PartFile], *kinds: PartKind, of: tuple[int, int] | None = None
) -> ShardRows:
    """Return the rows that the parts of a shard, or of a slice, hold. Lost parts have none; `kinds`: only those.

    `of`: a shard and how many there are, where these are parts of a larger one; of its rows only that shard's count.
    """

    def table(kind: PartKind) -> pa.Table:  # a slice has no empty parts, and older generations lack some kinds
        if kind not in parts or (kinds and kind not in kinds):
            return SCHEMAS[kind].empty_table()
        rows = lake.read(parts[kind])
        return rows if of is None or "uri" in rows.schema.names else rows.filter(pc.is_in(rows["document_id"], ids))

    documents, bad = document_rows(table("documents")), quarantine_rows(table("quarantine"))
    if of is not None:
        parents, (shard, shards) = {d.document_id: d.parent for d in documents}, of
        documents = [d for d in documents if shard_of(outermost(parents, d.document_id), shards) == shard]
        places = ((q, outermost(parents, q.parent) if q.parent else document_id(q.uri)) for q in bad)
        bad = [q for q, place in places if shard_of(place, shards) == shard]
    ids = pa.array([d.document_id for d in documents], pa.string())
    return ShardRows(
        documents={d.uri: d for d in documents},
        texts={row["document_id"]: row for row in table("texts").to_pylist()},
        chunks=_grouped(chunk_rows(table("chunks")), lambda chunk: chunk.document_id),
        quarantine={q.uri: q for q in bad},
        dropped=_grouped(dropped_rows(table("dropped")), lambda chunk: chunk.document_id),
    )


def outermost(parents: Mapping[str, str], document: str) -> str:
    """Return the id of the listed document that contains one on whatever level; `parents` by document id."""
    for _ in parents:  # rows that are damaged may contain each other
        if not (parent := parents.get(document, "")):
            break
        document = parent
    return document


def _rows_by_document(table: pa.Table) -> dict[str, list[int]]:
    ids: list[str] = table["document_id"].to_pylist()
    return _grouped(range(len(ids)), ids.__getitem__)


def amend(lake: Lake, part: PartFile, new: pa.Table, documents: Sequence[str], made: Set[str]) -> PartFile:
    """Write what a shard's part is to hold: of its `documents`, in order, the new rows of those `made`, else its own.

    It gets a delta, or becomes one file again (`deltas`).
    """
    held = lake.read(part).cast(new.schema)
    own, before = (_rows_by_document(rows) for rows in (new, held))
    made = {d for d in made if not (d in own and d in before and new.take(own[d]).equals(held.take(before[d])))}
    new = new.filter(pc.is_in(new["document_id"], pa.array(sorted(made), pa.string())))
    behind = {d: [len(held) + row for row in rows] for d, rows in _rows_by_document(new).items()}
    rows = ((behind if d in made else before).get(d, ()) for d in documents)
    chosen = np.fromiter(chain.from_iterable(rows), np.int64)
    stay = chosen[chosen < len(held)]
    gone, dead = before.keys() - {d for d in documents if d not in made}, part.dead + len(held) - len(stay)
    if not len(new) and not gone and (np.diff(stay) > 0).all():
        return part
    if len(part.files) >= MOST_FILES or dead > MOST_DEAD * (len(chosen) + dead):
        return lake.write_part(part.kind, part.shard, pa.concat_tables([held, new]).take(chosen).combine_chunks())
    delta = lake.write_part(part.kind, part.shard, with_places(new, chosen, part.sha256))
    return put_onto(part, delta, tuple(sorted(gone)), len(chosen))


def put_onto(part: PartFile, delta: PartFile, deleted: tuple[str, ...], count: int | None = None) -> PartFile:
    """Return the entry of a delta with what it is put onto. `deleted`: documents beneath; `count`: of rows, or all."""
    rows = part.rows + delta.rows if count is None else count
    told = {"rows": rows, "dead": part.dead + part.rows + delta.rows - rows}
    return delta.model_copy(update={**told, "onto": part.model_copy(update={"deleted": deleted})})


def keyword_files(
    lake: Lake, parts: Mapping[str, PartFile], left_out: Collection[str] = ()
) -> tuple[pa.Table, list[tuple[Path, Places]]]:
    """Return the lengths of a shard's chunks; then each file of postings, with the row there of each chunk in it.

    A chunk that no longer counts has the row −1; one that is `left_out`, too, and the length 0.
    """
    read = [lake.read_file(file) for file in parts["keyword.lengths"].files]
    lengths, places, ends = put_together(read), rows_that_count(read), np.cumsum([0, *map(len, read)])
    rows = np.full(ends[-1], -1)
    rows[places] = np.arange(len(places))
    if left_out:
        gone = pc.is_in(lengths["chunk_id"], pa.array([*left_out], pa.string()))
        rows[places[np.asarray(gone)]] = -1
        lengths = lengths.set_column(1, "length", pc.if_else(gone, pa.scalar(0, pa.uint32()), lengths["length"]))
    files = zip(parts["keyword.postings"].files, pairwise(ends), strict=True)
    return lengths, [(lake.part_path(file), rows[a:z]) for file, (a, z) in files]


def by_kind(parts: tuple[PartFile, ...]) -> dict[str, PartFile]:
    """Return a shard's parts by kind."""
    return {part.kind: part for part in parts}
