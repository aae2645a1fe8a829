"""Inside a shard: work is kept slice by slice, no text is embedded twice, and the result is that of a whole shard."""

import io
import zipfile
from collections import Counter
from collections.abc import Sequence
from itertools import count, pairwise
from pathlib import Path

import numpy as np
import pytest

from ingest.errors import ArchivedDocument, EmbedderOutOfMemory
from ingest.pipeline import embed, tasks
from ingest.pipeline.chunk import chunk_shard
from ingest.pipeline.collection_points import rows_of
from ingest.pipeline.embed import DURABLE_SECONDS, FIRST_TEXTS
from ingest.pipeline.scope import Scope
from ingest.ports import observer
from ingest.records import DocumentRef, DuplicateOptions, Marker, Vectors
from ingest_conformance import hashing_embedder as hashing
from tests.fakes import InMemoryStore, Killed
from tests.pipelines import Listener, Project, document, project

DOCUMENTS = 12


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three documents or five chunks a slice."""
    monkeypatch.setattr(tasks, "SLICE_DOCUMENTS", 3)
    monkeypatch.setattr(tasks, "SLICE_CHUNKS", 5)


@pytest.fixture
def p(tmp_path: Path) -> Project:
    """A project of one shard."""
    return project(tmp_path, documents=DOCUMENTS, documents_per_shard=100, concurrent_reads=1)


def zipped(*names: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for n, name in enumerate(names):
            archive.writestr(name, document(90 + n))
    return data.getvalue()


def killed_at(p: Project, get: int) -> None:
    """Run until a document is read, counted from 1, and be killed there."""
    reads = count(1)

    def read(ref: DocumentRef) -> None:
        if next(reads) == get:
            raise Killed

    p.source.before_read = read
    with pytest.raises(Killed):
        p.run()
    p.source.before_read = lambda ref: None


class Model(hashing.HashingEmbedder):
    """A project's embedder that counts the texts it embeds, and may die once on the way."""

    def __init__(self, p: Project, dies_after: int = 10**9) -> None:
        super().__init__("hashing", {})
        self.dies_after, self.texts = dies_after, Counter[str]()
        self.dies_of: BaseException = Killed()
        p.embedder = self

    def embed(self, texts: Sequence[str]) -> Vectors:
        if self.texts.total() + len(texts) > self.dies_after:
            self.dies_after += 10**9  # once
            raise self.dies_of
        self.texts.update(texts)
        return super().embed(texts)


class Counting(Listener):
    """An observer that keeps what each step has to do, and adds up what it has done."""

    def __init__(self) -> None:
        super().__init__()
        self.totals: dict[str, tuple[int, str]] = {}
        self.done: Counter[str] = Counter()
        self.news: Counter[str] = Counter()

    def step_started(self, step: str, total: int, unit: str) -> None:
        self.totals[step] = total, unit

    def advanced(self, step: str, done: int, counts: object) -> None:
        self.done[step] += done
        self.news[step] += 1


def elsewhere(p: Project) -> Project:
    """Return a project over the same documents with a lake and an index of its own."""
    return Project(p.sources, options=p.options)


def finished(p: Project, step: str) -> list[tuple[int, int]]:
    """Return the slices of the only shard whose step is done in the newest generation."""
    newest = p.lake.claims.newest()
    assert newest is not None
    plan = p.lake.plan(newest[1].id)
    assert plan is not None
    return sorted(
        marker.rows for marker in p.lake.finished_slices(newest[1].id, step, 0, plan.shards[0]) if marker.rows
    )


def test_slices_give_the_part_files_and_the_digest_of_a_whole_shard(p: Project, request: pytest.FixtureRequest) -> None:
    p.source.write("d01-empty.md", "")
    p.source.write("d05.zip", zipped("b.md", "a.md"))
    p.source.write("d09-hidden.html", "<p>seen</p><p style='display:none'>" + "hidden words " * 20 + "</p>")
    whole = p.run()
    request.getfixturevalue("small_slices")
    other = elsewhere(p)
    cut = other.run()
    assert [(0, 3), (3, 6), (6, 9), (9, 12), (12, 15)] == finished(other, "chunk")
    assert {"d01-empty.md"} == other.quarantined().keys()
    assert (whole.digest, p.manifest().parts) == (cut.digest, other.manifest().parts)
    assert (whole.quarantined, whole.dropped, whole.embedded) == (cut.quarantined, cut.dropped, cut.embedded)
    assert [s.documents for s in whole.stages[:2]] == [s.documents for s in cut.stages[:2]]
    assert [] == list(other.store.list(f"docs/generations/{other.manifest().generation}/slices/"))


