"""What the settings tell the story, as frozen values: `Services` holds these, never the settings themselves."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ingest.records.generations import QueryProfile
from ingest.records.judgments import GateRules
from ingest.records.points import LANGCHAIN, Shape

Consequence = Literal["index", "drop", "quarantine"]


@dataclass(frozen=True, slots=True)
class ParseLimits:
    """What one document may cost; beyond it is quarantined, never shortened. Settings of where and how fast, but for
    documents that were refused: those are tried again when a limit changes.
    """

    document_bytes: int = 16 * 2**20
    wall_seconds: float = 60.0
    cpu_seconds: float = 60.0
    memory_bytes: int = 2 * 2**30  # address space that a parser may take beyond what its process has at rest
    text_characters: int = 64 * 10**6  # canonical text
    blocks: int = 2 * 10**6
    nesting: int = 200  # levels of elements, lists, objects
    archive_entries: int = 10_000
    archive_bytes: int = 256 * 2**20  # unpacked, all entries together
    archive_ratio: float = 200.0  # unpacked to packed, of archives over a megabyte unpacked
    archive_depth: int = 3  # containers in containers


@dataclass(frozen=True, slots=True)
class ParserOptions:
    """What a source tells the parsers about its documents; part of what decides their text."""

    text_fields: tuple[str, ...] = ()  # JSON, JSON Lines: dotted paths of the fields that are text; empty: all strings
    title_field: str = ""  # JSON, JSON Lines: dotted path of the title
    ocr: bool = False  # read pages without a text layer with tesseract; needs the extra `ocr`
    ocr_languages: tuple[str, ...] = ("eng",)
    limits: ParseLimits = ParseLimits()


@dataclass(frozen=True, slots=True)
class ScreeningPolicy:
    """What follows from a mark on a chunk: index it with the mark, drop the chunk, or quarantine the document."""

    hidden: Consequence = "drop"  # text that no reader of the document sees
    invisible: Consequence = "index"  # zero-width, tag and bidirectional control characters inside
    instruction: Consequence = "index"  # phrases aimed at a language model
    secret: Consequence = "index"  # keys, tokens, passwords


@dataclass(frozen=True, slots=True)
class DuplicateOptions:
    """Which duplicates are looked for at seal, and which are indexed once."""

    collapse: Literal["none", "exact", "near"] = "none"
    near: bool = True  # report near-duplicates too
    similarity: float = 0.9  # Jaccard, of word shingles, from which two chunks are near-duplicates
    least_documents: int = 3  # the same section in that many documents is boilerplate


@dataclass(frozen=True, slots=True)
class ChunkingOptions:
    """How blocks become chunks. Sizes are in tokens of the embedder's tokenizer; part of a generation's settings."""

    split_level: int = 6  # a heading of this level or above always starts a chunk
    target_tokens: int = 160
    max_tokens: int = 220  # of text plus context; never above the model's limit less its special tokens
    min_tokens: int = 60  # smaller sibling sections below split_level merge up to here
    heading_prefix: bool = True
    skipped_kinds: tuple[str, ...] = field(default=("metadata",))
    overlap_tokens: int = 0  # of the chunk before, from a sentence's start, repeated at the start of `text`
    tables: Literal["rows", "whole", "skip"] = "rows"  # cut between rows; cut only over max_tokens; left out
    code: Literal["lines", "whole", "skip"] = "lines"  # cut at blank lines or definitions; as tables
    parent_tokens: int = 0  # size of the enclosing text that a chunk names for display; 0: none


CHUNKING_PRESETS: dict[str, dict[str, Any]] = {
    "short-answer": {"target_tokens": 96, "max_tokens": 160, "min_tokens": 40, "parent_tokens": 480},
    "long-context": {
        "target_tokens": 360,
        "max_tokens": 500,
        "min_tokens": 120,
        "overlap_tokens": 40,
        "parent_tokens": 1500,
    },
}
"""Values of `ChunkingOptions` for a use: one fact per passage, or passages to reason over (the model must take 500)."""


@dataclass(frozen=True)
class BuildOptions:
    """Everything about one index that changes results, as frozen values."""

    index: str
    settings: dict[str, Any]  # what is hashed into the generation
    chunking: ChunkingOptions
    analyser: dict[str, Any]
    profile: QueryProfile
    gate: GateRules
    judged: tuple[Path, ...]
    documents_per_shard: int = 300
    max_deleted_share: float = 0.2  # delete guard
    max_document_bytes: int = 16 * 2**20
    keep_last_good_days: int = 30
    lease_seconds: float = 60.0
    load_batch: int = 256
    limits: ParseLimits = ParseLimits()  # of what the story opens itself: documents inside documents, over all levels
    screening: dict[str, ScreeningPolicy] = field(default_factory=dict)  # by source; the default policy elsewhere
    duplicates: DuplicateOptions = DuplicateOptions()
    shape: Shape = LANGCHAIN
    concurrent_reads: int = 8  # documents of one shard that are read at once
    probe_question: str = "How do I roll back to the previous release?"
    decide: str = "automatic"  # or "manual"
    tokens_per_second: float = 3000.0  # for the plan's estimate of GPU-minutes
    max_gpu_minutes: float = 0.0  # budget; 0: none
    on_listing_failure: str = "stop"  # or "carry": the base's documents of that source stay
