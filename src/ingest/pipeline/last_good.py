"""Rows of the base as they are carried on: with what the listing says today, and as last good versions."""

from dataclasses import replace
from datetime import datetime, timedelta

from ingest.lake.lake import Lake
from ingest.lake.rows import DocumentRow, attributes_digest
from ingest.lake.shard_rows import ShardRows, read_rows
from ingest.pipeline.changes import FETCHED
from ingest.records import PartFile, PlannedDocument


def base_rows(lake: Lake, parts: dict[str, PartFile]) -> ShardRows:
    """Return a shard's rows in the base. If its chunks are lost, its documents are cut again, as by another chunker."""
    rows = read_rows(lake, parts)
    if "chunks" not in parts:
        rows.documents = {uri: replace(row, chunker_fingerprint="") for uri, row in rows.documents.items()}
    return rows


def last_good(row: DocumentRow, planned: PlannedDocument, now: datetime, days: int) -> DocumentRow | None:
    """Return the base's row of a document whose new version failed, with today's groups; None after `days`."""
    since = datetime.fromisoformat(row.stale_since) if row.stale_since else now
    # Of a failure known before, the plan decides; a new one may come when the last good version is old already.
    if planned.change in FETCHED and now - since >= timedelta(days=days):
        return None
    return replace(with_attributes(row, planned), status="last_good", stale_since=since.isoformat())


def with_attributes(row: DocumentRow, planned: PlannedDocument) -> DocumentRow:
    """Return a row with the listing's current groups, tenant and place."""
    digest = attributes_digest(planned.acl, planned.tenant, planned.source, planned.title)
    listed = {name: getattr(planned, name) for name in ("acl", "tenant", "source", "path")}
    return replace(row, title=planned.title or row.title, attributes_digest=digest, **listed)
