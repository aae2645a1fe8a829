"""Opens embedding models, from this machine or from their copies in the lake, and re-rankers."""

import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ingest.adapters import embedders, rerankers
from ingest.errors import InvalidSettings, SchemaMismatch
from ingest.lake import model_files as models
from ingest.lake.lake import Lake
from ingest.ports import Embedder, Reranker, Store, Wording
from ingest.records import ModelRecord, QueryProfile
from ingest.settings import ModelSettings, Settings

Restore = Callable[[ModelRecord], Path | None]  # a local folder with a model's files; None if the lake has none

log = logging.getLogger(__name__)


def find_model(model: ModelSettings, lake: Lake, restore: Restore) -> tuple[Any, tuple[Path, ...]]:
    """Return the settings' model without its weights (`embedders`), and its copy's folder if only the lake has it.

    Raises: InvalidSettings if there is none.
    """
    kind = embedders.find(model.kind).EMBEDDER

    def described(*folder: Path) -> Any:
        """Return the model with what is usual in its family, unless the index was built without: vectors must agree."""
        found = kind(model.name, model.options, *folder)
        usual = getattr(found, "usual", {})
        base = lake.base() if usual else None
        if base is not None and base.model.fingerprint == found.record.fingerprint:
            told = "model %s: the index was built without what is usual for it; model.options %s would embed all again"
            log.warning(told, model.name, usual)
            return found
        return kind(model.name, {**model.options, **usual}, *folder) if usual else found

    try:
        return described(), ()
    except InvalidSettings:
        base = lake.base()
        released = base.model.model_copy(update={"languages": ()}) if base is not None else None  # it has no card
        if released is None or (released.kind, released.name) != (model.kind, kind.canonical(model.name)):
            raise
        folder = restore(released)
        if folder is None or (found := described(folder)).record != released:
            raise
        log.warning("model %s is not on this machine; using the copy from the lake in %s", released.name, folder)
        return found, (folder,)


def model_restorer(settings: Settings, store: Store) -> Restore:
    """Return a function that fetches a model's files from the lake into the state folder."""
    return lambda record: models.restore_files(store, record.fingerprint, settings.state / "models")


def keep_model(store: Store, record: ModelRecord, options: dict[str, Any], *folder: Path) -> None:
    """Copy the files of a model, if it has any, to the lake, once. Raises: SchemaMismatch if they have changed."""
    if models.is_kept(store, record.fingerprint):
        return
    model = embedders.find(record.kind).EMBEDDER(record.name, {**options, **record.options}, *folder)
    if (found := model.record.fingerprint) != record.fingerprint:
        raise SchemaMismatch(
            f"model {record.name}: its files changed during the run: fingerprint {found}, "
            f"but the generation was built with {record.fingerprint}"
        )
    if files := model.files():
        models.keep_files(store, record.fingerprint, files)


_opening = threading.Lock()
_embedders: dict[tuple[str, str], Embedder] = {}  # one per model that the process uses


def open_embedder(
    record: ModelRecord, options: dict[str, Any] | None = None, restore: Restore | None = None
) -> Embedder:
    """Return a record's embedder, opened once per process, if need be from the lake.

    `options` say where and how fast it runs. Raises: InvalidSettings, SchemaMismatch if it has changed.
    """
    key = (record.model_dump_json(exclude={"languages"}), json.dumps(options or {}, sort_keys=True))
    with _opening:  # loading weights changes torch's default dtype for the whole process
        if key not in _embedders:
            try:
                _embedders[key] = embedders.reopen(record, options)
            except (InvalidSettings, SchemaMismatch) as error:
                folder = restore(record) if restore else None
                if folder is None:
                    raise
                _embedders[key] = embedders.reopen(record, options, folder)
                log.warning("%s; using the copy from the lake in %s", error, folder)
        return _embedders[key]


def open_reranker(profile: QueryProfile, wording: Wording) -> Reranker | None:
    """Return the re-ranker of a profile, or None if the fused order stands. Raises: InvalidSettings."""
    reranker: Reranker | None = rerankers.find(profile.reranker).open_reranker(profile, wording)
    return reranker
