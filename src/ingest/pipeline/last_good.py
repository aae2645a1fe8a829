"""Rows of the base as they are carried on: with what the listing says today, and as last good versions."""

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from ingest.errors import DocumentError, LostText
from ingest.lake.lake import Lake
from ingest.lake.rows import DocumentRow, attributes_digest
from ingest.lake.shard_rows import ShardRows, read_rows
from ingest.pipeline.changes import FETCHED
from ingest.pipeline.shard_builder import Made
from ingest.records import PartFile, PlannedDocument

log = logging.getLogger(__name__)


def base_rows(lake: Lake, parts: dict[str, PartFile]) -> ShardRows:
    """Return a shard's rows in the base. If its chunks are lost, its documents are cut again, as by another chunker."""
    rows = read_rows(lake, parts)
    if "chunks" not in parts:
        rows.documents = {uri: replace(row, chunker_fingerprint="") for uri, row in rows.documents.items()}
    return rows


def keep_last_good(made: Made, base: ShardRows, planned: PlannedDocument, now: datetime) -> None:
    """Keep the base's version of a document whose new version failed, for a limited time, with today's groups."""
    if (row := base.documents.get(planned.uri)) is None:
        return
    since = datetime.fromisoformat(row.stale_since) if row.stale_since else now
    # Of a failure known before, the plan decides; a new one may come when the last good version is old already.
    if planned.change in FETCHED and now - since >= timedelta(days=made.bench.options.keep_last_good_days):
        return
    try:
        made.carry(replace(with_attributes(row, planned), status="last_good", stale_since=since.isoformat()), base)
    except LostText as error:
        log.warning("the last good version is lost: %s", error)
    except DocumentError:  # a changed chunker may find no text, a changed policy may refuse it
        pass


def with_attributes(row: DocumentRow, planned: PlannedDocument) -> DocumentRow:
    """Return a row with the listing's current groups, tenant and place."""
    digest = attributes_digest(planned.acl, planned.tenant, planned.source, planned.title)
    listed = {name: getattr(planned, name) for name in ("acl", "tenant", "source", "path")}
    return replace(row, title=planned.title or row.title, attributes_digest=digest, **listed)
