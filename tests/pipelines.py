"""A whole project on doubles: a folder of documents, a lake, an in-memory Qdrant, counters on everything that costs."""

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from ingest import pipeline
from ingest.adapters import embedders
from ingest.adapters.sources.file import open_source
from ingest.errors import SourceUnavailable
from ingest.lake.contents import Contents, contents_of
from ingest.lake.lake import Lake
from ingest.lake.rows import quarantine_rows
from ingest.pipeline.changes import Listing, Scope
from ingest.pipeline.collections import ensure
from ingest.pipeline.inspection import Inspection
from ingest.pipeline.plan import make_plan
from ingest.pipeline.seal import conservation
from ingest.pipeline.tasks import Execute
from ingest.ports import Observer, Source, Store, VectorIndex
from ingest.records import (
    BuildOptions,
    ChunkingOptions,
    Conservation,
    DocumentRef,
    GateRules,
    Manifest,
    ModelRecord,
    Quarantined,
    QueryProfile,
    RawDocument,
    RunReport,
    S3Options,
    Verdict,
)
from ingest.services import Retrieval, Services, Workbench, Writer
from ingest_conformance import hashing_embedder as hashing
from tests.fakes import InMemoryStore, inline_executor
from tests.inline_sandbox import InlineSandbox
from tests.vector_indexes import in_memory_index

WHOLE = Scope()
START = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
UNJUDGED = GateRules(floors={}, allow_unjudged=True)
ANALYSER = {"language": "english", "stem": True, "k1": 1.2, "b": 0.75}
SMALL_CHUNKS = ChunkingOptions(target_tokens=30, max_tokens=48, min_tokens=8)
MEBI = 2**20


class CountingSource:
    """A folder as a source that counts its GETs by path, and whose listing or reads can be made to fail."""

    def __init__(self, name: str, folder: Path, acl: Sequence[str] = ("public",), tenant: str = "public") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.inner: Source = open_source(
            name, str(folder), {"max_document_bytes": MEBI}, tuple(acl), tenant, S3Options()
        )
        self.name, self.uri = name, self.inner.uri
        self.gets: Counter[str] = Counter()
        self.acl_of: dict[str, tuple[str, ...]] = {}  # path → groups in place of the source's own
        self.listing_breaks_after: int | None = None
        self.before_read: Callable[[DocumentRef], None] = lambda ref: None

    def list(self) -> Iterator[DocumentRef]:
        for n, ref in enumerate(self.inner.list()):
            if n == self.listing_breaks_after:
                raise SourceUnavailable(f"{self.uri}: broke off after {n} documents")
            yield replace(ref, acl=self.acl_of.get(ref.path, ref.acl))

    def read(self, ref: DocumentRef) -> RawDocument | None:
        self.gets[ref.path] += 1
        self.before_read(ref)
        return self.inner.read(ref)

    def write(self, path: str, content: str | bytes) -> None:
        """Write a document."""
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else content.encode())

    def delete(self, path: str) -> None:
        """Delete a document."""
        (self.folder / path).unlink()


