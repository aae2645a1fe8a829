"""What every vector index promises. On a server when QDRANT_URL names one."""

from dataclasses import replace

import numpy as np
import pytest

from ingest.errors import DimensionMismatch, SchemaMismatch
from ingest.ports import VectorIndex
from ingest.records import EVERYTHING, AliasAction, Filter, Point
from tests.vector_indexes import DIMENSION, collection, point, points, vector_index, vectors

__all__ = ["collection", "vector_index"]

CREATE, RENAME, DELETE = "create", "rename", "delete"


def test_points_come_back_as_they_were_written(vector_index: VectorIndex, collection: str) -> None:
    written = points(23)
    vector_index.upsert(collection, written)
    found = vector_index.retrieve(collection, [p.id for p in written])
    assert {p.id: p.payload for p in written} == {key: stored.payload for key, stored in found.items()}


def test_vectors_come_back_normalised_and_in_full_precision_when_asked_for(
    vector_index: VectorIndex, collection: str
) -> None:
    written = [replace(p, vector=p.vector * 3) for p in points(23)]
    vector_index.upsert(collection, written)
    vector_index.optimise(collection)
    found = vector_index.retrieve(collection, [p.id for p in written], vectors=True)
    for p in written:
        assert p.payload == found[p.id].payload
        assert p.vector / 3 == pytest.approx(found[p.id].vector, abs=1e-6)
    assert vector_index.retrieve(collection, [written[0].id])[written[0].id].vector is None


def test_scroll_yields_all_pages_in_id_order_with_digests(vector_index: VectorIndex, collection: str) -> None:
    written = points(23)
    vector_index.upsert(collection, written)
    expected = sorted((p.id, p.payload["metadata"]["digest"]) for p in written)
    found = [(s.id, s.payload["metadata"]["digest"]) for s in vector_index.scroll(collection, EVERYTHING)]
    assert expected == found


def test_scroll_yields_the_fields_that_are_asked_for_and_no_others(vector_index: VectorIndex, collection: str) -> None:
    written = [*points(10), point(10, vectors(1)[0], shard=[0], digest=None)]
    vector_index.upsert(collection, written)
    expected = {p.id: {name: p.payload["metadata"][name] for name in ("digest", "shard")} for p in written}
    assert expected == {s.id: s.payload for s in vector_index.scroll(collection, EVERYTHING, ("digest", "shard"))}
    assert [{"page": None}] * 11 == [s.payload for s in vector_index.scroll(collection, EVERYTHING, ("page",))]


def test_a_collection_tells_whether_its_graph_has_still_to_be_built(vector_index: VectorIndex, collection: str) -> None:
    vector_index.optimise(collection)
    assert not vector_index.create_collection(collection, DIMENSION)
    vector_index.drop_collection(collection)
    assert [True, True] == [vector_index.create_collection(collection, DIMENSION) for _ in range(2)]


def test_writing_an_id_again_replaces_the_point(vector_index: VectorIndex, collection: str) -> None:
    first, second = vectors(2)
    vector_index.upsert(collection, [point(1, first, digest="old")])
    vector_index.upsert(collection, [point(1, second, digest="new")])
    (stored,) = vector_index.scroll(collection, EVERYTHING)
    ((hit,),) = vector_index.search(collection, second[None], EVERYTHING, 5)
    assert ("new", 1) == (stored.payload["metadata"]["digest"], vector_index.count(collection, EVERYTHING))
    assert hit.score == pytest.approx(1.0, abs=1e-5)


def test_deleted_points_are_gone_and_missing_ones_are_no_error(vector_index: VectorIndex, collection: str) -> None:
    written = points(5)
    vector_index.upsert(collection, written)
    vector_index.delete(collection, [written[0].id, written[3].id, point(99, vectors(1)[0]).id])
    assert {written[1].id, written[2].id, written[4].id} == {s.id for s in vector_index.scroll(collection, EVERYTHING)}
    assert {} == vector_index.retrieve(collection, [written[0].id])


@pytest.fixture(params=[False, True], ids=["as written", "optimised"])
def forty(request: pytest.FixtureRequest, vector_index: VectorIndex, collection: str) -> list[Point]:
    """Forty points, in a collection that is optimised or not yet."""
    written = points(40)
    vector_index.upsert(collection, written)
    if request.param:
        vector_index.optimise(collection)
    return written


def test_search_returns_cosine_scores_best_first_for_each_question(
    vector_index: VectorIndex, collection: str, forty: list[Point]
) -> None:
    questions = vectors(5, seed=11)
    stored = np.stack([p.vector for p in forty])
    scores = questions @ stored.T
    expected = [np.argsort(-row)[:10] for row in scores]
    found = vector_index.search(collection, questions, EVERYTHING, 10)
    assert [[f"{n:032x}" for n in row] for row in expected] == [[hit.chunk_id for hit in hits] for hits in found]
    for row, order, hits in zip(scores, expected, found, strict=True):
        assert [hit.score for hit in hits] == pytest.approx(list(row[order]), abs=1e-4)


