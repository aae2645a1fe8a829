"""The future content of a shard, or of a slice: rows of new documents, and rows carried from an earlier generation."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property

import pyarrow as pa

from ingest import errors, records
from ingest.documents.cutting import cut_document
from ingest.documents.duplicates import sketching
from ingest.errors import DocumentError, LostText, OversizedDocument, UnembeddableDocument
from ingest.ids import child_uri, document_id, sha256_hex
from ingest.lake import rows as stored
from ingest.lake.rows import DocumentRow, Dropped, attributes_digest
from ingest.lake.shard_rows import ShardRows, by_kind, read_rows
from ingest.pipeline.changes import FETCHED
from ingest.pipeline.fingerprints import Fingerprints, fingerprints
from ingest.pipeline.tasks import STAYING
from ingest.services import Workbench

MAX_MESSAGE = 2000  # characters of a failure's reason
LONGEST_PATH = 4096  # code points of a document's place, with those that contain it: each of its points holds it
Allowance = Counter[str]  # what one listed document may still open, across all levels, by limit


@dataclass
class Made:
    """The rows of one shard, or of a slice, while it is being built."""

    bench: Workbench
    plan: records.ShardPlan
    now: datetime
    rows: ShardRows = field(default_factory=ShardRows)
    counts: Counter[str] = field(default_factory=Counter)
    earlier: Sequence[ShardRows] = ()  # what was made of this shard since the base
    refused: Mapping[str, str] = field(default_factory=dict)  # why the model gives no vector, by embedding key

    def __post_init__(self) -> None:
        self.prints, self.parts = fingerprints(self.bench), by_kind(self.plan.base_parts)
        self.base = self._read("documents", "quarantine", "dropped")
        if "chunks" not in self.parts:  # lost: its documents are cut again, as by another chunker
            rows = self.base.documents.items()
            self.base.documents = {uri: replace(row, chunker_fingerprint="") for uri, row in rows}

    def _read(self, *kinds: records.PartKind) -> ShardRows:
        of = (self.plan.shard, self.plan.divides) if self.plan.divides else None
        return read_rows(self.bench.lake, self.parts, *kinds, of=of)

    @cached_property
    def _whole(self) -> ShardRows:
        """The base with texts and chunks, which only documents need that change."""
        return replace(self._read(), documents=self.base.documents)

    @cached_property
    def _stay(self) -> bool:
        """Whether rows of the base can stay as they are, those of unchanged documents."""
        return not self.refused and not self.plan.divides and {*STAYING} <= self.parts.keys()

    def put(self, row: DocumentRow, document: records.Document, *, container: bool) -> None:
        """Chunk, screen and keep a document; a container may have no text. Raises: DocumentError."""
        options, tokenizer = self.bench.options, self.bench.tokenizer
        cut = cut_document(document, row.uri, row.source, options, tokenizer, container=container)
        if cut.refusal is not None:
            raise cut.refusal
        sketch, dropped = sketching(options.duplicates), [Dropped(**asdict(c), reason=why) for c, why in cut.dropped]
        chunks = [replace(chunk, sketch=sketch(chunk.text)) for chunk in cut.chunks]
        row = replace(row, chunker_fingerprint=self.prints.chunker, text_language=cut.language)
        self._keep(row, chunks, dropped, document)

    def carry(self, row: DocumentRow, rows: ShardRows) -> None:
        """Take a document's stored text from `rows`, its chunks unless the chunker has changed, then its children.

        A child that the current chunker, policy or model refuses goes to quarantine by itself. Raises: DocumentError.
        """
        before, kept = rows.documents[row.uri], bool(row.chunker_fingerprint) and row.document_id in self.plan.keeps
        cut = kept or row.chunker_fingerprint == self.prints.chunker
        row = replace(row, parser_fingerprint=before.parser_fingerprint)
        inside, failures = rows.children.get(row.document_id, []), rows.failures.get(row.document_id, [])
        if rows is self.base and row == before and cut and self._stay:
            self.rows.documents[row.uri] = row
        else:
            with blamed_on(row):
                self._carry(row, self._whole if rows is self.base else rows, cut, bool(inside or failures))
        for child in inside:
            try:
                self.carry(following(child, before, row), rows)
            except DocumentError as error:
                self.fail(child, "embed" if isinstance(error, UnembeddableDocument) else "chunk", error)
        for failure in failures:
            self.rows.quarantine[failure.uri] = replace(failure, source=row.source)

    def _carry(self, row: DocumentRow, rows: ShardRows, cut: bool, container: bool) -> None:
        if row.document_id not in rows.texts:
            raise LostText(f"{row.uri}: its text in the lake is damaged, and its source no longer has that version")
        document = stored.stored_document(dict(rows.texts[row.document_id]), row)
        if not cut:
            return self.put(row, document, container=container)
        chunks, dropped = rows.chunks.get(row.document_id, []), rows.dropped.get(row.document_id, [])
        return self._keep(row, chunks, dropped, document)

    def fail(self, failed: records.PlannedDocument | DocumentRow, stage: str, error: DocumentError) -> None:
        """Quarantine a document: a listed one, or one inside another, whose parent and siblings stay."""
        name, parent = type(error).__name__, failed.parent if isinstance(failed, DocumentRow) else ""
        fingerprint = self.prints.failure(error.parser, failed.uri, failed.source, stage)
        told = stage, name, str(error)[:MAX_MESSAGE], fingerprint, failed.size, parent
        known = [rows.quarantine[failed.uri] for rows in (self.base, *self.earlier) if failed.uri in rows.quarantine]
        tried = [k.attempts for k in known if (k.version, k.fingerprint) == (failed.version, fingerprint)]
        now = self.now.isoformat()
        seen = 1 + max(tried, default=0), min((k.first_seen for k in known), default=now), now
        self.rows.quarantine[failed.uri] = records.Quarantined(failed.uri, failed.source, failed.version, *told, *seen)
        self.counts[f"quarantined{'_children' if parent else ''}.{name}"] += 1

    def _keep(
        self, row: DocumentRow, chunks: list[records.Chunk], dropped: list[Dropped], document: records.Document
    ) -> None:
        if why := next((self.refused[c.embedding_key] for c in chunks if c.embedding_key in self.refused), None):
            raise UnembeddableDocument(f"{row.uri}: {why}")
        self.rows.documents[row.uri] = replace(
            row, chunk_count=len(chunks), chunk_digest=stored.chunk_digest(chunks), dropped_count=len(dropped)
        )
        self.rows.chunks[row.document_id] = chunks
        self.rows.dropped[row.document_id] = dropped
        self.rows.texts[row.document_id] = {"text": document.text, "blocks": document.blocks}

    def keep_last_good(self, planned: records.PlannedDocument) -> None:
        """Keep the base's version of a document whose new version failed, for a limited time, with today's groups."""
        row = self.base.documents.get(planned.uri)
        if row is None or row.document_id in self.plan.deleted:
            return
        since = datetime.fromisoformat(row.stale_since) if row.stale_since else self.now
        # Of a failure known before, the plan decides; a new one may come when the last good version is old already.
        if planned.change in FETCHED and self.now - since >= timedelta(days=self.bench.options.keep_last_good_days):
            return
        row = replace(with_attributes(row, planned), status="last_good", stale_since=since.isoformat())
        # A changed chunker may find no text, a changed policy may refuse it.
        with suppress(DocumentError), errors.Tolerated("the last good version is lost", LostText):
            self.carry(row, self.base)

    def tables(self) -> dict[records.PartKind, pa.Table]:
        """Return the rows of each kind, sorted by URI, and count them; of STAYING ones only those that are new."""
        documents = [self.rows.documents[uri] for uri in sorted(self.rows.documents)]
        new = [d for d in documents if d.document_id in self.rows.texts]
        chunks = [c for d in new for c in self.rows.chunks[d.document_id]]
        left_out = {**self.base.dropped, **self.rows.dropped}
        dropped = [c for d in documents for c in left_out.get(d.document_id, ())]
        texts = [(d.document_id, *(self.rows.texts[d.document_id][k] for k in ("text", "blocks"))) for d in new]
        quarantined = [self.rows.quarantine[uri] for uri in sorted(self.rows.quarantine)]
        self.counts.update(
            documents=len(documents),
            children=sum(bool(d.parent) for d in documents),
            chunks=sum(d.chunk_count for d in documents),
            quarantined=sum(not q.parent for q in quarantined),
            quarantined_children=sum(bool(q.parent) for q in quarantined),
        )
        self.counts.update(f"dropped.{d.reason}" for d in dropped)
        return {
            "documents": stored.table_of("documents", documents),
            "texts": stored.text_table(texts),
            "chunks": stored.table_of("chunks", chunks),
            "attributes": stored.attribute_table(chunks, {d.document_id: d for d in new}),
            "quarantine": stored.table_of("quarantine", quarantined),
            "dropped": stored.table_of("dropped", dropped),  # even an empty one replaces the base's
        }


@contextmanager
def blamed_on(row: DocumentRow) -> Iterator[None]:
    """Record a document's parser on a DocumentError about it."""
    try:
        yield
    except DocumentError as error:
        error.parser = row.parser
        raise


