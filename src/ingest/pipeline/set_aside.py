"""Documents with a chunk that the model cannot embed: set aside before anything is built from them."""

from collections import Counter
from collections.abc import Mapping

from ingest.errors import UnembeddableDocument
from ingest.ids import document_id
from ingest.lake.rows import DocumentRow
from ingest.lake.shard_rows import ShardRows, by_kind, read_rows
from ingest.pipeline.fingerprints import fingerprints
from ingest.pipeline.index_keywords import index_shard
from ingest.pipeline.last_good import base_rows, keep_last_good
from ingest.pipeline.shard_builder import Made
from ingest.pipeline.shard_slices import written
from ingest.pipeline.tasks import ShardTask
from ingest.records import PartFile
from ingest.services import Services

Refusals = Mapping[str, str]  # why the model gives no vector, by embedding key


def set_aside(
    services: Services, task: ShardTask, parts: Mapping[str, PartFile], refused: Refusals
) -> tuple[tuple[PartFile, ...], Counter[str]]:
    """Return a shard's parts without the documents that hold a refused chunk, and these documents, counted by error.

    Each goes to quarantine, a document inside another by itself. The last good version of a listed one takes its place.
    """
    bench = services.bench
    plan = bench.lake.shard_plan(task.generation, task.shard, task.plan_hash)
    found, base = read_rows(bench.lake, parts), base_rows(bench.lake, by_kind(plan.base_parts))
    made = Made(bench, fingerprints(bench), before=[base])
    replaced = _take_out(made, found, refused)
    kept = ShardRows(found.documents, found.texts, found.chunks, found.quarantine | made.rows.quarantine, found.dropped)
    for row in kept.documents.values():
        if not row.parent:
            made.carry(row, kept)
    made.rows.quarantine |= {uri: row for uri, row in kept.quarantine.items() if not row.parent}
    counts = Counter({name: n for name, n in made.counts.items() if name.startswith("quarantined")})
    for planned in plan.documents:
        if planned.uri in replaced and document_id(planned.uri) not in plan.deleted:
            stale = base.documents.get(planned.uri)
            if stale is not None and not any(_refusal(member, base, refused) for member in base.family(stale)):
                keep_last_good(made, base, planned, services.writer.clock())
    written_parts = written(bench.lake, task, made.tables())
    if "keyword" not in plan.steps:  # the base's postings would be carried
        written_parts += index_shard(bench, task.shard, by_kind(written_parts)["chunks"])
    return written_parts, counts


def _take_out(made: Made, rows: ShardRows, refused: Refusals) -> set[str]:
    """Remove documents with a refused chunk from `rows`, with all inside them; return the URIs of current listed ones.

    Of a last good version nothing more is said: its document is in quarantine already.
    """
    current = set()
    for row in sorted(rows.documents.values(), key=lambda row: row.uri):
        why = _refusal(row, rows, refused)
        if why is None or row.uri not in rows.documents:  # it went with the document that contains it
            continue
        for member in rows.family(row):
            del rows.documents[member.uri]
            for failure in rows.failures.get(member.document_id, ()):
                rows.quarantine.pop(failure.uri, None)
        if row.parent or row.status == "current":
            told = UnembeddableDocument(f"{row.uri}: {why}")
            told.parser = row.parser
            made.fail(row, "embed", told)
            current.add(row.uri)
    return current


def _refusal(row: DocumentRow, rows: ShardRows, refused: Refusals) -> str | None:
    """Return why one of a document's own chunks has no vector, None if all have one."""
    keys = (chunk.embedding_key for chunk in rows.chunks.get(row.document_id, ()))
    return next((refused[key] for key in keys if key in refused), None)
