"""The conservation check: what was listed is in the generation, in quarantine, or accounted for; and all copies agree.

What the stores hold is found by an inspection; here it is compared with the plan, and with the keyword index. Only the
number of listed documents comes from the listing.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingest.keyword import verify
from ingest.lake.shard_rows import read_rows
from ingest.pipeline.inspection import Inspection
from ingest.pipeline.tasks import Work
from ingest.records import Conservation


def conservation(found: Inspection, work: Work) -> Conservation:
    """Return the table of what was listed and what an inspection found. Once per inspection, which gets the faults."""
    return _Accounts(found, work).table()


@dataclass
class _Accounts:
    found: Inspection
    work: Work
    listed: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        found, self._fault = self.found, self.found.fault
        self.contents, self.documents, self.totals = found.contents, found.documents, found.totals

    def table(self) -> Conservation:
        for shard in self.contents.shards:
            self._outcomes(shard)
        self._keyword()
        planned = self.work.summary.counts
        self.listed.update({name: planned.get(name, 0) for name in ("listed_twice", "out_of_scope")})
        if (accounted := sum(self.listed.values())) != planned["listed"]:
            self._fault(f"the sources listed {planned['listed']} documents, {accounted} are accounted for")
        totals = {
            name: self.totals[name] for name, field in Conservation.model_fields.items() if field.annotation is int
        }
        marks = dict(sorted(self.found.marks.items()))
        counts = {name: dict(sorted(getattr(self, name).items())) for name in ("listed", "documents")}
        told = {"faults": self.found.faults, "secrets": tuple(self.found.secrets)}
        return Conservation(marks=marks, **told, **counts, **totals | {"mended": self.found.mended})

    def _outcomes(self, shard: int) -> None:
        rows = read_rows(self.contents.lake, self.contents.parts(shard), "documents", "quarantine")
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
        self._fault(*_collapsed_faults(paths[2], self.contents.collapsed))
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


def _collapsed_faults(lengths: Path, collapsed: frozenset[str]) -> Iterator[str]:
    """Yield the collapsed chunks that have postings according to the keyword index's lengths."""
    if not collapsed:
        return
    ids = pa.array(sorted(collapsed), pa.string())
    with pq.ParquetFile(lengths) as file:
        for batch in file.iter_batches(columns=["chunk_id", "length"]):
            wrong = batch.filter(pc.and_(pc.is_in(batch["chunk_id"], value_set=ids), pc.greater(batch["length"], 0)))
            for row in wrong.to_pylist():
                yield f"keyword row of chunk {row['chunk_id']}: {row['length']} terms, though it is collapsed"
