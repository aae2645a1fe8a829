"""Nouns of the way from a source to the chunk.

DocumentRef ──read──▶ RawDocument ──parse──▶ Document (text, blocks) ──chunk──▶ Chunk
"""

from dataclasses import dataclass, field
from enum import StrEnum

from ingest.records.options import ParserOptions


@dataclass(frozen=True, slots=True)
class DocumentRef:
    """A document that is known from a listing and not read yet."""

    uri: str  # percent-encoded, unique over all sources
    source: str  # name of the source in the settings
    path: str  # relative to the source's root, as people write it
    version: str  # what pins a GET and what tells "changed": object version, ETag, or time and size
    size: int  # bytes
    modified: str = ""  # ISO 8601, UTC; for people only
    media_type: str = ""  # what the source claims; content is sniffed first
    title: str = ""  # what the source calls it; the parser's title stands where the source has none
    acl: tuple[str, ...] = ("public",)  # groups that may see it
    tenant: str = "public"


@dataclass(frozen=True, slots=True)
class RawDocument:
    """The bytes of the version that was listed."""

    ref: DocumentRef
    data: bytes
    media_type: str = ""  # filled in by sniffing
    options: ParserOptions = field(default_factory=ParserOptions)


class BlockKind(StrEnum):
    """What a parser tells apart."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    LIST = "list"
    TABLE = "table"
    CODE = "code"
    QUOTE = "quote"
    CAPTION = "caption"
    METADATA = "metadata"  # front matter: kept in the text, not embedded


@dataclass(frozen=True, slots=True)
class Block:
    """A unit of parser output: the half-open span [start, end) of the canonical text, in Unicode code points."""

    kind: BlockKind
    start: int
    end: int
    level: int = 0  # heading level from 1; nesting elsewhere
    title: str = ""  # heading only: its text without markup
    breaks: tuple[int, ...] = ()  # offsets inside where a cut does least harm: rows, items, code lines
    header_end: int = 0  # table only: where the header rows end, 0 without a header
    language: str = ""  # code only: the fence's language
    page: int | None = None
    marks: tuple[str, ...] = ()  # "hidden": no reader of the document sees it


@dataclass(frozen=True, slots=True)
class Child:
    """A document inside a document: an attachment, an entry of an archive."""

    path: str  # inside its parent, as people write it; unique there
    data: bytes
    media_type: str = ""  # what the parent claims; content is sniffed first


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed document: canonical text, and blocks in order that do not overlap.

    A container has children, and may have no text of its own.
    """

    text: str
    blocks: tuple[Block, ...]
    title: str
    media_type: str
    parser: str  # name of the parser module
    language: str = ""
    children: tuple[Child, ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """The unit that is embedded, indexed and retrieved. `text` equals document.text[start:end]."""

    chunk_id: str
    document_id: str
    heading_path: tuple[str, ...]  # common to all of the chunk
    heading_paths: tuple[tuple[str, ...], ...]  # every section that it covers
    text: str
    context: str  # heading path, repeated table header: embedded in front of the text, not shown
    start: int
    end: int
    tokens: int  # of text, in the embedder's tokens, without special tokens
    embedding_key: str
    page: int | None = None
    marks: tuple[str, ...] = ()  # what is suspicious about its text, sorted: hidden, invisible, instruction, secret
    parent: tuple[int, int] | None = None  # span of the enclosing text that is shown with it


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A document left out, and why."""

    uri: str
    source: str
    version: str
    stage: str  # read, parse, chunk
    error: str  # class name of a DocumentError
    message: str
    fingerprint: str  # of parser, limits and chunker: the same version is not tried again with the same code
    size: int = 0
    parent: str = ""  # document id of the document it was found in; "" for a document of its own
