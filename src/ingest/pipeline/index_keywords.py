"""The keyword index: the postings of each shard, then one merge of all shards in bounded memory."""

from dataclasses import replace
from pathlib import Path
from typing import get_args

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingest.keyword import Analyser, merge, shard_postings
from ingest.lake.contents import Contents
from ingest.lake.lake import ROW_GROUP
from ingest.pipeline.tasks import DOCUMENT_STEPS, ShardTask, parts_after, shard_step
from ingest.ports import Tally
from ingest.records import Marker, PartFile
from ingest.records.generations import KeywordKind
from ingest.scratch import scratch_folder
from ingest.services import Services, Workbench


@shard_step("keyword", "cpu")
def keyword_shard(services: Services, task: ShardTask) -> Marker:
    """Return the marker of a shard whose postings are committed."""
    parts = parts_after(services.bench.lake, task, *DOCUMENT_STEPS)
    postings, lengths = index_shard(services.bench, task.shard, parts["chunks"])
    counts = {"documents": parts["documents"].rows, "chunks": lengths.rows, "postings": postings.rows}
    return task.marker("keyword", counts, parts=(postings, lengths))


def index_shard(bench: Workbench, shard: int, chunks: PartFile) -> tuple[PartFile, PartFile]:
    """Write the postings and the lengths of a shard's chunks, and return their parts."""
    lake, analyser = bench.lake, Analyser.from_record(bench.options.analyser)
    table = lake.read(chunks, ["chunk_id", "context", "text"])
    texts, contexts = table["text"].to_pylist(), table["context"].to_pylist()
    made = shard_postings(texts, table["chunk_id"].to_pylist(), analyser, contexts)
    postings = lake.write_part("keyword.postings", shard, made.postings)
    return postings, lake.write_part("keyword.lengths", shard, made.lengths)


def merge_keyword(contents: Contents, tally: Tally) -> Contents:
    """Return contents with the three files that searches read, merged from the shards' postings in shard order.

    Collapsed chunks lose their postings but keep their rows, so that row numbers equal those of `chunks`.
    """
    lake, collapsed = contents.lake, frozenset(contents.collapsed)
    shards = [
        (lake.part_path(parts["keyword.postings"]), lake.part_path(parts["keyword.lengths"]))
        for parts in map(contents.parts, contents.shards)
    ]
    with scratch_folder() as folder, scratch_folder() as copies:
        if collapsed:
            shards = [_without(*paths, collapsed, copies / f"{i}") for i, paths in enumerate(shards)]
        made = merge(shards, folder, tally.add)
        tally.heard(tally.done)
        files = zip(get_args(KeywordKind), made, strict=True)
        parts = {kind: lake.write_part_file(kind, None, path) for kind, path in files}
    return replace(contents, keyword=parts)


def _without(postings: Path, lengths: Path, collapsed: frozenset[str], copy: Path) -> tuple[Path, Path]:
    """Return a shard's files, or copies beside `copy` without its collapsed chunks, whose rows stay with length 0."""
    held, table = pq.read_table(lengths), pq.read_table(postings)
    gone = pc.is_in(held["chunk_id"], value_set=pa.array(sorted(collapsed), pa.string()))
    if not pc.any(gone).as_py():
        return postings, lengths
    left = pc.if_else(gone, pa.scalar(0, pa.uint32()), held["length"])
    kept = table.filter(pc.invert(gone.take(table["chunk"]))), held.set_column(1, "length", left)
    places = copy.with_suffix(".postings"), copy.with_suffix(".lengths")
    for rows, place in zip(kept, places, strict=True):
        pq.write_table(rows, place, compression="zstd", row_group_size=ROW_GROUP)
    return places
