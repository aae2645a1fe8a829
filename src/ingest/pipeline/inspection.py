"""What the stores hold of a generation: its rows agree with each other, and its points with its rows.

Recounted in the stores, shard by shard, by id and digest; of vectors a sample. Changes nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import zip_longest

import numpy as np

from ingest.errors import IncompleteGeneration, SchemaMismatch
from ingest.ids import document_id
from ingest.lake.contents import Contents
from ingest.lake.rows import DocumentRow, attribute_table, chunk_digest
from ingest.lake.shard_rows import ShardRows, read_rows
from ingest.pipeline.embed_texts import NORM_TOLERANCE
from ingest.pipeline.point_faults import point_faults, seems_sound, stray_points
from ingest.pipeline.point_maker import PointMaker, Rows, rows_of
from ingest.pipeline.stored_vectors import VectorSample
from ingest.ports import VectorIndex
from ingest.records import EVERYTHING, Chunk

MAX_FAULTS = 100  # named in full; the rest are counted
MAX_SECRETS = 100  # places of dropped secrets that are named; all of them are counted


@dataclass
class Inspection:
    """A pass over a generation, and what it found."""

    vectors: VectorIndex
    contents: Contents
    sample: VectorSample
    in_time: Callable[[], bool] = lambda: True  # False: the shards that are left are compared by count and sample
    mended: int = 0  # points, before this pass
    more: int = 0  # faults beyond MAX_FAULTS
    wrong: list[int] = field(default_factory=list)  # shards whose rows are sound, but whose points do not match them
    strays: bool = False  # whether there are points that belong to no shard
    replaced: bool = False  # whether there are points with other vectors than the lake
    unmatched: int = 0  # faults of points
    sampled: int = 0  # shards that were not compared point by point
    documents: Counter[str] = field(default_factory=Counter)
    totals: Counter[str] = field(default_factory=Counter)
    marks: Counter[str] = field(default_factory=Counter)
    secrets: list[str] = field(default_factory=list)  # the first MAX_SECRETS
    _faults: list[str] = field(default_factory=list)  # the first MAX_FAULTS

    def __post_init__(self) -> None:
        contents = self.contents
        # A new one, not the one that the steps share: the check reads the segments again.
        self.embeddings = contents.lake.embeddings(contents.model_fingerprint).anew()
        self._maker = PointMaker(contents, self.embeddings)
        self._collapsed = contents.collapsed

    @property
    def mendable(self) -> bool:
        """Whether points can be repaired from the lake."""
        return bool(self.wrong) or self.strays

    @property
    def faults(self) -> tuple[str, ...]:
        """A sentence for each fault."""
        return (*self._faults, *((f"and {self.more} more",) if self.more else ()))

    def fault(self, *faults: str) -> None:
        """Take faults down."""
        room = MAX_FAULTS - len(self._faults)
        self._faults += faults[:room]
        self.more += len(faults[room:])

    def refuse_faults(self) -> None:
        """Raises: IncompleteGeneration, naming ids and values that disagree, if there are any."""
        if faults := self.faults:
            told = "; ".join(faults[:10])
            where = self.contents.collection
            raise IncompleteGeneration(f"{where}: {len(faults)} faults found by the conservation check: {told}")

    def run(self) -> "Inspection":
        """Look at every shard, then for points of none."""
        for shard in self.contents.shards:
            try:
                if self.in_time() or not self._seems_sound(shard):
                    self._shard(shard)
            except SchemaMismatch as error:  # a damaged file: the other shards can be looked at all the same
                self.fault(f"shard {shard}: {error}")
        self.strays = self._strays()
        return self

    def _seems_sound(self, shard: int) -> bool:
        rows = rows_of(self.contents, shard)
        sound = seems_sound(self.vectors, self._maker, shard, rows, self.sample)
        self.sampled += sound
        self.totals["points"] += len(rows) if sound else 0
        return sound

    def _shard(self, shard: int) -> None:
        before = len(self._faults) + self.more
        rows = read_rows(self.contents.lake, self.contents.parts(shard))
        self._inside(rows)
        self._chunks(rows)
        expected = [(c, d) for d in rows.documents.values() for c in rows.chunks.get(d.document_id, [])]
        self._attributes(shard, expected)
        self._vectors(shard, [chunk for chunk, _ in expected])
        sound = len(self._faults) + self.more == before
        indexed = [(c, d) for c, d in expected if c.chunk_id not in self._collapsed]
        found = point_faults(self.vectors, self._maker, shard, indexed, self.sample if sound else None)
        self.totals.update(points=found.sound, vectors_compared=found.compared)
        self.replaced |= bool(found.replaced)
        if found:
            self.wrong += [shard] if sound else []
            named = [*found.named()]
            self.unmatched += len(named)
            self.fault(*named)

    def _inside(self, rows: ShardRows) -> None:
        """Count children, marks and dropped chunks, and check that all of them are recorded."""
        self.totals["documents"] += len(rows.documents)
        self.documents.update("children" for d in rows.documents.values() if d.parent)
        self.totals["quarantined_children"] += sum(map(len, rows.failures.values()))
        dropped = [d.chunk for chunks in rows.dropped.values() for d in chunks]
        kept = [c for chunks in rows.chunks.values() for c in chunks]
        self.totals["dropped"] += len(dropped)
        self.totals["collapsed"] += sum(c.chunk_id in self._collapsed for c in kept)
        self.marks.update(mark for c in kept + dropped for mark in c.marks)
        self.secrets += _secret_places(rows)[: MAX_SECRETS - len(self.secrets)]
        self.fault(*_family_faults(rows), *_dropped_faults(rows))

    def _chunks(self, rows: ShardRows) -> None:
        known = {d.document_id for d in rows.documents.values()}
        for uri, document in rows.documents.items():
            if document.document_id != document_id(uri):
                self.fault(f"document {uri}: id {document.document_id}, not {document_id(uri)}")
            chunks = rows.chunks.get(document.document_id, [])
            self.totals["chunks"] += len(chunks)
            if (len(chunks), chunk_digest(chunks)) != (document.chunk_count, document.chunk_digest):
                self.fault(
                    f"document {uri}: {len(chunks)} chunks with digest {chunk_digest(chunks)[:12]}, "
                    f"its row says {document.chunk_count} with {document.chunk_digest[:12]}"
                )
        for stray in sorted((rows.chunks.keys() | rows.texts.keys()) ^ known | (known - rows.texts.keys())):
            self.fault(f"document id {stray}: rows in documents, texts and chunks do not agree")

    def _attributes(self, shard: int, expected: Rows) -> None:
        """Compare row by row: filters look up a chunk's groups by its row number."""
        names = ["chunk_id", "document_id", "source", "acl", "tenant", "language"]
        table = self.contents.lake.read(self.contents.parts(shard)["attributes"], names)
        right = attribute_table([chunk for chunk, _ in expected], {d.document_id: d for _, d in expected})
        for found, wanted in zip_longest(table.to_pylist(), right.to_pylist()):
            if found != wanted:
                name = (wanted or found)["chunk_id"]
                self.fault(f"attributes of chunk {name}: the row is {found}, by its document {wanted}")
                return  # all rows after a lost one differ

    def _vectors(self, shard: int, chunks: list[Chunk]) -> None:
        """Look at the lake's own vectors."""
        if not chunks:
            return
        store = self.embeddings
        absent = store.missing([c.embedding_key for c in chunks])
        self.fault(*(f"embedding key {key}: no vector in the store" for key in absent))
        there = [c for c in chunks if c.embedding_key not in set(absent)]
        vectors = store.vectors([c.embedding_key for c in there], self.contents.segments(shard))
        self.totals["vectors"] += len(vectors)
        if len(vectors) and vectors.shape[1] != self.contents.dimension:
            self.fault(f"vectors have dimension {vectors.shape[1]}, the model {self.contents.dimension}")
        norms = np.linalg.norm(vectors, axis=1)
        for i in np.flatnonzero(~(np.abs(norms - 1) < NORM_TOLERANCE)):
            self.fault(f"chunk {there[i].chunk_id}: its vector has norm {norms[i]:.6f}, not 1")

    def _strays(self) -> bool:
        """Find points that no shard's scroll returns. Scrolls the whole collection only when the counts disagree."""
        collection, held = self.contents.collection, self.totals["points"]
        if (count := self.vectors.count(collection, EVERYTHING)) == held:
            return False
        strays = stray_points(self.vectors, self.contents)
        self.unmatched += len(strays)
        self.fault(*(f"point {id_} is an orphan: its payload names no shard of this generation" for id_ in strays))
        if not self._faults:
            self.fault(f"collection {collection}: {count} points, the shards hold {held}")
        return bool(strays)


def _family_faults(rows: ShardRows) -> Iterator[str]:
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


def _dropped_faults(rows: ShardRows) -> Iterator[str]:
    """Yield where the dropped chunks disagree with the counts in the documents' rows."""
    for document in rows.documents.values():
        dropped = rows.dropped.get(document.document_id, [])
        if len(dropped) != document.dropped_count:
            yield f"document {document.uri}: {len(dropped)} dropped chunks, its row says {document.dropped_count}"
    known = {d.document_id for d in rows.documents.values()}
    for stray in sorted(rows.dropped.keys() - known):
        yield f"document id {stray}: dropped chunks of a document that is not in the generation"


def _secret_places(rows: ShardRows) -> list[str]:
    """Return where chunks were left out for a secret, by document: URI and characters, never what stands there."""
    return [
        f"{document.uri}: characters {dropped.chunk.start} to {dropped.chunk.end}"
        for document in rows.documents.values()
        for dropped in rows.dropped.get(document.document_id, [])
        if dropped.reason == "secret"
    ]


def _followed(row: DocumentRow) -> tuple[object, ...]:
    return row.acl, row.tenant, row.source, row.status, row.stale_since
