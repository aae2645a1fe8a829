"""One index in the lake: where its files and records are, and how each is written.

<index>/data/<sha256>.parquet                              part files
<index>/generations/<seq>.json                             claims
<index>/generations/<id>/plan/summary.json, <shard>-<hash>.json
                         markers/<step>/<shard>-<hash>.json
                         manifest.json
<index>/profiles/<sha256>.json  verdicts/<sha256>.json  releases/<n>.json  leases/builder/<n>.json  history/
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import RawIOBase
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from ingest.errors import SchemaMismatch, UnknownReaderFormat
from ingest.ids import sha256_hex
from ingest.lake.journal import Journal, from_bytes, to_bytes
from ingest.lake.rows import SCHEMAS, complete
from ingest.lake.verified_files import file_sha256, footer_sha256, reading, verified_path
from ingest.ports import Store
from ingest.records import (
    READER_FORMAT,
    Claim,
    Lease,
    Manifest,
    Marker,
    PartFile,
    PartKind,
    PlanSummary,
    QueryProfile,
    Record,
    Release,
    ShardPlan,
    Verdict,
)

R = TypeVar("R", bound=Record)
IN_PARTS = ("keyword.postings", "keyword.terms")  # kinds whose large files searches do not copy
ROW_GROUP = 4096  # rows; what is decoded at once when a part is streamed


@dataclass(frozen=True)
class Lake:
    """Everything of one index, by name. Readers start from a release and never list `data/`."""

    store: Store
    index: str
    claims: Journal[Claim] = field(init=False)
    releases: Journal[Release] = field(init=False)
    leases: Journal[Lease] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "claims", Journal(self.store, f"{self.index}/generations/", Claim))
        object.__setattr__(self, "releases", Journal(self.store, f"{self.index}/releases/", Release))
        object.__setattr__(self, "leases", Journal(self.store, f"{self.index}/leases/builder/", Lease))

    # Part files

    def write_part(self, kind: PartKind, shard: int | None, table: pa.Table) -> PartFile:
        """Write a table as a part file and return its entry. The same rows give the same name."""
        with tempfile.TemporaryDirectory(prefix="ingest-part-") as folder:
            path = Path(folder) / "part.parquet"
            pq.write_table(table, path, compression="zstd", row_group_size=ROW_GROUP)
            return self.write_part_file(kind, shard, path)

    def write_part_file(self, kind: PartKind, shard: int | None, path: Path) -> PartFile:
        """Write a local Parquet file as a part file and return its entry."""
        sha256 = file_sha256(path)
        key = self._part_key(sha256)
        if not self.store.exists(key):
            self.store.put_file(key, path)
        rows = pq.read_metadata(path).num_rows
        size, footer = path.stat().st_size, ""
        if kind in IN_PARTS:
            with path.open("rb") as file:
                footer = footer_sha256(file, size)
        return PartFile(kind=kind, shard=shard, rows=rows, sha256=sha256, bytes=size, footer=footer)

    def part_path(self, part: PartFile) -> Path:
        """Return a local file with the part. Raises: SchemaMismatch when it is gone or holds other bytes."""
        return verified_path(self.store, self._part_key(part.sha256), part.bytes)

    def part_file(self, part: PartFile) -> Path | RawIOBase:
        """Return a part as `part_path` does or, of a large one in a remote store, a file that fetches what is read.

        Of the latter the footer is hashed, and its pages carry checksums. Files of before they did are copied.
        """
        key = self._part_key(part.sha256)
        file = self.store.ranged(key, part.bytes) if part.footer else None
        if file is None:
            return self.part_path(part)
        if (found := footer_sha256(file, part.bytes)) != part.footer:
            file.close()
            raise SchemaMismatch(
                f"{self.store.uri}/{key}: its footer is damaged: SHA-256 {found or 'none'}, not {part.footer}"
            )
        return file

    def part_exists(self, part: PartFile) -> bool:
        """Tell whether the part file is in the lake."""
        return self.store.exists(self._part_key(part.sha256))

    def read(self, part: PartFile, columns: list[str] | None = None) -> pa.Table:
        """Return a part as a table. Raises: SchemaMismatch when it is damaged or not of its kind."""
        path = self.part_path(part)
        with reading(f"part {part.sha256} of kind {part.kind}"), pq.ParquetFile(path, memory_map=True) as file:
            table = file.read(columns, use_threads=False)  # read_table costs 5 ms more a file
        expected = SCHEMAS.get(part.kind)
        if expected is None or columns is not None:
            return table
        table = complete(part.kind, table)
        if table.schema.names != expected.names:
            raise SchemaMismatch(f"part {part.sha256}: columns {table.schema.names}, not {expected.names}")
        return table

    # Plans and markers

    def write_shard_plan(self, generation: str, plan: ShardPlan) -> str:
        """Write a shard's plan and return its hash."""
        data = to_bytes(plan)
        plan_hash = sha256_hex(data)[:16]
        self.store.put(f"{self._generation(generation)}plan/{plan.shard}-{plan_hash}.json", data)
        return plan_hash

    def shard_plan(self, generation: str, shard: int, plan_hash: str) -> ShardPlan:
        """Return a shard's frozen plan. Raises: SchemaMismatch when it is missing."""
        return self._must(ShardPlan, f"{self._generation(generation)}plan/{shard}-{plan_hash}.json")

    def freeze_plan(self, summary: PlanSummary) -> None:
        """Write the summary: from now on the plan does not change. The first writer wins."""
        self.store.create(f"{self._generation(summary.generation)}plan/summary.json", to_bytes(summary))

    def plan(self, generation: str) -> PlanSummary | None:
        """Return the frozen plan, None when it is not frozen yet."""
        return self._find(PlanSummary, f"{self._generation(generation)}plan/summary.json")

    def mark(self, generation: str, marker: Marker) -> Marker:
        """Record that a shard's step is done; return the marker that counts, the first one."""
        key = self._marker_key(generation, marker.step, marker.shard, marker.plan_hash)
        return marker if self.store.create(key, to_bytes(marker)) else self._must(Marker, key)

    def marker(self, generation: str, step: str, shard: int, plan_hash: str) -> Marker | None:
        """Return the marker of a finished step, None when it is not finished."""
        return self._find(Marker, self._marker_key(generation, step, shard, plan_hash))

    # Generations

    def seal(self, manifest: Manifest) -> None:
        """Write the manifest, the last file of a generation."""
        self.store.create(f"{self._generation(manifest.generation)}manifest.json", to_bytes(manifest))

    def manifest(self, generation: str) -> Manifest | None:
        """Return the manifest of a sealed generation, else None.

        Raises: UnknownReaderFormat when it was written by a newer version.
        """
        manifest = self._find(Manifest, f"{self._generation(generation)}manifest.json")
        if manifest is not None and manifest.format > READER_FORMAT:
            raise UnknownReaderFormat(
                f"{generation}: reader format {manifest.format}, this version reads {READER_FORMAT}"
            )
        return manifest

    def claim(self, generation: str) -> Claim:
        """Return a generation's claim, whose number its id begins with. Raises: SchemaMismatch when it is missing."""
        number = generation.partition("-")[0]
        return self._must(Claim, f"{self.index}/generations/{int(number)}.json")

    def generations(self) -> Iterator[tuple[int, Claim]]:
        """Yield all claims in order."""
        return self.claims.after(0)

    # Profiles, verdicts, history

    def write_profile(self, profile: QueryProfile) -> str:
        """Write a query profile and return its name, the SHA-256 of its content."""
        return self._write_named("profiles", profile)

    def profile(self, sha256: str) -> QueryProfile:
        """Return a query profile. Raises: SchemaMismatch when it is missing."""
        return self._must(QueryProfile, f"{self.index}/profiles/{sha256}.json")

    def write_verdict(self, verdict: Verdict) -> str:
        """Write a verdict and return its name, the SHA-256 of its content."""
        return self._write_named("verdicts", verdict)

    def verdict(self, sha256: str) -> Verdict:
        """Return a verdict. Raises: SchemaMismatch when it is missing."""
        return self._must(Verdict, f"{self.index}/verdicts/{sha256}.json")

    def write_history(self, name: str, record: Record) -> None:
        """Write what a run did, for people: times, rates, hosts. Nothing is decided from it."""
        self.store.put(f"{self.index}/history/{name}.json", to_bytes(record))

    def history(self) -> list[str]:
        """Return the names in the history, oldest first."""
        return [name.removesuffix(".json") for name in self.store.list(f"{self.index}/history/")]

    def read_history(self, model: type[R], name: str) -> R:
        """Return one record of the history. Raises: SchemaMismatch when it is missing."""
        return self._must(model, f"{self.index}/history/{name}.json")

    def _write_named(self, folder: str, record: Record) -> str:
        data = to_bytes(record)
        name = sha256_hex(data)
        self.store.put(f"{self.index}/{folder}/{name}.json", data)
        return name

    def _find(self, model: type[R], key: str) -> R | None:
        data = self.store.get(key)
        return None if data is None else from_bytes(model, data, f"{self.store.uri}/{key}")

    def _must(self, model: type[R], key: str) -> R:
        record = self._find(model, key)
        if record is None:
            raise SchemaMismatch(f"{self.store.uri}/{key} is missing")
        return record

    def _generation(self, generation: str) -> str:
        return f"{self.index}/generations/{generation}/"

    def _marker_key(self, generation: str, step: str, shard: int, plan_hash: str) -> str:
        return f"{self._generation(generation)}markers/{step}/{shard}-{plan_hash}.json"

    def _part_key(self, sha256: str) -> str:
        return f"{self.index}/data/{sha256}.parquet"
