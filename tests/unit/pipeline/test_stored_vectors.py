"""Which stored vectors a run compares, and when two are the same."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from ingest.pipeline import stored_vectors
from ingest.pipeline.stored_vectors import EVERY_VECTOR, VectorSample, is_same
from ingest.records import Point, SparseVector, StoredPoint

NIGHT = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
DRAWN = np.random.default_rng(3).standard_normal(384).astype(np.float32)
UNIT = DRAWN / np.linalg.norm(DRAWN)


def sampled(sample: VectorSample, rows: Any, shard: int = 0, shards: int = 1) -> list[int]:
    return [*sample.of(rows, shard, shards)]


def test_a_sample_is_bounded_and_the_same_for_the_same_run() -> None:
    drawn = sampled(VectorSample.at(NIGHT), range(100_000))
    assert stored_vectors.VECTORS_PER_RUN == len(set(drawn))
    assert drawn == sampled(VectorSample.at(NIGHT), range(100_000))
    assert stored_vectors.LEAST_PER_SHARD == len(sampled(VectorSample.at(NIGHT), range(300), shards=10_000))


def test_few_rows_are_compared_whole_and_so_is_everything_on_demand() -> None:
    assert [*range(40)] == sampled(VectorSample.at(NIGHT), range(40))
    assert 100_000 == len(sampled(EVERY_VECTOR, range(100_000)))


@pytest.mark.parametrize(
    ("days", "turns"), [(1, 2), (0.5, 2), (7, 4), (1 / 24, 4)], ids=["nightly", "twice", "weekly", "hourly"]
)
def test_every_row_is_seen_after_some_nights(days: float, turns: int) -> None:
    rows, shards = range(300), stored_vectors.VECTORS_PER_RUN // 30
    seen, runs = set[int](), 0
    while len(seen) < len(rows):
        sample = VectorSample.at(NIGHT + timedelta(days=days * runs, seconds=runs % 7))
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
