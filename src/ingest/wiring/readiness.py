"""Whether all is there that a run will need: everything is opened once, and all faults are found together."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cache, partial
from itertools import islice
from pathlib import Path

from ingest.adapters import sources
from ingest.adapters.uris import local_folder
from ingest.errors import DocumentError, IngestError, LocalUnavailable, StoreUnavailable
from ingest.lake.lake import Lake
from ingest.pipeline.seal import PROBE_QUESTION
from ingest.ports import Store
from ingest.quality.evaluate import check_asking, read_sets
from ingest.records import BuildOptions
from ingest.settings import IndexSettings, Settings, SourceSettings, quiet_environment
from ingest.wiring import service_opening as opening
from ingest.wiring.model_opening import find_model, model_restorer, open_embedder, open_reranker

SAMPLE = 3  # documents listed of each source; the first one that can be read is read and parsed
LEAST_BYTES = 2**29  # free space below which a run is not begun


@dataclass(frozen=True, slots=True)
class Readiness:
    """One thing that a run will need: what was found, or what is wrong with it."""

    check: str
    found: str = ""
    fault: str = ""


def readiness(settings: Settings, index: str | None) -> Iterator[Readiness]:
    """Yield what was found, one by one. Nothing stays open; the lake gets and loses files. Raises: InvalidSettings."""
    quiet_environment()
    (name, chosen), store = settings.index(index), cache(lambda: opening.open_lake_store(settings))
    budget = f"{chosen.max_gpu_minutes:g} GPU-minutes a run; `ingest plan` tells what it would need"
    folders = {"disk of the state folder": settings.state, "temporary space": Path(tempfile.gettempdir())}
    if sources.scheme_of(settings.lake) == "file":
        folders = {"disk of the lake": local_folder(settings.lake), **folders}
    looks: dict[str, Callable[[], str]] = {
        "sources": lambda: f"{len(opening.open_sources(settings, chosen))}, none within another",
        **{f"source {source.name}": partial(_source, source, settings, chosen) for source in chosen.sources},
        "lake": lambda: _lake(store()),
        "model": lambda: _model(settings, name, chosen, store()),
        "vector index": lambda: _vectors(settings),
        "gate": lambda: _gate(opening.build_options(name, chosen), store()),
        "budget": lambda: budget if chosen.max_gpu_minutes else "none",
        **{what: partial(_space, folder) for what, folder in folders.items()},
    }
    for check, look in looks.items():
        try:
            yield Readiness(check, look())
        except IngestError as error:
            yield Readiness(check, fault=f"{type(error).__name__}: {error}")
        except OSError as error:
            yield Readiness(check, fault=f"{error.filename or 'a file of this machine'}: {error.strerror or error}")


def _source(told: SourceSettings, settings: Settings, index: IndexSettings) -> str:
    """List a few documents, and read and parse one."""
    source = opening.open_source(told, settings, index.max_document_bytes)
    refs = list(islice(source.list(), SAMPLE))
    if not refs:
        return "no documents"
    refused = list[str]()
    with closing(opening.open_sandbox(index)) as sandbox:
        for ref in refs:
            try:
                if (raw := source.read(ref)) is not None:  # else it changed meanwhile
                    return f"read {ref.path}: {ref.size:,} bytes, {sandbox.parse(raw).media_type}"
            except DocumentError as error:
                refused.append(f"{type(error).__name__}: {error}")
    return f"none of the first {len(refs)} documents can be indexed: {refused[0] if refused else 'all changed'}"


def _lake(store: Store) -> str:
    """Write, read and delete a value under a name of its own."""
    token = secrets.token_hex(16)
    store.check(token)
    key = f"checks/{token}"
    written = store.create(key, b"ready")
    try:
        if not written or store.get(key) != b"ready":
            raise StoreUnavailable(f"{store.uri}/{key}: what was written there is not what is read")
    finally:
        store.delete(key)
    return f"{store.uri} can be written and read"


def _model(settings: Settings, name: str, index: IndexSettings, store: Store) -> str:
    restore = model_restorer(settings, store)
    record = find_model(index.model, Lake(store, name), restore)[0].record
    opening.check_sizes(name, index, record)
    embedder = open_embedder(record, options=index.model.options, restore=restore)
    vector = embedder.embed_questions([PROBE_QUESTION])[0]
    return f"{record.name}: a question becomes {len(vector)} numbers; at most {record.max_tokens} tokens"


def _vectors(settings: Settings) -> str:
    with closing(opening.open_vectors(settings)) as vectors:
        return f"{vectors!r} answers, with {len(vectors.collections())} collections"


def _gate(options: BuildOptions, store: Store) -> str:
    """Look at judged sets, re-ranker, calibration and the names of metrics and floors."""
    check_asking(options, open_reranker, store)
    judged = f"{sum(map(len, read_sets(options.judged)))} judged questions" if options.judged else "no judged questions"
    floors = ", ".join(f"{metric} {floor:g}" for metric, floor in options.gate.floors.items()) or "no floors"
    return f"{judged}; {floors}; re-ranker {options.profile.reranker}"


def _space(folder: Path) -> str:
    """Tell how much is free where a folder is, or will be, and that it can be written."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(there).free
    if not os.access(there, os.W_OK):
        raise LocalUnavailable(f"{there}: this user may not write there")
    if free < LEAST_BYTES:
        raise LocalUnavailable(f"{folder}: {free // 2**20:,} MiB free, at least {LEAST_BYTES // 2**20} are needed")
    return f"{folder}: {free / 2**30:,.1f} GiB free"
