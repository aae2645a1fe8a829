"""All settings of one lake, and of each index: where its documents come from, how it is built and served."""

import re
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from ingest import records
from ingest.errors import InvalidSettings

PROFILE: dict[str, Any] = {"dense_weight": 0.35, "reranker": "blend"}  # defaults
MOST_DEPTH = 10_000  # results per stage


class SourceSettings(records.SourceOptions):
    """One place that holds documents."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    uri: str
    options: dict[str, Any] = Field(default_factory=dict)
    # What takes effect at once in every generation: that fewer may see a document, that the source deleted it.
    revokes: records.Revokes = Field(default=records.REVOKES, exclude=True)
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
    profile: records.QueryProfile = records.QueryProfile(**PROFILE)
    max_document_bytes: int = Field(default=records.DOCUMENT_BYTES, ge=1)
    limits: records.LimitSettings = records.LimitSettings()
    parser_processes: int = Field(default=2, ge=1, le=64)  # in the pool, per process that parses

    @field_validator("profile", mode="before")
    @classmethod
    def _complete(cls, profile: Any) -> Any:
        if not isinstance(profile, dict):
            return profile
        if (found := profile.get("normalisation", "bounds")) != "bounds":
            raise ValueError(f"normalisation is bounds, no longer {found}: leave it out")
        return {**PROFILE, **profile}

    @field_validator("profile")
    @classmethod
    def _possible(cls, profile: records.QueryProfile) -> records.QueryProfile:
        """Refuse before a build what makes no sense; stored profiles are opened as they are."""
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


class Settings(BaseSettings):
    """All settings of one lake."""

    model_config = SettingsConfigDict(
        hide_input_in_errors=True, env_prefix="INGEST_", env_nested_delimiter="__", frozen=True, extra="forbid"
    )

    lake: str
    s3: records.S3Options = records.S3Options()
    qdrant: records.QdrantOptions = records.QdrantOptions()
    state: Path = Path(".ingest")  # embedded engine, caches: can be deleted at any time
    cache_bytes: int = Field(default=20 * 2**30, ge=0)  # of an S3 lake's local copies
    ranges_above: int = Field(default=64 * 2**20, ge=0)  # bytes; larger keyword files in an S3 lake are read in parts
    workers: int = Field(default=1, ge=1)  # processes for parsing and chunking
    executor: records.ExecutorOptions = records.ExecutorOptions()
    indexes: dict[str, IndexSettings] = Field(min_length=1)

    @field_validator("indexes")
    @classmethod
    def _names_are_plain(cls, indexes: dict[str, IndexSettings]) -> dict[str, IndexSettings]:
        for name in indexes:
            if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", name):
                raise ValueError(f"index name {name!r}: lower-case letters, digits and - only")
        return indexes

    @model_validator(mode="after")
    def _nodes_reach_lake_and_index(self) -> "Settings":
        if self.executor.kind == "ray" and not self.lake.startswith("s3://"):
            raise ValueError("executor.kind is ray: set lake to s3://bucket/prefix; nodes do not share this folder")
        if self.executor.kind == "ray" and not self.qdrant.url:
            raise ValueError("executor.kind is ray: set qdrant.url or QDRANT_URL; nodes cannot use the embedded engine")
        return self

    def index(self, name: str | None) -> tuple[str, IndexSettings]:
        """Return an index by name, or the only one if no name is given. Raises: InvalidSettings."""
        known = ", ".join(self.indexes)
        if name is None and len(self.indexes) > 1:
            raise InvalidSettings(f"there are several indexes ({known}): name one with --index")
        name = next(iter(self.indexes)) if name is None else name
        if name not in self.indexes:
            raise InvalidSettings(f"no index {name!r} in the settings; there are: {known}")
        return name, self.indexes[name]

    @property
    def qdrant_folder(self) -> Path:
        """Folder of the embedded engine."""
        return self.state / "qdrant"

    @classmethod
    def settings_customise_sources(cls, *_: Any, **known: Any) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment override the file, whose values arrive as arguments."""
        return known["env_settings"], known["init_settings"]