class Listener(Observer):
    """An observer that keeps what it was told."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Any]] = []

    def told(self, kind: str, value: Any) -> None:
        self.heard.append((kind, value))


def build_options(**changes: Any) -> BuildOptions:
    """Return the options of a small index: four documents a shard, nothing judged."""
    values: dict[str, Any] = {
        "index": "docs",
        "settings": {},
        "chunking": SMALL_CHUNKS,
        "analyser": ANALYSER,
        "profile": QueryProfile(),
        "gate": UNJUDGED,
        "judged": (),
        "documents_per_shard": 4,
        "max_deleted_share": 0.5,
        "max_quarantined_share": 1.0,
        "load_batch": 7,
    }
    return BuildOptions(**(values | changes))


@dataclass
class Project:
    """One index with everything that it needs. Change a field, then `run` again."""

    sources: tuple[CountingSource, ...]
    store: Store = field(default_factory=InMemoryStore)
    vectors: VectorIndex = field(default_factory=in_memory_index)
    embedder: hashing.HashingEmbedder = field(default_factory=lambda: hashing.HashingEmbedder("hashing", {}))
    options: BuildOptions = field(default_factory=build_options)
    now: datetime = START
    observer: Any = field(default_factory=Listener)
    monotonic: Callable[[], float] = field(default_factory=lambda: map(float, itertools.count()).__next__)
    _tokens: Iterator[int] = field(default_factory=itertools.count)

    @property
    def source(self) -> CountingSource:
        """The first source."""
        return self.sources[0]

    @property
    def lake(self) -> Lake:
        """The index's part of the lake."""
        return Lake(self.store, self.options.index)

    def services(self) -> Services:
        """Return one of each port."""
        shared: dict[str, Any] = {
            "lake": self.lake,
            "tokenizer": hashing.HashingTokenizer(),
            "model": self.embedder.record,
        }
        retrieval = Retrieval(
            **shared,
            vectors=self.vectors,
            open_embedder=self._open_embedder,
            monotonic=self.monotonic,
            observer=self.observer,
        )
        return Services(
            bench=Workbench(**shared, sources=self.sources, sandbox=InlineSandbox(), options=self.options),
            retrieval=retrieval,
            writer=Writer(
                who="tester@here", clock=lambda: self.now, new_token=lambda: f"token-{next(self._tokens):06d}"
            ),
        )

    def retrieval(self) -> Retrieval:
        """Return what answers questions."""
        return self.services().retrieval

    def _open_embedder(self, record: ModelRecord) -> hashing.HashingEmbedder:
        same = record.fingerprint == self.embedder.record.fingerprint
        return self.embedder if same else embedders.reopen(record)

    def run(
        self,
        scope: Scope = WHOLE,
        decide: Callable[[Verdict], bool] = lambda verdict: True,
        execute: Execute | None = None,
        take_over: str | None = None,
    ) -> RunReport:
        """Run once. The counters start again at zero."""
        self.forget()
        services = self.services()
        return pipeline.run(services, scope, execute or inline_executor(services), decide, take_over)

    def forget(self) -> None:
        """Set the counters back to zero."""
        self.embedder.forward_passes = 0
        self.observer.heard = []
        for source in self.sources:
            source.gets.clear()

    def gets(self) -> dict[str, int]:
        """Return GETs by path since the last run began, over all sources."""
        total: Counter[str] = Counter()
        for source in self.sources:
            total.update(source.gets)
        return dict(total)

    def later(self, **length: float) -> None:
        """Let time pass."""
        self.now += timedelta(**length)

    def change(self, **options: Any) -> None:
        """Change options of the index."""
        self.options = self.options.model_copy(update=options)

    def manifest(self, generation: str | None = None) -> Manifest:
        """Return the manifest of a generation, of the newest release when none is named."""
        newest = self.lake.releases.newest()
        assert generation is not None or newest is not None
        manifest = self.lake.manifest(generation or newest[1].generation)
        assert manifest is not None
        return manifest

    def contents(self) -> Contents:
        """Return what the newest release's generation holds."""
        return contents_of(self.lake, self.manifest())

    def quarantined(self, generation: str | None = None) -> dict[str, Quarantined]:
        """Return what a generation left out, by default the newest release's, by path within the first source."""
        contents, rows = contents_of(self.lake, self.manifest(generation)), {}
        for shard in contents.shards:
            for row in quarantine_rows(self.lake.read(contents.parts(shard)["quarantine"])):
                rows[unquote(row.uri.removeprefix(f"{self.source.uri}/"))] = row
        return rows

    def check(self, contents: Contents | None = None, *, mending: bool = False) -> Conservation:
        """Run the conservation check against what the sources list now, without a run; with `mending` as a run does."""
        services = self.services()
        with Listing() as listing:
            work = make_plan(services, Scope(), "check", listing)
            assert not work.summary.needs_generation
            chosen = contents or self.contents()
            if mending:
                found = ensure(services.retrieval, self.options, chosen)
            else:
                found = Inspection(self.vectors, chosen).run()
            return conservation(found, work)


def with_bench(services: Services, **changes: Any) -> Services:
    """Return services with another workbench."""
    return replace(services, bench=replace(services.bench, **changes))


def project(folder: Path, documents: int = 12, **options: Any) -> Project:
    """Return a project over `documents` documents named d00.md, d01.md, …"""
    source = CountingSource("docs", folder / "documents")
    for n in range(documents):
        source.write(f"d{n:02d}.md", document(n))
    return Project((source,), options=build_options(**options))


def judged_project(
    source: CountingSource, questions: Sequence[tuple[str, str, str]], profile: QueryProfile, documents_per_shard: int
) -> Project:
    """Return a project that has run, and is judged by (question, path, heading of the section that answers it)."""
    rows = [
        {"query_id": f"q{n:03d}", "text": text, "gold": [{"doc": path, "headings": [heading]}]}
        for n, (text, path, heading) in enumerate(questions)
    ]
    judged = source.folder.parent / "judged.jsonl"
    judged.write_text("\n".join(map(json.dumps, rows)))
    options = build_options(judged=(judged,), profile=profile, documents_per_shard=documents_per_shard)
    made = Project((source,), options=options)
    made.run()
    return made


def document(n: int, edition: int = 1) -> str:
    """Return a Markdown document of several chunks whose words are its own."""
    lines = [f"# Document {n}", ""]
    for section in range(3):
        lines += [f"## Section {section} of {n}", ""]
        lines += [" ".join(f"word{n}x{section}x{i}" for i in range(8)) + f" edition {edition}.", ""]
    return "\n".join(lines)
