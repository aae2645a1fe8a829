"""An index in the settings: where its documents come from, which model embeds them, how it is built and served."""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from ingest import records

PROFILE: dict[str, Any] = {"normalisation": "bounds", "dense_weight": 0.35, "reranker": "learned"}  # defaults
RERANK_MILLISECONDS = 250  # default for the learned re-ranker, which needs far less (`make bench-search`)
MOST_DEPTH = 10_000  # results per stage


class SourceSettings(records.SourceOptions):
    """One place that holds documents."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    uri: str
    options: dict[str, Any] = Field(default_factory=dict)
    parsing: records.ParserSettings = records.ParserSettings()
    screening: records.ScreeningPolicy = records.ScreeningPolicy()


class ModelSettings(records.Options):
    """The embedding model: a module of `embedders/`, and a name or folder known to it."""

    kind: str = "sentence_transformer"
    name: str = "default"
    options: dict[str, Any] = Field(default_factory=dict)


class IndexSettings(records.IndexOptions):
    """One named index: the alias, and everything about its generations."""

    sources: tuple[SourceSettings, ...] = Field(min_length=1)
    model: ModelSettings = ModelSettings()
    keyword: records.KeywordOptions = records.KeywordOptions()
    payload: records.PayloadProfile = records.LANGCHAIN.payload  # of the points; choose it before the first generation
    sparse: bool = records.LANGCHAIN.sparse  # add a sparse vector of BM25 weights to the dense one
    profile: records.QueryProfile = records.QueryProfile(**PROFILE, rerank_milliseconds=RERANK_MILLISECONDS)
    max_document_bytes: int = Field(default=records.DOCUMENT_BYTES, ge=1)
    limits: records.LimitSettings = records.LimitSettings()
    sandbox: Literal["pool", "inline"] = "pool"  # worker processes with limits, or this process
    parser_processes: int = Field(default=2, ge=1, le=64)  # in the pool, per process that parses

    @field_validator("profile", mode="before")
    @classmethod
    def _complete(cls, profile: Any) -> Any:
        if not isinstance(profile, dict):
            return profile
        complete = {**PROFILE, **profile}
        timed = complete["reranker"] == PROFILE["reranker"]  # others have no time limit by default
        return {"rerank_milliseconds": RERANK_MILLISECONDS, **complete} if timed else complete

    @field_validator("profile")
    @classmethod
    def _possible(cls, profile: records.QueryProfile) -> records.QueryProfile:
        """Refuse before a build what its evaluation would refuse; stored profiles are opened as they are."""
        if not 0 <= profile.dense_weight <= 1 or profile.rrf_k < 0 or not 1 <= profile.depth <= MOST_DEPTH:
            raise ValueError(
                f"dense_weight must be from 0 to 1, rrf_k at least 0 and depth from 1 to {MOST_DEPTH}, found "
                f"{profile.dense_weight}, {profile.rrf_k} and {profile.depth}"
            )
        return profile

    @model_validator(mode="after")
    def _source_names_are_unique(self) -> "IndexSettings":
        names = [s.name for s in self.sources]
        if twice := sorted({n for n in names if names.count(n) > 1}):
            raise ValueError(f"two sources have the name {', '.join(twice)}")
        return self
