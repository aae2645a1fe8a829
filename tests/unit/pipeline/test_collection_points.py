"""Points beside the rows of the lake: what a comparison asks for, which points are compared whole, which are strays."""

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ingest.adapters.vectors.qdrant.qdrant_index import QdrantIndex
from ingest.pipeline import collection_points
from ingest.pipeline.collection_points import CollectionPoints, Wanted, are_same
from ingest.records import Point, SparseVector, StoredPoint
from tests.vector_indexes import DIMENSION, in_memory_index, point, points, vectors

TEXT = "A sentence of the text. " * 100
DRAWN = np.random.default_rng(3).standard_normal(384).astype(np.float32)
UNIT = DRAWN / np.linalg.norm(DRAWN)


@pytest.mark.parametrize(
    ("stored", "same"),
    [
        (UNIT, True),
        (UNIT * 3, True),
        (UNIT.astype(np.float16).astype(np.float32), True),
        (UNIT + 2e-7, True),
        (-UNIT, False),
        (np.roll(UNIT, 1), False),
        (np.where(np.arange(384) == 7, 0.5, UNIT), False),
        (UNIT * 0, False),
        (UNIT[:-1], False),
        (None, False),
    ],
)
def test_vectors_are_compared_but_for_rounding_and_length(stored: Any, same: bool) -> None:
    other = np.roll(UNIT, 2)
    made, held = [Point("id", UNIT, {}), Point("other", other, {})], [StoredPoint("id", {}, stored)]
    assert [same, True] == are_same(made, [*held, StoredPoint("other", {}, other)]).tolist()


@pytest.mark.parametrize(
    ("stored", "same"),
    [
        (([1, 5], [0.5, 2.0]), True),
        (([1, 5], [0.5000001, 2.0]), True),
        (([1, 5], [0.6, 2.0]), False),
        (([1, 6], [0.5, 2.0]), False),
        (([1], [0.5]), False),
        (None, False),
    ],
)
def test_sparse_vectors_are_compared_too(stored: Any, same: bool) -> None:
    def sparse(pair: Any) -> SparseVector | None:
        return None if pair is None else SparseVector(np.array(pair[0], np.uint32), np.array(pair[1], np.float32))

    wanted = Point("id", UNIT, {}, sparse(([1, 5], [0.5, 2.0])))
    assert [same] == are_same([wanted], [StoredPoint("id", {}, UNIT, sparse(stored))]).tolist()


def test_a_chunk_without_terms_may_have_no_sparse_vector() -> None:
    empty = SparseVector(np.array([], np.uint32), np.array([], np.float32))
    assert are_same([Point("id", UNIT, {}, empty)], [StoredPoint("id", {}, UNIT)]).all()


# points that belong to no shard, whatever their payload says


def beside(index: QdrantIndex, rows: list[Any], batch: int = 4) -> CollectionPoints:
    """Return the points of a generation of shards 0 and 1 whose lake makes `rows`, which are points themselves."""
    contents = SimpleNamespace(collection="docs", shards=(0, 1), refuse_recycled=lambda vectors: None)
    made = {point.id: point for _, point in rows}
    maker = SimpleNamespace(
        contents=contents,
        wanted=lambda rows, shard: [
            Wanted(p.id, chunk, p.payload, p.payload["metadata"]["digest"]) for chunk, p in rows
        ],
        points=lambda wanted, shard: [made[one.id] for one in wanted],
        embeddings=SimpleNamespace(missing=lambda keys: []),
    )
    return CollectionPoints(index, maker, batch)  # type: ignore[arg-type]


def rows_of(made: list[Point]) -> list[Any]:
    return [(SimpleNamespace(chunk_id=f"{n:032x}", embedding_key=""), point) for n, point in enumerate(made)]


def filled(made: list[Point]) -> QdrantIndex:
    index = in_memory_index()
    index.create_collection("docs", DIMENSION)
    index.upsert("docs", made)
    return index


def strays(payload: dict[str, Any]) -> int:
    index = filled(points(1))
    index._connection._client.overwrite_payload("docs", payload, [points(1)[0].id])
    return len(beside(index, []).strays())


@pytest.mark.parametrize("payload", [{}, *({"page_content": "x", "metadata": m} for m in (None, [], "x", 1))])
def test_a_payload_of_no_shape_is_a_stray(payload: dict[str, Any]) -> None:
    assert 1 == strays(payload)


