"""Steps that overlap: chunks of one shard are embedded while others are parsed, and all else is as it is in turns."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from ingest import pipeline
from ingest.adapters.executors.processes import ProcessExecutor
from ingest.errors import DeleteGuardTripped, FatalError, SourceUnavailable
from ingest.pipeline import tasks
from ingest.pipeline.guard import guard_chunked
from ingest.pipeline.tasks import ShardStep, ShardTask
from ingest.records import DocumentRef, Marker, Vectors
from ingest_conformance import hashing_embedder as hashing
from tests.fakes import Killed
from tests.pipelines import CountingSource, Project, build_options, document, project

WAIT_SECONDS = 30.0
DOCUMENTS = 16  # in four shards


class Overlapping(ProcessExecutor):
    """Runs steps as two workers do, but in this process: chunk in a thread."""

    def map(self, step: ShardStep, items: Iterable[ShardTask]) -> Iterator[Marker]:
        yield from (step(self.services, item) for item in items)


class Model(hashing.HashingEmbedder):
    """A project's embedder that says when it is at work, and may fail."""

    def __init__(self, p: Project) -> None:
        super().__init__("hashing", {})
        self.at_work, self.texts = threading.Event(), list[str]()
        self.dies_of: BaseException | None = None
        p.embedder = self

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.texts += texts
        self.at_work.set()
        if self.dies_of is not None:
            raise self.dies_of
        return super().embed(texts)


@pytest.fixture
def p(tmp_path: Path) -> Project:
    return project(tmp_path, documents=DOCUMENTS, concurrent_reads=1)


def overlapping(p: Project) -> Overlapping:
    return Overlapping(p.services, p.services())


def elsewhere(p: Project) -> Project:
    """Return a project over the same documents with a lake and an index of its own."""
    return Project(p.sources, options=p.options)


def test_a_shard_is_embedded_while_another_is_parsed_and_the_result_is_the_same(
    p: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "SLICE_DOCUMENTS", 2)  # a shard is joined first
    model, reads = Model(p), count(1)

    def read(ref: DocumentRef) -> None:
        if next(reads) == DOCUMENTS:
            assert model.at_work.wait(WAIT_SECONDS)

    p.source.before_read = read
    report = p.run(execute=overlapping(p))
    p.source.before_read = lambda ref: None
    assert ("promoted", elsewhere(p).run().digest) == (report.decision, report.digest)
    stages = {stage.step: stage for stage in report.stages}
    assert {"chunk", "guard", "embed", "keyword", "load"} < stages.keys()
    assert (DOCUMENTS, stages["load"].chunks) == (stages["chunk"].documents, stages["embed"].chunks)


def test_what_the_guard_stops_serves_nothing_and_is_not_embedded_again_when_it_is_allowed(
    p: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    p.change(keep_last_good_days=0)
    p.run()
    for n in range(DOCUMENTS):
        p.source.write(f"d{n:02d}.md", document(n, edition=2) if n < 4 else "")
    serving, model = p.lake.decision(), Model(p)

    def guard(*arguments: Any) -> dict[str, int]:
        assert model.at_work.wait(WAIT_SECONDS)
        return guard_chunked(*arguments)

    monkeypatch.setattr(pipeline, "guard_chunked", guard)
    with pytest.raises(DeleteGuardTripped, match="would disappear"):
        p.run(execute=overlapping(p))
    assert (serving, True) == (p.lake.decision(), bool(model.texts))
    p.change(max_deleted_share=1.0)
    assert "promoted" == p.run(execute=overlapping(p)).decision
    assert {} == p.gets()
    assert len(model.texts) == len({*model.texts})


@pytest.mark.parametrize("error", [Killed(), FatalError("the model is ill")])
def test_a_run_that_ends_while_steps_overlap_is_resumed(p: Project, error: BaseException) -> None:
    model = Model(p)
    model.dies_of = error
    with pytest.raises(type(error)):
        p.run(execute=overlapping(p))
    model.dies_of, read = None, p.gets()
    report = p.run(execute=overlapping(p))
    assert ("promoted", True) == (report.decision, report.resumed)
    assert {} == {name: n for name, n in p.gets().items() if name in read}
    assert DOCUMENTS == len(read | p.gets())
    assert elsewhere(p).run().digest == report.digest


def test_a_source_that_falls_ill_while_others_are_embedded_is_carried(tmp_path: Path) -> None:
    sources = tuple(CountingSource(name, tmp_path / name) for name in "ab")
    for n in range(DOCUMENTS):
        sources[n % 2].write(f"d{n:02d}.md", document(n))
    p = Project(sources, options=build_options(concurrent_reads=1))
    p.run()
    for n in range(DOCUMENTS):
        sources[n % 2].write(f"d{n:02d}.md", document(n, edition=2))
    model = Model(p)

    def read(ref: DocumentRef) -> None:
        raise SourceUnavailable("HTTP 500")

    sources[1].before_read = read
    report = p.run(execute=overlapping(p))
    assert ("promoted", ["b"]) == (report.decision, [one.name for one in report.carried])
    assert len(model.texts) == len({*model.texts})
