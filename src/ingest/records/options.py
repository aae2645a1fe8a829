"""Sections of the settings. The pipeline receives these records as they are, so each option is defined once.

Some are extended by a record with more fields: `SourceOptions`, `LimitSettings` (by `ParseLimits`), `ParserSettings`
(by `ParserOptions`) and `IndexOptions` (by `BuildOptions`).
"""

import re
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, ConfigDict, Field, SecretStr, WithJsonSchema, field_validator, model_validator

from ingest.records.generations import QueryProfile, RaisedLimit, Record
from ingest.records.judgments import GateRules
from ingest.records.points import LANGCHAIN, Shape

Consequence = Literal["index", "drop", "quarantine"]
Revokes = tuple[Literal["narrowed", "deleted"], ...]
REVOKES: Revokes = ("narrowed",)
UNREAD_SHARE = 0.3  # where dense search stops to help and begins to harm (docs/models.md)
DOCUMENT_BYTES = 16 * 2**20  # the largest document unless the settings set another limit


def _server_url(url: str) -> str:
    """Return the http(s) URL of a server. Raises: ValueError, which does not repeat what is none."""
    with suppress(ValueError):  # of a host or a port that is none
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return url
    raise ValueError("not an http(s) URL with a host and no port or one from 1 to 65535, as in http://localhost:6333")


ServerUrl = Annotated[str, BeforeValidator(lambda url: _server_url(url) if isinstance(url, str) and url else url)]


class Options(Record):
    """A section: frozen, no unknown keys."""

    model_config = ConfigDict(hide_input_in_errors=True)


class S3Options(Options):
    """Where S3 is and how long to wait for it. Credentials come from the environment or the cloud role.

    The longest wait per call is about `attempts` x (`connect_timeout` + `read_timeout`) + 10 s.
    """

    endpoint_url: str | None = None  # for an S3 other than AWS
    region: str | None = None  # default: from the environment
    max_connections: int = Field(default=64, ge=1)  # kept open per bucket; of a source at least one for each reader
    connect_timeout: float = Field(default=5.0, gt=0)  # seconds
    read_timeout: float = Field(default=60.0, gt=0)  # seconds without data, not for the whole body
    attempts: int = Field(default=3, ge=1, le=10)  # tries per call, including the first
    addressing_style: Literal["auto", "path", "virtual"] = "auto"  # where the bucket's name stands in a URL
    check_md5: bool = True  # compare bytes with ETags that look like MD5 sums; a source's option overrides it

    @field_validator("endpoint_url")
    @classmethod
    def _is_a_url_without_credentials(cls, url: str | None) -> str | None:
        if url is not None and "@" in url.partition("://")[2].partition("/")[0]:
            raise ValueError("must not hold credentials; they come from the environment")
        return None if url is None else _server_url(url)


