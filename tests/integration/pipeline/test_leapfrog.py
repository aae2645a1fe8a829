"""A night costs what changed: a retired generation's collection is taken over, and nobody mistakes what it holds."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingest.adapters.vectors.qdrant.qdrant_index import QdrantIndex
from ingest.errors import UnknownRelease
from ingest.lake.contents import contents_of
from ingest.pipeline import collections, inspection
from ingest.pipeline.collections import ensure, releases_of
from ingest.pipeline.promotion import Promotion
from ingest.pipeline.retirement import retire
from ingest.pipeline.scope import Scope
from ingest.records import EVERYTHING, AliasAction, Lengths, Manifest, Point, Recall, RetireOptions, Shape
from ingest.release.generation_states import decide
from ingest.search import Searcher, open_release, open_serving
from tests.fakes import InMemoryStore, Killed
from tests.pipelines import Project, document, project
from tests.vector_indexes import in_memory_index

DOCUMENTS = 8
RETIRE = RetireOptions(keep=1, minimum_age_hours=1, soak_hours=12)
QUESTIONS = [f"word{n}x{section}x3 word{n}x{section}x5" for n in range(DOCUMENTS) for section in range(3)]


class CountingIndex(QdrantIndex):
    """Counts the points that are written and deleted, and may kill whoever changes something."""

    written = deleted = 0
    killed_after: int | None = None  # changes
    changes = 0

    def _change(self) -> None:
        self.changes += 1
        if self.killed_after is not None and self.changes > self.killed_after:
            raise Killed(f"after {self.killed_after} changes")

    def upsert(self, collection: str, points: Sequence[Point]) -> None:
        self._change()
        super().upsert(collection, points)
        self.written += len(points)

    def delete(self, collection: str, ids: Sequence[str]) -> None:
        self._change()
        super().delete(collection, ids)
        self.deleted += len(ids)

    def give(self, *args: Any) -> None:
        self._change()
        super().give(*args)

    def optimise(self, *args: Any) -> None:
        self._change()
        super().optimise(*args)

    def forget(self) -> None:
        self.written = self.deleted = self.changes = 0


class CuttingStore(InMemoryStore):
    """A store in which a record of a certain name may be the last thing that its writer does."""

    killed_at: str = ""

    def create(self, key: str, data: bytes) -> bool:
        won = super().create(key, data)
        if self.killed_at and self.killed_at in key:
            raise Killed(f"after {key}")
        return won


def nights(p: Project, count: int, first: int = 1) -> list[Manifest]:
    """Run night after night, in each of which a document changes; return what served then."""
    found = []
    for night in range(first, first + count):
        p.source.write("d01.md", document(1, edition=night + 1))
        assert "promoted" == p.run().decision
        found.append(p.manifest())
        p.later(days=1)
    return found


def at_night(p: Project) -> Project:
    """Let the store have the project's clock."""

    def now() -> float:
        return p.now.timestamp()

    p.store.clock = now
    return p


def made(folder: Path, documents: int = DOCUMENTS, **options: Any) -> Project:
    p = project(folder, documents, **{"documents_per_shard": 8, "retire": RETIRE, **options})
    p.store, p.vectors = CuttingStore(), in_memory_index(CountingIndex)
    return at_night(p)


