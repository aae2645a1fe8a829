"""chunk_shard: fetch → parse → chunk → commit part files. The one place where a document's failure becomes a row."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

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
from ingest.pipeline.work import Fingerprints, ShardRows, ShardTask, by_kind, fingerprints, plan_of, read_rows, resource
from ingest.planning import ref_of
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
    builder = _ShardBuilder(services, fingerprints(services), read_rows(lake, by_kind(plan.base_parts)))
    for planned in plan.documents:
        builder.add(planned)
    return lake.mark(task.generation, builder.commit(lake, plan, task.plan_hash))


@dataclass
class _ShardBuilder:
    services: Services
    prints: Fingerprints
    base: ShardRows
    rows: ShardRows = field(default_factory=ShardRows)
    gone: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, planned: PlannedDocument) -> None:
        """Bring one planned document into the shard: as a document, in quarantine, or as gone."""
        if planned.change in ("added", "changed"):
            try:
                self._read(planned)
            except DocumentError as error:
                self._quarantine(planned, error)
        elif planned.uri in self.base.documents and planned.change != "known_bad":
            self._carry(planned)
        else:
            self._keep_out(planned)

    def _read(self, planned: PlannedDocument) -> None:
        source = next(s for s in self.services.sources if s.name == planned.source)
        raw = source.read(ref_of(planned))
        self.counts["gets"] += 1
        if raw is None:
            self.gone.append(planned.uri)
            if planned.uri in self.base.documents:
                self._carry(planned.model_copy(update={"change": "carried"}))
            return
        document = self.services.sandbox.parse(raw)
        self._put(self._row(planned, raw, document), document)
        self.counts["bytes"] += len(raw.data)

    def _row(self, planned: PlannedDocument, raw: RawDocument, document: Document) -> DocumentRow:
        return DocumentRow(
            document_id=document_id(planned.uri), uri=planned.uri, source=planned.source, path=planned.path,
            version=planned.version, size=len(raw.data), modified=planned.modified, sha256=sha256_hex(raw.data),
            media_type=document.media_type, parser=document.parser, title=document.title, language=document.language,
            parent="", acl=planned.acl, tenant=planned.tenant,
            attributes_digest=attributes_digest(planned.acl, planned.tenant, planned.source),
            parser_fingerprint=self.prints.parser, chunker_fingerprint=self.prints.chunker, status="current",
            stale_since="", chunk_count=0, chunk_digest="",
        )  # fmt: skip

    def _put(self, row: DocumentRow, document: Document) -> None:
        chunks = chunk(document, row.document_id, self.services.options.chunking, self.services.tokenizer)
        if not chunks:
            raise EmptyDocument(f"{row.uri}: no text left after parsing as {row.media_type}")
        self._keep(replace(row, chunker_fingerprint=self.prints.chunker), chunks)
        self.rows.texts[row.document_id] = {"text": document.text, "blocks": document.blocks}

    def _keep(self, row: DocumentRow, chunks: list[Chunk]) -> None:
        self.rows.documents[row.uri] = replace(row, chunk_count=len(chunks), chunk_digest=chunk_digest(chunks))
        self.rows.chunks[row.document_id] = chunks

    def _carry(self, planned: PlannedDocument) -> None:
        """Take a document from the base: with new attributes, and chunked again when the chunker changed."""
        row = self.base.documents[planned.uri]
        if planned.change == "attributes_changed":
            row = replace(
                row, acl=planned.acl, tenant=planned.tenant, source=planned.source, path=planned.path,
                attributes_digest=attributes_digest(planned.acl, planned.tenant, planned.source),
            )  # fmt: skip
        document = stored_document(dict(self.base.texts[row.document_id]), row)
        if row.chunker_fingerprint != self.prints.chunker:
            self._put(row, document)
            return
        self._keep(row, self.base.chunks[row.document_id])
        self.rows.texts[row.document_id] = {"text": document.text, "blocks": document.blocks}
        if planned.uri in self.base.quarantine:  # a last good version: its failure is still known
            self.rows.quarantine[planned.uri] = self.base.quarantine[planned.uri]

    def _quarantine(self, planned: PlannedDocument, error: DocumentError) -> None:
        stage = "chunk" if isinstance(error, EmptyDocument) else "parse"
        self.rows.quarantine[planned.uri] = Quarantined(
            planned.uri, planned.source, planned.version, stage, type(error).__name__, str(error),
            self.prints.documents, planned.size,
        )  # fmt: skip
        self.counts[f"quarantined.{type(error).__name__}"] += 1
        self._keep_last_good(planned.uri)

    def _keep_out(self, planned: PlannedDocument) -> None:
        if planned.uri in self.base.quarantine:
            self.rows.quarantine[planned.uri] = self.base.quarantine[planned.uri]
        self._keep_last_good(planned.uri)

    def _keep_last_good(self, uri: str) -> None:
        """Keep the base's version of a document whose new version failed, for a limited time."""
        row = self.base.documents.get(uri)
        if row is None:
            return
        now = self.services.clock()
        since = datetime.fromisoformat(row.stale_since) if row.stale_since else now
        if now - since < timedelta(days=self.services.options.keep_last_good_days):
            text = self.base.texts[row.document_id]
            document = stored_document(dict(text), row)
            self.rows.texts[row.document_id] = {"text": document.text, "blocks": document.blocks}
            stale = replace(row, status="last_good", stale_since=since.isoformat())
            if row.chunker_fingerprint == self.prints.chunker:
                self._keep(stale, self.base.chunks[row.document_id])
            else:
                self._put(stale, document)

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
