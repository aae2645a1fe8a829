"""Duplicates in a generation: found after chunking, once for all shards, so that loading knows what is collapsed."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice

import pyarrow as pa
import pyarrow.parquet as pq

from ingest.documents.duplicates import ChunkOf, Duplicate, Duplicates
from ingest.lake.contents import Contents
from ingest.lake.lake import ROW_GROUP, Lake
from ingest.lake.rows import SCHEMAS, document_rows
from ingest.ports import Tally
from ingest.records import DuplicateOptions, Marker, PartFile
from ingest.scratch import scratch_folder

STEP = "duplicates"


def find_duplicates(contents: Contents, generation: str, options: DuplicateOptions, tally: Tally) -> Marker:
    """Write a generation's part `duplicates` from the chunks of all shards, carried ones too; return its marker."""
    lake = contents.lake
    if (done := lake.marker(generation, STEP, 0, "all")) is not None:
        return done
    counts: Counter[str] = Counter()
    with scratch_folder() as folder, Duplicates(options) as found:
        for shard in contents.shards:
            found.add(tally.each(_chunks(contents, shard)))
        path = folder / "duplicates.parquet"
        rows, schema = _counted(found.groups(), counts, options), SCHEMAS["duplicates"]
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            while batch := [asdict(row) for row in islice(rows, ROW_GROUP)]:
                writer.write_table(pa.Table.from_pylist(batch, schema=schema))
        part = lake.write_part_file("duplicates", None, path)
    return lake.mark(generation, Marker(step=STEP, shard=0, plan_hash="all", parts=(part,), counts=dict(counts)))


def duplicates_part(lake: Lake, generation: str) -> PartFile | None:
    """Return the part of a generation that is being built; None before this step."""
    marker = lake.marker(generation, STEP, 0, "all")
    return marker.parts[0] if marker is not None else None


def _chunks(contents: Contents, shard: int) -> Iterator[ChunkOf]:
    parts = contents.parts(shard)
    documents = {d.document_id: d for d in document_rows(contents.lake.read(parts["documents"]))}
    table = contents.lake.read(parts["chunks"], ["chunk_id", "document_id", "text"])
    revoked = contents.lake.revocations.now().ids(documents.values())  # they may stand for no other
    for row in (row for row in table.to_pylist() if row["document_id"] not in revoked):
        document = documents[row["document_id"]]
        yield ChunkOf(**row, acl=document.acl, tenant=document.tenant)


def _counted(rows: Iterator[Duplicate], counts: Counter[str], options: DuplicateOptions) -> Iterator[Duplicate]:
    last = ""
    for row in rows:
        boilerplate = row.kind == "exact" and row.documents >= options.least_documents
        counts[f"{row.kind}_chunks"] += 1
        counts["collapsed"] += row.collapsed
        if row.group_id != last:
            counts[f"{row.kind}_groups"] += 1
            counts["boilerplate_groups"] += boilerplate
            last = row.group_id
        counts["boilerplate_chunks"] += boilerplate
        yield row


def logical_rows(contents: Contents) -> Iterator[list[object]]:
    """Yield the part's rows as the generation's digest covers them, in order."""
    if contents.duplicates is None:
        return
    names = ["group_id", "kind", "chunk_id", "similarity", "representative", "collapsed"]
    with contents.lake.opened(contents.duplicates) as file:
        for batch in file.iter_batches(columns=names, batch_size=ROW_GROUP):
            for row in batch.to_pylist():
                yield [row[name] if name != "similarity" else round(row[name], 6) for name in names]
