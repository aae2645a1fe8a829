"""What serves, or is about to, matches the lake: points by id and digest, vectors by what is stored."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ingest.adapters.vectors.qdrant.qdrant_index import QdrantIndex
from ingest.errors import AccessDenied, IncompleteGeneration, IndexUnavailable, IngestError, SchemaMismatch
from ingest.ids import point_id
from ingest.pipeline import collection_points, inspection
from ingest.pipeline.collection_points import PointMaker, rows_of
from ingest.pipeline.collections import reconcile, releases_of
from ingest.pipeline.promotion import Promotion
from ingest.pipeline.status import status_of
from ingest.records import EVERYTHING, AliasAction, Filter, Point, Shape, StoredPoint, Vectors
from ingest.search import open_serving
from tests.fakes import Killed
from tests.pipelines import Project, document, project
from tests.vector_indexes import in_memory_index

Change = Callable[[Project, Sequence[Point]], None]


class Watched:
    """A vector index that counts what is read, and notes when aliases move."""

    def __init__(self, inner: QdrantIndex) -> None:
        self.inner = inner
        self.scrolled: Counter[str] = Counter()  # by collection and whether before or after the aliases moved
        self.asked: Counter[str] = Counter()  # fields of all points of a shard
        self.read = 0  # vectors
        self.moved = False

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)

    def scroll(self, collection: str, filter: Filter, fields: Sequence[str] = ()) -> Iterator[StoredPoint]:
        self.scrolled["after" if self.moved else "before"] += 1
        self.asked.update(fields or ["everything"])
        return self.inner.scroll(collection, filter, fields)

    def retrieve(self, collection: str, ids: Sequence[str], *, vectors: bool = False) -> dict[str, StoredPoint]:
        self.read += len(ids) if vectors else 0
        return self.inner.retrieve(collection, ids, vectors=vectors)

    def move_aliases(self, actions: Sequence[AliasAction]) -> bool:
        self.moved = True
        return self.inner.move_aliases(actions)


@pytest.fixture
def built(tmp_path: Path) -> Project:
    p = project(tmp_path, documents=6)
    p.vectors = Watched(in_memory_index())
    p.run()
    return p


def served_points(p: Project, generation: str | None = None) -> list[Point]:
    """Return the points of a generation as they should be."""
    contents = p.contents() if generation is None else replace(p.contents(), collection=collection(p, generation))
    maker = PointMaker.of(contents)
    return [
        point
        for shard in contents.shards
        for point in maker.points(maker.wanted(rows_of(contents, shard), shard), shard)
    ]


def collection(p: Project, generation: str | None = None) -> str:
    return p.manifest(generation).collection


def replace_vectors(p: Project, points: Sequence[Point]) -> None:
    """Write one constant in place of the vectors, and leave payloads as they are."""
    constant = np.ones_like(points[0].vector) / np.sqrt(len(points[0].vector))
    p.vectors.upsert(collection(p), [replace(point, vector=constant) for point in points])


def overwrite(p: Project, points: Sequence[Point], **fields: object) -> None:
    payloads = [{**point.payload, "metadata": {**point.payload["metadata"], **fields}} for point in points]
    p.vectors.upsert(collection(p), [replace(one, payload=new) for one, new in zip(points, payloads, strict=True)])


def open_to_all(p: Project, points: Sequence[Point]) -> None:
    """Let everybody see points, and leave their digests as they are."""
    overwrite(p, points, acl=["all"])


def retitle(p: Project, points: Sequence[Point]) -> None:
    """Give points another title, and leave their digests as they are."""
    overwrite(p, points, title="x")


UNSEEN = pytest.mark.parametrize("change", [replace_vectors, retitle])  # by digest and groups


def is_sound(p: Project) -> bool:
    held = p.vectors.retrieve(collection(p), [point.id for point in served_points(p)], vectors=True)
    return all(
        point.payload == held[point.id].payload and collection_points.are_same([point], [held[point.id]]).all()
        for point in served_points(p)
    )


def judging(p: Project) -> tuple:
    services = p.services()
    return services.retrieval, p.options, releases_of(services.retrieval, p.options, services.writer)


def told(p: Project) -> list[str]:
    return [str(value) for kind, value in p.observer.heard if kind == "reconciled"]


# what a digest does not show


def test_all_vectors_replaced_by_one_are_found_and_mended_by_a_run_that_changes_nothing(built: Project) -> None:
    replace_vectors(built, served_points(built))
    report = built.run()
    assert ("unchanged", 18, 18, ()) == (
        report.decision,
        report.conservation.vectors_compared,
        report.conservation.mended,
        report.conservation.faults,
    )
    assert is_sound(built)


@pytest.mark.parametrize("shape", [Shape("langchain", True), Shape("plain", True)], ids=str)
def test_sparse_vectors_that_were_replaced_are_mended(tmp_path: Path, shape: Shape) -> None:
    p = project(tmp_path, documents=6, shape=shape, settings={"payload": shape.payload, "sparse": True})
    p.run()
    points = served_points(p)
    p.vectors.upsert(collection(p), [replace(points[0], sparse=points[-1].sparse)])
    assert (1, True) == (p.run().conservation.mended, is_sound(p))


@pytest.fixture
def many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """An index of eight shards, of which a run compares two in full."""
    monkeypatch.setattr(inspection, "POINTS_PER_RUN", 1)
    p = project(tmp_path, documents=24, documents_per_shard=3, scrub_nights=4)
    p.vectors = Watched(in_memory_index())
    p.run()
    assert 8 == len(p.contents().shards)
    return p


def of_shards(p: Project, *places: int) -> list[Point]:
    """Return the points of shards by their places behind the one whose turn is next; some shards may have none."""
    shards, (_, newest) = p.contents().shards, p.lake.scrubs.newest()
    chosen = {shards[(newest.next + place) % len(shards)] for place in places}
    return [one for one in served_points(p) if one.payload["metadata"]["shard"] in chosen]


@UNSEEN
def test_one_wrong_vector_in_the_sample_and_all_are_compared(many: Project, change: Change) -> None:
    change(many, served_points(many))
    points = len(served_points(many))
    assert points == many.run().conservation.mended
    assert is_sound(many)


def test_an_unchanged_run_reads_a_bounded_sample_of_vectors_and_each_digest_once(many: Project) -> None:
    due = len(of_shards(many, 0, 1))
    many.vectors.read, many.vectors.scrolled, many.vectors.asked = 0, Counter(), Counter()
    table = many.run().conservation
    assert table.vectors_compared == many.vectors.read == due < len(served_points(many)) == table.points
    assert {"digest": 2} == many.vectors.asked


SEEN: tuple[dict[str, object], ...] = (
    {"acl": ["all"]},
    {"acl": ["public", "all"]},
    {"acl": []},
    {"tenant": "another"},
    {"source": "x"},
    {"shard": 99},
)


def test_points_that_were_opened_to_everybody_are_closed_by_the_next_run_whatever_its_sample(many: Project) -> None:
    late = of_shards(many, *range(2, 8))
    for point, fields in zip(late, SEEN, strict=False):
        overwrite(many, [point], **fields)
    report = many.run()
    assert (len(SEEN), ()) == (report.conservation.mended, report.conservation.faults)
    assert is_sound(many)


def test_what_a_sample_does_not_see_is_seen_some_nights_later(many: Project) -> None:
    last = max(place for place in range(8) if of_shards(many, place))
    retitle(many, of_shards(many, last)[:1])
    mended = [many.run().conservation.mended for _ in range(4) if not many.later(days=1)]
    assert ([int(night == last // 2) for night in range(4)], True) == (mended, is_sound(many))


def test_a_run_after_skipped_nights_makes_up_for_them(many: Project) -> None:
    retitle(many, of_shards(many, 4, 5, 6, 7)[:1])
    many.later(days=9)
    assert (1, True) == (many.run().conservation.mended, is_sound(many))


def test_a_run_that_died_leaves_its_shards_to_the_next_one(many: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    retitle(many, of_shards(many, 0, 1)[:1])
    upsert = many.vectors.inner.upsert

    def die(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(many.vectors.inner, "upsert", die)
    with pytest.raises(Killed):
        many.run()
    monkeypatch.setattr(many.vectors.inner, "upsert", upsert)
    assert (1, True) == (many.run().conservation.mended, is_sound(many))


@UNSEEN
def test_all_vectors_are_compared_on_demand(many: Project, change: Change) -> None:
    late = of_shards(many, *range(2, 8))
    change(many, late[:2])
    many.vectors.delete(collection(many), [late[-1].id])
    found = reconcile(*judging(many))
    points = len(served_points(many))
    assert (points, points, 3, ()) == (found.points, found.vectors_compared, found.mended, found.faults)
    assert is_sound(many)


def test_damaged_files_are_named_on_demand_and_made_again_by_the_next_run(built: Project) -> None:
    part = next(part for part in built.manifest().parts if part.kind == "keyword.postings" and part.shard is None)
    built.store.values[f"docs/data/{part.sha256}.parquet"] = b"no Parquet file"
    found = reconcile(*judging(built))
    assert [True] == ["keyword.postings of all shards" in fault for fault in found.faults]
    assert [True] == ["keyword.postings of all shards" in told for told in built.run().healed]
    assert () == reconcile(*judging(built)).faults


def test_a_report_has_the_recall_of_now(built: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    search = built.vectors.inner.search

    def forgetful(name: str, vectors: Vectors, filter: Filter, limit: int) -> list:
        return [hits[::2] for hits in search(name, vectors, filter, limit)]

    monkeypatch.setattr(built.vectors.inner, "search", forgetful)
    assert built.run().recall.mean < 0.8
    assert 1.0 == built.manifest().recall.mean


def test_a_waiting_candidate_is_judged_by_the_recall_of_now(built: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    built.source.write("d00.md", document(0, edition=2))
    built.run(decide=lambda verdict: False)
    search = built.vectors.inner.search
    monkeypatch.setattr(built.vectors.inner, "search", lambda *a: [hits[::2] for hits in search(*a)])
    outcome = Promotion(*judging(built)).promote(None, None, False)
    assert "refused" == outcome.decision
    assert any("dense search" in reason for reason in outcome.verdict.reasons)


# what serves


def test_what_serves_is_mended_although_a_document_changed(built: Project) -> None:
    built.vectors.delete(collection(built), [point.id for point in served_points(built)[:2]])
    before = built.manifest()
    built.source.write("d05.md", document(5, edition=2))
    report = built.run()
    assert ("promoted", 2, 0) == (report.decision, report.serving_mended, report.conservation.mended)
    assert 18 == built.vectors.count(before.collection, EVERYTHING)
    assert [f"{before.collection}, which serves: 2 points mended"] == told(built)


def test_search_answers_without_a_lost_point_and_says_so(built: Project, caplog: pytest.LogCaptureFixture) -> None:
    lost = served_points(built)[0]
    question = lost.payload["page_content"].split()[-3]
    searcher = open_serving(built.retrieval())
    (whole,) = searcher.search([question], EVERYTHING, 5, ("bm25", "fused"))
    built.vectors.delete(collection(built), [lost.id])
    (answer,) = searcher.search([question], EVERYTHING, 5, ("bm25", "fused"))
    chunk = lost.payload["metadata"]["chunk_id"]
    assert chunk == whole.stages["bm25"][0].chunk_id
    assert [r.chunk_id for r in whole.stages["bm25"][1:]] == [r.chunk_id for r in answer.stages["bm25"]]
    assert 5 == len(answer.stages["fused"])
    assert chunk not in {r.chunk_id for r in answer.results}
    assert f"answered without 1 chunks whose points are lost or damaged, the first is {chunk}" in caplog.text


@pytest.mark.parametrize("kept", [("acl", "tenant"), ("acl", "tenant", "chunk_id")])
def test_search_answers_without_a_damaged_point(built: Project, kept: Sequence[str]) -> None:
    whole = served_points(built)[0]
    metadata = {name: whole.payload["metadata"][name] for name in kept}
    built.vectors.upsert(
        collection(built), [replace(whole, payload={"page_content": "", "metadata": {"chunk_id": "", **metadata}})]
    )
    (answer,) = open_serving(built.retrieval()).search(
        [whole.payload["page_content"]], EVERYTHING, 18, ("bm25", "dense", "fused")
    )
    assert whole.payload["metadata"]["chunk_id"] not in {r.chunk_id for r in answer.results}
    assert 17 == len(answer.results)


def test_search_answers_without_a_point_that_does_not_name_its_chunk(
    built: Project, caplog: pytest.LogCaptureFixture
) -> None:
    nameless = served_points(built)[0]
    client = built.vectors.inner._connection._client
    client.overwrite_payload(collection(built), {"metadata": {"acl": ["public"], "tenant": "public"}}, [nameless.id])
    (answer,) = open_serving(built.retrieval()).search(
        [nameless.payload["page_content"]], EVERYTHING, 18, ("bm25", "dense", "fused")
    )
    assert 17 == len(answer.results)
    assert f"left out point {nameless.id}" in caplog.text


def test_status_tells_of_a_lost_point(built: Project) -> None:
    built.vectors.delete(collection(built), [served_points(built)[0].id])
    retrieval, options, releases = judging(built)
    found = status_of(built.lake, retrieval.vectors, releases, options.profile)
    assert (17, 18) == (found.points, found.expected_points)


def test_a_collection_that_was_only_loaded_when_a_run_was_killed_gets_its_graph(
    built: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    optimise, name, calls = built.vectors.inner.optimise, collection(built), list[str]()

    def counted(collection: str, heard: Callable[[int], None] = lambda _: None) -> None:
        calls.append(collection)
        if len(calls) == 1:
            raise Killed
        optimise(collection, heard)

    monkeypatch.setattr(built.vectors.inner, "optimise", counted)
    built.vectors.drop_collection(name)
    with pytest.raises(Killed):
        built.run()
    built.run()
    built.run()
    assert [name, name] == calls


# the target of a rollback or promotion


def tamper(p: Project, name: str) -> None:
    """Damage the collection without changing its number of points."""
    points = served_points(p)
    stray = replace(points[0], id=point_id("astray"))
    changes: dict[str, Callable[[], None]] = {
        "lost and astray": lambda: (
            p.vectors.delete(collection(p), [points[0].id]) or p.vectors.upsert(collection(p), [stray])
        ),
        "groups": lambda: open_to_all(p, points[3:4]),
        "vectors": lambda: replace_vectors(p, points),
    }
    changes[name]()


def slow(p: Project) -> None:
    """Let every look at the clock take an hour."""
    p.monotonic = itertools.count(0, 3600).__next__


@pytest.fixture
def followed(built: Project) -> tuple[Project, Project]:
    """Two generations, and a view on the project in which the first one still is the newest."""
    first = built.contents(), built.manifest()
    built.source.write("d05.md", document(5, edition=2))
    built.run()
    view = replace(built)
    view.contents, view.manifest = lambda: first[0], lambda generation=None: first[1]
    built.forget()
    built.vectors.moved, built.vectors.scrolled = False, Counter()
    return built, view


DAMAGES = ["lost and astray", "groups", "vectors"]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_target_is_compared_in_full_and_mended_before_the_alias_moves(
    followed: tuple[Project, Project], damage: str
) -> None:
    p, first = followed
    p.monotonic = lambda: 0.0
    tamper(first, damage)
    Promotion(*judging(p)).roll_back(None, "an exercise")
    assert is_sound(first)
    assert 18 == p.vectors.count(collection(first), EVERYTHING)
    assert (0, 1) == (p.vectors.scrolled["after"], len(told(p)))


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_target_that_takes_too_long_is_compared_in_full_right_after(
    followed: tuple[Project, Project], damage: str
) -> None:
    p, first = followed
    slow(p)
    tamper(first, damage)
    Promotion(*judging(p)).roll_back(None, "an exercise")
    assert is_sound(first)
    assert 18 == p.vectors.count(collection(first), EVERYTHING)


def test_a_sound_target_is_sampled_before_the_alias_moves_and_what_was_found_is_said(
    followed: tuple[Project, Project],
) -> None:
    p, first = followed
    slow(p)
    Promotion(*judging(p)).roll_back(None, "an exercise")
    assert p.vectors.scrolled["before"] == 0 < p.vectors.scrolled["after"]
    assert [f"{collection(first)}, which serves: compared in full, no fault"] == told(p)


@pytest.mark.parametrize("error", [AccessDenied, IndexUnavailable])
def test_what_serves_stays_a_success_although_it_cannot_be_compared_in_full(
    followed: tuple[Project, Project], monkeypatch: pytest.MonkeyPatch, error: type[IngestError]
) -> None:
    p, first = followed
    slow(p)
    scroll = p.vectors.scroll

    def refused(*asked: object) -> Iterator[StoredPoint]:
        if p.vectors.moved:
            raise error("no key")
        return scroll(*asked)

    monkeypatch.setattr(p.vectors, "scroll", refused)
    assert first.manifest().generation == Promotion(*judging(p)).roll_back(None, "an exercise").generation
    assert [f"{collection(first)}, which serves: not compared in full, the next run does it: no key"] == told(p)


def test_a_sampled_target_need_not_be_compared_in_full_because_the_lake_lost_its_vectors(
    followed: tuple[Project, Project],
) -> None:
    p, first = followed
    slow(p)
    for segment in {name for names in first.manifest().segments.values() for name in names}:
        p.lake.store.delete(f"embeddings/{first.manifest().model.fingerprint}/segments/{segment}.parquet")
    Promotion(*judging(p)).roll_back(None, "an exercise")
    assert p.vectors.scrolled["before"] == 0 < p.vectors.scrolled["after"]


def test_a_stale_point_refuses_a_sampled_target_although_the_lake_lost_its_vectors(
    followed: tuple[Project, Project],
) -> None:
    p, first = followed
    slow(p)
    tamper(first, "groups")
    for segment in {name for names in first.manifest().segments.values() for name in names}:
        p.lake.store.delete(f"embeddings/{first.manifest().model.fingerprint}/segments/{segment}.parquet")
    with pytest.raises(IncompleteGeneration, match="points do not match the lake"):
        Promotion(*judging(p)).roll_back(None, "an exercise")


def refuse(collection: str, points: Sequence[Point]) -> None:
    raise SchemaMismatch(f"{collection}: refused")


@pytest.mark.parametrize("upsert", [lambda collection, points: None, refuse])
def test_a_target_that_cannot_be_mended_is_refused(
    followed: tuple[Project, Project], monkeypatch: pytest.MonkeyPatch, upsert: Callable[[str, Sequence[Point]], None]
) -> None:
    p, first = followed
    tamper(first, "groups")
    monkeypatch.setattr(p.vectors.inner, "upsert", upsert)
    with pytest.raises(IncompleteGeneration, match=r"is stale|refused"):
        Promotion(*judging(p)).roll_back(None, "an exercise")
    assert not p.vectors.moved


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_a_person_promotes_is_mended_first(built: Project, damage: str) -> None:
    built.source.write("d05.md", document(5, edition=2))
    waiting = built.run(decide=lambda verdict: False).generation
    view = replace(built)
    manifest = built.manifest(waiting)
    view.manifest = lambda generation=None: manifest
    tamper(view, damage)
    outcome = Promotion(*judging(built)).promote(None, None, False)
    assert ("promoted", True) == (outcome.decision, is_sound(view))


def test_what_serves_is_mended_when_a_hold_is_lifted(followed: tuple[Project, Project]) -> None:
    p, first = followed
    Promotion(*judging(p)).roll_back(None, "an exercise")
    tamper(first, "groups")
    outcome = Promotion(*judging(p)).promote(None, None, True)
    assert ("lifted", True) == (outcome.decision, is_sound(first))
    assert ["all"] not in [s.payload["metadata"]["acl"] for s in p.vectors.scroll(collection(first), EVERYTHING)]