@pytest.fixture(scope="module")
def soaked(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Three nights, after which the first generation's collection can be taken over."""
    p = made(tmp_path_factory.mktemp("soaked"))
    p.run()
    p.later(days=1)
    nights(p, 2)
    return p


def copy_of(p: Project) -> Project:
    """Return a copy of an index over the same documents."""
    store, vectors = CuttingStore(p.store.values), in_memory_index(CountingIndex)
    ours, theirs = vectors._connection._client, p.vectors._connection._client
    ours._client.collections, ours._client.aliases = deepcopy((theirs._client.collections, theirs._client.aliases))
    ours._threshold = dict(theirs._threshold)
    copied = replace(p, store=store, vectors=vectors)
    store.written = dict(p.store.written)
    return at_night(copied)


@pytest.fixture
def p(soaked: Project) -> Iterator[Project]:
    """A copy of it. The documents are the same for all, and put back at the end."""
    kept = {path: path.read_bytes() for path in soaked.source.folder.iterdir()}
    yield copy_of(soaked)
    for path in soaked.source.folder.iterdir():
        path.write_bytes(kept[path]) if path in kept else path.unlink()


@pytest.fixture(scope="module")
def leapt(soaked: Project) -> tuple[Project, list[Manifest], Searcher]:
    """The fourth night takes over the collection of the first generation, of which there is a reader."""
    p = copy_of(soaked)
    early = open_release(p.retrieval(), p.lake.releases.get(1))
    before = [p.manifest(p.lake.releases.get(n).generation) for n in (1, 2, 3)]
    p.vectors.forget()
    return p, [*before, *nights(p, 1, first=3)], early


def releases(p: Project):
    services = p.services()
    return releases_of(services.retrieval, services.bench.options, services.writer)


def rankings(p: Project, manifest: Manifest) -> list[Any]:
    """Return what all questions find, by stage; chunks with equal scores in the order of their ids."""
    searcher, stages = Searcher(p.retrieval(), manifest, p.options.profile), ("dense", "bm25", "fused")
    answers = searcher.search(QUESTIONS, EVERYTHING, 3 * DOCUMENTS, stages)
    found = [[(r.chunk_id, r.text, r.scores[s]) for r in a.stages[s]] for a in answers for s in stages]
    return [sorted(ranking, key=lambda one: (-round(one[2], 6), one[0])) for ranking in found]


def test_a_night_writes_the_points_that_differ_into_the_collection_of_a_retired_generation(leapt) -> None:
    p, (first, _, third, fourth), _ = leapt
    assert first.collection == fourth.collection != third.collection
    assert fourth.generation == p.vectors.generation_of(fourth.collection)
    assert (3, 3) == (p.vectors.written, p.vectors.deleted)  # a document of three chunks
    assert p.contents().rows("chunks") == p.vectors.count(fourth.collection, EVERYTHING)
    assert () == p.check().faults


def test_rankings_equal_those_of_a_fresh_load_over_all_questions(leapt) -> None:
    p, (*_, fourth), _ = leapt
    fresh = replace(p, vectors=in_memory_index())
    loaded = replace(contents_of(p.lake, fourth), collection="fresh")
    ensure(fresh.retrieval(), p.options, loaded)
    apart = rankings(fresh, fourth.model_copy(update={"collection": "fresh"}))
    assert rankings(p, fourth) == apart


def test_a_reader_of_the_generation_that_was_there_refuses_at_its_next_search(leapt) -> None:
    p, (first, *_, fourth), early = leapt
    named = f"{first.generation} is gone: {first.collection} was recycled and holds generation {fourth.generation}"
    for ask in (
        lambda: early.search(["word1x0x1"], EVERYTHING),
        lambda: early.search(["word1x0x1"], EVERYTHING, stages=("bm25",)),
        lambda: early.candidates(["word1x0x1"], EVERYTHING, 5),
        lambda: Searcher(p.retrieval(), first, p.options.profile),
    ):
        with pytest.raises(UnknownRelease, match=named):
            ask()
    with pytest.raises(UnknownRelease, match=first.generation):  # its manifest is gone, too
        open_release(p.retrieval(), p.lake.releases.get(1))


def test_a_recycled_generation_can_be_neither_promoted_nor_rolled_back_to_nor_restored(leapt) -> None:
    p, (first, *_, fourth), _ = leapt
    before = p.vectors.aliases()
    promotion = Promotion(p.retrieval(), p.options, releases(p))
    for bring_back in (
        lambda: promotion.promote(first.generation, None, lift_hold=False),
        lambda: Promotion(p.retrieval(), p.options, releases(p)).roll_back(1, "why"),
        lambda: releases(p).restore(first.generation),
    ):
        with pytest.raises(UnknownRelease, match=first.generation):
            bring_back()
    p.lake.store.delete(f"docs/generations/{first.generation}/retired.json")  # somebody takes the mark away
    with pytest.raises(UnknownRelease, match=first.generation):
        Promotion(p.retrieval(), p.options, releases(p)).roll_back(1, "why")
    assert before == p.vectors.aliases()
    contents = contents_of(p.lake, first)
    p.vectors.forget()
    with pytest.raises(UnknownRelease, match="was recycled"):
        ensure(p.retrieval(), p.options, contents)
    assert 0 == p.vectors.changes
    assert (fourth.generation, ()) == (p.manifest().generation, p.check().faults)


def test_a_reader_that_is_overtaken_between_search_and_answer_refuses(p: Project) -> None:
    early, first = open_serving(p.retrieval()), p.manifest()
    search = p.vectors.search

    def overtaken(*args: Any) -> Any:
        found = search(*args)
        p.vectors.give(first.collection, p.lake.known_identity(), "0009-00000000")
        return found

    p.vectors.search = overtaken
    with pytest.raises(UnknownRelease, match="0009-00000000"):
        early.search(["word1x0x1"], EVERYTHING)


def test_vectors_that_were_forced_replace_those_of_a_collection_from_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspection, "POINTS_PER_RUN", 1)
    p = made(tmp_path, documents=24, documents_per_shard=4, scrub_nights=365)
    p.run()
    p.later(days=1)
    first, embed = p.manifest(), p.embedder.embed
    with monkeypatch.context() as patched:
        patched.setattr(p.embedder, "embed", lambda texts: np.roll(embed(texts), 1, axis=1))
        p.run(Scope(uris=frozenset({f"{p.source.uri}/d05.md"}), force=frozenset({"embed"})))
    p.later(days=1)
    _, fourth = nights(p, 2)
    assert (first.collection, ()) == (fourth.collection, p.check().faults)


