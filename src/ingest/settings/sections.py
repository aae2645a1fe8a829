"""The sections of the settings: frozen, no unknown keys."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from ingest.records import CHUNKING_PRESETS, GateRules, PayloadProfile, QueryProfile

Consequence = Literal["index", "drop", "quarantine"]
PROFILE: dict[str, Any] = {"normalisation": "bounds", "dense_weight": 0.35, "reranker": "learned"}  # where unsaid
RERANK_MILLISECONDS = 250  # where unsaid, of the re-ranker of the default: it needs about 5
MOST_DEPTH = 10_000  # results of each stage


class Section(BaseModel):
    """A part of the settings: frozen, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class S3Settings(Section):
    """How to reach S3. Credentials come from the environment or the cloud's role."""

    endpoint_url: str | None = None
    region: str | None = None
    max_connections: int = Field(default=16, ge=1)
    connect_timeout: float = Field(default=5.0, gt=0)  # seconds
    read_timeout: float = Field(default=60.0, gt=0)  # seconds
    attempts: int = Field(default=3, ge=1, le=10)
    addressing_style: Literal["auto", "path", "virtual"] = "auto"


class QdrantSettings(Section):
    """Where the vectors are served. Without a URL the embedded engine starts by itself."""

    url: str | None = None
    api_key: SecretStr | None = None
    timeout_seconds: float = Field(default=60.0, gt=0)
    open_collections: int = Field(default=16, ge=2, le=256)  # of the embedded engine, a process of 150 MB each


class ParserSettings(Section):
    """What a source tells the parsers about its documents."""

    text_fields: tuple[str, ...] = ()  # JSON, JSON Lines: dotted paths; empty: every string
    title_field: str = ""
    ocr: bool = False
    ocr_languages: tuple[str, ...] = ("eng",)


class ScreeningSettings(Section):
    """What follows from a mark: index the chunk with it, drop the chunk, or quarantine the document."""

    hidden: Consequence = "drop"
    invisible: Consequence = "index"
    instruction: Consequence = "index"
    secret: Consequence = "index"


class LimitSettings(Section):
    """What one document may cost before it is quarantined."""

    wall_seconds: float = Field(default=60.0, gt=0)
    cpu_seconds: float = Field(default=60.0, gt=0)
    memory_bytes: int = Field(default=2 * 2**30, ge=2**27)
    text_characters: int = Field(default=64 * 10**6, ge=1)
    blocks: int = Field(default=2 * 10**6, ge=1)
    nesting: int = Field(default=200, ge=1, le=1000)
    archive_entries: int = Field(default=10_000, ge=1)
    archive_bytes: int = Field(default=256 * 2**20, ge=1)
    archive_ratio: float = Field(default=200.0, gt=1)
    archive_depth: int = Field(default=3, ge=0, le=16)


class DuplicateSettings(Section):
    """Which duplicates are looked for, and which are indexed once."""

    collapse: Literal["none", "exact", "near"] = "none"
    near: bool = True
    similarity: float = Field(default=0.9, gt=0, le=1)
    least_documents: int = Field(default=3, ge=2)


