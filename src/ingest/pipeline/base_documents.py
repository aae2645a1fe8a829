"""What a base generation holds about each document, as far as a plan must know it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ingest.lake.lake import Lake
from ingest.lake.rows import DocumentRow
from ingest.lake.shard_rows import ShardRows, read_rows
from ingest.pipeline.changes import BaseDocument, KnownBad
from ingest.pipeline.fingerprints import Fingerprints
from ingest.records import DocumentRef, PartFile


@dataclass(frozen=True)
class BaseDocuments:
    """Reads them shard by shard. Of lost parts nothing is known."""

    lake: Lake
    prints: Fingerprints
    keep: timedelta  # how long a last good version is kept
    now: datetime

    def of(
        self, parts: dict[str, PartFile], sources: dict[str, str]
    ) -> tuple[dict[str, BaseDocument], dict[str, KnownBad]]:
        """Return what the base holds about listed documents, by URI; `sources`: where each would be read today."""
        if "documents" not in parts:
            return {}, {}
        rows = read_rows(self.lake, parts, "documents", "quarantine")
        own = [row for row in rows.documents.values() if not row.parent]
        held = {row.uri: self._document(row, rows, sources.get(row.uri, row.source)) for row in own}
        if "texts" not in parts:  # then all are read again
            held = {uri: replace(document, outdated=True) for uri, document in held.items()}
        failed = [row for row in rows.quarantine.values() if not row.parent]
        same = self.prints.same_failure
        bad = {q.uri: KnownBad(q.version, q.source, not same(q, sources.get(q.uri, q.source)), q.error) for q in failed}
        return held, bad

    def _document(self, row: DocumentRow, rows: ShardRows, source: str) -> BaseDocument:
        names = ("uri", "source", "path", "version", "size", "modified", "media_type", "acl", "tenant")
        ref = DocumentRef(**{name: getattr(row, name) for name in names})
        expired = bool(row.stale_since) and self.now - datetime.fromisoformat(row.stale_since) >= self.keep
        outdated = not self.prints.same_family(row, rows, source) or not rows.is_whole(row)
        chunked = [member for member in rows.family(row) if member.chunk_count]
        failures = (failure.error for one in rows.family(row) for failure in rows.failures.get(one.document_id, ()))
        return BaseDocument(
            ref,
            row.attributes_digest,
            row.status,
            expired,
            outdated,
            failures=frozenset(failures),
            serves=bool(chunked and row.acl),
            inside=sum(bool(member.parent) for member in chunked),
        )
