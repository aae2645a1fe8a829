"""Whose turn it is to be compared in full: a record decides, so that every shard has its turn within some nights."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from ingest.lake.lake import Lake
from ingest.pipeline.inspection import POINTS_PER_RUN, keep_turn, turn
from tests.fakes import InMemoryStore
from tests.pipelines import build_options

NIGHT = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)


class Nights:
    """Runs on one lake, each with the shards whose turn it was."""

    def __init__(self, nights: int = 7) -> None:
        self.lake = Lake(InMemoryStore(), "docs")
        self.now = NIGHT
        self.collections = {"a", "b"}
        self.options = build_options(scrub_nights=nights)

    def due(self, collection: str = "a", shards: int = 16, points: int = 10**9) -> Any:
        contents = SimpleNamespace(
            lake=self.lake, collection=collection, shards=tuple(range(shards)), rows=lambda kind: points
        )
        return contents, turn(contents, self.options, self.now)

    def run(self, collection: str = "a", days: float = 1, left: tuple[int, ...] = (), **of: int) -> set[int]:
        """Let days pass, compare the shards whose turn it is, and write that down."""
        self.now += timedelta(days=days)
        contents, due = self.due(collection, **of)
        writer = SimpleNamespace(clock=lambda: self.now, new_token=lambda: f"{self.now}{collection}")
        vectors = SimpleNamespace(collections=lambda: self.collections)
        keep_turn(writer, SimpleNamespace(vectors=vectors, contents=contents, whole=due, left=set(left)))
        return due


@pytest.mark.parametrize("shards", [1, 2, 7, 8, 16, 33])
@pytest.mark.parametrize("nights", [1, 2, 7])
@pytest.mark.parametrize("days", [0.04, 1.0, 3.0])
def test_every_shard_has_its_turn_within_the_nights_however_often_runs_come(
    shards: int, nights: int, days: float
) -> None:
    runs = Nights(nights)
    for _ in range(3):
        assert {*range(shards)} == set().union(*(runs.run(days=days, shards=shards) for _ in range(nights)))


def test_a_run_after_skipped_nights_takes_their_shards_too() -> None:
    runs = Nights()
    assert [3, 10, 16] == [len(runs.run(days=days)) for days in (1, 4, 30)]


def test_a_small_index_is_compared_in_full_by_every_run() -> None:
    runs = Nights()
    assert [16] * 3 == [len(runs.run(points=POINTS_PER_RUN)) for _ in range(3)]
    assert 4 == len(runs.run(points=4 * POINTS_PER_RUN))


def test_a_run_that_died_before_the_record_leaves_the_turn_where_it_was() -> None:
    runs = Nights()
    runs.run()
    assert runs.due()[1] == runs.run()


def test_a_new_collection_goes_on_where_the_other_stands_and_each_keeps_its_own_turn() -> None:
    runs = Nights()
    assert [{0, 1, 2}, {3, 4, 5}, {6, 7, 8}] == [runs.run("a"), runs.run("a"), runs.run("b")]
    assert [{6, 7, 8}, {9, 10, 11}] == [runs.run("a", days=0), runs.run("b", days=0)]


@pytest.mark.parametrize("collections", [3, 7, 8, 20])
def test_collections_that_serve_in_turn_each_have_all_shards_compared(collections: int) -> None:
    runs = Nights()
    runs.collections = {f"c{n}" for n in range(collections)}
    seen = {name: set[int]() for name in runs.collections}
    for night in range(2 * max(collections, 7)):
        for days, n in (1, night), (0, night + 1):  # what serves, and what is built
            seen[f"c{n % collections}"] |= runs.run(f"c{n % collections}", days=days, shards=64)
    assert [64] * collections == [*map(len, seen.values())]


def test_the_turn_of_a_collection_is_kept_as_long_as_it_is_there() -> None:
    runs = Nights()
    runs.run("a")
    for _ in range(20):
        runs.run("b", days=0.01)
    assert ["a"] == [one.collection for one in runs.lake.scrubs.newest()[1].others]
    runs.collections = {"b"}
    runs.run("b")
    assert () == runs.lake.scrubs.newest()[1].others


def test_shards_with_faults_that_are_left_have_their_turn_again() -> None:
    runs = Nights()
    runs.run(left=(1,))
    assert {1, 3, 4, 5} == runs.run()
    assert {6, 7, 8} == runs.run()


def test_a_damaged_record_is_passed_over() -> None:
    runs = Nights()
    runs.run()
    runs.run()
    runs.lake.store.values["docs/scrubs/2.json"] = b"{"
    runs.lake = Lake(runs.lake.store, "docs")
    assert {3, 4, 5, 6, 7} == runs.run()  # two nights since the one before