@pytest.mark.parametrize("shard", [[99], [0], {"a": 1}, 0.0, 1.0, True, False, "0", None, 2, -1])
def test_a_shard_that_is_no_number_of_one_is_a_stray(shard: Any) -> None:
    assert 1 == strays({"page_content": "words", "metadata": {"shard": shard}})


@pytest.mark.parametrize("shard", [0, 1])
def test_a_point_of_a_shard_is_none(shard: int) -> None:
    assert 0 == strays({"page_content": "words", "metadata": {"shard": shard}})


# what is asked for and what is written


def test_a_comparison_asks_for_digests_and_what_filters_look_at_and_for_no_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = [Point(p.id, p.vector, p.payload | {"page_content": TEXT}) for p in points(40, shard=0)]
    index, asked, sent = filled(made), list[Any](), list[str]()
    scroll = index._connection._client.scroll

    def counted(collection: str, **how: Any) -> Any:
        page, offset = scroll(collection, **how)
        asked.append(how["with_payload"])
        sent.extend(json.dumps(record.payload) for record in page)
        return page, offset

    monkeypatch.setattr(index._connection._client, "scroll", counted)
    found = beside(index, rows_of(made)).faults(0, rows_of(made), whole=False)
    assert ((), 40) == (tuple(found.named()), found.sound)
    assert [["metadata.digest"]] * len(asked) == asked
    assert TEXT not in "".join(sent)


def test_what_is_there_is_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made = points(10, shard=0)
    index, written = filled(made[:7]), list[str]()
    upsert = index.upsert
    monkeypatch.setattr(index, "upsert", lambda name, some: written.extend(p.id for p in some) or upsert(name, some))
    beside(index, rows_of(made)).load(0, rows_of(made))
    assert [point.id for point in made[7:]] == written
    assert not beside(index, rows_of(made)).faults(0, rows_of(made), whole=True)


def test_a_slice_leaves_the_points_of_the_others() -> None:
    made = points(10, shard=0)
    index = filled(made[:5])
    beside(index, rows_of(made)).load(0, rows_of(made)[5:])
    assert not beside(index, rows_of(made)).faults(0, rows_of(made), whole=True)


def test_whole_points_are_read_at_a_limited_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection_points, "AT_ONCE", 256)
    made, slept = points(300, shard=0), list[float]()
    paced = replace(beside(filled(made), rows_of(made)), per_second=100, sleep=slept.append)
    paced.faults(0, rows_of(made), whole=True)
    assert [2.56, 0.44] == slept


# who sees how many


def expected(groups: Any, *numbers: int, tenant: str = "public") -> list[Any]:
    row = {"document_id": "d0", "source": "docs", "tenant": tenant, "acl": tuple(groups)}
    return [(SimpleNamespace(**{**row, "document_id": f"d{n}"}), 1) for n in numbers]


@pytest.mark.parametrize(
    ("fields", "alike"),
    [
        ({}, True),
        ({"acl": ["hr", "board", "all"]}, False),
        ({"acl": ["hr"]}, False),
        ({"acl": []}, False),
        ({"acl": ["board", "hr"]}, True),
        ({"tenant": "acme"}, False),
        ({"source": "wiki"}, False),
        ({"document_id": "d9"}, False),
        ({"shard": 1}, False),
    ],
    ids=str,
)
def test_counts_tell_whether_somebody_sees_more_or_less_than_the_documents_allow(
    fields: dict[str, Any], alike: bool
) -> None:
    known = {"shard": 0, "tenant": "public", "source": "docs", "acl": ["hr", "board"]}
    drawn = vectors(2)
    made = [
        point(0, drawn[0], **known, document_id="d0"),
        point(1, drawn[1], **{**known, "document_id": "d1"} | fields),
    ]
    assert alike == beside(filled(made), []).are_as_many(0, expected(("hr", "board"), 0, 1))


def test_documents_that_nobody_may_see_are_counted_too() -> None:
    hidden = point(0, vectors(1)[0], shard=0, tenant="public", source="docs", acl=[], document_id="d0")
    index = filled([hidden])
    assert beside(index, []).are_as_many(0, expected((), 0))
    index.upsert(
        "docs", [replace(hidden, payload={**hidden.payload, "metadata": hidden.payload["metadata"] | {"acl": ["x"]}})]
    )
    assert not beside(index, []).are_as_many(0, expected((), 0))