def test_points_are_scored_by_id_exactly_and_missing_ones_left_out(
    vector_index: VectorIndex, collection: str, forty: list[Point]
) -> None:
    questions, missing = vectors(3, seed=11), point(900, vectors(1)[0]).id
    asked = [[forty[39].id, missing, forty[2].id], [], [forty[5].id]]
    found = vector_index.scores(collection, questions, asked)
    cosines = questions @ np.stack([p.vector for p in forty]).T
    expected = [{39: cosines[0, 39], 2: cosines[0, 2]}, {}, {5: cosines[2, 5]}]
    assert [{f"{n:032x}" for n in row} for row in expected] == [set(row) for row in found]
    for row, scores in zip(expected, found, strict=True):
        assert [scores[f"{n:032x}"] for n in row] == pytest.approx(list(row.values()), abs=1e-4)


FILTERS = {
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
    "all but a document": (Filter(acl=None, tenant=None, excluded=(("document_id", ("d0", "d9")),)), {1, 2, 3, 4, 5}),
    "all but a source and a tenant": (
        replace(EVERYTHING, excluded=(("source", ("wiki",)), ("tenant", ("acme",)))),
        {0, 2, 3, 5},
    ),
    "groups without a document": (Filter(acl=("hr",), excluded=(("document_id", ("d1",)),)), {2}),
    "all of it": (Filter(acl=("hr",), tenant="public", sources=("docs",), documents=("d2",), shard=0), {2}),
}


@pytest.mark.parametrize(("filter", "expected"), FILTERS.values(), ids=FILTERS)
def test_filters_are_applied_by_search_scroll_and_count(
    vector_index: VectorIndex, collection: str, filter: Filter, expected: set[int]
) -> None:
    rows = vectors(6)
    attributes = [
        {"acl": ["public"]},
        {"acl": ["public", "hr"], "source": "wiki"},
        {"acl": ["hr", "board"]},
        {"acl": ["board"]},
        {"acl": ["public"], "tenant": "acme"},
        {"acl": ["board"], "source": "mail", "shard": 7},
    ]
    written = [point(i, rows[i], **{"shard": 0, "document_id": f"d{i}", **a}) for i, a in enumerate(attributes)]
    vector_index.upsert(collection, written)
    (hits,) = vector_index.search(collection, rows[:1], filter, 10)
    scrolled = {s.payload["metadata"]["chunk_id"] for s in vector_index.scroll(collection, filter)}
    chunks = {f"{i:032x}" for i in expected}
    assert (chunks, chunks, len(expected)) == (
        {hit.chunk_id for hit in hits},
        scrolled,
        vector_index.count(collection, filter),
    )


def test_creating_again_changes_nothing(vector_index: VectorIndex, collection: str) -> None:
    vector_index.upsert(collection, points(3))
    vector_index.create_collection(collection, DIMENSION)
    assert 3 == vector_index.count(collection, EVERYTHING)


def test_another_dimension_is_refused_with_both_numbers(vector_index: VectorIndex, collection: str) -> None:
    with pytest.raises(DimensionMismatch, match=rf"{collection}.*{DIMENSION}.*{DIMENSION + 1}"):
        vector_index.create_collection(collection, DIMENSION + 1)
    with pytest.raises(DimensionMismatch, match=rf"{point(1, vectors(1)[0]).id}.*{DIMENSION - 1}.*{DIMENSION}"):
        vector_index.upsert(collection, [point(0, vectors(1)[0]), point(1, vectors(1, DIMENSION - 1)[0])])
    with pytest.raises(DimensionMismatch, match=rf"{DIMENSION + 2}.*{DIMENSION}"):
        vector_index.search(collection, vectors(1, DIMENSION + 2), EVERYTHING, 1)
    assert 0 == vector_index.count(collection, EVERYTHING)


def test_a_collection_made_again_with_another_dimension_is_known_as_such(
    vector_index: VectorIndex, collection: str
) -> None:
    vector_index.upsert(collection, points(1))
    vector_index.drop_collection(collection)
    vector_index.create_collection(collection, DIMENSION * 2)
    vector_index.upsert(collection, [point(0, vectors(1, DIMENSION * 2)[0])])
    assert 1 == vector_index.count(collection, EVERYTHING)
    vector_index.drop_collection(collection)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused_before_anything_is_written(
    vector_index: VectorIndex, collection: str, value: float
) -> None:
    good, bad = vectors(2)
    bad[3] = value
    with pytest.raises(SchemaMismatch, match=rf"{point(1, bad).id}.*{value}.* 3"):
        vector_index.upsert(collection, [point(0, good), point(1, bad)])
    with pytest.raises(SchemaMismatch, match="finite"):
        vector_index.search(collection, bad[None], EVERYTHING, 1)
    assert 0 == vector_index.count(collection, EVERYTHING)


@pytest.mark.parametrize("key", ["7", "", "not-a-uuid", "F47AC10B-58CC-4372-A567-0E02B2C3D479"])
def test_ids_that_are_not_uuids_are_refused(vector_index: VectorIndex, collection: str, key: str) -> None:
    with pytest.raises(SchemaMismatch, match="UUID"):
        vector_index.upsert(collection, [replace(point(0, vectors(1)[0]), id=key)])
    with pytest.raises(SchemaMismatch, match="UUID"):
        vector_index.delete(collection, [key])


