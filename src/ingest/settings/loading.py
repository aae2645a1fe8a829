"""Reads a settings file and the environment, and refuses secrets in the file."""

import os
import re
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import ValidationError
from pydantic_settings import SettingsError

from ingest.errors import InvalidSettings, first_fault
from ingest.records import Consequence
from ingest.settings.environment import quiet_environment
from ingest.settings.index_settings import ModelSettings
from ingest.settings.lake_settings import Settings

SECRET = re.compile(r"(?i)(^|[._-])(api_?key|access_?key(_id)?|secret\w*|password|credentials|token)$")
CONSEQUENCES = get_args(Consequence)  # of `screening.secret`, which names a policy and is no secret
PASSWORD = re.compile(r"://[^/@\s]*:[^/@\s]+@")  # in a URI
USER = re.compile(r"://[^/\s]*@")  # which may be a key


def load_settings(path: Path) -> Settings:
    """Return the settings in a file, overridden by the environment.

    Raises: InvalidSettings, which names file, key and value.
    """
    quiet_environment()
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidSettings(f"{path}: {error.strerror}; `ingest init` writes one") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidSettings(f"{path}: not YAML in UTF-8: {error}") from error
    if not isinstance(values, dict):
        raise InvalidSettings(f"{path}: expected a mapping of keys, found {type(values).__name__}")
    return make_settings(values, path.resolve().parent, str(path))


def make_settings(values: dict[str, Any], folder: Path, where: str = "settings") -> Settings:
    """Return settings from plain values; paths are relative to `folder`. Raises: InvalidSettings."""
    _refuse_secrets(values, where)
    if not isinstance(given := values.get("qdrant") or {}, dict):
        raise InvalidSettings(f"{where}: qdrant: expected a mapping of keys, found {type(given).__name__}")
    for key, name in (("url", "QDRANT_URL"), ("api_key", "QDRANT_API_KEY")):
        if os.environ.get(name):
            given = {**given, key: os.environ[name]}
    try:
        settings = Settings(**{**{str(key): value for key, value in values.items()}, "qdrant": given})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        shown = _shown(".".join(map(str, first["loc"])), first.get("input"))
        raise InvalidSettings(f"{where}: {first_fault(error)}{shown}") from error
    except SettingsError as error:
        raise InvalidSettings(f"{where}: an INGEST_ environment variable is not JSON: {error}") from error
    return _absolute(settings, folder)


def _shown(place: str, value: Any) -> str:
    """Return the invalid value for a message, or "" if it is, or may contain, a secret."""
    secret = SECRET.search(place) or USER.search(str(value)) or not isinstance(value, str | int | float)
    return "" if secret else f" (found {str(value)[:80]!r})"


def _refuse_secrets(values: Any, where: str, place: str = "") -> None:
    """Refuse secrets in a file: it is versioned with the code, and its content goes into manifests."""
    if isinstance(values, dict | list):
        for key, value in values.items() if isinstance(values, dict) else enumerate(values):
            inner = f"{place}.{key}".lstrip(".")
            is_policy = inner.endswith(".screening.secret") and value in CONSEQUENCES
            if isinstance(key, str) and SECRET.search(key) and value is not None and not is_policy:
                raise InvalidSettings(f"{where}: {inner} is a secret; it belongs in the environment (QDRANT_API_KEY)")
            _refuse_secrets(value, where, inner)
    elif isinstance(values, str) and PASSWORD.search(values):
        raise InvalidSettings(f"{where}: {place} contains a password; credentials come from the environment")


def _absolute(settings: Settings, folder: Path) -> Settings:
    def place(uri: str) -> str:
        # Symbolic links are kept: documents are named by the path as written, wherever a link may point later.
        return uri if "://" in uri else os.path.abspath(folder / Path(uri).expanduser())  # noqa: PTH100

    def local(model: ModelSettings) -> ModelSettings:
        found = model.name not in ("", "default") and (folder / Path(model.name).expanduser()).is_dir()
        return model.model_copy(update={"name": place(model.name)}) if found else model

    indexes, state = {}, (folder / settings.state).resolve()
    for name, index in settings.indexes.items():
        placed = tuple(s.model_copy(update={"uri": place(s.uri)}) for s in index.sources)
        judged = tuple(folder / path for path in index.judged)
        update = {"sources": placed, "judged": judged, "model": local(index.model)}
        indexes[name] = index.model_copy(update=update)
    return settings.model_copy(update={"lake": place(settings.lake), "state": state, "indexes": indexes})
