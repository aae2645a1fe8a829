"""Documents inside documents: attachments, archive entries. Parsed like any other, with limits across all levels."""

from collections import Counter
from dataclasses import replace

from ingest.errors import DocumentError, MalformedDocument, OversizedDocument
from ingest.ids import child_uri, document_id, sha256_hex
from ingest.lake.rows import BETWEEN, DocumentRow, attributes_digest
from ingest.pipeline.fingerprints import Fingerprints
from ingest.pipeline.shard_builder import Made, blamed_on
from ingest.records import Child, Document, DocumentRef, RawDocument

LONGEST_PATH = 4096  # code points of a document's place, with those that contain it: each of its points holds it


Allowance = Counter[str]  # what one listed document may still open, across all levels, by limit


def put_family(made: Made, row: DocumentRow, document: Document, left: Allowance | None = None, level: int = 1) -> None:
    """Keep a document and all inside it, each under its own URI; a child fails by itself. Raises: DocumentError."""
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


def _bring(made: Made, parent: DocumentRow, child: Child, left: Allowance, level: int) -> None:
    raw = RawDocument(child_ref(parent, child), child.data)
    bare = replace(row_of(raw), parent=parent.document_id, path=f"{parent.path}{BETWEEN}{child.path}")
    stage = "parse"
    try:
        if len(bare.path) > LONGEST_PATH:
            raise OversizedDocument(f"{bare.path[:200]}…: a name of {len(bare.path)} characters, {LONGEST_PATH} may be")
        document = made.bench.sandbox.parse(raw)
        stage = "chunk"
        put_family(made, parsed(bare, document, made.prints), document, left, level + 1)
    except DocumentError as error:
        made.fail(bare, stage, error)


def _take(left: Allowance, document: Document, uri: str) -> None:
    """Count a container's children. Raises: OversizedDocument when they exceed what is left."""
    inside = Counter(archive_entries=len(document.children), archive_bytes=sum(len(c.data) for c in document.children))
    for name, found in inside.items():
        if found > left[name]:
            raise OversizedDocument(
                f"{uri}: {found} {name} inside, {left[name]} are left of the limit over all levels (limits.{name})"
            )
    left.subtract(inside)


def check_container(document: Document, uri: str, level: int, depth: int) -> None:
    """Check level (1: listed) and children's names of a container. Raises: OversizedDocument, MalformedDocument."""
    if level > depth:
        raise OversizedDocument(f"{uri}: a container on level {level}, the limit is {depth} (limits.archive_depth)")
    ((path, times),) = Counter(child.path for child in document.children).most_common(1)
    if times > 1:
        raise MalformedDocument(f"{uri}: {times} documents inside are called {path!r}")


def child_ref(parent: DocumentRow | DocumentRef, child: Child) -> DocumentRef:
    """Return a document inside another as a listing would give it."""
    uri, version, size = child_uri(parent.uri, child.path), sha256_hex(child.data), len(child.data)
    followed = {name: getattr(parent, name) for name in ("source", "modified", "acl", "tenant")}
    return DocumentRef(uri=uri, path=child.path, version=version, size=size, media_type=child.media_type, **followed)


def row_of(raw: RawDocument) -> DocumentRow:
    """Return the row of a document that was read, without what only parsing reveals."""
    ref = raw.ref
    names = ("uri", "source", "path", "version", "modified", "title", "acl", "tenant")
    return DocumentRow(
        document_id=document_id(ref.uri),
        size=ref.size,  # as it is listed: of an encoded object, packed
        sha256=sha256_hex(raw.data),
        attributes_digest=attributes_digest(ref.acl, ref.tenant, ref.source, ref.title),
        **{name: getattr(ref, name) for name in names},
    )


def parsed(row: DocumentRow, document: Document, prints: Fingerprints) -> DocumentRow:
    """Return a row completed after parsing. A title from the source wins."""
    told = {name: getattr(document, name) for name in ("media_type", "parser", "language")}
    row = replace(row, title=row.title or document.title, **told)
    return replace(row, parser_fingerprint=prints.text(row, row.source))
