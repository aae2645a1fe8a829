"""Settings: the only reader of settings files and of the environment.

`ingest.yaml`, every key of which an environment variable can override (`INGEST_LAKE`, `INGEST_QDRANT__URL`,
`INGEST_INDEXES__docs__DECIDE`, …). Secrets come from the environment alone.
"""

import getpass
import os
import re
import socket
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from ingest.errors import InvalidSettings
from ingest.settings.sections import (
    ChunkingSettings,
    Consequence,
    IndexSettings,
    KeywordSettings,
    ModelSettings,
    QdrantSettings,
    S3Settings,
    SourceSettings,
)

__all__ = [
    "ChunkingSettings",
    "IndexSettings",
    "KeywordSettings",
    "ModelSettings",
    "QdrantSettings",
    "S3Settings",
    "Settings",
    "SourceSettings",
    "load_settings",
    "make_settings",
    "quiet_environment",
    "whoami",
]

SECRET = re.compile(r"(?i)(^|[._-])(api_?key|access_?key(_id)?|secret\w*|password|credentials|token)$")
CONSEQUENCES = get_args(Consequence)  # of `screening.secret`, which names a policy and holds no secret
PASSWORD = re.compile(r"://[^/@\s]*:[^/@\s]+@")  # in a URI
QUIET = {
    "DO_NOT_TRACK": "1",
    "SCARF_NO_ANALYTICS": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "16",  # torch keeps code and buffers for 1,024 shapes: measured +800 MB
}  # usage reports and downloads at run time are off unless the environment says otherwise


class Settings(BaseSettings):
    """All settings of one lake."""

    model_config = SettingsConfigDict(
        hide_input_in_errors=True, env_prefix="INGEST_", env_nested_delimiter="__", frozen=True, extra="forbid"
    )

    lake: str
    s3: S3Settings = S3Settings()
    qdrant: QdrantSettings = QdrantSettings()
    state: Path = Path(".ingest")  # embedded engine, caches: can be deleted at any time
    cache_bytes: int = Field(default=20 * 2**30, ge=0)  # of an S3 lake's local copies
    ranges_above: int = Field(default=64 * 2**20, ge=0)  # bytes: larger keyword files of an S3 lake are read in parts
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
        """Return an index by name; the only one when no name is given. Raises: InvalidSettings."""
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
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over the file, which arrives as arguments."""
        return env_settings, init_settings


def load_settings(path: Path) -> Settings:
    """Return the settings of a file, with the environment's overrides.

    Raises: InvalidSettings, naming file, key and value.
    """
    quiet_environment()
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidSettings(f"{path}: {error.strerror}; `ingest init` writes one") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidSettings(f"{path}: not YAML in UTF-8: {error}") from error
    if not isinstance(values, dict):
        raise InvalidSettings(f"{path}: a mapping of keys is expected, found {type(values).__name__}")
    return make_settings(values, path.resolve().parent, str(path))


def make_settings(values: dict[str, Any], folder: Path, where: str = "settings") -> Settings:
    """Return settings of plain values; relative paths start at `folder`. Raises: InvalidSettings."""
    _refuse_secrets(values, where)
    if not isinstance(given := values.get("qdrant") or {}, dict):
        raise InvalidSettings(f"{where}: qdrant: a mapping of keys is expected, found {type(given).__name__}")
    for key, name in (("url", "QDRANT_URL"), ("api_key", "QDRANT_API_KEY")):
        if os.environ.get(name):
            given = {**given, key: os.environ[name]}
    try:
        settings = Settings(**{**{str(key): value for key, value in values.items()}, "qdrant": given})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise InvalidSettings(f"{where}: {place}: {first['msg']}{_shown(place, first.get('input'))}") from error
    except SettingsError as error:
        raise InvalidSettings(f"{where}: an INGEST_ variable of the environment is not JSON: {error}") from error
    return _absolute(settings, folder)


def _shown(place: str, value: Any) -> str:
    """Return the wrong value for a message; nothing where it is, or may hold, a secret."""
    secret = SECRET.search(place) or PASSWORD.search(str(value)) or not isinstance(value, str | int | float)
    return "" if secret else f" (found {str(value)[:80]!r})"


def _refuse_secrets(values: Any, where: str, place: str = "") -> None:
    """Refuse secrets in a file: it is kept with the code, and what is in it goes into manifests."""
    if isinstance(values, dict | list):
        for key, value in values.items() if isinstance(values, dict) else enumerate(values):
            inner = f"{place}.{key}".lstrip(".")
            is_policy = inner.endswith(".screening.secret") and value in CONSEQUENCES
            if isinstance(key, str) and SECRET.search(key) and value is not None and not is_policy:
                raise InvalidSettings(f"{where}: {inner} is a secret; it belongs into the environment (QDRANT_API_KEY)")
            _refuse_secrets(value, where, inner)
    elif isinstance(values, str) and PASSWORD.search(values):
        raise InvalidSettings(f"{where}: {place} holds a password; credentials come from the environment")


def quiet_environment() -> None:
    """Turn off usage reports and downloads of the libraries below, unless the environment says otherwise."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)


def whoami() -> str:
    """Return who runs this, for records that people read."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def _absolute(settings: Settings, folder: Path) -> Settings:
    def place(uri: str) -> str:
        # Links are kept: documents are named by the path that people wrote, wherever a link points tomorrow.
        return uri if "://" in uri else os.path.abspath(folder / Path(uri).expanduser())  # noqa: PTH100

    def local(model: ModelSettings) -> ModelSettings:
        found = model.name not in ("", "default") and (folder / Path(model.name).expanduser()).is_dir()
        return model.model_copy(update={"name": place(model.name)}) if found else model

    indexes = {}
    for name, index in settings.indexes.items():
        placed = tuple(s.model_copy(update={"uri": place(s.uri)}) for s in index.sources)
        judged = tuple(folder / path for path in index.judged)
        update = {"sources": placed, "judged": judged, "model": local(index.model)}
        indexes[name] = index.model_copy(update=update)
    return settings.model_copy(
        update={"lake": place(settings.lake), "state": (folder / settings.state).resolve(), "indexes": indexes}
    )
