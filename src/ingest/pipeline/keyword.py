"""The keyword index: postings of each shard, then one merge over all shards in bounded memory."""

import tempfile
from pathlib import Path

from ingest.keyword import Analyser, merge, shard_postings
from ingest.lake.contents import Contents
from ingest.lake.lake import Lake
from ingest.pipeline.find_duplicates import collapsed_of, without
from ingest.pipeline.tasks import ShardTask, finished, resource, task_parts
from ingest.ports import Services
from ingest.records import Marker, PartFile


@resource("cpu")
def keyword_shard(services: Services, task: ShardTask) -> Marker:
    """Return the marker of a shard whose postings are committed."""
    if (done := finished(services, task, "keyword")) is not None:
        return done
    lake = Lake(services.store, services.options.index)
    parts = task_parts(lake, task)
    table = lake.read(parts["chunks"], ["chunk_id", "context", "text"])
    texts, contexts = table["text"].to_pylist(), table["context"].to_pylist()
    analyser = Analyser.from_record(services.options.analyser)
    made = shard_postings(texts, table["chunk_id"].to_pylist(), analyser, contexts)
    written = (
        lake.write_part("keyword.postings", task.shard, made.postings),
        lake.write_part("keyword.lengths", task.shard, made.lengths),
    )
    counts = {"documents": parts["documents"].rows, "chunks": len(texts), "postings": made.postings.num_rows}
    marker = Marker(step="keyword", shard=task.shard, plan_hash=task.plan_hash, parts=written, counts=counts)
    return lake.mark(task.generation, marker)


def merge_keyword(services: Services, lake: Lake, contents: Contents) -> dict[str, PartFile]:
    """Merge the shards' postings, in the order of the shards, into the three files that searches read.

    Collapsed chunks keep their rows, so that row numbers are those of `chunks`, and lose their postings.
    """
    shards = [
        (lake.part_path(parts["keyword.postings"]), lake.part_path(parts["keyword.lengths"]))
        for parts in map(contents.parts, contents.shards)
    ]
    collapsed = collapsed_of(services, lake, contents.duplicates)
    with (
        tempfile.TemporaryDirectory(prefix="ingest-merge-") as folder,
        tempfile.TemporaryDirectory(prefix="ingest-collapse-") as copies,
    ):
        if collapsed:
            shards = [without(*paths, collapsed, Path(copies)) for paths in shards]
        paths = merge(shards, Path(folder))
        return {
            "keyword.postings": lake.write_part_file("keyword.postings", None, paths.postings),
            "keyword.terms": lake.write_part_file("keyword.terms", None, paths.terms),
            "keyword.lengths": lake.write_part_file("keyword.lengths", None, paths.lengths),
        }
