"""Documents with a chunk that the model cannot embed: set aside before anything is built from them."""

from collections import Counter
from collections.abc import Mapping

from ingest.errors import UnembeddableDocument
from ingest.lake.shard_rows import by_kind, read_rows
from ingest.pipeline.index_keywords import index_shard
from ingest.pipeline.shard_builder import Made
from ingest.pipeline.shard_slices import written
from ingest.pipeline.tasks import ShardTask
from ingest.pipeline.unreleased_rows import unreleased_rows
from ingest.records import PartFile
from ingest.services import Services


def set_aside(
    services: Services, task: ShardTask, parts: Mapping[str, PartFile], refused: Mapping[str, str]
) -> tuple[tuple[PartFile, ...], Counter[str]]:
    """Return a shard's parts without the documents that hold a refused chunk, and these documents, counted by error.

    Each goes to quarantine, a document inside another by itself. The last good version of a listed one takes its place.
    `refused`: why the model gives no vector, by embedding key.
    """
    bench = services.bench
    plan = bench.lake.shard_plan(task.generation, task.shard, task.plan_hash)
    found, made, replaced = read_rows(bench.lake, parts), Made(bench, plan, refused=refused), set[str]()
    made.earlier = unreleased_rows(bench.lake, task)
    for row in (row for row in found.documents.values() if not row.parent):
        try:
            made.carry(row, found)
        except UnembeddableDocument as error:
            if row.status == "current":  # a last good version is in quarantine already
                made.fail(row, "embed", error)
                replaced.add(row.uri)
    before = {uri: row for uri, row in found.quarantine.items() if not row.parent}
    made.rows.quarantine = before | made.rows.quarantine
    counts = Counter({name: n for name, n in made.counts.items() if name.startswith("quarantined")})
    for planned in plan.documents:
        stale = made.base.documents.get(planned.uri) if planned.uri in replaced else None
        if stale is not None:
            family = made.base.family(stale)
            chunks = (chunk for member in family for chunk in made.base.chunks.get(member.document_id, ()))
            if not any(chunk.embedding_key in refused for chunk in chunks):
                made.keep_last_good(planned, services.writer.clock())
    written_parts = written(bench.lake, task, made.tables())
    if "keyword" not in plan.steps:  # the base's postings would be carried
        written_parts += index_shard(bench, task.shard, by_kind(written_parts)["chunks"])
    return written_parts, counts