def test_a_payload_without_chunk_id_is_refused(vector_index: VectorIndex, collection: str) -> None:
    with pytest.raises(SchemaMismatch, match="chunk_id"):
        vector_index.upsert(collection, [replace(point(0, vectors(1)[0]), payload={"page_content": "x"})])


def test_a_missing_collection_is_named(vector_index: VectorIndex) -> None:
    with pytest.raises(SchemaMismatch, match="no-such-collection"):
        vector_index.count("no-such-collection", EVERYTHING)
    vector_index.drop_collection("no-such-collection")


def test_empty_calls_do_nothing(vector_index: VectorIndex, collection: str) -> None:
    vector_index.upsert(collection, [])
    vector_index.delete(collection, [])
    vector_index.flush(collection)
    assert {} == vector_index.retrieve(collection, [])
    assert [] == vector_index.search(collection, vectors(0), EVERYTHING, 3)
    assert [[]] == vector_index.search(collection, vectors(1), EVERYTHING, 3)
    assert vector_index.move_aliases([])


def mine(vector_index: VectorIndex, collection: str) -> dict[str, str]:
    return {name: target for name, target in vector_index.aliases().items() if name.startswith(collection)}


def test_creating_an_alias_replaces_it(vector_index: VectorIndex, collection: str) -> None:
    other, alias = f"{collection}-b", f"{collection}-alias"
    vector_index.create_collection(other, DIMENSION)
    try:
        assert vector_index.move_aliases([AliasAction(CREATE, alias, collection)])
        assert vector_index.move_aliases([AliasAction(CREATE, alias, other)])
        assert {alias: other} == mine(vector_index, collection)
    finally:
        vector_index.drop_collection(other)
    assert {} == mine(vector_index, collection)


def test_renaming_keeps_the_target_also_to_itself_and_fails_when_the_old_name_is_gone(
    vector_index: VectorIndex, collection: str
) -> None:
    old, new = f"{collection}@1", f"{collection}@2"
    assert vector_index.move_aliases([AliasAction(CREATE, old, collection), AliasAction(RENAME, old, new)])
    assert vector_index.move_aliases([AliasAction(RENAME, new, new)])
    assert not vector_index.move_aliases([AliasAction(RENAME, old, f"{collection}@3")])
    assert {new: collection} == mine(vector_index, collection)


def test_a_failing_first_action_keeps_everything_as_it_was(vector_index: VectorIndex, collection: str) -> None:
    fence, alias = f"{collection}@1", f"{collection}-alias"
    lost = [AliasAction(RENAME, f"{collection}@0", fence), AliasAction(CREATE, alias, collection)]
    assert not vector_index.move_aliases(lost)
    assert {} == mine(vector_index, collection)


def test_a_failing_later_action_is_told_and_nothing_after_it_is_applied(
    vector_index: VectorIndex, collection: str, request: pytest.FixtureRequest
) -> None:
    first, second, third = (f"{collection}-{n}" for n in "abc")
    actions = [
        AliasAction(CREATE, first, collection),
        AliasAction(CREATE, second, f"{collection}-missing"),
        AliasAction(CREATE, third, collection),
    ]
    assert not vector_index.move_aliases(actions)
    kept = mine(vector_index, collection)
    if "server" in request.node.callspec.id and kept == {}:
        return  # newer servers apply all or nothing, which promotion allows for as well
    assert {first: collection} == kept


def test_an_alias_does_not_take_the_name_of_a_collection(vector_index: VectorIndex, collection: str) -> None:
    assert not vector_index.move_aliases([AliasAction(CREATE, collection, collection)])


def test_deleting_a_missing_alias_is_no_failure(vector_index: VectorIndex, collection: str) -> None:
    assert vector_index.move_aliases([AliasAction(DELETE, f"{collection}-nothing")])


def test_dropping_a_collection_drops_its_aliases(vector_index: VectorIndex, collection: str) -> None:
    alias = f"{collection}-alias"
    assert vector_index.move_aliases([AliasAction(CREATE, alias, collection)])
    vector_index.drop_collection(collection)
    assert ({}, False) == (mine(vector_index, collection), collection in vector_index.collections())


def test_an_alias_answers_like_its_collection(vector_index: VectorIndex, collection: str) -> None:
    alias = f"{collection}-alias"
    vector_index.upsert(collection, points(3))
    vector_index.move_aliases([AliasAction(CREATE, alias, collection)])
    assert 3 == vector_index.count(alias, EVERYTHING)
    assert vector_index.search(collection, vectors(1), EVERYTHING, 3) == vector_index.search(
        alias, vectors(1), EVERYTHING, 3
    )


def test_writing_goes_on_after_optimising(vector_index: VectorIndex, collection: str) -> None:
    vector_index.upsert(collection, points(10))
    vector_index.optimise(collection)
    vector_index.upsert(collection, [point(77, vectors(1, seed=3)[0])])
    vector_index.flush(collection)
    vector_index.optimise(collection)
    assert 11 == vector_index.count(collection, EVERYTHING)