def following(child: DocumentRow, before: DocumentRow, parent: DocumentRow) -> DocumentRow:
    """Return a child with the groups, tenant, place and status of its parent, whose row was `before`."""
    names = ("acl", "tenant", "source", "modified", "status", "stale_since")
    path = parent.path + child.path.removeprefix(before.path)
    digest = stored.attributes_digest(parent.acl, parent.tenant, parent.source, "")
    return replace(child, path=path, attributes_digest=digest, **{name: getattr(parent, name) for name in names})


def with_attributes(row: DocumentRow, planned: records.PlannedDocument) -> DocumentRow:
    """Return a row with the listing's current groups, tenant and place."""
    digest = stored.attributes_digest(planned.acl, planned.tenant, planned.source, planned.title)
    listed = {name: getattr(planned, name) for name in ("acl", "tenant", "source", "path")}
    return replace(row, title=planned.title or row.title, attributes_digest=digest, **listed)


def put_family(
    made: Made, row: DocumentRow, document: records.Document, left: Allowance | None = None, level: int = 1
) -> None:
    """Keep a document, a listed one by default, and all documents inside it (attachments, archive entries).

    Each has a URI of its own; a child that fails goes to quarantine by itself. Raises: DocumentError.
    """
    limits = made.bench.options.limits
    if left is None:
        left = Counter(archive_entries=limits.archive_entries, archive_bytes=limits.archive_bytes)
    with blamed_on(row):
        if document.children:
            check_container(document, row.uri, level, limits.archive_depth)
            _take(left, document, row.uri)
        made.put(replace(row, child_count=len(document.children)), document, container=bool(document.children))
    for child in document.children:
        _bring(made, row, child, left, level)


