"""The keyword index: the postings of each shard, then one merge of all shards in bounded memory."""

from collections.abc import Mapping
from dataclasses import replace
from typing import get_args

from ingest.keyword import Analyser, merge, shard_postings
from ingest.lake.contents import Contents
from ingest.lake.shard_rows import by_kind, keyword_files, put_onto
from ingest.pipeline.tasks import DOCUMENT_STEPS, ShardTask, parts_after, shard_step
from ingest.ports import Tally
from ingest.records import Marker, PartFile
from ingest.records.generations import KeywordKind
from ingest.release.generation_states import sealed_manifest
from ingest.scratch import scratch_folder
from ingest.services import Services, Workbench


@shard_step("keyword", "cpu")
def keyword_shard(services: Services, task: ShardTask) -> Marker:
    """Return the marker of a shard whose postings are committed."""
    bench, lake = services.bench, services.bench.lake
    parts, before = parts_after(lake, task, *DOCUMENT_STEPS), lake.claim(task.generation).base
    base = sealed_manifest(lake, before)[0] if before is not None else None
    same = base is not None and base.analyser == bench.options.analyser
    held = by_kind(lake.shard_plan(task.generation, task.shard, task.plan_hash).base_parts) if same else {}
    postings, lengths = index_shard(bench, task.shard, parts["chunks"], held)
    counts = {"documents": parts["documents"].rows, "chunks": lengths.rows, "postings": postings.rows}
    return task.marker("keyword", counts, parts=(postings, lengths))


def index_shard(
    bench: Workbench, shard: int, chunks: PartFile, base: Mapping[str, PartFile]
) -> tuple[PartFile, PartFile]:
    """Write the postings and the lengths of a shard's chunks, and return their parts.

    Of chunks that are a delta onto those of the `base`, whose terms are counted by the same analyser, only the new ones
    are read, and their files put onto the base's.
    """
    lake, analyser, beneath = bench.lake, Analyser.from_record(bench.options.analyser), chunks.onto
    known = base["chunks"].sha256 if {"chunks", "keyword.postings", "keyword.lengths"} <= base.keys() else ""
    if chunks.sha256 == known:
        return base["keyword.postings"], base["keyword.lengths"]
    stays = beneath is not None and beneath.sha256 == known
    table = (lake.read_file if stays else lake.read)(chunks, ["chunk_id", "context", "text"])
    texts, contexts = table["text"].to_pylist(), table["context"].to_pylist()
    made = shard_postings(texts, table["chunk_id"].to_pylist(), analyser, contexts)
    postings = lake.write_part("keyword.postings", shard, made.postings)
    lengths = lake.write_part("keyword.lengths", shard, made.lengths.replace_schema_metadata(table.schema.metadata))
    if beneath is None or not stays:
        return postings, lengths
    every = base["keyword.postings"].rows + postings.rows  # also those of chunks that no longer count
    return (
        put_onto(base["keyword.postings"], postings, every, beneath.deleted),
        put_onto(base["keyword.lengths"], lengths, chunks.rows, beneath.deleted),
    )


def merge_keyword(contents: Contents, tally: Tally) -> Contents:
    """Return contents with the three files that searches read, merged from the shards' postings in shard order.

    Collapsed chunks lose their postings but keep their rows, so that row numbers equal those of `chunks`.
    """
    lake, parts = contents.lake, map(contents.parts, contents.shards)
    with scratch_folder() as folder:
        made = merge((keyword_files(lake, shard, contents.collapsed) for shard in parts), folder, tally.add)
        tally.heard(tally.done)
        files = zip(get_args(KeywordKind), made, strict=True)
        return replace(contents, keyword={kind: lake.write_part_file(kind, None, path) for kind, path in files})