class SourceSettings(Section):
    """One place that holds documents."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    uri: str
    acl: tuple[str, ...] = ("public",)
    tenant: str = "public"
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    options: dict[str, Any] = Field(default_factory=dict)
    parsing: ParserSettings = ParserSettings()
    screening: ScreeningSettings = ScreeningSettings()


class ModelSettings(Section):
    """The embedder: a module of `embedders/`, and a name or folder that it knows."""

    kind: str = "sentence_transformer"
    name: str = "default"
    options: dict[str, Any] = Field(default_factory=dict)


class ChunkingSettings(Section):
    """How blocks become chunks; sizes in tokens of the embedder's tokenizer. A preset fills in what is not said."""

    preset: Literal["short-answer", "long-context"] | None = Field(default=None, exclude=True)
    split_level: int = Field(default=6, ge=1, le=9)
    target_tokens: int = Field(default=160, ge=16)
    max_tokens: int = Field(default=220, ge=24)
    min_tokens: int = Field(default=60, ge=0)
    heading_prefix: bool = True
    skipped_kinds: tuple[str, ...] = ("metadata",)
    overlap_tokens: int = Field(default=0, ge=0)
    tables: Literal["rows", "whole", "skip"] = "rows"
    code: Literal["lines", "whole", "skip"] = "lines"
    parent_tokens: int = Field(default=0, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _with_preset(cls, values: Any) -> Any:
        preset = CHUNKING_PRESETS.get(values.get("preset") or "", {}) if isinstance(values, dict) else {}
        return {**preset, **values} if preset else values


class KeywordSettings(Section):
    """The keyword index: analysis and BM25."""

    language: str = "english"
    stem: bool = True
    stop_words: tuple[str, ...] = ()  # in lower case; none are dropped by default
    heading_weight: int = Field(default=1, ge=0, le=8)  # a term of the heading path counts so many times
    variant: Literal["lucene", "okapi"] = "lucene"
    k1: float = Field(default=1.2, ge=0)
    b: float = Field(default=0.75, ge=0, le=1)


class IndexSettings(Section):
    """One named index: the alias, and everything about its generations."""

    sources: tuple[SourceSettings, ...] = Field(min_length=1)
    model: ModelSettings = ModelSettings()
    chunking: ChunkingSettings = ChunkingSettings()
    keyword: KeywordSettings = KeywordSettings()
    payload: PayloadProfile = "langchain"  # shape of the points: chosen before the first generation
    sparse: bool = False  # a sparse vector with BM25's weights beside the dense one
    profile: QueryProfile = QueryProfile(**PROFILE, rerank_milliseconds=RERANK_MILLISECONDS)
    gate: GateRules = GateRules()
    judged: tuple[Path, ...] = ()
    documents_per_shard: int = Field(default=300, ge=1)
    max_deleted_share: float = Field(default=0.2, ge=0, le=1)
    max_document_bytes: int = Field(default=16 * 2**20, ge=1)
    limits: LimitSettings = LimitSettings()
    sandbox: Literal["pool", "inline"] = "pool"  # worker processes under limits, or this process
    parser_processes: int = Field(default=2, ge=1, le=64)  # of the pool, in each process that parses
    duplicates: DuplicateSettings = DuplicateSettings()
    keep_last_good_days: int = Field(default=30, ge=0)
    lease_seconds: float = Field(default=60.0, gt=0)
    load_batch: int = Field(default=256, ge=1, le=4096)
    concurrent_reads: int = Field(default=8, ge=1, le=64)
    probe_question: str = "How do I roll back to the previous release?"
    decide: Literal["automatic", "manual"] = "automatic"
    tokens_per_second: float = Field(default=3000.0, gt=0)
    max_gpu_minutes: float = Field(default=0.0, ge=0)
    on_listing_failure: Literal["stop", "carry"] = "stop"

    @field_validator("profile", mode="before")
    @classmethod
    def _complete(cls, profile: Any) -> Any:
        if not isinstance(profile, dict):
            return profile
        complete = {**PROFILE, **profile}
        timed = complete["reranker"] == PROFILE["reranker"]  # others take as long as they take
        return {"rerank_milliseconds": RERANK_MILLISECONDS, **complete} if timed else complete

    @field_validator("profile")
    @classmethod
    def _possible(cls, profile: QueryProfile) -> QueryProfile:
        """Refuse before a build what its evaluation would refuse; stored profiles open as they are."""
        if not 0 <= profile.dense_weight <= 1 or profile.rrf_k < 0 or not 1 <= profile.depth <= MOST_DEPTH:
            raise ValueError(
                f"dense_weight within 0 and 1, rrf_k from 0 and depth within 1 and {MOST_DEPTH} are needed, found "
                f"{profile.dense_weight}, {profile.rrf_k} and {profile.depth}"
            )
        return profile

    @model_validator(mode="after")
    def _source_names_are_unique(self) -> "IndexSettings":
        names = [s.name for s in self.sources]
        if twice := sorted({n for n in names if names.count(n) > 1}):
            raise ValueError(f"two sources have the name {', '.join(twice)}")
        return self

    @model_validator(mode="after")
    def _sizes_agree(self) -> "IndexSettings":
        c = self.chunking
        if not c.min_tokens <= c.target_tokens <= c.max_tokens:
            raise ValueError(f"chunking needs min ≤ target ≤ max: {c.min_tokens}, {c.target_tokens}, {c.max_tokens}")
        if 2 * c.overlap_tokens > c.target_tokens:
            raise ValueError(f"chunking needs overlap ≤ target / 2: {c.overlap_tokens}, {c.target_tokens}")
        return self
