"""Duplicates in a generation: found after chunking, once for all shards, so that loading knows what is collapsed."""

from collections import Counter
from collections.abc import Container, Iterator
from dataclasses import asdict
from functools import partial
from itertools import islice

import pyarrow as pa
import pyarrow.parquet as pq

from ingest.documents.duplicates import TAG, Duplicate, Duplicates, sketching
from ingest.ids import digest_of
from ingest.lake.contents import Contents
from ingest.lake.lake import ROW_GROUP
from ingest.lake.revocations import Revocations
from ingest.lake.rows import SCHEMAS, document_rows
from ingest.ports import Tally
from ingest.records import DuplicateOptions, Marker
from ingest.scratch import scratch_folder

STEP = "duplicates"


def find_duplicates(contents: Contents, generation: str, options: DuplicateOptions, tally: Tally) -> Marker:
    """Write a generation's part `duplicates` from the chunks of all shards, carried ones too; return its marker."""
    lake = contents.lake
    if (done := lake.marker(generation, STEP, 0, "all")) is not None:
        return done
    counts, told = Counter[str](), lake.revocations.now()  # what is revoked may stand for no other
    with scratch_folder() as folder, Duplicates(options) as found:
        for shard in contents.shards:
            found.add(shard, tally.each(_chunks(contents, shard, options, told)))
        path = folder / "duplicates.parquet"
        rows, schema = _counted(found.groups(partial(_texts, contents)), counts, options), SCHEMAS["duplicates"]
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            while batch := [asdict(row) for row in islice(rows, ROW_GROUP)]:
                writer.write_table(pa.Table.from_pylist(batch, schema=schema))
        part = lake.write_part_file("duplicates", None, path)
    return lake.mark(generation, Marker(step=STEP, shard=0, plan_hash="all", parts=(part,), counts=dict(counts)))


def _chunks(
    contents: Contents, shard: int, options: DuplicateOptions, told: Revocations
) -> Iterator[tuple[str, str, str, bytes]]:
    parts, lake, sketch = contents.parts(shard), contents.lake, sketching(options)
    documents = document_rows(lake.read(parts["documents"]))
    revoked = told.ids(documents)
    access = {d.document_id: digest_of([sorted(d.acl), d.tenant]) for d in documents if d.document_id not in revoked}
    rows = lake.read(parts["chunks"], ["chunk_id", "document_id", "sketch"]).to_pylist()
    if any(not row.get("sketch", b"").startswith(sketch("")[:TAG]) for row in rows):  # made earlier, or otherwise
        texts = lake.read(parts["chunks"], ["text"])["text"].to_pylist()
        rows = [row | {"sketch": sketch(text)} for row, text in zip(rows, texts, strict=True)]
    for chunk, document, made in (row.values() for row in rows):
        if document in access:
            yield chunk, document, access[document], made


def _texts(contents: Contents, shard: int, chunks: Container[str]) -> Iterator[tuple[str, str]]:
    rows = contents.lake.read(contents.parts(shard)["chunks"], ["chunk_id", "text"]).to_pylist()
    return ((row["chunk_id"], row["text"]) for row in rows if row["chunk_id"] in chunks)


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
