"""Reads a settings file and the environment, refuses secrets in the file, and quiets libraries by the environment."""

import getpass
import os
import re
import socket
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_settings import SettingsError

from ingest.errors import InvalidSettings
from ingest.settings import faults
from ingest.settings.lake_settings import ModelSettings, Settings

# Usage reports and downloads at run time are off unless the environment says otherwise.
ON = (
    "DO_NOT_TRACK",
    "UNSTRUCTURED_DISABLE_NOTICE",
    "HF_HUB_OFFLINE",
    "HF_HUB_DISABLE_TELEMETRY",
    "TRANSFORMERS_OFFLINE",
)
OFF = ("PREFECT_SERVER_ANALYTICS_ENABLED", "TOKENIZERS_PARALLELISM")
QUIET = {**dict.fromkeys(ON, "1"), **dict.fromkeys(OFF, "false"), "SCARF_NO_ANALYTICS": "true"}
QUIET |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token"}
QUIET["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] = "16"  # torch's default, code and buffers for 1,024 shapes, takes much memory
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")  # in a message of the YAML parser


def load_settings(path: Path) -> Settings:
    """Return the settings in a file, overridden by the environment. Raises: InvalidSettings, naming faults by key."""
    quiet_environment()
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidSettings(f"{path}: {error.strerror}; `ingest init` writes one") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark, problem = (getattr(error, name, None) for name in ("problem_mark", "problem"))
        place = (
            f": line {mark.line + 1}, column {mark.column + 1}: {QUOTED.sub('…', problem or '')}"
            if mark is not None
            else ""
        )
        raise InvalidSettings(f"{path}: not YAML in UTF-8{place}") from None  # the error quotes the file
    if not isinstance(values, dict):
        raise InvalidSettings(f"{path}: expected a mapping of keys, found {type(values).__name__}")
    return make_settings(values, path.resolve().parent, str(path))


def make_settings(values: dict[str, Any], folder: Path, where: str = "settings") -> Settings:
    """Return settings from plain values; paths are relative to `folder`. Raises: InvalidSettings."""
    values = {str(key): value for key, value in values.items()}
    secret, wrong = dict(faults.in_file(values)), dict[faults.Place, str]()
    if isinstance(given := values.get("qdrant") or {}, dict):
        named = (("url", "QDRANT_URL"), ("api_key", "QDRANT_API_KEY"))
        values["qdrant"] = {**given, **{key: os.environ[name] for key, name in named if os.environ.get(name)}}
    settings = None
    try:
        settings = Settings(**values)
    except ValidationError as error:
        wrong = dict(faults.of_validation(error))
    except SettingsError:
        wrong = {(): "an INGEST_ environment variable is not JSON"}
    if settings is not None:
        options = [index.model_dump(include={"sources", "model"}) for index in settings.indexes.values()]
        secret |= dict(faults.in_file(dict(zip(settings.indexes, options, strict=True)), ("indexes",)))
    found = [*({**wrong, **secret}).values(), *faults.in_environment(os.environ)]
    if found or settings is None:
        raise InvalidSettings(faults.told(where, found))
    return _absolute(settings, folder)


def default_settings() -> Settings:
    """Return the settings of a lake below the current folder with one index, whose only source is that folder."""
    index = {"sources": [{"name": "none", "uri": "."}]}
    return make_settings({"lake": ".ingest/lake", "indexes": {"preview": index}}, Path.cwd(), "default settings")


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
        indexes[name] = index.model_copy(update={"sources": placed, "judged": judged, "model": local(index.model)})
    return settings.model_copy(update={"lake": place(settings.lake), "state": state, "indexes": indexes})


def quiet_environment() -> None:
    """Turn off usage reports and downloads by libraries, unless the environment says otherwise."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)


def whoami() -> str:
    """Return "user@host" of this process, for records that people read."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