def _bring(made: Made, parent: DocumentRow, child: records.Child, left: Allowance, level: int) -> None:
    raw = records.RawDocument(child_ref(parent, child), child.data)
    bare = replace(row_of(raw), parent=parent.document_id, path=f"{parent.path}{stored.BETWEEN}{child.path}")
    stage = "parse"
    try:
        if len(bare.path) > LONGEST_PATH:
            raise OversizedDocument(f"{bare.path[:200]}…: a name of {len(bare.path)} characters, {LONGEST_PATH} may be")
        document = made.bench.sandbox.parse(raw)
        stage = "chunk"
        put_family(made, parsed(bare, document, made.prints), document, left, level + 1)
    except DocumentError as error:
        made.fail(bare, stage, error)


def _take(left: Allowance, document: records.Document, uri: str) -> None:
    """Count a container's children. Raises: OversizedDocument when they exceed what is left."""
    inside = Counter(archive_entries=len(document.children), archive_bytes=sum(len(c.data) for c in document.children))
    for name, found in inside.items():
        if found > left[name]:
            raise OversizedDocument(
                f"{uri}: {found} {name} inside, {left[name]} are left of the limit over all levels (limits.{name})"
            )
    left.subtract(inside)


def check_container(document: records.Document, uri: str, level: int, depth: int) -> None:
    """Check that the documents inside may be opened.

    `level` is 1 for a source's document, 2 for one inside it, and so on; a container's level may be at most `depth`.
    Raises: OversizedDocument; MalformedDocument when two of them have the same name.
    """
    if level > depth:
        raise OversizedDocument(f"{uri}: a container on level {level}, the limit is {depth} (limits.archive_depth)")
    ((path, times),) = Counter(child.path for child in document.children).most_common(1)
    if times > 1:
        raise errors.MalformedDocument(f"{uri}: {times} documents inside are called {path!r}")


def child_ref(parent: records.DocumentRef, child: records.Child) -> records.DocumentRef:
    """Return a document inside another as a listing would give it."""
    uri, version, size = child_uri(parent.uri, child.path), sha256_hex(child.data), len(child.data)
    followed = {name: getattr(parent, name) for name in ("source", "modified", "acl", "tenant")}
    return records.DocumentRef(
        uri=uri, path=child.path, version=version, size=size, media_type=child.media_type, **followed
    )


def row_of(raw: records.RawDocument) -> DocumentRow:
    """Return the row of a document that was read, without what only parsing reveals."""
    ref = raw.ref
    return DocumentRow(
        **{name: getattr(ref, name) for name in records.DocumentRef.__slots__ if name != "media_type"},
        document_id=document_id(ref.uri),
        sha256=sha256_hex(raw.data),  # the size is the listed one: of an encoded object, packed
        attributes_digest=attributes_digest(ref.acl, ref.tenant, ref.source, ref.title),
    )


def parsed(row: DocumentRow, document: records.Document, prints: Fingerprints) -> DocumentRow:
    """Return a row completed after parsing. A title from the source wins."""
    told = {name: getattr(document, name) for name in ("media_type", "parser", "language")}
    row = replace(row, title=row.title or document.title, **told)
    return replace(row, parser_fingerprint=prints.text(row, row.source))