def test_documents_of_finished_slices_are_not_fetched_again_after_a_kill(p: Project, small_slices: None) -> None:
    killed_at(p, 11)
    assert [(0, 3), (3, 6), (6, 9)] == finished(p, "chunk")
    p.run()
    assert {"d09.md", "d10.md", "d11.md"} == p.gets().keys()


def test_what_could_not_be_read_in_a_finished_slice_is_asked_for_again_after_a_kill(
    p: Project, small_slices: None
) -> None:
    def read(ref: DocumentRef) -> None:
        if ref.path in ("d01.md", "d10.md"):
            raise ArchivedDocument("in an archive tier") if ref.path == "d01.md" else Killed

    p.source.before_read = read
    with pytest.raises(Killed):
        p.run()
    p.source.before_read = lambda ref: None
    assert ("promoted", {}) == (p.run().decision, p.quarantined())
    assert {"d01.md", "d09.md", "d10.md", "d11.md"} == p.gets().keys()


def test_another_generation_adopts_the_finished_slices_of_a_killed_one(p: Project, small_slices: None) -> None:
    killed_at(p, 11)
    p.source.write("d00.md", document(0, edition=2))  # another plan
    assert "promoted" == p.run().decision
    assert {"d00.md", "d09.md", "d10.md", "d11.md"} == p.gets().keys()


def test_a_shard_that_was_finished_whole_is_not_cut(p: Project, request: pytest.FixtureRequest) -> None:
    Model(p, dies_after=0)
    with pytest.raises(Killed):
        p.run()
    request.getfixturevalue("small_slices")
    p.run()
    assert {} == p.gets()
    assert [] == finished(p, "chunk")


def test_a_slice_of_other_bounds_is_not_mistaken_for_it(p: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "SLICE_DOCUMENTS", 3)
    killed_at(p, 11)
    monkeypatch.setattr(tasks, "SLICE_DOCUMENTS", 4)
    assert "promoted" == p.run().decision
    assert DOCUMENTS == p.manifest().counts["documents"]


@pytest.mark.parametrize("damage", [b"", b"damaged"], ids=["lost", "damaged"])
def test_a_shard_whose_slice_lost_a_part_file_is_made_anew(
    p: Project, small_slices: None, monkeypatch: pytest.MonkeyPatch, damage: bytes
) -> None:
    def killed(*_: object) -> Marker:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(chunk_shard, "join", killed)
        with pytest.raises(Killed):
            p.run()
    assert isinstance(p.store, InMemoryStore)
    key = next(key for key in p.store.values if "/slices/" in key)
    p.store.values.pop(key)
    p.store.values |= {key: damage} if damage else {}
    assert "promoted" == p.run().decision
    assert DOCUMENTS == p.manifest().counts["documents"] == len(p.gets())


def test_unchanged_documents_ride_along_in_one_slice(p: Project, small_slices: None) -> None:
    p.run()
    p.source.write("d04.md", document(4, edition=2))
    p.run()
    assert {"d04.md"} == p.gets().keys()
    assert [] == finished(p, "chunk")


def test_a_changed_chunker_is_cut_into_slices_though_nothing_is_fetched(p: Project, small_slices: None) -> None:
    p.run()
    p.change(chunking=p.options.chunking.model_copy(update={"max_tokens": 40}))
    p.run()
    assert {} == p.gets()
    assert 4 == len(finished(p, "chunk"))


def test_no_durable_text_is_embedded_again_after_a_kill_inside_a_slice(p: Project) -> None:
    for n in range(DOCUMENTS, 80):
        p.source.write(f"d{n:02d}.md", document(n))
    seconds = count()
    p.monotonic = lambda: float(next(seconds))  # a call takes a second: the number of texts stays
    model = Model(p, dies_after=200)
    with pytest.raises(Killed):
        p.run()
    before = model.texts.total()
    assert before == 192
    p.run()
    again = sum(n - 1 for n in model.texts.values())
    assert again <= FIRST_TEXTS * DURABLE_SECONDS
    assert again < before / 2
    assert model.texts.total() == len(model.texts) + again


