"""Points beside the rows of the lake: what a comparison asks for, which points are compared whole, which are strays."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ingest.adapters.vectors.qdrant.qdrant_index import QdrantIndex
from ingest.pipeline import collection_points
from ingest.pipeline.collection_points import COMPARED, EVERY_POINT, CollectionPoints, PointSample, is_same
from ingest.records import Point, SparseVector, StoredPoint
from tests.vector_indexes import DIMENSION, in_memory_index, points

TEXT = "A sentence of the text. " * 100
NIGHT = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
DRAWN = np.random.default_rng(3).standard_normal(384).astype(np.float32)
UNIT = DRAWN / np.linalg.norm(DRAWN)


def sampled(sample: PointSample, rows: Any, shard: int = 0, shards: int = 1) -> list[int]:
    return [*sample.of(rows, shard, shards)]


def test_a_sample_is_bounded_and_the_same_for_the_same_run() -> None:
    drawn = sampled(PointSample(NIGHT), range(100_000))
    assert collection_points.POINTS_PER_RUN == len(set(drawn))
    assert drawn == sampled(PointSample(NIGHT), range(100_000))
    assert collection_points.LEAST_PER_SHARD == len(sampled(PointSample(NIGHT), range(300), shards=10_000))


def test_few_rows_are_compared_whole_and_so_is_everything_on_demand() -> None:
    assert [*range(40)] == sampled(PointSample(NIGHT), range(40))
    assert 100_000 == len(sampled(EVERY_POINT, range(100_000)))


@pytest.mark.parametrize(
    ("days", "turns"), [(1, 2), (0.5, 2), (7, 4), (1 / 24, 4)], ids=["nightly", "twice", "weekly", "hourly"]
)
def test_every_row_is_seen_after_some_nights(days: float, turns: int) -> None:
    rows, shards = range(300), collection_points.POINTS_PER_RUN // 30
    seen, runs = set[int](), 0
    while len(seen) < len(rows):
        sample = PointSample(NIGHT + timedelta(days=days * runs, seconds=runs % 7))
        seen.update(sampled(sample, rows, shard=5, shards=shards))
        runs += 1
        assert runs <= turns * 300 // 30


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
    assert same == is_same(Point("id", UNIT, {}), StoredPoint("id", {}, stored))


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
    assert same == is_same(wanted, StoredPoint("id", {}, UNIT, sparse(stored)))


def test_a_chunk_without_terms_may_have_no_sparse_vector() -> None:
    empty = SparseVector(np.array([], np.uint32), np.array([], np.float32))
    assert is_same(Point("id", UNIT, {}, empty), StoredPoint("id", {}, UNIT))


# points that belong to no shard, whatever their payload says


def beside(index: QdrantIndex, rows: list[Any], batch: int = 4) -> CollectionPoints:
    """Return the points of a generation of shards 0 and 1 whose lake makes `rows`, which are points themselves."""
    contents = SimpleNamespace(collection="docs", shards=(0, 1))
    made = {row[0].chunk_id: row for row in rows}
    maker = SimpleNamespace(
        contents=contents,
        fields=lambda row, shard, names: {name: row[1].payload["metadata"].get(name) for name in names},
        points=lambda rows, shard: [document for _, document in rows],
        embeddings=SimpleNamespace(missing=lambda keys: []),
    )
    assert len(made) == len(rows)
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
    found = beside(index, rows_of(made)).faults(0, rows_of(made))
    assert ((), 40, 0) == (tuple(found.named()), found.sound, found.compared)
    assert [[f"metadata.{name}" for name in COMPARED]] * len(asked) == asked
    assert TEXT not in "".join(sent)


def test_what_is_there_is_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made = points(10, shard=0)
    index, written = filled(made[:7]), list[str]()
    upsert = index.upsert
    monkeypatch.setattr(index, "upsert", lambda name, some: written.extend(p.id for p in some) or upsert(name, some))
    beside(index, rows_of(made)).load(0, rows_of(made))
    assert [point.id for point in made[7:]] == written
    assert not beside(index, rows_of(made)).faults(0, rows_of(made), EVERY_POINT)


def test_a_slice_leaves_the_points_of_the_others() -> None:
    made = points(10, shard=0)
    index = filled(made[:5])
    beside(index, rows_of(made)).load(0, rows_of(made)[5:])
    assert not beside(index, rows_of(made)).faults(0, rows_of(made), EVERY_POINT)
