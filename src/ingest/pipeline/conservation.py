"""The conservation check: what was listed is in the generation, in quarantine, or accounted for; and all copies agree.

Recomputed from the stores, shard by shard, by id and digest; the run's own counters are never used.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import zip_longest

import numpy as np
import pyarrow.parquet as pq

from ingest import payloads
from ingest.ids import document_id, point_id
from ingest.keyword import verify
from ingest.lake.contents import Contents
from ingest.lake.embedding_store import EmbeddingStore
from ingest.lake.rows import DocumentRow, attribute_table, chunk_digest
from ingest.lake.shard_rows import ShardRows, read_rows
from ingest.pipeline.family_checks import collapsed_faults, dropped_faults, family_faults
from ingest.pipeline.find_duplicates import collapsed_of
from ingest.pipeline.points import PointMaker, batches
from ingest.ports import Services
from ingest.records import EVERYTHING, Chunk, Conservation, Filter, ShardPlan

MAX_FAULTS = 100  # named in full; the rest are counted
NORM_TOLERANCE = 1e-3


@dataclass
class PointFaults:
    """Points of one shard that do not agree with the lake."""

    missing: list[tuple[Chunk, DocumentRow]] = field(default_factory=list)
    stale: list[tuple[Chunk, DocumentRow]] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)  # point ids


@dataclass
class Check:
    """One pass over a generation."""

    services: Services
    contents: Contents
    planned: Callable[[int], ShardPlan]
    gone: Callable[[int], tuple[str, ...]]  # URIs of a shard that changed or vanished between list and read
    mend: bool
    faults: list[str] = field(default_factory=list)
    listed: Counter[str] = field(default_factory=Counter)
    documents: Counter[str] = field(default_factory=Counter)
    totals: Counter[str] = field(default_factory=Counter)
    marks: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._collapsed = collapsed_of(self.services, self.contents.lake, self.contents.duplicates)
        # Its own, not the one that the steps keep: the check reads the lake again.
        services, fingerprint = self.services, self.contents.model_fingerprint
        self._store = EmbeddingStore(services.store, fingerprint, services.new_token)
        self._maker = PointMaker.of(services, self.contents, self._store)

    def run(self, listed: dict[str, int]) -> Conservation:
        """Return the table. `listed` are the listing's own counts: listed, listed_twice, out_of_scope."""
        for shard in self.contents.shards:
            self._shard(shard)
        self._strays()
        self._keyword()
        self.listed["listed_twice"] = listed.get("listed_twice", 0)
        self.listed["out_of_scope"] = listed.get("out_of_scope", 0)
        accounted = sum(self.listed.values())
        if accounted != listed["listed"]:
            self.faults.append(f"the sources listed {listed['listed']} documents, {accounted} are accounted for")
        more = [f"and {len(self.faults) - MAX_FAULTS} more"] if len(self.faults) > MAX_FAULTS else []
        return Conservation(
            listed=dict(sorted(self.listed.items())),
            documents=dict(sorted(self.documents.items())),
            chunks=self.totals["chunks"],
            points=self.totals["points"],
            keyword_rows=self.totals["keyword_rows"],
            vectors=self.totals["vectors"],
            mended=self.totals["mended"],
            faults=tuple(self.faults[:MAX_FAULTS] + more),
            dropped=self.totals["dropped"],
            collapsed=self.totals["collapsed"],
            marks=dict(sorted(self.marks.items())),
            quarantined_children=self.totals["quarantined_children"],
        )

    def _shard(self, shard: int) -> None:
        sound = len(self.faults)
        rows = read_rows(self.contents.lake, self.contents.parts(shard))
        self._outcomes(shard, rows)
        self._inside(rows)
        self._chunks(rows)
        self._attributes(shard, rows)
        expected = [(c, d) for d in rows.documents.values() for c in rows.chunks.get(d.document_id, [])]
        self._vectors([chunk for chunk, _ in expected])
        expected = [(c, d) for c, d in expected if c.chunk_id not in self._collapsed]
        found = self._points(shard, expected)
        if found.missing or found.stale or found.orphans:
            # Never from a damaged lake: points without rows would be deleted, though they are all that is left.
            if self.mend and len(self.faults) == sound:
                self._mend(shard, found)
                found = self._points(shard, expected)
            self._name(found)

    def _outcomes(self, shard: int, rows: ShardRows) -> None:
        gone = set(self.gone(shard))
        planned = {d.uri: d for d in self.planned(shard).documents}
        for uri, document in planned.items():
            held = rows.documents.get(uri)
            if uri in gone:
                self.listed["changed_during_run"] += 1
                self.documents["carried"] += held is not None
                continue
            if held is not None and held.status == "current":
                if document.change == "carried":
                    self.documents["carried"] += 1
                    continue
                if held.version != document.version:
                    self.faults.append(f"document {uri}: version {held.version}, planned {document.version}")
                self.listed[document.change] += 1
            elif uri in rows.quarantine:
                if document.change != "carried":
                    self.listed["quarantined"] += 1
            else:
                self.faults.append(f"document {uri}: planned as {document.change}, neither indexed nor in quarantine")
            if held is not None:
                self.documents["kept_last_good" if held.status != "current" else "indexed"] += 1
        for uri in (d.uri for d in rows.documents.values() if not d.parent and d.uri not in planned):
            self.faults.append(f"document {uri}: in the generation, not in the plan")

    def _inside(self, rows: ShardRows) -> None:
        """Count children, marks and what was left out, and check that all of it is written down."""
        self.documents.update("children" for d in rows.documents.values() if d.parent)
        self.totals["quarantined_children"] += sum(map(len, rows.failures.values()))
        dropped = [d.chunk for chunks in rows.dropped.values() for d in chunks]
        kept = [c for chunks in rows.chunks.values() for c in chunks]
        self.totals["dropped"] += len(dropped)
        self.totals["collapsed"] += sum(c.chunk_id in self._collapsed for c in kept)
        self.marks.update(mark for c in kept + dropped for mark in c.marks)
        self.faults += [*family_faults(rows), *dropped_faults(rows)]

    def _chunks(self, rows: ShardRows) -> None:
        known = {d.document_id for d in rows.documents.values()}
        for uri, document in rows.documents.items():
            if document.document_id != document_id(uri):
                self.faults.append(f"document {uri}: id {document.document_id}, not {document_id(uri)}")
            chunks = rows.chunks.get(document.document_id, [])
            self.totals["chunks"] += len(chunks)
            if (len(chunks), chunk_digest(chunks)) != (document.chunk_count, document.chunk_digest):
                self.faults.append(
                    f"document {uri}: {len(chunks)} chunks with digest {chunk_digest(chunks)[:12]}, "
                    f"its row says {document.chunk_count} with {document.chunk_digest[:12]}"
                )
        for stray in sorted((rows.chunks.keys() | rows.texts.keys()) ^ known | (known - rows.texts.keys())):
            self.faults.append(f"document id {stray}: rows in documents, texts and chunks do not agree")

    def _attributes(self, shard: int, rows: ShardRows) -> None:
        """Compare row by row: filters look up a chunk's groups by the number of its row."""
        names = ["chunk_id", "document_id", "source", "acl", "tenant", "language"]
        table = self.contents.lake.read(self.contents.parts(shard)["attributes"], names)
        right = attribute_table(
            [c for d in rows.documents.values() for c in rows.chunks.get(d.document_id, [])],
            {d.document_id: d for d in rows.documents.values()},
        )
        for found, wanted in zip_longest(table.to_pylist(), right.to_pylist()):
            if found != wanted:
                name = (wanted or found)["chunk_id"]
                self.faults.append(f"attributes of chunk {name}: the row is {found}, by its document {wanted}")
                return  # all rows behind a lost one differ

    def _vectors(self, chunks: list[Chunk]) -> None:
        if not chunks:
            return
        store = self._store
        absent = store.missing([c.embedding_key for c in chunks])
        self.faults += [f"embedding key {key}: no vector in the store" for key in absent]
        there = [c for c in chunks if c.embedding_key not in set(absent)]
        vectors = store.vectors([c.embedding_key for c in there])
        self.totals["vectors"] += len(vectors)
        if len(vectors) and vectors.shape[1] != self.contents.dimension:
            self.faults.append(f"vectors have dimension {vectors.shape[1]}, the model {self.contents.dimension}")
        norms = np.linalg.norm(vectors, axis=1)
        for i in np.flatnonzero(~(np.abs(norms - 1) < NORM_TOLERANCE)):
            self.faults.append(f"chunk {there[i].chunk_id}: its vector has norm {norms[i]:.6f}, not 1")

    def _points(self, shard: int, expected: list[tuple[Chunk, DocumentRow]]) -> PointFaults:
        """Compare a shard's points with its rows by id and payload, which holds the digest of all it depends on."""
        wanted = {point_id(c.chunk_id): (c, d) for c, d in expected}
        found = PointFaults()
        seen: set[str] = set()
        for point in self.services.vectors.scroll(self.contents.collection, Filter(acl=None, tenant=None, shard=shard)):
            if point.id not in wanted:
                found.orphans.append(point.id)
                continue
            seen.add(point.id)
            chunk, document = wanted[point.id]
            if point.payload != self._maker.payload(chunk, document, shard):
                found.stale.append((chunk, document))
        found.missing = [rows for id_, rows in wanted.items() if id_ not in seen]
        self.totals["points"] -= self.totals[f"points.{shard}"]
        self.totals[f"points.{shard}"] = len(seen) - len(found.stale)
        self.totals["points"] += self.totals[f"points.{shard}"]
        return found

    def _mend(self, shard: int, found: PointFaults) -> None:
        collection, size = self.contents.collection, self.services.options.load_batch
        wrong = found.missing + found.stale
        for batch in batches(wrong, size):
            self.services.vectors.upsert(collection, self._maker.points(batch, shard))
        if found.orphans:
            self.services.vectors.delete(collection, found.orphans)
        self.services.vectors.flush(collection)
        self.totals["mended"] += len(wrong) + len(found.orphans)

    def _name(self, found: PointFaults) -> None:
        self.faults += [f"point {point_id(c.chunk_id)} of chunk {c.chunk_id} is lost" for c, _ in found.missing]
        self.faults += [f"point {point_id(c.chunk_id)} of chunk {c.chunk_id} is stale" for c, _ in found.stale]
        self.faults += [f"point {id_} is an orphan: no chunk of this generation has it" for id_ in found.orphans]

    def _strays(self) -> None:
        """Find points that no shard's scroll can see. Scrolls the whole collection only when the counts disagree."""
        vectors, collection = self.services.vectors, self.contents.collection
        if vectors.count(collection, EVERYTHING) == self.totals["points"]:
            return
        shards, held = set(self.contents.shards), self.totals["points"]
        strays = [
            p.id
            for p in vectors.scroll(collection, EVERYTHING)
            if payloads.fields(p.payload).get("shard") not in shards
        ]
        if strays and self.mend:
            vectors.delete(collection, strays)
            vectors.flush(collection)
            self.totals["mended"] += len(strays)
            if (found := vectors.count(collection, EVERYTHING)) != held and not self.faults:
                self.faults.append(f"collection {collection}: {found} points after mending, the shards hold {held}")
            return
        self.faults += [f"point {id_} is an orphan: its payload names no shard of this generation" for id_ in strays]

    def _keyword(self) -> None:
        """Compare the keyword index row by row with the chunks, in their order, and postings with lengths."""
        lake, files = self.contents.lake, self.contents.keyword
        paths = [lake.part_path(files[kind]) for kind in ("keyword.postings", "keyword.terms", "keyword.lengths")]
        rows = iter(_column(pq.ParquetFile(paths[2]), "chunk_id"))
        there = set[str]()
        lost: list[str] = []
        for shard in self.contents.shards:
            wanted = lake.read(self.contents.parts(shard)["chunks"], ["chunk_id"])["chunk_id"].to_pylist()
            lost += _not_in_order(wanted, rows, there)
        extra = {*there, *rows}
        self.totals["keyword_rows"] = files["keyword.lengths"].rows - self.totals["collapsed"]
        self.faults += collapsed_faults(paths[2], self._collapsed)
        self.faults += [
            f"keyword row of chunk {chunk} {'stands in another place' if chunk in extra else 'is lost'}"
            for chunk in lost
        ]
        self.faults += [f"keyword row of chunk {c} belongs to no chunk" for c in sorted(extra.difference(lost))]
        self.faults += [f"keyword index: {fault}" for fault in verify(*paths)]  # last: it names rows, not ids


def _not_in_order(wanted: list[str], rows: Iterator[str], ahead: set[str]) -> list[str]:
    """Take `rows` along with `wanted`; return what did not come, and keep in `ahead` what came unasked."""
    lost = []
    for chunk in wanted:
        if chunk in ahead:
            ahead.discard(chunk)
            continue
        row = next(rows, None)
        if row is None:
            lost.append(chunk)
        elif row != chunk:
            ahead.add(row)
            lost.append(chunk)
    return lost


def _column(file: pq.ParquetFile, name: str) -> Iterator[str]:
    for batch in file.iter_batches(columns=[name], batch_size=65_536):
        yield from batch.column(0).to_pylist()