def test_no_durable_vector_of_a_forced_run_is_computed_again_when_it_is_resumed(p: Project) -> None:
    for n in range(DOCUMENTS, 80):
        p.source.write(f"d{n:02d}.md", document(n))
    p.run()
    seconds = count()
    p.monotonic = lambda: float(next(seconds))
    model = Model(p, dies_after=200)
    keys = [chunk.embedding_key for chunk, _ in rows_of(p.contents(), 0)]
    before, embed = p.lake.embeddings(model.record.fingerprint).vectors(keys), model.embed
    model.embed = lambda texts: -embed(texts)  # type: ignore[method-assign]
    forced = Scope(force=frozenset({"embed"}))
    with pytest.raises(Killed):
        p.run(forced)
    assert 192 == model.texts.total()
    assert "promoted" == p.run(forced).decision
    assert 240 == len(model.texts)
    assert model.texts.total() - len(model.texts) <= FIRST_TEXTS * DURABLE_SECONDS
    np.testing.assert_allclose(p.lake.embeddings(model.record.fingerprint).vectors(keys), -before, atol=1e-6)
    done = model.texts.total()
    assert ("promoted", done + 240) == (p.run(forced).decision, model.texts.total())  # another one does all again


def test_a_second_attempt_finds_the_vectors_of_the_first(p: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embed, "DURABLE_SECONDS", 1.0)
    model = Model(p, dies_after=34)
    model.dies_of = EmbedderOutOfMemory("only now")
    report = p.run()
    assert "promoted" == report.decision
    assert {1} == set(model.texts.values())


def test_vectors_of_a_killed_run_are_found_by_another_plan(p: Project, small_slices: None) -> None:
    model = Model(p, dies_after=12)
    with pytest.raises(Killed):
        p.run()
    assert [(0, 5), (5, 10)] == finished(p, "embed")
    p.source.delete("d11.md")
    p.run()
    assert {1} == set(model.texts.values())


def test_steps_over_a_whole_generation_count_on_the_way_in_units_of_their_own(
    p: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observer, "EVERY", 5)
    p.source.write("copy.md", document(0))  # its chunks are collapsed
    p.change(duplicates=DuplicateOptions(collapse="exact"))
    p.observer = heard = Counting()
    p.run()
    counts = p.manifest().counts
    points, postings = p.contents().rows("chunks") - 3, p.contents().rows("keyword.postings")
    assert (39, "chunks") == heard.totals["duplicates"]
    assert (points, "points") == heard.totals["optimise"] == heard.totals["check"]
    assert (postings, "postings") == heard.totals["merge"]
    assert (39, points) == (heard.done["duplicates"], heard.done["check"])
    assert 0 < heard.done["merge"] <= postings
    assert min(heard.news["duplicates"], heard.news["check"]) > 5
    assert counts["chunks"] == 39


def test_progress_counts_documents_and_chunks_and_adds_up_also_when_it_is_resumed(
    p: Project, small_slices: None
) -> None:
    Model(p, dies_after=30)
    with pytest.raises(Killed):
        p.run()
    p.observer = heard = Counting()
    chunks = p.run().stages[1].chunks
    wanted = {"chunk": (DOCUMENTS, "documents"), "embed": (chunks, "chunks")}
    wanted |= {"keyword": (chunks, "chunks"), "load": (chunks, "chunks")}
    assert wanted == {step: heard.totals[step] for step in wanted}
    assert {step: total for step, (total, _) in wanted.items()} == {step: heard.done[step] for step in wanted}
    assert heard.news["embed"] > 3


def test_restoring_a_lost_collection_tells_its_chunks(p: Project) -> None:
    chunks = p.run().stages[1].chunks
    p.vectors.drop_collection(p.manifest().collection)
    p.observer = heard = Counting()
    p.run()
    assert ((chunks, "chunks"), chunks) == (heard.totals["restore"], heard.done["restore"])


def test_a_row_begins_where_the_row_before_it_ends(p: Project, small_slices: None) -> None:
    p.run()
    for step in ("chunk", "embed", "load"):
        assert all(one[1] == other[0] for one, other in pairwise(finished(p, step)))
        assert finished(p, step)[0][0] == 0
