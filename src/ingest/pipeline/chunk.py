"""chunk_shard: fetch → parse → chunk → commit part files. The one place where a document's failure becomes a row."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property, partial

from ingest.chunking import chunk
from ingest.errors import DocumentError, EmptyDocument
from ingest.ids import document_id, sha256_hex
from ingest.lake.lake import Lake
from ingest.lake.tables import (
    DocumentRow,
    attribute_table,
    attributes_digest,
    chunk_digest,
    chunk_table,
    document_table,
    quarantine_table,
    stored_document,
    text_table,
)
from ingest.pipeline.adopt import earlier_work
from ingest.pipeline.reads import Reads
from ingest.pipeline.work import Fingerprints, ShardRows, ShardTask, by_kind, fingerprints, plan_of, read_rows, resource
from ingest.planning import FETCHED
from ingest.ports import Services
from ingest.records import Chunk, Document, Marker, PlannedDocument, Quarantined, RawDocument, ShardPlan


@resource("cpu")
def chunk_shard(services: Services, task: ShardTask) -> Marker:
    """Return the marker of a shard whose documents are parsed, chunked and committed.

    A finished shard is not fetched again. Raises: TransientError, FatalError; a DocumentError becomes a row.
    """
    lake = Lake(services.store, services.options.index)
    if (done := lake.marker(task.generation, "chunk", task.shard, task.plan_hash)) is not None:
        return done
    plan = plan_of(lake, task)
    builder = _ShardBuilder(
        services, fingerprints(services), read_rows(lake, by_kind(plan.base_parts)),
        partial(earlier_work, lake, task.generation, task.shard), frozenset(plan.deleted),
    )  # fmt: skip
    fetched = [d for d in plan.documents if d.change in FETCHED]
    adopts = bool(fetched and builder.earlier)  # then most are not read at all: nothing is read ahead
    with Reads(services, [] if adopts else fetched, services.options.concurrent_reads) as reads:
        for planned in plan.documents:
            builder.add(planned, reads)
    return lake.mark(task.generation, builder.commit(lake, plan, task.plan_hash))


@dataclass
class _ShardBuilder:
    services: Services
    prints: Fingerprints
    base: ShardRows
    open_earlier: Callable[[], list[ShardRows]]
    deleted: frozenset[str]  # document ids
    rows: ShardRows = field(default_factory=ShardRows)
    gone: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    stage: str = ""  # of the document at hand

    @cached_property
    def earlier(self) -> list[ShardRows]:
        """What generations that were never released hold of this shard, newest first; read when it is needed."""
        return self.open_earlier()

    def add(self, planned: PlannedDocument, reads: Reads) -> None:
        """Bring one planned document into the shard: as a document, in quarantine, or as gone."""
        try:
            self._bring(planned, reads)
        except DocumentError as error:
            self._quarantine(planned, error)

    def _bring(self, planned: PlannedDocument, reads: Reads) -> None:
        if planned.change in FETCHED:
            if not self._adopt(planned):
                self._read(planned, reads)
        elif planned.change == "known_bad" or planned.uri not in self.base.documents:
            self._keep_failure(planned.uri, self.base)
            self._keep_last_good(planned)
        elif planned.change == "attributes_changed":
            row = replace(self.base.documents[planned.uri], status="current", stale_since="")
            self._carry(with_attributes(row, planned), self.base)
        else:
            self._carry(self.base.documents[planned.uri], self.base)
            self._keep_failure(planned.uri, self.base)  # of a last good version

    def _read(self, planned: PlannedDocument, reads: Reads) -> None:
        self.stage = "read"
        raw = reads.take(planned)
        self.counts["gets"] += 1
        if raw is None:
            self.gone.append(planned.uri)
            if planned.uri in self.base.documents:
                self._carry(with_attributes(self.base.documents[planned.uri], planned), self.base)
                self._keep_failure(planned.uri, self.base)
            return
        self.counts["bytes"] += len(raw.data)
        self.stage = "parse"
        document = self.services.sandbox.parse(raw)
        self._put(self._row(planned, raw, document), document)

    def _adopt(self, planned: PlannedDocument) -> bool:
        """Take a document, or its failure, from a generation that was built and never released; False: read it."""
        for rows in self.earlier:
            row, bad = rows.documents.get(planned.uri), rows.quarantine.get(planned.uri)
            if bad is not None and (bad.version, bad.fingerprint) == (planned.version, self.prints.documents):
                self._keep_failure(planned.uri, rows)
                self._keep_last_good(planned)
                return True
            wanted = (planned.version, self.prints.parser, "current")
            if row is not None and (row.version, row.parser_fingerprint, row.status) == wanted:
                self._carry(with_attributes(row, planned), rows)
                return True
        return False

    def _row(self, planned: PlannedDocument, raw: RawDocument, document: Document) -> DocumentRow:
        return DocumentRow(
            document_id=document_id(planned.uri), uri=planned.uri, source=planned.source, path=planned.path,
            version=planned.version, size=len(raw.data), modified=planned.modified, sha256=sha256_hex(raw.data),
            media_type=document.media_type, parser=document.parser, title=planned.title or document.title,
            language=document.language, parent="", acl=planned.acl, tenant=planned.tenant,
            attributes_digest=attributes_digest(planned.acl, planned.tenant, planned.source, planned.title),
            parser_fingerprint=self.prints.parser, chunker_fingerprint=self.prints.chunker, status="current",
            stale_since="", chunk_count=0, chunk_digest="",
        )  # fmt: skip

    def _put(self, row: DocumentRow, document: Document) -> None:
        self.stage = "chunk"
        chunks = chunk(document, row.document_id, self.services.options.chunking, self.services.tokenizer)
        if not chunks:
            raise EmptyDocument(f"{row.uri}: no text left after parsing as {row.media_type}")
        self._keep(replace(row, chunker_fingerprint=self.prints.chunker), chunks, document)

    def _keep(self, row: DocumentRow, chunks: list[Chunk], document: Document) -> None:
        self.rows.documents[row.uri] = replace(row, chunk_count=len(chunks), chunk_digest=chunk_digest(chunks))
        self.rows.chunks[row.document_id] = chunks
        self.rows.texts[row.document_id] = {"text": document.text, "blocks": document.blocks}

    def _carry(self, row: DocumentRow, rows: ShardRows) -> None:
        """Take a document's stored text from `rows`; its chunks too, unless the chunker changed."""
        document = stored_document(dict(rows.texts[row.document_id]), row)
        if row.chunker_fingerprint == self.prints.chunker:
            self._keep(row, rows.chunks[row.document_id], document)
        else:
            self._put(row, document)

    def _quarantine(self, planned: PlannedDocument, error: DocumentError) -> None:
        self.rows.quarantine[planned.uri] = Quarantined(
            planned.uri, planned.source, planned.version, self.stage, type(error).__name__, str(error),
            self.prints.documents, planned.size,
        )  # fmt: skip
        self.counts[f"quarantined.{type(error).__name__}"] += 1
        self._keep_last_good(planned)

    def _keep_failure(self, uri: str, rows: ShardRows) -> None:
        if uri in rows.quarantine:
            self.rows.quarantine[uri] = rows.quarantine[uri]

    def _keep_last_good(self, planned: PlannedDocument) -> None:
        """Keep the base's version of a document whose new version failed, for a limited time, under today's groups."""
        row = self.base.documents.get(planned.uri)
        if row is None or row.document_id in self.deleted:
            return
        now = self.services.clock()
        since = datetime.fromisoformat(row.stale_since) if row.stale_since else now
        # Of a failure known before, the plan decides; a new one may come when the last good version is old already.
        if planned.change == "changed" and now - since >= timedelta(days=self.services.options.keep_last_good_days):
            return
        stale = replace(with_attributes(row, planned), status="last_good", stale_since=since.isoformat())
        with suppress(DocumentError):  # another chunker may find no text in it any more
            self._carry(stale, self.base)

    def commit(self, lake: Lake, plan: ShardPlan, plan_hash: str) -> Marker:
        """Write the shard's part files and return its marker."""
        documents = [self.rows.documents[uri] for uri in sorted(self.rows.documents)]
        chunks = [c for d in documents for c in self.rows.chunks[d.document_id]]
        texts = [(d.document_id, *(self.rows.texts[d.document_id][k] for k in ("text", "blocks"))) for d in documents]
        quarantined = [self.rows.quarantine[uri] for uri in sorted(self.rows.quarantine)]
        of = {d.document_id: d for d in documents}
        parts = (
            lake.write_part("documents", plan.shard, document_table(documents)),
            lake.write_part("texts", plan.shard, text_table(texts)),
            lake.write_part("chunks", plan.shard, chunk_table(chunks)),
            lake.write_part("attributes", plan.shard, attribute_table(chunks, of)),
            lake.write_part("quarantine", plan.shard, quarantine_table(quarantined)),
        )
        counts = {"documents": len(documents), "chunks": len(chunks), "quarantined": len(quarantined), **self.counts}
        return Marker(
            step="chunk", shard=plan.shard, plan_hash=plan_hash, parts=parts, counts=counts, gone=tuple(self.gone)
        )  # fmt: skip


def with_attributes(row: DocumentRow, planned: PlannedDocument) -> DocumentRow:
    """Return a row with what the listing says now of who may see it and where it is."""
    return replace(
        row, acl=planned.acl, tenant=planned.tenant, source=planned.source, path=planned.path,
        title=planned.title or row.title,
        attributes_digest=attributes_digest(planned.acl, planned.tenant, planned.source, planned.title),
    )  # fmt: skip