class QdrantOptions(Options):
    """Where the vectors are served. Without a URL, the embedded engine is used."""

    # Of the server; QDRANT_URL does the same; may hold a user.
    url: ServerUrl | None = Field(default=None, repr=False)
    api_key: SecretStr | None = None  # from the environment only: QDRANT_API_KEY
    timeout_seconds: float = Field(default=60.0, gt=0)  # per request
    open_collections: int = Field(default=16, ge=2, le=256)  # by the embedded engine, 150 MB each

    @field_validator("api_key")
    @classmethod
    def _fits_a_header(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and not re.fullmatch(r"[!-~]*", key.get_secret_value()):
            raise ValueError("must be printable ASCII without white space; is there a line break at its end?")
        return key


class ExecutorOptions(Options):
    """What runs the steps: processes of this machine, or a Ray cluster of which it is a node."""

    kind: Literal["processes", "ray"] = "processes"
    address: str = Field(default="127.0.0.1:6379", pattern=r"^[^\s/@]+:\d{1,5}$")  # of the cluster's head
    models: int = Field(default=1, ge=1, le=4096)  # copies of the model, each in an actor of its own
    gpus: float = Field(default=1.0, ge=0)  # of each copy, such as 0.25; 0: none


class SourceOptions(Options):
    """Which documents of a source count, and who may see them."""

    acl: tuple[str, ...] = Field(default=("public",), min_length=1)  # groups that see them
    tenant: str = Field(default="public", min_length=1)  # who owns them
    include: tuple[str, ...] = ()  # path patterns; (): all
    exclude: tuple[str, ...] = ()
    # Leave out hidden files, keys and what tools leave behind; on, it is no part of recorded settings.
    default_excludes: bool = Field(default=True, exclude_if=lambda wanted: wanted)


class LimitSettings(Options):
    """What one document may cost. A document above a limit is quarantined, never truncated. Limits are not part of
    text fingerprints, but documents that were refused are tried again when a limit changes.
    """

    wall_seconds: float = Field(default=60.0, gt=0)  # time to parse it
    cpu_seconds: float = Field(default=60.0, gt=0)  # CPU time to parse it
    memory_bytes: int = Field(default=2 * 2**30, ge=2**27)  # of address space, on top of the idle process
    text_characters: int = Field(default=64 * 10**6, ge=1)  # canonical text
    blocks: int = Field(default=2 * 10**6, ge=1)  # headings, paragraphs, tables, …
    nesting: int = Field(default=200, ge=1, le=1000)  # levels of elements, lists, objects
    archive_entries: int = Field(default=10_000, ge=1)  # per container
    archive_bytes: int = Field(default=256 * 2**20, ge=1)  # unpacked, all entries in total
    archive_ratio: float = Field(default=200.0, gt=1)  # unpacked to packed bytes, for archives above 1 MB unpacked
    archive_depth: int = Field(default=3, ge=0, le=16)  # nested containers


class ParseLimits(LimitSettings):
    """All limits of one document."""

    document_bytes: int = Field(default=DOCUMENT_BYTES, ge=1)  # the settings' `max_document_bytes`


# Patterns of paths with the media types of what they match, in order. Written as a mapping; pairs can be hashed.
MediaTypes = Annotated[
    tuple[tuple[str, str], ...],
    BeforeValidator(lambda given: tuple(given.items()) if isinstance(given, dict) else given),
    WithJsonSchema({"type": "object", "additionalProperties": {"type": "string"}}),
]


class ParserSettings(Options):
    """What a source's settings tell the parsers about its documents; they affect the texts."""

    text_fields: tuple[str, ...] = ()  # JSON, JSON Lines: dotted paths of the text; (): all strings
    title_field: str = ""  # JSON, JSON Lines: dotted path of the title
    ocr: bool = False  # read pages without a text layer with tesseract; needs the extra `ocr`
    # By pattern; they win over names and claims.
    media_types: MediaTypes = Field(default=(), exclude_if=lambda pairs: not pairs)
    ocr_languages: tuple[str, ...] = ("eng",)  # as tesseract names them
    # unstructured handles the formats it can and needs the extra `legacy`; unset, it is not in recorded settings.
    parser: Literal["own", "unstructured"] = Field(default="own", exclude_if=lambda parser: parser == "own")
    # What people wrote onto a document or into its margin; kept, each is a block with the mark "comment".
    comments: Literal["keep", "drop"] = Field(default="keep", exclude_if=lambda policy: policy == "keep")


class ParserOptions(ParserSettings):
    """What the parsers receive with each document."""

    limits: ParseLimits = ParseLimits()
    default_excludes: bool = Field(default=True, exclude_if=lambda wanted: wanted)  # the source's, for what is inside


class ScreeningPolicy(Options):
    """What to do about a mark on a chunk: index the chunk with it, drop the chunk, or quarantine the document."""

    hidden: Consequence = "drop"  # text that no reader of the document sees
    invisible: Consequence = "index"  # zero-width, tag and bidirectional control characters
    instruction: Consequence = "index"  # phrases aimed at a language model
    secret: Consequence = "drop"  # keys, tokens, passwords


class DuplicateOptions(Options):
    """Which duplicates are detected, and which are indexed only once."""

    collapse: Literal["none", "exact", "near"] = "none"  # duplicates of that kind are indexed once
    near: bool = True  # also detect near-duplicates
    similarity: float = Field(default=0.9, gt=0, le=1)  # Jaccard of word shingles at which chunks count as near
    least_documents: int = Field(default=3, ge=2)  # a section in so many documents is boilerplate


CHUNKING_PRESETS: dict[str, dict[str, Any]] = {
    "short-answer": dict(target_tokens=96, max_tokens=160, min_tokens=40, parent_tokens=480),
    "long-context": dict(target_tokens=360, max_tokens=500, min_tokens=120, overlap_tokens=40, parent_tokens=1500),
}
"""Values of `ChunkingOptions` by use: one fact per passage, or passages to reason over (for models of 500 tokens)."""


class ChunkingOptions(Options):
    """How blocks become chunks. Sizes are in tokens of the embedder's tokenizer."""

    # Other defaults for the keys below. Only the resulting values are stored, not the preset's name.
    preset: Literal["short-answer", "long-context"] | None = Field(default=None, exclude=True)
    split_level: int = Field(default=6, ge=0, le=9)  # a heading of this level or above always starts a chunk
    target_tokens: int = Field(default=160, ge=1)  # the size to aim for
    max_tokens: int = Field(default=220, ge=16)  # of text and context together; at most the model's limit
    min_tokens: int = Field(default=60, ge=0)  # smaller sibling sections below `split_level` merge up to here
    heading_prefix: bool = True  # the context includes the heading path
    skipped_kinds: tuple[str, ...] = ("metadata",)  # block kinds that are not embedded
    overlap_tokens: int = Field(default=0, ge=0)  # repeated from the previous chunk, starting at a sentence
    tables: Literal["rows", "whole", "skip"] = "rows"  # cut between rows; cut only above max_tokens; leave out
    code: Literal["lines", "whole", "skip"] = "lines"  # cut at blank lines or definitions; otherwise like tables
    parent_tokens: int = Field(default=0, ge=0)  # size of the enclosing text shown with a chunk; 0: none
    # Of its letters, that the model has no token for; above, a chunk is not found by its vector. 1: all are.
    max_unread_share: float = Field(default=UNREAD_SHARE, ge=0, le=1, exclude_if=lambda share: share == UNREAD_SHARE)

    @model_validator(mode="before")
    @classmethod
    def _with_preset(cls, values: Any) -> Any:
        preset = CHUNKING_PRESETS.get(str(values.get("preset"))) if isinstance(values, dict) else None
        return {**preset, **values, "preset": None} if preset else values

    @model_validator(mode="after")
    def _sizes_agree(self) -> "ChunkingOptions":
        least, target, most = self.min_tokens, self.target_tokens, self.max_tokens
        if not least <= target <= most:
            raise ValueError(f"chunking needs min ≤ target ≤ max: {least}, {target}, {most}")
        if 2 * self.overlap_tokens > target:
            raise ValueError(f"chunking needs overlap ≤ target / 2: {self.overlap_tokens}, {target}")
        return self


class KeywordOptions(Options):
    """The keyword index: analysis and BM25."""

    language: str = "auto"  # of the Snowball stemmer; auto: that of each document
    stem: bool = True  # reduce words to their stem
    stop_words: tuple[str, ...] = ()  # words that are not indexed, in lower case
    heading_weight: int = Field(default=1, ge=0, le=8)  # how many times a term of the heading path counts
    k1: float = Field(default=1.2, ge=0)  # saturation of a term's frequency
    b: float = Field(default=0.75, ge=0, le=1)  # weight of a chunk's length


class RetireOptions(Options):
    """Which generations stay. The others are marked, and go when they have soaked."""

    keep: int = Field(default=7, ge=0)  # newest released generations; 0: none is ever retired
    minimum_age_hours: float = Field(default=24.0, ge=0)  # younger generations and files stay
    soak_hours: float = Field(default=24.0, ge=0)  # from mark to removal; longer than readers take to follow a release


class IndexOptions(Options):
    """What the settings of an index tell the pipeline."""

    chunking: ChunkingOptions = ChunkingOptions()
    duplicates: DuplicateOptions = DuplicateOptions()
    gate: GateRules = GateRules()
    judged: tuple[Path, ...] = ()  # JSON Lines files with judged questions
    documents_per_shard: int = Field(default=300, ge=1)  # in the first plan; shards with twice as many are divided
    max_deleted_share: float = Field(default=0.2, ge=0, le=1)  # delete guard: of the documents that serve, per run
    max_deleted_count: int | None = Field(default=None, ge=0)  # whatever their share; none: only the share counts
    # Of the documents that served or whose format is read.
    max_quarantined_share: float = Field(default=0.05, ge=0, le=1)
    max_unreadable_share: float = Field(default=0.05, ge=0, le=1)  # of what is fetched from a source; above: stop
    max_changed_during_run_share: float = Field(default=0.05, ge=0, le=1)  # of the listed documents
    allow_empty: bool = False  # promote a generation without a single document
    keep_last_good_days: int = Field(default=30, ge=0, le=1_000_000)  # for a document whose new version fails
    lease_seconds: float = Field(default=60.0, gt=0)  # how long the builder's lease lasts without renewal
    rollback_seconds: float = Field(default=5.0, ge=0)  # for comparing a target in full before its alias moves
    scrub_nights: int = Field(default=7, ge=1, le=365)  # within which runs compare all shards of what serves in full
    scrub_points_per_second: int = Field(default=10_000, ge=0)  # that are read from the vector index; 0: no limit
    load_batch: int = Field(default=256, ge=1, le=4096)  # points per request to the vector index
    concurrent_reads: int = Field(default=8, ge=1, le=64)  # documents per shard, from the source
    decide: Literal["automatic", "manual"] = "automatic"  # who promotes a candidate that passes the gate
    tokens_per_second: float = Field(default=3000.0, gt=0)  # for the estimate of GPU-minutes only
    max_gpu_minutes: float = Field(default=0.0, ge=0)  # budget: a plan above it is refused; 0: no limit
    retire: RetireOptions = RetireOptions()
    # What a new parser, library or chunker version does to unchanged documents: their text stays, n a run, all.
    on_upgrade: Literal["keep", "gradual", "now"] = "now"
    upgrades_per_run: int = Field(default=1000, ge=1)  # documents, where `on_upgrade` is gradual
    on_listing_failure: Literal["stop", "carry"] = "carry"  # carry: keep that source's documents from the base
    # What is carried as one when it is sick; prefixes of URIs, in which * stands for any name, or else the source.
    carry_by: Literal["source", "tenant"] | tuple[str, ...] = "source"
    max_stale_days: int = Field(default=7, ge=0, le=1_000_000)  # for which that is carried; 0: never


class BuildOptions(IndexOptions):
    """Everything about one index that affects its results or how they are computed."""

    index: str
    settings: dict[str, Any]  # hashed into the generation
    analyser: dict[str, Any]
    profile: QueryProfile
    limits: ParseLimits = ParseLimits()  # for documents inside documents, at all levels; the pipeline opens these
    screening: dict[str, ScreeningPolicy] = Field(default_factory=dict)  # by source; others have the default policy
    revokes: dict[str, Revokes] = Field(default_factory=dict)  # likewise
    shape: Shape = LANGCHAIN
    model_tokens: int = 0  # that the model takes: to so many chunks may grow in languages that need more; 0: never
    raised: RaisedLimit | None = None  # by a person, for this run or promotion
