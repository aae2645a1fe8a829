"""Runs whose documents and lake lie behind a proxy that breaks requests, each followed by a clean one."""

import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from ingest.adapters.s3_client import open_client
from ingest.adapters.sources.s3 import open_source
from ingest.adapters.stores.s3_store import S3Store
from ingest.errors import IngestError, UnknownRelease
from ingest.records import EVERYTHING, DocumentRef, Filter, RawDocument, RunReport, S3Options
from ingest.search import open_serving
from tests.faults.s3_proxy import Breaks, proxied
from tests.pipelines import Project, build_options, document
from tests.s3_server import FaultyS3
from tests.vector_indexes import in_memory_index

DOCUMENTS, EDITIONS, TOP, PAGE_SIZE = 8, (1, 2), 500, 3
QUESTION = "edition"  # a word of every chunk


class S3Documents:
    """A source on S3 that a project takes for one of its own."""

    def __init__(self, uri: str, options: S3Options) -> None:
        self.inner = open_source("docs", uri, {}, ("public",), "public", options)
        self.name, self.uri, self.gets = self.inner.name, self.inner.uri, Counter[str]()

    def list(self) -> Iterator[DocumentRef]:
        return self.inner.list()

    def read(self, ref: DocumentRef) -> RawDocument | None:
        return self.inner.read(ref)


@dataclass
class Ended:
    """How one run ended: what it decided, or the name of the error that stopped it."""

    how: str
    named: bool  # False: no error of ours, or a promise is broken
    seconds: float
    broken: Counter[str]  # requests, by kind of fault
    fault: str = ""  # in words


@dataclass
class S3World:
    """Documents in a bucket, a lake for each index beside them, and what undisturbed builds of both editions are."""

    server: FaultyS3
    bucket: str
    folder: Path
    patience: float = 60.0  # seconds that the client of a disturbed run waits for an answer
    digests: dict[int, str] = field(default_factory=dict)
    chunks: dict[int, frozenset[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for edition in EDITIONS:
            self.publish(edition)
            project = self.project(f"undisturbed{edition}")
            report = project.run()
            assert report.digest is not None
            self.digests[edition], self.chunks[edition] = report.digest, _chunk_ids(project, report)
            project.vectors.close()

    def publish(self, edition: int) -> None:
        """Write an edition: the second changes one document, deletes one and adds one."""
        first = {f"d{n:02d}.md": document(n) for n in range(DOCUMENTS)}
        second = {**first, "d03.md": document(3, 2), "d99.md": document(99)}
        del second["d01.md"]
        with closing(open_client(self.server.options())) as client:
            for name in ("d01.md", "d99.md"):
                client.delete_object(Bucket=self.bucket, Key=f"docs/{name}")
            for name, text in (first if edition == 1 else second).items():
                client.put_object(Bucket=self.bucket, Key=f"docs/{name}", Body=text.encode())

    def project(self, name: str, proxy: str | None = None) -> Project:
        """Return a project that reaches S3 through a proxy, or without one."""
        hasty = {} if proxy is None else {"endpoint_url": proxy, "read_timeout": self.patience}
        self.server.page_size = PAGE_SIZE
        options = self.server.options(**hasty)
        source = S3Documents(f"s3://{self.bucket}/docs", options)
        store = S3Store(f"s3://{self.bucket}/{name}", options, self.folder / name, 2**30, 2**26)
        return Project((source,), store=store, options=build_options(concurrent_reads=2), monotonic=Hours())  # type: ignore[arg-type]


class Hours:
    """A clock on which no lease is waited for: it goes on by an hour at each look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 3600.0
        return self.now


def disturbed(world: S3World, name: str, breaks: Breaks) -> Iterator[Ended]:
    """Build both editions through a proxy, each followed by a clean run; yield how the runs through it ended.

    Raises: AssertionError when a clean run does not make all right, or a search mixes editions.
    """
    vectors = in_memory_index()
    before: int | None = None
    for edition in EDITIONS:
        world.publish(edition)
        with proxied(world.server.url, breaks) as (url, proxy):
            project = world.project(name, url)
            project.vectors = vectors
            ended = _run(world, project, edition)
            ended.broken = proxy.broken
        yield ended
        project = world.project(name)
        project.vectors = vectors
        assert edition_found(world, project) in {before, edition}
        report = project.run()
        assert report.decision in ("promoted", "unchanged")
        assert not (fault := _fault(world, project, report, edition)), fault
        assert edition == edition_found(world, project)
        before = edition
    vectors.close()


def _run(world: S3World, project: Project, edition: int) -> Ended:
    began = time.monotonic()
    try:
        report = project.run()
        how, named, fault = report.decision, True, _fault(world, project, report, edition)
    except IngestError as error:
        how, named, fault = type(error).__name__, True, ""
    except Exception as error:  # noqa: BLE001 - whatever it is, people would see a traceback
        place = traceback.extract_tb(error.__traceback__)[-1]
        told = f"{type(error).__name__}: {error} ({Path(place.filename).name}, {place.name})"
        how, named, fault = type(error).__name__, False, told
    return Ended(how, named and not fault, time.monotonic() - began, Counter(), fault)


def _fault(world: S3World, project: Project, report: RunReport, edition: int) -> str:
    """Say what a run that ended well lost, has twice, or made of other documents; "" for nothing."""
    assert report.conservation is not None
    if report.conservation.faults:
        return f"conservation: {report.conservation.faults}"
    found = _chunk_ids(project, report)
    lost, more = world.chunks[edition] - found, found - world.chunks[edition]
    if lost or more:
        return f"{len(lost)} chunks lost, {len(more)} too many"
    held = len(world.chunks[edition])
    if (report.conservation.points, report.conservation.keyword_rows) != (held, held):
        return f"{report.conservation.points} points, {report.conservation.keyword_rows} keyword rows of {held} chunks"
    same = report.digest == world.digests[edition] or report.decision == "unchanged"
    return "" if same else f"digest {report.digest}, undisturbed {world.digests[edition]}"


def _chunk_ids(project: Project, report: RunReport) -> frozenset[str]:
    """Return the chunks in the collection of a run's generation. Each point must be another chunk."""
    collection = project.manifest(report.generation).collection
    points = [point.payload["metadata"]["chunk_id"] for point in project.vectors.scroll(collection, EVERYTHING)]
    assert len(points) == len(set(points))
    return frozenset(points)


def edition_found(world: S3World, project: Project) -> int | None:
    """Return the edition that both searches find whole, None when nothing serves. Raises: AssertionError."""
    try:
        searcher = open_serving(project.retrieval())
    except UnknownRelease:
        return None
    (answer,) = searcher.search([QUESTION], Filter(), TOP, ("bm25", "dense"))
    found = {stage: frozenset(r.chunk_id for r in results) for stage, results in answer.stages.items()}
    (edition,) = (edition for edition in EDITIONS if found["dense"] == world.chunks[edition] == found["bm25"])
    return edition
