"""What one generation shows: chunks from the vector index, documents from the lake, and to whom, as masks over rows."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ingest import payloads
from ingest.bounded_cache import BoundedCache
from ingest.errors import SchemaMismatch
from ingest.ids import point_id
from ingest.lake.contents import Contents
from ingest.ports import VectorIndex
from ingest.records import EVERYTHING, Filter, Hit, PartFile, Result

CHARACTERS = 32 * 2**20  # of the texts that are kept for later answers
LEAST_WEIGHT = 2**19  # characters that a kept text counts at least: at most 64 documents are kept
TEXTS_AT_ONCE = 8  # rows decoded together on the way to the wanted one
COLUMNS = ["document_id", "source", "acl", "tenant"]  # of an attributes part, as filters need them
MASKS = 16  # filters whose masks are kept, each one byte per chunk
Span = tuple[int, int]
log = logging.getLogger(__name__)


@dataclass
class FetchedChunks:
    """Results by chunk id, without scores. For one search only: points never change, but collections may go."""

    vectors: VectorIndex
    collection: str
    lost: set[str] = field(default_factory=set)  # chunks that have no point, or a damaged one
    _held: dict[str, Result] = field(default_factory=dict)

    def of(self, chunk_ids: Iterable[str]) -> Mapping[str, Result]:
        """Return all results, with these, earlier and later ones. A chunk that lost its point is left out, and said."""
        wanted = {chunk: point_id(chunk) for chunk in sorted(set(chunk_ids) - self._held.keys() - self.lost)}
        points = self.vectors.retrieve(self.collection, list(wanted.values())) if wanted else {}
        for chunk, point in wanted.items():
            if point in points and (result := _result(points[point].payload)) is not None:
                self._held[chunk] = result
        if lost := [chunk for chunk in wanted if chunk not in self._held]:
            told = "%s: answered without %d chunks whose points are lost or damaged, the first is %s; a run mends it"
            log.warning(told, self.collection, len(lost), lost[0])
            self.lost.update(lost)
        return self._held

    def there(self, hits: Sequence[Hit]) -> list[Hit]:
        """Return the hits that are not known to be lost."""
        return [hit for hit in hits if hit.chunk_id not in self.lost]

    def first(self, hits: Sequence[Hit], most: int) -> list[Hit]:
        """Return the first hits that have a point, at most so many: for each that has lost its own, one more."""
        found = self.there(hits)[:most]
        known = self.of(hit.chunk_id for hit in found)
        return found if all(hit.chunk_id in known for hit in found) else self.first(hits, most)


def _result(payload: Mapping[str, Any]) -> Result | None:
    """Return a point's payload as a result, None when that is not what was once written."""
    found = payloads.fields(payload)
    of_result = {one.name: found[one.name] for one in fields(Result) if one.name in found}
    parent = tuple(found["parent"]) if found.get("parent") else None
    try:
        return Result(**{**of_result, "heading_path": tuple(found["heading_path"]), "parent": parent})
    except (KeyError, TypeError):
        return None


@dataclass(frozen=True)
class IndexedDocument:
    """One document of a generation."""

    text: str
    chunks: dict[str, int]  # chunk id → row below
    spans: tuple[Span, ...]  # of its chunks, by position
    dropped: tuple[Span, ...]  # of chunks that are in no index
    attributes: pa.Table  # of its chunks, in the same order


