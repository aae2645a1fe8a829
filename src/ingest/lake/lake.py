"""One index in the lake: where its files and records are, and how each is written.

lake.json                                                  which lake this is; over all indexes
<index>/data/<sha256>.parquet                              part files
<index>/generations/<seq>.json                             claims
<index>/generations/<id>/plan/summary.json, <shard>-<hash>.json
                         markers/<step>/<shard>-<hash>.json, <shard>-<hash>/<start>-<stop>.json of a slice
                         slices/<sha256>.parquet             parts of slices, until their shard is joined
                         manifest.json, retired.json, recycled.json
<index>/profiles|verdicts/<sha256>.json  releases|decisions|carried|moves|scrubs|leases/builder/<n>.json  history|plots/
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from io import RawIOBase
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from ingest import records
from ingest.bounded_cache import BoundedCache
from ingest.errors import DamagedFile, LeaseLost, SchemaMismatch, UnknownReaderFormat
from ingest.ids import file_sha256
from ingest.lake.deltas import put_together
from ingest.lake.embedding_store import EmbeddingStore
from ingest.lake.journal import Journal, prune
from ingest.lake.revocations import RevocationWatch
from ingest.lake.rows import SCHEMAS, complete
from ingest.lake.stored_records import StoredRecords, checked_bytes, name_of
from ingest.lake.verified_files import footer_sha256, reading, verified_path
from ingest.ports import Store
from ingest.records import Marker, PartFile, PartKind, Record
from ingest.scratch import scratch_folder

R = TypeVar("R", bound=Record)
IN_PARTS = ("keyword.postings", "keyword.terms")  # kinds whose large files are searched in place, not copied
ROW_GROUP = 4096  # rows that are decoded at once when a part is streamed
CACHED_BYTES = 32 * 2**20  # of records as JSON; parsed, they take several times as much
PLAN_HASH = 16  # hex digits in a shard plan's name
GENERATIONS = 4  # whose embeddings, collapsed chunks and lengths a process keeps
IDENTITY = "lake.json"
KEPT_RUNS = 1000  # records of the history, nearly three years of nights
RELEASES = 20  # newest ones among which a sound manifest is looked for
RUNS = 16  # whose lease a process looks up without a listing


class Lake:
    """All files and records of one index, by name. What never changes is read once. Threads may share it."""

    def __init__(self, store: Store, index: str) -> None:
        self.store = store
        self.index = index
        self.records = StoredRecords(store, CACHED_BYTES)
        self.claims = Journal(self.records, f"{index}/generations/", records.Claim)
        self.releases = Journal(self.records, f"{index}/releases/", records.Release)
        self.decisions = Journal(self.records, f"{index}/decisions/", records.Decision)
        self.carried = Journal(self.records, f"{index}/carried/", records.CarriedOrigins)
        self.revocations = RevocationWatch(self.decisions)
        self.leases = Journal(self.records, f"{index}/leases/builder/", records.Lease)
        self.moves = Journal(self.records, f"{index}/moves/", records.Moves)
        self.scrubs = Journal(self.records, f"{index}/scrubs/", records.Scrub)
        self.lengths: BoundedCache[str, records.Lengths] = BoundedCache(GENERATIONS)  # by generation
        self._embeddings: BoundedCache[str, EmbeddingStore] = BoundedCache(GENERATIONS)  # by fingerprint of the model
        self._collapsed: BoundedCache[str, dict[str, str]] = BoundedCache(GENERATIONS)  # by part
        self._leased: BoundedCache[str, int] = BoundedCache(RUNS)  # number of the newest record of a run that held it

    def known_identity(self) -> records.LakeIdentity | None:
        """Return which lake this is, at its present address; None in one that nobody has built in since it has one."""
        found = self.records.find(records.LakeIdentity, IDENTITY)
        return None if found is None else found.model_copy(update={"uri": self.store.uri})

    def identity(self, token: Callable[[], str]) -> records.LakeIdentity:
        """Return which lake this is, and write it down where it is not known yet: the first writer wins."""
        return self.known_identity() or self._first(IDENTITY, records.LakeIdentity(id=token(), uri=self.store.uri))

    def embeddings(self, fingerprint: str) -> EmbeddingStore:
        """Return a model's embedding store. All steps of this process share it, so its index is read once."""
        return self._embeddings.keep(fingerprint, partial(EmbeddingStore, self.store, fingerprint))

    def collapsed(self, duplicates: PartFile | None) -> dict[str, str]:
        """Return the chunks that another chunk stands for, by id with their document's, from the part `duplicates`."""
        if duplicates is None or not duplicates.rows:
            return {}

        def read() -> dict[str, str]:
            rows = self.read(duplicates, ["chunk_id", "document_id", "collapsed"]).to_pylist()
            return {row["chunk_id"]: row["document_id"] for row in rows if row["collapsed"]}

        return self._collapsed.keep(duplicates.sha256, read)

    def confirm_lease(self, run: str) -> None:
        """Return when a run holds the builder's lease, by the newest record. Raises: LeaseLost, naming who took it."""
        number, record = self.leases.newest(self._leased.get(run) or 0) or (0, None)
        if record is not None and record.run != run:
            ended = f"run {record.run}, which has ended since"
            who = f"{record.holder} (run {record.run})" if record.holder else ended
            told = f"{self.leases.prefix}: run {run} lost its lease to {who}"
            raise LeaseLost(f"{told}; `ingest run` resumes what this one began")
        self._leased.put(run, number)

    # Part files

    def write_part(self, kind: PartKind, shard: int | None, table: pa.Table, folder: str = "") -> PartFile:
        """Write a table as a part file and return its entry. The same rows give the same name."""
        with scratch_folder() as scratch:
            path = scratch / "part.parquet"
            pq.write_table(table, path, compression="zstd", row_group_size=ROW_GROUP)
            return self.write_part_file(kind, shard, path, folder)

    def write_part_file(self, kind: PartKind, shard: int | None, path: Path, folder: str = "") -> PartFile:
        """Write a local Parquet file as a part file and return its entry."""
        sha256 = file_sha256(path)
        self.store.put_file(self._part_key(sha256, folder), path, read_soon=True)  # also over one that may be damaged
        rows = pq.read_metadata(path).num_rows
        size, footer = path.stat().st_size, ""
        if kind in IN_PARTS:
            with path.open("rb") as file:
                footer = footer_sha256(file, size)
        return PartFile(kind=kind, shard=shard, rows=rows, sha256=sha256, bytes=size, footer=footer, folder=folder)

    def part_path(self, part: PartFile) -> Path:
        """Return a local file with the part. Raises: DamagedFile when it is gone or holds other bytes."""
        return verified_path(self.store, self._part_key(part.sha256, part.folder))

    def part_file(self, part: PartFile) -> Path | RawIOBase:
        """Return a path, or a file that fetches what is read of a large remote part, checked by footer and pages."""
        key = self._part_key(part.sha256, part.folder)
        file = self.store.ranged(key, part.bytes) if part.footer else None
        if file is None:
            return self.part_path(part)
        if (found := footer_sha256(file, part.bytes)) != part.footer:
            file.close()
            raise DamagedFile(
                f"{self.store.uri}/{key}: its footer is damaged: SHA-256 {found or 'none'}, not {part.footer}"
            )
        return file

    @contextmanager
    def opened(self, part: PartFile) -> Iterator[pq.ParquetFile]:
        """Open one file of a part. Raises: SchemaMismatch when it is damaged, also later, while it is read."""
        path = self.part_path(part)
        with reading(f"part {part.sha256} of kind {part.kind}"), pq.ParquetFile(path, memory_map=True) as file:
            yield file

    def read(self, part: PartFile, columns: list[str] | None = None) -> pa.Table:
        """Return a part as a table. Raises: SchemaMismatch when it is damaged or not of its kind."""
        return put_together([self.read_file(file, columns) for file in part.files])

    def read_file(self, part: PartFile, columns: list[str] | None = None) -> pa.Table:
        """Return the rows of a part's newest file, also those that no longer count. Raises: as `read`."""
        with self.opened(part) as file:
            table = file.read(columns, use_threads=False)  # faster than pq.read_table for small files
        if (expected := SCHEMAS.get(part.kind)) is None:
            return table
        table = complete(part.kind, table, columns or ())
        if columns is None and table.schema.names != expected.names:
            raise SchemaMismatch(f"part {part.sha256}: columns {table.schema.names}, not {expected.names}")
        return table

    # Plans and markers

    def write_shard_plan(self, generation: str, plan: records.ShardPlan) -> str:
        """Write a shard's plan and return its hash."""
        plan_hash = name_of(plan)[:PLAN_HASH]
        self.records.put(self.key(generation, f"plan/{plan.shard}-{plan_hash}"), plan)
        return plan_hash

    def shard_plan(self, generation: str, shard: int, plan_hash: str) -> records.ShardPlan:
        """Return a shard's frozen plan. Raises: DamagedFile when it is missing or is not the plan of that hash."""
        return self.records.read(records.ShardPlan, self.key(generation, f"plan/{shard}-{plan_hash}"), plan_hash)

    def freeze_plan(self, summary: records.PlanSummary) -> None:
        """Write the summary: from now on the plan is frozen. The first writer wins."""
        self.records.create(self.key(summary.generation, "plan/summary"), summary)

    def plan(self, generation: str) -> records.PlanSummary | None:
        """Return the plan's summary, None when the plan is not frozen yet."""
        return self.records.find(records.PlanSummary, self.key(generation, "plan/summary"))

    def mark(self, generation: str, marker: Marker) -> Marker:
        """Record that a step of a shard or slice is done; return the marker that counts: the first one written."""
        return self._first(self.key(generation, _name_of_marker(marker)), marker)

    def marker(
        self, generation: str, step: str, shard: int, plan_hash: str, rows: tuple[int, int] | None = None
    ) -> Marker | None:
        """Return the marker of a finished step of a shard, or of the slice of these rows; None if it is not done."""
        sought = Marker(step=step, shard=shard, plan_hash=plan_hash, rows=rows)
        return self.records.find(Marker, self.key(generation, _name_of_marker(sought)))

    def finished_slices(self, generation: str, step: str, shard: int, plan_hash: str) -> Iterator[Marker]:
        """Yield the markers of a shard's finished slices."""
        folder = f"{self.index}/generations/{generation}/markers/{step}/{shard}-{plan_hash}/"
        return (self.records.read(Marker, f"{folder}{name}") for name in self.store.list(folder))

    def remove_slice_parts(self, marker: Marker) -> None:
        """Remove the part files of a slice whose shard is joined."""
        for part in marker.parts:
            if part.folder:  # never one of `data`, which generations share
                self.store.delete(self._part_key(part.sha256, part.folder))

    # Generations

    def seal(self, manifest: records.Manifest) -> records.Manifest:
        """Write the manifest, the last file of a generation; return the one that counts: the first one written."""
        return self._first(self.key(manifest.generation, "manifest"), manifest)

    def manifest(self, generation: str) -> records.Manifest | None:
        """Return the manifest of a sealed generation, else None. Raises: UnknownReaderFormat for a newer format."""
        manifest = self.records.find(records.Manifest, self.key(generation, "manifest"))
        if manifest is not None and manifest.format > records.READER_FORMAT:
            told = f"{generation}: reader format {manifest.format}, this version reads {records.READER_FORMAT}"
            raise UnknownReaderFormat(told)
        return manifest

    def is_retired(self, generation: str) -> bool:
        """Return whether a generation may not serve again: what it needs goes, or is gone."""
        return any(self.store.get(self.key(generation, mark)) for mark in ("retired", "recycled"))

    def decision(self) -> records.Release | None:
        """Return the newest sound release, the decision in force; None before the first. Runs replace damaged ones."""
        return next((release for _, release in self.releases.newest_first(RELEASES)), None)

    def base(self) -> records.Manifest | None:
        """Return the manifest on which the next generation is built: of the newest release that has a sound one."""
        for _, release in self.releases.newest_first(RELEASES):
            with suppress(DamagedFile):
                if (manifest := self.manifest(release.generation)) is not None:
                    return manifest
        return None

    def claim(self, generation: str) -> records.Claim:
        """Return a generation's claim. Raises: SchemaMismatch when it is missing."""
        return self.records.read(records.Claim, f"{self.index}/generations/{claim_number(generation)}.json")

    # Profiles, verdicts, history

    def write_named(self, record: records.QueryProfile | records.Verdict) -> str:
        """Write a query profile or a verdict and return its name, the SHA-256 of its content."""
        folder, name = "profiles" if isinstance(record, records.QueryProfile) else "verdicts", name_of(record)
        self.records.put(f"{self.index}/{folder}/{name}.json", record)
        return name

    def profile(self, sha256: str) -> records.QueryProfile:
        """Return a query profile. Raises: DamagedFile when it is missing or another."""
        return self.records.read(records.QueryProfile, f"{self.index}/profiles/{sha256}.json", sha256)

    def verdict(self, sha256: str) -> records.Verdict:
        """Return a verdict. Raises: DamagedFile when it is missing or another."""
        return self.records.read(records.Verdict, f"{self.index}/verdicts/{sha256}.json", sha256)

    def write_history(self, name: str, record: Record) -> None:
        """Write what a run did, for people: no decision depends on it. The folder's newest KEPT_RUNS are kept."""
        key = f"{self.index}/history/{name}.json"
        self.store.put(key, checked_bytes(record))
        prune(self.store, f"{key.rpartition('/')[0]}/", KEPT_RUNS)

    def history(self, folder: str = "") -> list[str]:
        """Return the names of the records of the history, or of its `folder` ("started/"), oldest first."""
        return [f"{folder}{name.removesuffix('.json')}" for name in self.store.list(f"{self.index}/history/{folder}")]

    def read_history(self, model: type[R], name: str) -> R:
        """Return a record of the history. Raises: SchemaMismatch when it is missing."""
        return self.records.read(model, f"{self.index}/history/{name}.json")

    def _first(self, key: str, record: R) -> R:
        """Write a record and return the one that counts: the first one written."""
        self.records.create(key, record)
        return self.records.read(type(record), key)

    def key(self, generation: str, name: str) -> str:
        """Return the key of a record of a generation."""
        return f"{self.index}/generations/{generation}/{name}.json"

    def _part_key(self, sha256: str, folder: str = "") -> str:
        return f"{self.index}/{folder or 'data'}/{sha256}.parquet"


def _name_of_marker(marker: Marker) -> str:
    slice_ = "" if marker.rows is None else f"/{marker.rows[0]}-{marker.rows[1]}"
    return f"markers/{marker.step}/{marker.shard}-{marker.plan_hash}{slice_}"


def claim_number(generation: str) -> int:
    """Return the number of a generation's claim, with which its id begins."""
    return int(generation.partition("-")[0])