# a fresh load


def is_fresh(manifest: Manifest) -> bool:
    return manifest.generation in manifest.collection


def test_too_many_deletes_make_a_fresh_load(p: Project) -> None:
    for n in range(4):
        p.source.write(f"d{n:02d}.md", document(n, edition=77))
    p.run()
    assert is_fresh(p.manifest())


def test_another_shape_makes_a_fresh_load(p: Project) -> None:
    p.change(settings={"payload": "plain", "sparse": False}, shape=Shape("plain"))
    assert is_fresh(nights(p, 1, first=3)[0])


def test_what_has_not_soaked_is_not_taken(p: Project) -> None:
    p.change(retire=RetireOptions(keep=1, soak_hours=60))
    assert is_fresh(nights(p, 1, first=3)[0])


def test_a_recycled_graph_below_the_floor_is_left_for_a_fresh_load(p: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    poor = Recall(at=10, questions=64, mean=0.9, least=0.1)
    monkeypatch.setattr(collections, "measure_recall", lambda *_: poor)
    (fourth,) = nights(p, 1, first=3)
    assert (True, ()) == (is_fresh(fourth), p.check().faults)


def test_a_collection_that_an_alias_shows_is_not_taken(p: Project) -> None:
    first = p.lake.releases.get(1)
    p.vectors.move_aliases([AliasAction("create", "mine", first.collection)])
    assert is_fresh(nights(p, 1, first=3)[0])
    assert first.generation == p.vectors.generation_of(first.collection)


def test_what_the_next_rollback_takes_is_not_taken(p: Project) -> None:
    def back() -> str:
        return Promotion(p.retrieval(), p.options, releases(p)).roll_back(None, "why").generation

    first, second, _ = (p.lake.releases.get(n).generation for n in (1, 2, 3))
    assert second == back()
    p.source.write("d01.md", document(1, edition=4))
    assert "waiting" == p.run().decision
    assert first == back()


@pytest.mark.parametrize("keep", [0, 3])
def test_what_a_raised_number_keeps_is_not_taken(keep: int, p: Project) -> None:
    p.change(retire=RETIRE.model_copy(update={"keep": keep}))
    assert is_fresh(nights(p, 1, first=3)[0])


def test_nothing_is_taken_that_is_pinned_or_while_no_pin_can_be_read(p: Project) -> None:
    def found() -> list[str]:
        return [one.generation for one in collections.spares(p.lake, releases(p), p.options)]

    first = p.lake.releases.get(1).generation
    assert [first] == found()
    decide(p.lake, p.services().writer, "pin", "why", {"generation": [first]})
    assert [] == found()
    p.store.values["docs/decisions/1.json"] = b"{"
    assert [] == found()


def test_what_is_marked_no_longer_is_not_taken_by_a_process_that_saw_the_mark(p: Project) -> None:
    lake = p.lake
    (first,) = collections.spares(lake, releases(p), p.options)
    p.store.delete(lake.key(first.generation, "retired"))
    assert [] == [*collections.spares(lake, releases(p), p.options)]


# crashes


CRASHES = [
    ("changes", 1),  # of give, upsert, delete, optimise
    ("changes", 3),
    ("after", "recycled.json"),
]


@pytest.mark.parametrize("crash", CRASHES, ids=str)
def test_a_crash_leaves_serving_untouched_and_every_reader_right_or_refusing(
    crash: tuple[str, Any], p: Project
) -> None:
    early = open_release(p.retrieval(), p.lake.releases.get(1))
    served, before = p.manifest(), rankings(p, p.manifest())
    p.source.write("d01.md", document(1, edition=4))
    kind, at = crash
    if kind == "changes":
        p.vectors.killed_after = p.vectors.changes + at
    else:
        p.store.killed_at = at
    with pytest.raises(Killed):
        p.run()
    p.vectors.killed_after, p.store.killed_at = None, ""
    assert served.collection == p.vectors.aliases()["docs"]
    assert before == rankings(p, served)
    with suppress(UnknownRelease):
        answer = early.search(["word1x0x1 edition 1"], EVERYTHING)[0]
        assert all("edition 1." in result.text for result in answer.results)
    p.run()
    now = p.manifest()
    assert (now.collection, now.generation) == (p.vectors.aliases()["docs"], p.vectors.generation_of(now.collection))
    assert (served.generation, ()) == (now.base, p.check().faults)


# retirement


def test_a_sweep_leaves_one_spare_collection_and_none_when_a_person_asks(p: Project) -> None:
    kept = nights(p, 2, first=3)
    assert 3 == len(p.vectors.collections())  # what serves, what the next rollback takes, and the one to be recycled
    p.later(days=1)
    gone = retire(p.services(), releases(p), dry_run=False)
    assert 1 == len(gone.collections)
    assert {m.collection for m in kept} == {*p.vectors.collections()}
    assert () == p.check().faults


# sparse vectors


def test_sparse_vectors_are_weighed_by_the_lengths_of_their_epoch(tmp_path: Path) -> None:
    p = made(tmp_path, shape=Shape(sparse=True), settings={"payload": "langchain", "sparse": True})
    p.run()
    p.later(days=1)
    first = p.manifest()
    second, _ = nights(p, 2)
    p.vectors.forget()
    (fourth,) = nights(p, 1, first=3)
    assert isinstance(first.lengths, Lengths)
    assert first.lengths == second.lengths == fourth.lengths
    assert (first.collection, 3) == (fourth.collection, p.vectors.written)
    assert () == p.check().faults


def test_exact_neighbours_are_those_of_a_fresh_load(leapt) -> None:
    p, (*_, fourth), _ = leapt
    asked, fresh, every = np.eye(fourth.model.dimension, dtype=np.float32)[:16], in_memory_index(), 3 * DOCUMENTS
    loaded = replace(contents_of(p.lake, fourth), collection="fresh")
    ensure(replace(p, vectors=fresh).retrieval(), p.options, loaded)
    found = (fresh.nearest("fresh", asked, every), p.vectors.nearest(fourth.collection, asked, every))
    one, other = ([{hit.chunk_id: hit.score for hit in hits} for hits in side] for side in found)
    assert one == [pytest.approx(scores, abs=1e-6) for scores in other]