class IndexedDocuments:
    """Documents of one generation, read on demand; the latest ones are kept. Threads may share it."""

    def __init__(self, contents: Contents, characters: int = CHARACTERS) -> None:
        self.contents = contents
        self._kept: BoundedCache[str, IndexedDocument] = BoundedCache(characters)  # by document id

    def of(self, result: Result) -> IndexedDocument | None:
        """Return a result's document, None if it does not say where that is. Raises: SchemaMismatch if it is lost."""
        if result.shard is None:
            return None
        if (known := self._kept.get(result.document_id)) is not None:
            return known
        found = self._read(result.document_id, result.shard)
        return self._kept.put(result.document_id, found, max(len(found.text), LEAST_WEIGHT))

    def _read(self, document_id: str, shard: int) -> IndexedDocument:
        parts = self.contents.parts(shard)
        spans = ["document_id", "start", "end"]
        chunks = self._rows(parts["chunks"], document_id, [*spans, "chunk_id"]).to_pylist()
        dropped = self._rows(parts["dropped"], document_id, spans).to_pylist() if "dropped" in parts else []
        attributes = with_shard(self._rows(parts["attributes"], document_id, COLUMNS), shard)
        if len(attributes) != len(chunks):
            raise SchemaMismatch(f"document {document_id}: {len(chunks)} chunks, attributes of {len(attributes)}")
        return IndexedDocument(
            self._text(parts, document_id),
            {row["chunk_id"]: i for i, row in enumerate(chunks)},
            tuple((row["start"], row["end"]) for row in chunks),
            tuple((row["start"], row["end"]) for row in dropped),
            attributes,
        )

    def _rows(self, part: PartFile, document_id: str, columns: list[str]) -> pa.Table:
        rows = self.contents.lake.read(part, columns)
        return rows.filter(pc.equal(rows["document_id"], document_id))

    def _text(self, parts: dict[str, PartFile], document_id: str) -> str:
        """Return the canonical text. The rows before it are decoded too, a few at a time."""
        if "texts" not in parts:
            raise SchemaMismatch(f"document {document_id}: its shard has no texts")
        for one in reversed(parts["texts"].files):
            with self.contents.lake.opened(one) as file:
                for batch in file.iter_batches(TEXTS_AT_ONCE, columns=["document_id", "text"], use_threads=False):
                    if (row := pc.index(batch["document_id"], document_id).as_py()) >= 0:
                        return str(batch["text"][row].as_py())
            if one.onto is not None and document_id in one.onto.deleted:
                break
        raise SchemaMismatch(f"document {document_id}: part {parts['texts'].sha256} does not hold its text")


def open_visibility(contents: Contents) -> Callable[[Filter], NDArray[np.bool_] | None]:
    """Return what tells of each chunk of a generation, by its ordinal in the keyword index, whether it passes a filter.

    It returns None for a filter without a condition. Threads may share it.
    """
    parts = [(shard, contents.parts(shard)["attributes"]) for shard in contents.shards]
    attributes = pa.concat_tables([with_shard(contents.lake.read(part, COLUMNS), shard) for shard, part in parts])
    return lru_cache(MASKS)(lambda filter: None if filter == EVERYTHING else matches(attributes, filter))


def with_shard(attributes: pa.Table, shard: int | None) -> pa.Table:
    """Return the rows of one shard's part with the shard as another column, as `matches` expects."""
    return attributes.append_column("shard", pa.repeat(pa.scalar(shard, pa.int32()), len(attributes)))


def matches(attributes: pa.Table, filter: Filter) -> NDArray[np.bool_]:
    """Return for each row of `attributes` whether it passes the filter."""
    mask = np.ones(len(attributes), np.bool_)
    tenants = () if filter.tenant is None else (filter.tenant,)
    for column, values in {"tenant": tenants, "source": filter.sources, "document_id": filter.documents}.items():
        if values:
            mask &= _in(attributes[column], values)
    for column, values in filter.excluded:
        mask &= ~_in(attributes[column], values)
    if filter.shard is not None:
        mask &= np.asarray(pc.equal(attributes["shard"], filter.shard))
    if filter.acl is not None:
        groups = attributes["acl"].combine_chunks()
        allowed = np.asarray(_in(pc.list_flatten(groups), filter.acl))
        visible = np.zeros(len(mask), np.bool_)
        visible[np.asarray(pc.list_parent_indices(groups))[allowed]] = True
        mask &= visible
    return mask


def _in(column: Any, values: Sequence[str]) -> NDArray[np.bool_]:
    return np.asarray(pc.is_in(column, value_set=pa.array(values, pa.string())))
