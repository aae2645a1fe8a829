"""The nouns on the way from source to chunk.

DocumentRef ──read──▶ RawDocument ──parse──▶ Document (text, blocks) ──chunk──▶ Chunk
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, TypeVar

from pydantic import FailFast, Field

from ingest.records.options import ParserOptions

# A parser's process that a document controls may send anything: millions of faults, of which one is enough, or numbers
# that no column holds.
_T = TypeVar("_T")
Listed = Annotated[tuple[_T, ...], FailFast()]
Natural = Annotated[int, Field(ge=0, lt=2**31)]
UNREAD = "unread"  # mark of a chunk of which the embedding model cannot read enough: its vector tells nothing


@dataclass(frozen=True, slots=True)
class DocumentRef:
    """A document known from a listing but not read yet."""

    uri: str  # percent-encoded, unique across all sources
    source: str  # name of the source in the settings
    path: str  # relative to the source's root, not percent-encoded
    version: str  # pins a GET and shows changes: object version, ETag, or time and size
    size: int  # bytes
    modified: str = ""  # ISO 8601, UTC; for people only
    media_type: str = ""  # what the source claims; content is sniffed first
    title: str = ""  # from the source; if it has none, the parser's title is used
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
    """The kinds of block that parsers distinguish."""

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
    start: Natural
    end: Natural
    level: Natural = 0  # heading level from 1; nesting elsewhere
    title: str = ""  # heading only: its text without markup
    breaks: Listed[Natural] = ()  # offsets inside where a cut harms least: between rows, items, lines of code
    header_end: Natural = 0  # table only: end of the header rows, 0 without a header
    language: str = ""  # code only: the fence's language
    page: Natural | None = None
    marks: Listed[str] = ()  # "hidden": no reader of the document sees it; "comment": a remark about its text


@dataclass(frozen=True, slots=True)
class Child:
    """A document inside a document: an attachment or an archive entry."""

    path: str  # inside its parent, not percent-encoded; unique there
    data: bytes
    media_type: str = ""  # what the parent claims; content is sniffed first


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed document: canonical text, and blocks in order that do not overlap. A container has children."""

    text: str
    blocks: Listed[Block]
    title: str
    media_type: str
    parser: str  # name of the parser module
    language: str = ""
    children: Listed[Child] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """What is embedded and retrieved. `text` is document.text[start:end], blank where blocks are not embedded."""

    chunk_id: str
    document_id: str
    heading_path: tuple[str, ...]  # shared by the whole chunk
    heading_paths: tuple[tuple[str, ...], ...]  # of every section that it covers
    text: str
    context: str  # heading path, repeated table header: embedded before the text, not shown
    start: int
    end: int
    tokens: int  # of text, in the embedder's tokens, without special tokens
    embedding_key: str
    page: int | None = None
    marks: tuple[str, ...] = ()  # sorted: comment, hidden, invisible, instruction, secret, unread
    parent: tuple[int, int] | None = None  # span of the enclosing text to show with it
    unread: float = 0.0  # share of its letters and digits for which the model has no token
    sketch: bytes = b""  # by which equal and similar texts are found; b"": none was made yet


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A document that is left out, and why."""

    uri: str
    source: str
    version: str
    stage: str  # read, parse, chunk, embed
    error: str  # class name of a DocumentError
    message: str
    fingerprint: str  # of parser, limits and chunker: with the same ones, this version is not tried again
    size: int = 0
    parent: str = ""  # id of the document that contains it; "" if it is not inside another
    attempts: int = 1  # tries of this version with the same code
    first_seen: str = ""  # ISO 8601: left out since then, in whatever version; "" if that is older than this field
    last_seen: str = ""  # when it was tried last
