"""The conservation check: what was listed is in the generation, in quarantine, or accounted for; and all copies agree.

Recounted in the stores, shard by shard, by id and digest. Only the number of listed documents comes from the listing.
Wrong points are repaired from the lake.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest

import numpy as np
import pyarrow.parquet as pq

from ingest.errors import IncompleteGeneration
from ingest.ids import document_id
from ingest.keyword import verify
from ingest.lake.contents import Contents
from ingest.lake.rows import attribute_table, chunk_digest
from ingest.lake.shard_rows import ShardRows, read_rows
from ingest.pipeline.family_checks import collapsed_faults, dropped_faults, family_faults, secret_places
from ingest.pipeline.point_faults import point_faults, stray_points
from ingest.pipeline.point_maker import PointMaker, load_points, rows_of
from ingest.pipeline.work import Work
from ingest.ports import VectorIndex
from ingest.records import EVERYTHING, Chunk, Conservation

MAX_FAULTS = 100  # named in full; the rest are counted
MAX_SECRETS = 100  # places of dropped secrets that are named; all of them are counted
NORM_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Findings:
    """What one pass of the check found."""

    contents: Contents
    table: Conservation
    wrong_shards: tuple[int, ...]  # whose rows are sound, but whose points do not match them
    strays: bool  # whether there are points that belong to no shard

    @property
    def mendable(self) -> bool:
        """Whether points can be repaired from the lake."""
        return bool(self.wrong_shards) or self.strays

    def conserved(self) -> Conservation:
        """Return the conservation table. Raises: IncompleteGeneration, naming ids and values that disagree."""
        if faults := self.table.faults:
            told = "; ".join(faults[:10])
            where = self.contents.collection
            raise IncompleteGeneration(f"{where}: {len(faults)} faults found by the conservation check: {told}")
        return self.table


def check(vectors: VectorIndex, contents: Contents, work: Work, mended: int = 0) -> Findings:
    """Return what a pass over a generation finds; `mended` points were repaired before it. Changes nothing."""
    return _Pass(vectors, contents, work).run(mended)


def mend(vectors: VectorIndex, found: Findings, size: int) -> int:
    """Make points match their rows, `size` per request, and return how many did not match.

    Only in shards whose rows are sound: otherwise the only remaining copy might be deleted.
    """
    contents, mended = found.contents, 0
    maker = PointMaker.of(contents)
    for shard in found.wrong_shards:
        faults = point_faults(vectors, maker, shard, rows_of(contents, shard))
        wrong = faults.missing + faults.stale
        load_points(vectors, maker, shard, wrong, size)
        mended += len(wrong) + _delete(vectors, contents.collection, faults.orphans)
    strays = stray_points(vectors, contents) if found.strays else []
    return mended + _delete(vectors, contents.collection, strays)


def _delete(vectors: VectorIndex, collection: str, ids: list[str]) -> int:
    if ids:
        vectors.delete(collection, ids)
        vectors.flush(collection)
    return len(ids)


@dataclass
class _Pass:
    vectors: VectorIndex
    contents: Contents
    work: Work
    faults: list[str] = field(default_factory=list)  # the first MAX_FAULTS
    more: int = 0  # faults beyond them
    wrong: list[int] = field(default_factory=list)
    listed: Counter[str] = field(default_factory=Counter)
    documents: Counter[str] = field(default_factory=Counter)
    totals: Counter[str] = field(default_factory=Counter)
    marks: Counter[str] = field(default_factory=Counter)
    secrets: list[str] = field(default_factory=list)  # the first MAX_SECRETS

    def __post_init__(self) -> None:
        contents = self.contents
        # A new one, not the one that the steps share: the check reads the segments again.
        self._embeddings = contents.lake.embeddings(contents.model_fingerprint).anew()
        self._maker = PointMaker(contents, self._embeddings)
        self._collapsed = contents.collapsed

    def run(self, mended: int) -> Findings:
        for shard in self.contents.shards:
            self._shard(shard)
        strays = self._strays()
        self._keyword()
        planned = self.work.summary.counts
        self.listed.update({name: planned.get(name, 0) for name in ("listed_twice", "out_of_scope")})
        if (accounted := sum(self.listed.values())) != planned["listed"]:
            self._fault(f"the sources listed {planned['listed']} documents, {accounted} are accounted for")
        more = (f"and {self.more} more",) if self.more else ()
        names = ("chunks", "points", "keyword_rows", "vectors", "dropped", "collapsed", "quarantined_children")
        totals = {name: self.totals[name] for name in names}
        counts = {name: dict(sorted(getattr(self, name).items())) for name in ("listed", "documents", "marks")}
        told = {"faults": (*self.faults, *more), "secrets": tuple(self.secrets)}
        table = Conservation(mended=mended, **told, **counts, **totals)
        return Findings(self.contents, table, tuple(self.wrong), strays)

    def _fault(self, *faults: str) -> None:
        room = MAX_FAULTS - len(self.faults)
        self.faults += faults[:room]
        self.more += len(faults[room:])

    def _shard(self, shard: int) -> None:
        before = len(self.faults) + self.more
        rows = read_rows(self.contents.lake, self.contents.parts(shard))
        self._outcomes(shard, rows)
        self._inside(rows)
        self._chunks(rows)
        self._attributes(shard, rows)
        expected = [(c, d) for d in rows.documents.values() for c in rows.chunks.get(d.document_id, [])]
        self._vectors([chunk for chunk, _ in expected])
        sound = len(self.faults) + self.more == before
        indexed = [(c, d) for c, d in expected if c.chunk_id not in self._collapsed]
        found = point_faults(self.vectors, self._maker, shard, indexed)
        self.totals["points"] += found.sound
        if found:
            self.wrong += [shard] if sound else []
            self._fault(*found.named())

    def _outcomes(self, shard: int, rows: ShardRows) -> None:
        gone = set(self.work.gone(shard))
        planned = {d.uri: d for d in self.work.shard_plan(shard).documents}
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
                    self._fault(f"document {uri}: version {held.version}, planned {document.version}")
                self.listed[document.change] += 1
            elif uri in rows.quarantine:
                if document.change != "carried":
                    self.listed["quarantined"] += 1
            else:
                self._fault(f"document {uri}: planned as {document.change}, neither indexed nor in quarantine")
            if held is not None:
                self.documents["kept_last_good" if held.status != "current" else "indexed"] += 1
        for uri in (d.uri for d in rows.documents.values() if not d.parent and d.uri not in planned):
            self._fault(f"document {uri}: in the generation, not in the plan")

    def _inside(self, rows: ShardRows) -> None:
        """Count children, marks and dropped chunks, and check that all of them are recorded."""
        self.documents.update("children" for d in rows.documents.values() if d.parent)
        self.totals["quarantined_children"] += sum(map(len, rows.failures.values()))
        dropped = [d.chunk for chunks in rows.dropped.values() for d in chunks]
        kept = [c for chunks in rows.chunks.values() for c in chunks]
        self.totals["dropped"] += len(dropped)
        self.totals["collapsed"] += sum(c.chunk_id in self._collapsed for c in kept)
        self.marks.update(mark for c in kept + dropped for mark in c.marks)
        self.secrets += secret_places(rows)[: MAX_SECRETS - len(self.secrets)]
        self._fault(*family_faults(rows), *dropped_faults(rows))

    def _chunks(self, rows: ShardRows) -> None:
        known = {d.document_id for d in rows.documents.values()}
        for uri, document in rows.documents.items():
            if document.document_id != document_id(uri):
                self._fault(f"document {uri}: id {document.document_id}, not {document_id(uri)}")
            chunks = rows.chunks.get(document.document_id, [])
            self.totals["chunks"] += len(chunks)
            if (len(chunks), chunk_digest(chunks)) != (document.chunk_count, document.chunk_digest):
                self._fault(
                    f"document {uri}: {len(chunks)} chunks with digest {chunk_digest(chunks)[:12]}, "
                    f"its row says {document.chunk_count} with {document.chunk_digest[:12]}"
                )
        for stray in sorted((rows.chunks.keys() | rows.texts.keys()) ^ known | (known - rows.texts.keys())):
            self._fault(f"document id {stray}: rows in documents, texts and chunks do not agree")

    def _attributes(self, shard: int, rows: ShardRows) -> None:
        """Compare row by row: filters look up a chunk's groups by its row number."""
        names = ["chunk_id", "document_id", "source", "acl", "tenant", "language"]
        table = self.contents.lake.read(self.contents.parts(shard)["attributes"], names)
        right = attribute_table(
            [c for d in rows.documents.values() for c in rows.chunks.get(d.document_id, [])],
            {d.document_id: d for d in rows.documents.values()},
        )
        for found, wanted in zip_longest(table.to_pylist(), right.to_pylist()):
            if found != wanted:
                name = (wanted or found)["chunk_id"]
                self._fault(f"attributes of chunk {name}: the row is {found}, by its document {wanted}")
                return  # all rows after a lost one differ

    def _vectors(self, chunks: list[Chunk]) -> None:
        if not chunks:
            return
        store = self._embeddings
        absent = store.missing([c.embedding_key for c in chunks])
        self._fault(*(f"embedding key {key}: no vector in the store" for key in absent))
        there = [c for c in chunks if c.embedding_key not in set(absent)]
        vectors = store.vectors([c.embedding_key for c in there])
        self.totals["vectors"] += len(vectors)
        if len(vectors) and vectors.shape[1] != self.contents.dimension:
            self._fault(f"vectors have dimension {vectors.shape[1]}, the model {self.contents.dimension}")
        norms = np.linalg.norm(vectors, axis=1)
        for i in np.flatnonzero(~(np.abs(norms - 1) < NORM_TOLERANCE)):
            self._fault(f"chunk {there[i].chunk_id}: its vector has norm {norms[i]:.6f}, not 1")

    def _strays(self) -> bool:
        """Find points that no shard's scroll returns. Scrolls the whole collection only when the counts disagree."""
        collection, held = self.contents.collection, self.totals["points"]
        if (count := self.vectors.count(collection, EVERYTHING)) == held:
            return False
        strays = stray_points(self.vectors, self.contents)
        self._fault(*(f"point {id_} is an orphan: its payload names no shard of this generation" for id_ in strays))
        if not self.faults:
            self._fault(f"collection {collection}: {count} points, the shards hold {held}")
        return bool(strays)

    def _keyword(self) -> None:
        """Compare the keyword index row by row with the chunks, in order, and postings with lengths."""
        lake, files = self.contents.lake, self.contents.keyword
        paths = [lake.part_path(files[kind]) for kind in ("keyword.postings", "keyword.terms", "keyword.lengths")]
        batches = pq.ParquetFile(paths[2]).iter_batches(columns=["chunk_id"], batch_size=65_536)
        rows = (row for batch in batches for row in batch.column(0).to_pylist())
        there = set[str]()
        lost: list[str] = []
        for shard in self.contents.shards:
            wanted = lake.read(self.contents.parts(shard)["chunks"], ["chunk_id"])["chunk_id"].to_pylist()
            lost += _not_in_order(wanted, rows, there)
        extra = {*there, *rows}
        self.totals["keyword_rows"] = files["keyword.lengths"].rows - self.totals["collapsed"]
        self._fault(*collapsed_faults(paths[2], self._collapsed))
        self._fault(
            *(f"keyword row of chunk {c} {'stands in another place' if c in extra else 'is lost'}" for c in lost),
            *(f"keyword row of chunk {c} belongs to no chunk" for c in sorted(extra.difference(lost))),
            *(f"keyword index: {fault}" for fault in verify(*paths)),  # last: it names rows, not ids
        )


def _not_in_order(wanted: list[str], rows: Iterator[str], ahead: set[str]) -> Iterator[str]:
    """Read `rows` in step with `wanted`; yield what is missing, and collect in `ahead` what was not wanted."""
    for chunk in wanted:
        if chunk in ahead:
            ahead.discard(chunk)
        elif (row := next(rows, None)) != chunk:
            ahead |= {row} if row is not None else set()
            yield chunk
