"""Chooses adapters and opens sources: the only code that knows which ones are used."""

import logging
import os
import re
import secrets
import time
from datetime import UTC, datetime
from functools import partial
from itertools import combinations
from typing import Any

from pydantic import ValidationError
from stamina import instrumentation

from ingest.adapters import sources
from ingest.adapters.executors.processes import ProcessExecutor
from ingest.adapters.executors.ray import RayExecutor
from ingest.adapters.sandbox.pool_sandbox import PoolSandbox
from ingest.adapters.stores import open_store
from ingest.adapters.vectors.edge.engine import Engine
from ingest.adapters.vectors.qdrant.qdrant_index import QdrantIndex
from ingest.documents import parsers
from ingest.documents.parsers import legacy
from ingest.errors import InvalidSettings, first_fault
from ingest.extras import require
from ingest.keyword import Analyser
from ingest.lake.lake import Lake
from ingest.phrases import meant, shown
from ingest.pipeline.tasks import Execute
from ingest.ports import Observer, Source, Store
from ingest.records import BuildOptions, IndexOptions, ModelRecord, ParseLimits, ParserOptions, QdrantOptions, Shape
from ingest.services import Retrieval, Services, Workbench, Writer
from ingest.settings import IndexSettings, Settings, SourceSettings, quiet_environment, whoami
from ingest.wiring.model_opening import find_model, keep_model, model_restorer, open_embedder, open_reranker

EXPORTED = "sentence_transformer"  # the kind of embedder that keeps an exported copy of its model for questions
IN_ALL = re.compile(r", at each of up to \d+ attempts")  # of a message about the last attempt
SHARDS_AT_ONCE = 4  # that threads of one process read: as many as a flow has in flight


def open_services(
    settings: Settings, index: str | None = None, observer: Observer | None = None, caller: str | None = None
) -> Services:
    """Return one of each port for an index. The model's weights are loaded on first use. `caller`: who is signed in.

    Raises: InvalidSettings, UnknownSource, IndexUnavailable.
    """
    _, chosen = settings.index(index)
    bench = open_workbench(settings, index)
    store = bench.lake.store
    question_cache = {"question_cache": str(settings.state / "onnx")} if bench.model.kind == EXPORTED else {}
    options = {**question_cache, **chosen.model.options}
    try:
        vectors = open_vectors(settings)
    except BaseException:
        bench.close()
        raise
    bench.closers.append(vectors.close)
    retrieval = Retrieval(
        **{name: getattr(bench, name) for name in ("lake", "tokenizer", "model")},
        vectors=vectors,
        open_embedder=partial(open_embedder, options=options, restore=model_restorer(settings, store)),
        open_reranker=open_reranker,
        monotonic=time.monotonic,
        observer=observer or Observer(),
    )
    who, tokens = caller or whoami(), partial(secrets.token_hex, 16)
    writer = Writer(who=who, identified=bool(caller), clock=lambda: datetime.now(UTC), new_token=tokens)
    kept = partial(keep_model, store, bench.model, chosen.model.options, *bench.model_folder)
    return Services(bench=bench, retrieval=retrieval, writer=writer, keep_model=kept)


def open_workbench(settings: Settings, index: str | None = None) -> Workbench:
    """Return an index's workbench. Reads the lake only for an absent model. Raises: InvalidSettings, UnknownSource."""
    quiet_environment()
    tell_retries()
    name, chosen = settings.index(index)
    store = open_lake_store(settings)
    lake = Lake(store, name)
    model, folder = find_model(chosen.model, lake, model_restorer(settings, store))
    check_sizes(name, chosen, model.record)
    sandbox = open_sandbox(chosen)
    return Workbench(
        lake=lake,
        sources=open_sources(settings, chosen),
        sandbox=sandbox,
        tokenizer=model.tokenizer,
        model=model.record,
        model_folder=folder,
        options=build_options(name, chosen, model.record.max_tokens),
        closers=[sandbox.close],
    )


def open_lake_store(settings: Settings) -> Store:
    """Return the store of the lake, with its cache in the state folder."""
    return open_store(settings.lake, settings.s3, settings.state / "cache", settings.cache_bytes, settings.ranges_above)


def open_vectors(settings: Settings, url: str | None = None, **limits: Any) -> QdrantIndex:
    """Return the index at a URL, else as the settings say. `limits`: `ConnectionOptions`. Raises: InvalidSettings."""
    try:
        qdrant = QdrantOptions.model_validate(settings.qdrant.model_dump() | ({"url": url} if url else {}))
    except ValidationError as error:
        raise InvalidSettings(first_fault(error)) from None
    limits |= {"timeout_seconds": qdrant.timeout_seconds}
    if not qdrant.url:
        return QdrantIndex.embedded(Engine(settings.qdrant_folder, max_open=qdrant.open_collections), **limits)
    return QdrantIndex.connect(qdrant.url, qdrant.api_key.get_secret_value() if qdrant.api_key else None, **limits)


