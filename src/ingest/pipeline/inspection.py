"""What the stores hold of a generation: rows agree with each other, points with the rows, and what recall these have.

Recounted in the stores, shard by shard: some in full, the others by who sees how many points. Points that do not match
are mended on the way, but only in shards whose rows are sound: otherwise the only remaining copy might be deleted.

The scrub: each run compares some shards of a collection in full, in rotation, so that within some nights all are.
Whose turn it is, is a record, written once the shards were looked at: after a run that died it is still theirs, after
skipped nights that of more shards. A new collection goes on where the one stands that was looked at last.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import nsmallest
from itertools import chain, islice, zip_longest
from math import ceil
from operator import attrgetter

import numpy as np

from ingest.errors import DamagedFile, IncompleteGeneration, SchemaMismatch
from ingest.ids import document_id
from ingest.lake.contents import Contents
from ingest.lake.rows import attribute_table, chunk_digest
from ingest.lake.shard_rows import ShardRows, read_rows
from ingest.pipeline.collection_points import NORM_TOLERANCE, CollectionPoints, PointMaker, Rows, hash_of
from ingest.pipeline.damage import damaged_parts
from ingest.ports import Tally, VectorIndex
from ingest.records import EVERYTHING, BuildOptions, Hit, Recall, Scrub, ShardHolds
from ingest.services import Writer

MAX_FAULTS = MAX_SECRETS = 100  # faults, and places of dropped secrets, that are named; all of them are counted
FOLLOWED = attrgetter("acl", "tenant", "source", "status", "stale_since")  # by what is inside a document
SAMPLE, NEIGHBOURS = 64, 10  # chunks in the sample, across all shards, and how many are found for each
TIED = 1e-6  # cosines that differ by less count as equal: it does not matter which of two copies is found
POINTS_PER_RUN = 4096  # at least: a small index is compared in full by every run
KEPT = 8  # records: the newest one counts that is not damaged


@dataclass
class Inspection:
    """A pass over a generation, and what it found."""

    vectors: VectorIndex
    contents: Contents
    in_full: Callable[[int], bool] = lambda shard: True  # which shards to compare so, asked when one is reached
    fresh: bool = False  # collection and keyword index were just written: the digests of all points are compared
    batch: int = 0  # points that a request mends; 0: nothing is changed
    per_second: int = 0  # points that are read whole at most; 0: no limit
    mended: int = 0  # points, also before this pass
    tally: Tally = field(default_factory=Tally)  # of points that are read
    told: int = 0  # faults, also those beyond MAX_FAULTS
    tampered: bool = False  # whether there were points that are not what their digest says
    damaged: bool = False  # whether a file of the lake was
    unmatched: int = 0  # faults of points that are left
    whole: set[int] = field(default_factory=set)  # shards that were compared in full
    left: set[int] = field(default_factory=set)  # shards with faults that are left
    documents: Counter[str] = field(default_factory=Counter)
    totals: Counter[str] = field(default_factory=Counter)
    holds: dict[int, ShardHolds] = field(default_factory=dict)  # by shard
    secrets: list[str] = field(default_factory=list)  # the first MAX_SECRETS
    _faults: list[str] = field(default_factory=list)  # the first MAX_FAULTS

    def __post_init__(self) -> None:
        lake, self._collapsed = self.contents.lake, Counter(self.contents.collapsed.values())  # by document
        shared = lake.embeddings(self.contents.model_fingerprint).anew()  # reads the segments again
        self._revoked = lake.revocations.now()  # looked up again where points may be written
        maker = PointMaker(self.contents, shared)
        self._points = CollectionPoints(self.vectors, maker, self.batch, lambda: None, self.tally, self.per_second)

    @property
    def faults(self) -> tuple[str, ...]:
        """A sentence for each fault."""
        more = self.told - len(self._faults)
        return (*self._faults, *((f"and {more} more",) if more else ()))

    def fault(self, *faults: str) -> None:
        """Take faults down."""
        self._faults += faults[: MAX_FAULTS - len(self._faults)]
        self.told += len(faults)

    def was_looked_at(self, shard: int | None) -> bool:
        """Return whether a shard was not only counted; None: what spans all shards, which comes with the first one."""
        return (self.contents.shards[0] if shard is None else shard) in self.whole | self.left

    def refuse_faults(self) -> None:
        """Raises: IncompleteGeneration, naming ids and values that disagree, or DamagedFile, if there are any."""
        if faults := self.faults:
            told = f"{len(faults)} faults found by the conservation check: {'; '.join(faults[:10])}"
            raise (DamagedFile if self.damaged else IncompleteGeneration)(f"{self.contents.collection}: {told}")

    def run(self) -> "Inspection":
        """Look at every shard, then for points of none, which takes a scroll of all, only if the counts disagree."""
        for shard in self.contents.shards:
            before = self.told
            try:
                if self.in_full(shard) or not self._seems_sound(shard):
                    self._shard(shard)
            except SchemaMismatch as error:  # a damaged file: the other shards can be looked at all the same
                self.fault(f"shard {shard}: {error}")
                self.damaged |= isinstance(error, DamagedFile)
            if self.told > before:
                self.left.add(shard)
        if self.vectors.count(collection := self.contents.collection, EVERYTHING) == (held := self.totals["points"]):
            return self
        if (strays := self._points.strays()) and self.batch:
            self._points.mend(0, (), strays)
            self.mended += len(strays)
            strays = self._points.strays()
        self.unmatched += len(strays)
        self.fault(*(f"point {id_} is an orphan: its payload names no shard of this generation" for id_ in strays))
        if not self.told and (count := self.vectors.count(collection, EVERYTHING)) != held:
            self.fault(f"collection {collection}: {count} points, the shards hold {held}")
        return self

    def _seems_sound(self, shard: int) -> bool:
        """Compare a shard by numbers, without its rows; if it was just written, by the set hash of its points."""
        parts, lake = self.contents.parts(shard), self.contents.lake
        rows = read_rows(lake, parts, "documents", "quarantine", "dropped")
        revoked = self._revoked.ids(rows.documents.values())
        kept = {d.document_id: d.chunk_count - self._collapsed[d.document_id] for d in rows.documents.values()}
        shown = [(d, kept[d.document_id]) for d in rows.documents.values() if d.document_id not in revoked]
        if not self._points.are_as_many(shard, shown):
            return False
        known, alike = self.contents.holds(shard), self._points.maker.lengths == self.contents.epoch
        if self.fresh and not (known and alike and known.points == hash_of(self._points.held(shard))):
            return False
        chunks, left, points = parts["chunks"].rows, sum(kept.values()), sum(points for _, points in shown)
        self.totals.update(chunks=chunks, vectors=chunks, points=points, collapsed=chunks - left, revoked=left - points)
        marks = self._count(rows)
        if known is None:  # sealed by an earlier version
            marks.update(chain.from_iterable(lake.read(parts["chunks"], ["marks"])["marks"].to_pylist()))
        self.holds[shard] = known or ShardHolds(points="", marks=marks)
        return True

    def _shard(self, shard: int) -> None:
        before, contents, lake, parts = self.told, self.contents, self.contents.lake, self.contents.parts(shard)
        self.whole.add(shard)
        marks = self._count(rows := read_rows(lake, parts, "documents", "chunks", "quarantine", "dropped"))
        texts = lake.read(parts["texts"], ["document_id"])["document_id"]
        self.fault(*_document_faults(rows), *_stray_faults(rows, {*texts.to_pylist()}))
        expected = [(c, d) for d in rows.documents.values() for c in rows.chunks.get(d.document_id, [])]
        table = lake.read(parts["attributes"])  # filters look up groups by row number
        right = attribute_table([chunk for chunk, _ in expected], {d.document_id: d for _, d in expected})
        pairs = zip_longest(table.to_pylist(), right.to_pylist()) if not table.equals(right) else ()
        for found, wanted in islice(((f, w) for f, w in pairs if f != w), 1):  # all rows after a lost one differ
            name = (wanted or found)["chunk_id"]
            self.fault(f"attributes of chunk {name}: the row is {found}, by its document {wanted}")
        revoked, store = lake.revocations.now().ids(rows.documents.values()), self._points.maker.embeddings
        chunks = [c for c, _ in expected if c.document_id not in revoked]
        absent = dict.fromkeys(store.missing([c.embedding_key for c in chunks]))
        self.fault(*(f"embedding key {key}: no vector in the store" for key in absent))
        there = [c for c in chunks if c.embedding_key not in absent]
        vectors = store.vectors([c.embedding_key for c in there], contents.segments(shard))
        if len(vectors) and vectors.shape[1] != contents.dimension:
            self.fault(f"vectors have dimension {vectors.shape[1]}, the model {contents.dimension}")
        for i in np.flatnonzero(~(np.abs((norms := np.linalg.norm(vectors, axis=1)) - 1) < NORM_TOLERANCE)):
            self.fault(f"chunk {there[i].chunk_id}: its vector has norm {norms[i]:.6f}, not 1")
        kept = [row for row in expected if row[0].chunk_id not in contents.collapsed]
        indexed = [(c, d) for c, d in kept if d.document_id not in revoked]
        gone = {"collapsed": len(expected) - len(kept), "revoked": len(kept) - len(indexed)}
        self.totals.update(chunks=len(expected), vectors=len(vectors), **gone)
        held = {"points": self._compare(shard, indexed, self.told == before), "marks": marks}
        self.holds[shard] = ShardHolds(**held, unread=rows.unread)
        whole = contents.keyword.values() if shard == contents.shards[0] else ()
        if any(damaged_parts(lake, [*parts.values(), *whole], writes=False)):  # not all were read
            self.left.add(shard)

    def _compare(self, shard: int, rows: Rows, sound: bool) -> str:
        """Compare a shard's points with its rows; mend them once, if they are sound, and compare again.

        Returns the set hash of the points that there should be.
        """
        before, counted, mends = self.unmatched, self.tally.done, sound and self.batch > 0
        while found := self._points.faults(shard, rows, whole=True):
            self.tampered |= found.tampered
            self.unmatched = before + len(found)  # before anything is written, which may fail
            if not mends:
                break
            self._points.mend(shard, [wanted for wanted, _ in found.wrong], found.orphans)
            self.mended, mends, self.tally.done = self.mended + len(found), False, counted
        self.unmatched = before + len(found)
        self.totals.update(points=found.sound, vectors_compared=found.sound)
        self.fault(*found.named())
        return found.hash

    def _count(self, rows: ShardRows) -> Counter[str]:
        """Count what the rows are of, and return how many of the chunks have which mark."""
        documents = rows.documents.values()
        dropped = [(d.uri, left) for d in documents for left in rows.dropped.get(d.document_id, [])]
        kept = [chunk for chunks in rows.chunks.values() for chunk in chunks]
        self.totals.update(documents=len(documents), dropped=len(dropped))
        self.totals["quarantined_children"] += sum(map(len, rows.failures.values()))
        self.documents.update("children" for d in documents if d.parent)
        secrets = ((uri, one) for uri, one in dropped if one.reason == "secret")
        found = (f"{uri}: characters {one.start} to {one.end}" for uri, one in secrets)  # never what stands there
        self.secrets += islice(found, MAX_SECRETS - len(self.secrets))
        return Counter(mark for chunk in (*kept, *(one for _, one in dropped)) for mark in chunk.marks)


def _document_faults(rows: ShardRows) -> Iterator[str]:
    """Yield what is wrong with documents: what belongs to them is there, and children follow their parents."""
    by_id = {d.document_id: d for d in rows.documents.values()}
    for document in rows.documents.values():
        named, id_, parent = f"document {document.uri}", document.document_id, by_id.get(document.parent)
        if id_ != document_id(document.uri):
            yield f"{named}: id {id_}, not {document_id(document.uri)}"
        chunks, dropped = rows.chunks.get(id_, []), len(rows.dropped.get(id_, ()))
        if (len(chunks), chunk_digest(chunks)) != (document.chunk_count, document.chunk_digest):
            told = f"its row says {document.chunk_count} with {document.chunk_digest[:12]}"
            yield f"{named}: {len(chunks)} chunks with digest {chunk_digest(chunks)[:12]}, {told}"
        if dropped != document.dropped_count:
            yield f"{named}: {dropped} dropped chunks, its row says {document.dropped_count}"
        inside, failed = len(rows.children.get(id_, ())), len(rows.failures.get(id_, ()))
        if inside + failed != document.child_count:
            told = f"its row says {document.child_count} together"
            yield f"{named}: {inside} documents inside it and {failed} of them in quarantine, {told}"
        if document.parent and parent is None:
            yield f"{named}: its parent {document.parent} is not in the generation"
        elif parent is not None and FOLLOWED(document) != FOLLOWED(parent):
            yield f"{named}: {FOLLOWED(document)}, its parent has {FOLLOWED(parent)}"


def _stray_faults(rows: ShardRows, texts: Set[str]) -> Iterator[str]:
    """Yield the rows of documents that are not in the generation, and documents that lack rows."""
    known = {d.document_id for d in rows.documents.values()}
    for stray in sorted((rows.chunks.keys() | texts) ^ known | (known - texts)):
        yield f"document id {stray}: rows in documents, texts and chunks do not agree"
    for stray in sorted(rows.dropped.keys() - known):
        yield f"document id {stray}: dropped chunks of a document that is not in the generation"
    for id_ in sorted(rows.failures.keys() - known):
        yield f"quarantine {rows.failures[id_][0].uri}: its parent {id_} is not in the generation"


def measure_recall(vectors: VectorIndex, contents: Contents, of: Set[int] = frozenset()) -> Recall | None:
    """Return the recall of the generation's collection after `optimise`; None when it has too few chunks.

    recall = mean over the sample of |found ∩ exact| / |exact|; a found chunk as near as the last exact one counts

    The sample is `of` some shards, as they are read anyway; without any, of all.
    """
    sample = _sample(contents, of)
    if len(sample) < 2:
        return None
    asked = contents.lake.embeddings(contents.model_fingerprint).vectors([key for _, key in sample])
    found = vectors.search(contents.collection, asked, EVERYTHING, NEIGHBOURS + 1)
    exact = vectors.nearest(contents.collection, asked, NEIGHBOURS + 1)
    shares = [_share(own, f, e) for (own, _), f, e in zip(sample, found, exact, strict=True)]
    return Recall(at=NEIGHBOURS, questions=len(shares), mean=float(np.mean(shares)), least=min(shares))


def _share(own: str, found: list[Hit], exact: list[Hit]) -> float:
    got, wanted = ([hit.score for hit in hits if hit.chunk_id != own][:NEIGHBOURS] for hits in (found, exact))
    return min(1.0, sum(score >= wanted[-1] - TIED for score in got) / len(wanted)) if wanted else 1.0


def _sample(contents: Contents, of: Set[int]) -> list[tuple[str, str]]:
    """Return (chunk id, embedding key) of SAMPLE chunks, or of all if there are fewer: ids are hashes, so those with
    the lowest ids, of shards that are spread evenly, are as good as a random sample.
    """
    shards, collapsed = [shard for shard in contents.shards if shard in of] or contents.shards, contents.collapsed
    few = min(len(shards), SAMPLE)
    parts = (contents.parts(shards[i * len(shards) // few])["chunks"] for i in range(few))
    rows = chain.from_iterable(contents.lake.read(part, ["chunk_id", "embedding_key"]).to_pylist() for part in parts)
    return nsmallest(SAMPLE, ((r["chunk_id"], r["embedding_key"]) for r in rows if r["chunk_id"] not in collapsed))


def turn(contents: Contents, options: BuildOptions, now: datetime) -> set[int]:
    """Return the shards whose turn it is, so that all have it within `scrub_nights`, and those with faults left."""
    shards, (last, place) = contents.shards, _last(_known(contents), contents.collection)
    days = (now - datetime.fromisoformat(last.at)) / timedelta(days=1) if last is not None else 1
    nights = max(round(days), 1) * len(shards) / options.scrub_nights
    share = max(nights, POINTS_PER_RUN * len(shards) / max(contents.rows("chunks"), 1))
    due = (shards[(place + i) % len(shards)] for i in range(min(ceil(share), len(shards))))
    return {*due, *(last.left if last is not None else ())}


def keep_turn(writer: Writer, found: Inspection) -> None:
    """Write down whose turn is next, the first shard not compared in full, and what is known of other collections."""
    scrubs, collection, shards = found.contents.lake.scrubs, found.contents.collection, found.contents.shards
    known, n, held = _known(found.contents), len(shards), {*found.vectors.collections()} - {collection}
    place = _last(known, collection)[1]
    place = next((i % n for i in range(place, place + n) if shards[i % n] not in found.whole), place)
    others = tuple(one.model_copy(update={"others": ()}) for one in known if one.collection in held)
    told = {"collection": collection, "at": writer.clock().isoformat(), "next": place, "token": writer.new_token()}
    scrubs.add(lambda number: Scrub(**told, left=tuple(sorted(found.left)), others=others))
    scrubs.prune(KEPT)


def _last(known: Sequence[Scrub], collection: str) -> tuple[Scrub | None, int]:
    """Return the newest scrub of a collection, and the place of whose turn it is: of another one, if there is none."""
    own = next((scrub for scrub in known if scrub.collection == collection), None)
    return own, (own or known[0]).next if known else 0


def _known(contents: Contents) -> list[Scrub]:
    """Return the newest scrub of each collection that was there at the newest one, which comes first."""
    newest = islice(contents.lake.scrubs.newest_first(KEPT), 1)
    return [one for _, scrub in newest for one in (scrub, *scrub.others)]
