"""Points: written, read, filtered, searched, removed. The first line of each function is what is promised."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ingest.errors import DimensionMismatch, SchemaMismatch
from ingest.ports import VectorIndex
from ingest.records import EVERYTHING, Filter, Hit, Point
from ingest_conformance.expectations import agree, near, refused
from ingest_conformance.points import DIMENSION, point, some_points, vectors

NO_UUIDS = ("7", "", "not-a-uuid", "F47AC10B-58CC-4372-A567-0E02B2C3D479")
WITHOUT_DOCUMENT = Filter(acl=None, tenant=None, excluded=(("document_id", ("d0", "d9")),))
WITHOUT_SOURCE = replace(EVERYTHING, excluded=(("source", ("wiki",)), ("tenant", ("acme",))))
FILTERS: dict[str, tuple[Filter, set[int]]] = {
    "nothing": (EVERYTHING, {0, 1, 2, 3, 4, 5}),
    "the default: public": (Filter(), {0, 1}),
    "one of the caller's groups": (Filter(acl=("hr", "public")), {0, 1, 2}),
    "no group at all": (Filter(acl=(), tenant=None), set()),
    "an unknown group": (Filter(acl=("nobody",)), set()),
    "a tenant": (Filter(acl=None, tenant="acme"), {4}),
    "a group of another tenant": (Filter(acl=("hr",), tenant="acme"), set()),
    "sources": (Filter(acl=None, tenant=None, sources=("wiki", "mail")), {1, 5}),
    "documents": (Filter(acl=None, tenant=None, documents=("d0", "d3")), {0, 3}),
    "a shard": (Filter(acl=None, tenant=None, shard=7), {5}),
    "all but a document": (WITHOUT_DOCUMENT, {1, 2, 3, 4, 5}),
    "a group besides these": (replace(EVERYTHING, excluded=(("acl", ("public", "hr")),)), {2, 3, 5}),
    "any group": (replace(EVERYTHING, excluded=(("acl", ("",)),)), {0, 1, 2, 3, 4, 5}),
    "all but a source and a tenant": (WITHOUT_SOURCE, {0, 2, 3, 5}),
    "groups without a document": (Filter(acl=("hr",), excluded=(("document_id", ("d1",)),)), {2}),
    "all of it": (Filter(acl=("hr",), tenant="public", sources=("docs",), documents=("d2",), shard=0), {2}),
}
ATTRIBUTES: tuple[dict[str, Any], ...] = (
    {"acl": ["public"]},
    {"acl": ["public", "hr"], "source": "wiki"},
    {"acl": ["hr", "board"]},
    {"acl": ["board"]},
    {"acl": ["public"], "tenant": "acme"},
    {"acl": ["board"], "source": "mail", "shard": 7},
)


def points_come_back_as_they_were_written(index: VectorIndex, collection: str) -> None:
    """Points come back as they were written."""
    written = some_points(23)
    index.upsert(collection, written)
    found = index.retrieve(collection, [p.id for p in written])
    agree({p.id: p.payload for p in written}, {key: stored.payload for key, stored in found.items()})


def vectors_come_back_normalised_and_in_full_precision(index: VectorIndex, collection: str) -> None:
    """Vectors come back normalised and in full precision when asked for."""
    written = [replace(p, vector=p.vector * 3) for p in some_points(23)]
    index.upsert(collection, written)
    index.optimise(collection)
    found = index.retrieve(collection, [p.id for p in written], vectors=True)
    for p in written:
        agree(p.payload, found[p.id].payload)
        near(p.vector / 3, found[p.id].vector, 1e-6, p.id)
    agree(None, index.retrieve(collection, [written[0].id])[written[0].id].vector, "vector that nobody asked for")


def scroll_yields_all_pages_in_id_order(index: VectorIndex, collection: str) -> None:
    """Scroll yields all pages in id order with digests."""
    written = some_points(23)
    index.upsert(collection, written)
    expected = sorted((p.id, p.payload["metadata"]["digest"]) for p in written)
    agree(expected, [(s.id, s.payload["metadata"]["digest"]) for s in index.scroll(collection, EVERYTHING)])


def scroll_yields_only_the_fields_asked_for(index: VectorIndex, collection: str) -> None:
    """Scroll yields the fields that are asked for and no others."""
    written = [*some_points(10), point(10, vectors(1)[0], shard=[0], digest=None)]
    index.upsert(collection, written)
    expected = {p.id: {name: p.payload["metadata"][name] for name in ("digest", "shard")} for p in written}
    agree(expected, {s.id: s.payload for s in index.scroll(collection, EVERYTHING, ("digest", "shard"))})
    agree([{"page": None}] * 11, [s.payload for s in index.scroll(collection, EVERYTHING, ("page",))])


def a_collection_tells_whether_its_graph_is_due(index: VectorIndex, collection: str) -> None:
    """A collection tells whether its graph has still to be built."""
    index.optimise(collection)
    agree(False, index.create_collection(collection, DIMENSION), "after it was optimised")
    index.drop_collection(collection)
    agree([True, True], [index.create_collection(collection, DIMENSION) for _ in range(2)], "made again")


def writing_an_id_again_replaces_the_point(index: VectorIndex, collection: str) -> None:
    """Writing an id again replaces the point."""
    first, second = vectors(2)
    index.upsert(collection, [point(1, first, digest="old")])
    index.upsert(collection, [point(1, second, digest="new")])
    (stored,) = index.scroll(collection, EVERYTHING)
    ((hit,),) = index.search(collection, second[None], EVERYTHING, 5)
    agree(("new", 1), (stored.payload["metadata"]["digest"], index.count(collection, EVERYTHING)))
    near(1.0, hit.score, 1e-5)


def deleted_points_are_gone(index: VectorIndex, collection: str) -> None:
    """Deleted points are gone, and missing ones are no error."""
    written = some_points(5)
    index.upsert(collection, written)
    index.delete(collection, [written[0].id, written[3].id, point(99, vectors(1)[0]).id])
    agree({written[n].id for n in (1, 2, 4)}, {s.id for s in index.scroll(collection, EVERYTHING)})
    agree({}, index.retrieve(collection, [written[0].id]))


def _forty(index: VectorIndex, collection: str) -> Iterator[tuple[str, list[Point]]]:
    """Yield forty points, first as they were written, then in a collection that is optimised."""
    written = some_points(40)
    index.upsert(collection, written)
    yield "as written", written
    index.optimise(collection)
    yield "optimised", written


def search_returns_cosine_scores_best_first(index: VectorIndex, collection: str) -> None:
    """Search returns cosine scores, best first, for each question."""
    questions = vectors(5, seed=11)
    for how, written in _forty(index, collection):
        scores = questions @ np.stack([p.vector for p in written]).T
        expected = [np.argsort(-row)[:10] for row in scores]
        found = index.search(collection, questions, EVERYTHING, 10)
        agree([[f"{n:032x}" for n in row] for row in expected], [[h.chunk_id for h in hits] for hits in found], how)
        for row, order, hits in zip(scores, expected, found, strict=True):
            near(row[order], [hit.score for hit in hits], 1e-4, how)


def points_are_scored_by_id(index: VectorIndex, collection: str) -> None:
    """Points are scored by id exactly, and missing ones left out."""
    questions, missing = vectors(3, seed=11), point(900, vectors(1)[0]).id
    for how, written in _forty(index, collection):
        asked = [[written[39].id, missing, written[2].id], [], [written[5].id]]
        cosines = questions @ np.stack([p.vector for p in written]).T
        found = index.scores(collection, questions, asked)
        for row, (numbers, scores) in enumerate(zip(([2, 39], [], [5]), found, strict=True)):
            agree([f"{n:032x}" for n in numbers], sorted(scores), how)
            near(cosines[row, numbers], [scores[f"{n:032x}"] for n in numbers], 1e-4, how)


def filters_are_applied_by_search_scroll_and_count(index: VectorIndex, collection: str) -> None:
    """Filters are applied by search, scroll and count."""
    rows = vectors(len(ATTRIBUTES))
    fields = [{"shard": 0, "document_id": f"d{i}", **own} for i, own in enumerate(ATTRIBUTES)]
    index.upsert(collection, [point(i, rows[i], **own) for i, own in enumerate(fields)])
    for name, (filter, expected) in FILTERS.items():
        chunks = {f"{i:032x}" for i in expected}
        (hits,) = index.search(collection, rows[:1], filter, 10)
        scrolled = {s.payload["metadata"]["chunk_id"] for s in index.scroll(collection, filter)}
        found = {hit.chunk_id for hit in hits}, scrolled, index.count(collection, filter)
        agree((chunks, chunks, len(chunks)), found, name)


def unread_points_are_in_no_search(index: VectorIndex, collection: str) -> None:
    """A point whose chunk the model could not read is found by no search and has no score, but is counted and read."""
    drawn = vectors(4)
    marked = {1: ["unread"], 2: ["comment", "unread"], 3: ["comment"]}
    points = [point(i, drawn[i], **({"marks": marked[i]} if i in marked else {})) for i in range(4)]
    index.upsert(collection, points)
    for filter in (EVERYTHING, Filter()):
        found = index.search(collection, drawn, filter, 4)
        agree([{f"{0:032x}", f"{3:032x}"}] * 4, [{hit.chunk_id for hit in hits} for hits in found])
        agree((4, 4), (index.count(collection, filter), len(list(index.scroll(collection, filter)))))
    exact = index.nearest(collection, drawn[:1], 4)[0]
    agree([f"{0:032x}", f"{3:032x}"], sorted(hit.chunk_id for hit in exact))
    ids = [one.id for one in points]
    agree([f"{0:032x}", f"{3:032x}"], sorted(index.scores(collection, drawn[:1], [ids])[0]))
    agree({*ids}, {*index.retrieve(collection, ids)})


def creating_again_changes_nothing(index: VectorIndex, collection: str) -> None:
    """Creating a collection again changes nothing."""
    index.upsert(collection, some_points(3))
    index.create_collection(collection, DIMENSION)
    agree(3, index.count(collection, EVERYTHING))


def another_dimension_is_refused(index: VectorIndex, collection: str) -> None:
    """Another dimension is refused with both numbers, before anything is written."""
    pair = [point(0, vectors(1)[0]), point(1, vectors(1, DIMENSION - 1)[0])]
    both = rf"{collection}.*{DIMENSION}.*{DIMENSION + 1}"
    refused(DimensionMismatch, both, index.create_collection, collection, DIMENSION + 1)
    refused(DimensionMismatch, rf"{pair[1].id}.*{DIMENSION - 1}.*{DIMENSION}", index.upsert, collection, pair)
    wide = vectors(1, DIMENSION + 2)
    told = rf"{DIMENSION + 2}.*{DIMENSION}"
    refused(DimensionMismatch, told, index.search, collection, wide, EVERYTHING, 1)
    agree(0, index.count(collection, EVERYTHING))


def a_collection_made_again_has_its_new_dimension(index: VectorIndex, collection: str) -> None:
    """A collection made again with another dimension is known as such."""
    index.upsert(collection, some_points(1))
    index.drop_collection(collection)
    index.create_collection(collection, DIMENSION * 2)
    index.upsert(collection, [point(0, vectors(1, DIMENSION * 2)[0])])
    agree(1, index.count(collection, EVERYTHING))
    index.drop_collection(collection)


def numbers_that_are_not_finite_are_refused(index: VectorIndex, collection: str) -> None:
    """Numbers that are not finite are refused before anything is written."""
    for value in (np.nan, np.inf, -np.inf):
        good, bad = vectors(2)
        bad[3] = value
        pair, asked = [point(0, good), point(1, bad)], bad[None]
        told = rf"{pair[1].id}.*{value}.* 3"
        refused(SchemaMismatch, told, index.upsert, collection, pair)
        refused(SchemaMismatch, "finite", index.search, collection, asked, EVERYTHING, 1)
        agree(0, index.count(collection, EVERYTHING))


def ids_that_are_no_uuids_are_refused(index: VectorIndex, collection: str) -> None:
    """Ids that are not UUIDs are refused."""
    for key in NO_UUIDS:
        wrong = replace(point(0, vectors(1)[0]), id=key)
        refused(SchemaMismatch, "UUID", index.upsert, collection, [wrong])
        refused(SchemaMismatch, "UUID", index.delete, collection, [key])


def a_payload_without_chunk_id_is_refused(index: VectorIndex, collection: str) -> None:
    """A payload without a chunk id is refused."""
    bare = replace(point(0, vectors(1)[0]), payload={"page_content": "x"})
    refused(SchemaMismatch, "chunk_id", index.upsert, collection, [bare])


def a_missing_collection_is_named(index: VectorIndex, collection: str) -> None:
    """A missing collection is named, and dropping it is no error."""
    missing = f"{collection}-missing"
    refused(SchemaMismatch, missing, index.count, missing, EVERYTHING)
    index.drop_collection(missing)


def empty_calls_do_nothing(index: VectorIndex, collection: str) -> None:
    """Empty calls do nothing."""
    index.upsert(collection, [])
    index.delete(collection, [])
    index.flush(collection)
    agree({}, index.retrieve(collection, []))
    none: list[list[Hit]] = [[]]
    agree([], index.search(collection, vectors(0), EVERYTHING, 3))
    agree(none, index.search(collection, vectors(1), EVERYTHING, 3))
    agree(True, index.move_aliases([]))


def writing_goes_on_after_optimising(index: VectorIndex, collection: str) -> None:
    """Writing goes on after optimising."""
    index.upsert(collection, some_points(10))
    index.optimise(collection)
    index.upsert(collection, [point(77, vectors(1, seed=3)[0])])
    index.flush(collection)
    index.optimise(collection)
    agree(11, index.count(collection, EVERYTHING))


CHECKS = (
    points_come_back_as_they_were_written,
    vectors_come_back_normalised_and_in_full_precision,
    scroll_yields_all_pages_in_id_order,
    scroll_yields_only_the_fields_asked_for,
    a_collection_tells_whether_its_graph_is_due,
    writing_an_id_again_replaces_the_point,
    deleted_points_are_gone,
    search_returns_cosine_scores_best_first,
    points_are_scored_by_id,
    filters_are_applied_by_search_scroll_and_count,
    unread_points_are_in_no_search,
    creating_again_changes_nothing,
    another_dimension_is_refused,
    a_collection_made_again_has_its_new_dimension,
    numbers_that_are_not_finite_are_refused,
    ids_that_are_no_uuids_are_refused,
    a_payload_without_chunk_id_is_refused,
    a_missing_collection_is_named,
    empty_calls_do_nothing,
    writing_goes_on_after_optimising,
)