def open_sandbox(index: IndexSettings) -> PoolSandbox:
    """Return the sandbox for an index's documents; `close` ends it. Raises: InvalidSettings for an absent extra."""
    options, known = parser_options(index), parsers.media_types()
    for name, given in options.items():
        for pattern, kind in given.media_types:
            if not parsers.owner(kind, given.parser):
                told = f"source {name}: parsing.media_types: {pattern}: no parser reads {kind}{meant(kind, known)}"
                raise InvalidSettings(told)
        if given.ocr:
            require(f"source {name}: parsing.ocr", "ingest[ocr]", "pytesseract")
        if given.parser == "unstructured":
            require(f"source {name}: parsing.parser", legacy.EXTRA, *legacy.LIBRARIES)
    return PoolSandbox(options, index.parser_processes)


def parser_options(index: IndexSettings) -> dict[str, ParserOptions]:
    """Return the parser options by source; all have the same limits."""
    limits = ParseLimits(document_bytes=index.max_document_bytes, **dict(index.limits))
    made = partial(ParserOptions, limits=limits)
    return {s.name: made(default_excludes=s.default_excludes, **dict(s.parsing)) for s in index.sources}


def open_executor(settings: Settings, index: str | None, services: Services) -> Execute:
    """Return what runs steps: a Ray cluster, or this machine, in worker processes if there shall be more than one."""
    opener = partial(open_services, settings, index)
    if settings.executor.kind == "ray":
        return RayExecutor(opener, settings.executor, settings.workers)
    return ProcessExecutor(opener, services, settings.workers)


def build_options(name: str, index: IndexSettings, model_tokens: int = 0) -> BuildOptions:
    """Return the options of an index, as the pipeline takes them."""
    shape, keyword = Shape(index.payload, index.sparse), index.keyword.model_dump()
    hashed = index.model_dump(mode="json", include={"sources", "max_document_bytes", "duplicates"})
    return BuildOptions(
        index=name,
        settings={**hashed, **shape.record()},
        analyser={**keyword, **Analyser.from_record(keyword).record()},
        profile=index.profile,
        limits=parser_options(index)[index.sources[0].name].limits,
        screening={source.name: source.screening for source in index.sources},
        revokes={source.name: source.revokes for source in index.sources},
        shape=shape,
        model_tokens=model_tokens,
        **{field: getattr(index, field) for field in IndexOptions.model_fields},
    )


def check_sizes(name: str, index: IndexSettings, record: ModelRecord) -> None:
    """Check that chunks fit into the model. Raises: InvalidSettings."""
    if (found := index.chunking.max_tokens) > (most := record.max_tokens):
        raise InvalidSettings(f"index {name}: chunking.max_tokens is {found}, model {record.name} takes at most {most}")


def tell_retries() -> None:
    """Log a retry in words, unless the application has hooks of its own."""
    given = instrumentation.get_on_retry_hooks()
    if all(str(getattr(hook, "__module__", "")).startswith("stamina") for hook in given):
        instrumentation.set_on_retry_hooks([_told])


def _told(details: instrumentation.RetryDetails) -> None:
    why = IN_ALL.sub("", str(details.caused_by)) or "no reason given"
    kind, number = type(details.caused_by).__name__, details.retry_num
    logging.getLogger("ingest.retries").warning(
        "%s: %s; attempt %d failed, the next follows in %.1f s", kind, why, number, details.wait_for
    )


def open_sources(settings: Settings, index: IndexSettings) -> tuple[Source, ...]:
    """Return the sources of an index; nothing is read yet. Raises: InvalidSettings, UnknownSource."""
    for first, second in combinations(index.sources, 2):
        if sources.overlaps(first.uri, second.uri):
            places = f"{first.name} ({shown(first.uri)}) and {second.name} ({shown(second.uri)})"
            raise InvalidSettings(f"sources {places} overlap")
    return tuple(open_source(source, settings, index.max_document_bytes) for source in index.sources)


def open_source(source: SourceSettings, settings: Settings, max_document_bytes: int) -> Source:
    """Return one source; nothing is read yet. Raises: InvalidSettings, UnknownSource."""
    options: dict[str, Any] = {"include": source.include, "exclude": source.exclude}
    options["max_document_bytes"] = max_document_bytes
    # Only where they say something: a module of another package need not know them.
    options |= {} if source.default_excludes else {"default_excludes": False}
    options |= {"own": own} if (own := _own_folders(source, settings)) else {}
    module = sources.find(source.uri)
    readers = SHARDS_AT_ONCE * max(index.concurrent_reads for index in settings.indexes.values())
    s3 = settings.s3.model_copy(update={"max_connections": max(settings.s3.max_connections, readers)})
    return module.open_source(source.name, source.uri, {**options, **source.options}, source.acl, source.tenant, s3)


def _own_folders(source: SourceSettings, settings: Settings) -> tuple[str, ...]:
    """Return what below the source's root is the lake or the state folder, each with "/" at its end."""
    inside = []
    for key, uri in (("lake", settings.lake), ("state", str(settings.state))):
        below = sources.path_below(source.uri, uri)
        if below == "" or sources.path_below(uri, source.uri):
            places = f"source {source.name} ({shown(source.uri)}) lies in the folder of `{key}` ({shown(uri)})"
            raise InvalidSettings(f"{places}: what a run writes there would be its documents; move one of them")
        inside += [f"{os.fsencode(below).decode(errors='backslashreplace')}/"] if below else []
    return tuple(inside)
