"""A run in a process of its own that kills itself at a named moment. Everything that it leaves is on disk."""

import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet  # noqa: F401
import qdrant_client  # noqa: F401 - imported once by the fork server, not once by every process
import scipy.stats  # noqa: F401

from ingest import pipeline
from ingest.adapters.sources.file import open_source
from ingest.adapters.stores.folder_store import FolderStore
from ingest.adapters.vectors.edge.engine import Engine
from ingest.adapters.vectors.qdrant.qdrant_index import QdrantIndex
from ingest.lake.lake import Lake
from ingest.pipeline.changes import Scope
from ingest.ports import Observer, Source
from ingest.records import AliasAction, DocumentRef, RawDocument, S3Options
from ingest.services import Retrieval, Services, Workbench, Writer
from ingest_conformance import hashing_embedder as hashing
from tests.fakes import inline_executor
from tests.inline_sandbox import InlineSandbox
from tests.pipelines import build_options

FINISHED = ("chunk", "embed", "load", "keyword")  # killed when one shard of the step is finished
MOMENTS = (
    "plan",
    "chunk",
    "second shard",
    "embed",
    "load",
    "keyword",
    "seal",
    "evaluate",
    "record",
    "alias",
)


@dataclass(frozen=True)
class Place:
    """Where a run finds and leaves everything."""

    index: str
    documents: Path
    lake: Path
    engine: Path
    gets: Path  # one line for each GET

    def store(self) -> FolderStore:
        """Return the lake's store."""
        return FolderStore(str(self.lake))

    def fetched(self) -> list[str]:
        """Return the paths of all GETs so far, in order."""
        return self.gets.read_text().splitlines() if self.gets.exists() else []


def die() -> None:
    """End this process as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)  # the signal comes


class LoggedSource:
    """A folder that writes down each GET before it is answered, and may die at the first GET of the second shard."""

    def __init__(self, place: Place, dies: bool) -> None:
        self.inner: Source = open_source("docs", str(place.documents), {}, ("public",), "public", S3Options())
        self.name, self.uri, self.place, self.dies = self.inner.name, self.inner.uri, place, dies

    def list(self) -> Iterator[DocumentRef]:
        return self.inner.list()

    def read(self, ref: DocumentRef) -> RawDocument | None:
        with self.place.gets.open("a") as log:
            log.write(f"{ref.path}\n")
        if self.dies and any(self.place.lake.glob("*/generations/*/markers/chunk/*.json")):
            die()
        return self.inner.read(ref)


class KillingIndex:
    """The index, with an alias call that never begins or whose answer never comes."""

    def __init__(self, inner: QdrantIndex, alias: str, moment: str | None) -> None:
        self.inner, self.alias, self.moment = inner, alias, moment

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def move_aliases(self, actions: Sequence[AliasAction]) -> bool:
        decides = any(action.name == self.alias for action in actions)
        if decides and self.moment == "record":
            die()
        answer = self.inner.move_aliases(actions)
        if decides and self.moment == "alias":
            die()
        return answer


class Killer(Observer):
    """An observer that ends the process when it hears of the moment."""

    def __init__(self, moment: str | None) -> None:
        self.moment = moment

    def step_started(self, step: str, total: int, unit: str) -> None:
        if step == self.moment == "evaluate":
            die()

    def advanced(self, step: str, done: int, counts: Mapping[str, int]) -> None:
        if counts and step == self.moment and step in FINISHED:
            die()

    def told(self, kind: str, value: object) -> None:
        if (kind, self.moment) in (("plan", "plan"), ("copied", "load"), ("conservation", "seal")):
            die()


def run(place: Place, moment: str | None) -> None:
    """Run once, and die at `moment` if there is one."""
    embedder = hashing.HashingEmbedder("hashing", {})
    index = QdrantIndex.embedded(Engine(place.engine))
    shared: dict[str, Any] = {
        "lake": Lake(place.store(), place.index),
        "tokenizer": hashing.HashingTokenizer(),
        "model": embedder.record,
    }
    bench = Workbench(
        **shared,
        sources=(LoggedSource(place, moment == "second shard"),),
        sandbox=InlineSandbox(),
        options=build_options(index=place.index, documents_per_shard=3, lease_seconds=0.3),
    )
    retrieval = Retrieval(
        **shared,
        vectors=KillingIndex(index, place.index, moment),
        open_embedder=lambda record: embedder,
        monotonic=time.monotonic,
        observer=Killer(moment),
    )
    clock, new_token = lambda: datetime.now(UTC), lambda: os.urandom(16).hex()
    writer = Writer(who="tester@here", clock=clock, new_token=new_token)
    services = Services(bench=bench, retrieval=retrieval, writer=writer)
    pipeline.run(services, Scope(), inline_executor(services), lambda verdict: True)
    index.close()
