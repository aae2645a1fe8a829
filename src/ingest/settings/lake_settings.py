"""All settings of one lake."""

import re
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from ingest.errors import InvalidSettings
from ingest.records import QdrantOptions, S3Options
from ingest.settings.index_settings import IndexSettings


class Settings(BaseSettings):
    """All settings of one lake."""

    model_config = SettingsConfigDict(
        hide_input_in_errors=True, env_prefix="INGEST_", env_nested_delimiter="__", frozen=True, extra="forbid"
    )

    lake: str
    s3: S3Options = S3Options()
    qdrant: QdrantOptions = QdrantOptions()
    state: Path = Path(".ingest")  # embedded engine, caches: can be deleted at any time
    cache_bytes: int = Field(default=20 * 2**30, ge=0)  # of an S3 lake's local copies
    ranges_above: int = Field(default=64 * 2**20, ge=0)  # bytes; larger keyword files in an S3 lake are read in parts
    workers: int = Field(default=1, ge=1)  # processes for parsing and chunking
    indexes: dict[str, IndexSettings] = Field(min_length=1)

    @field_validator("indexes")
    @classmethod
    def _names_are_plain(cls, indexes: dict[str, IndexSettings]) -> dict[str, IndexSettings]:
        for name in indexes:
            if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", name):
                raise ValueError(f"index name {name!r}: lower-case letters, digits and - only")
        return indexes

    def index(self, name: str | None) -> tuple[str, IndexSettings]:
        """Return an index by name, or the only one if no name is given. Raises: InvalidSettings."""
        known = ", ".join(self.indexes)
        if name is None:
            if len(self.indexes) > 1:
                raise InvalidSettings(f"there are several indexes ({known}): name one with --index")
            return next(iter(self.indexes.items()))
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
