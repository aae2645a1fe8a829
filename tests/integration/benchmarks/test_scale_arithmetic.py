"""The arithmetic of `docs/scaling.md`, and the replay it rests on, at sizes that can be counted by hand."""

from collections import Counter
from pathlib import Path

import pytest

from benchmarks.scale_arithmetic import GIVEN, Scale, results
from benchmarks.scale_measures import Small
from benchmarks.scale_replay import CONDENSED, Durations, Replay, memory_of
from ingest.pipeline.tasks import SLICE_DOCUMENTS
from ingest.records import IndexOptions, RetireOptions
from tests.integration.pipeline.test_store_requests import MOST_PER_SHARD, MOST_PER_SLICE

VALUES = {name: one.value for name, one in GIVEN.items()}
LOOKUPS = {"lookup_key": 1e-6, "lookup_segment": 1e-3, "lookup_segments": 2}
SMALL = Scale(VALUES | LOOKUPS | {"documents": 1200, "chunks": 12_000, "tokens_per_second": 12_000})
STEPS = ("chunk", "embed", "keyword", "load")
WORKERS, SECONDS = 4, 0.25  # of a task per document


def durations(documents: int, model: float = 0.0) -> Durations:
    """Return durations of SECONDS per document for each step, and none for joins."""
    tasks = [(step, False, SECONDS, {"chunks": 10}) for step in STEPS]
    return Durations(Small([*tasks, ("chunk", True, 0.0, {})], {}, 0, 0, 0, Counter()), model, documents)


def test_defaults_and_bounds_in_the_inputs_are_those_of_the_code() -> None:
    options = IndexOptions()
    told = {
        "documents_per_shard": options.documents_per_shard,
        "tokens_per_chunk": options.chunking.target_tokens,
        "points_per_second": options.scrub_points_per_second,
        "keep": RetireOptions().keep,
        "requests_per_shard": MOST_PER_SHARD,
        "requests_per_slice": MOST_PER_SLICE,
    }
    assert told == {name: VALUES[name] for name in told}


def test_shards_are_those_of_a_first_plan_and_slices_those_of_a_shard() -> None:
    assert (4, 5) == (SMALL.shards, -(-300 // SLICE_DOCUMENTS))
    assert 5 == SMALL.slices
    assert 4 * (40 + 5 * 16) == SMALL.requests


def test_ten_million_documents_need_what_the_guide_says() -> None:
    large = Scale(VALUES)
    assert (65_536, 3) == (large.shards, large.slices)
    assert 40_000 == large.model_seconds
    assert [230.4e9, 288e9, 57.6e9] == pytest.approx([large.vectors(n) for n in (4, 5, 1)])


def test_each_chunk_is_looked_up_twice_in_runs_that_grow_with_the_logarithm_of_the_segments() -> None:
    assert 2 * 12_000 * 1e-6 * 2**2 + 4 * 1e-3 == pytest.approx(SMALL.lookups())


def test_processes_share_the_lookups_and_each_reads_all_keys() -> None:
    assert 2 * 3_000 * 1e-6 * 2**2 + 4 * 1e-3 == pytest.approx(SMALL.lookups(4))


def test_each_result_says_how_it_was_found() -> None:
    measured = ("lake_bytes", "keyword_bytes", "point_bytes", "objects", "manifest_bytes")
    replayed = ("tasks", "reread", "driver_bytes", "driver_cpu")
    rows = results(Scale(VALUES | LOOKUPS | dict.fromkeys((*measured, *replayed), 1.0)))
    assert [] == [row.what for row in rows if not row.how]


@pytest.fixture
def replay(tmp_path: Path) -> Replay:
    return Replay(tmp_path, 12, durations(160, model=1.0), WORKERS)


def test_the_replay_lets_one_device_embed_shard_after_shard(replay: Replay) -> None:
    replay.run()
    documents = sum(replay.sizes) * CONDENSED
    assert (SECONDS + 1) * documents == pytest.approx(replay.seconds["embed"])
    assert SECONDS * documents == pytest.approx(replay.seconds["load"])


def test_the_replay_keeps_all_workers_busy_but_for_the_end_of_a_step(replay: Replay) -> None:
    replay.run()
    least, largest = SECONDS * sum(replay.sizes) * CONDENSED / WORKERS, SECONDS * max(replay.sizes) * CONDENSED
    assert least <= replay.seconds["chunk"] <= least + largest
    assert least <= replay.seconds["keyword"] <= least + largest


def test_more_devices_in_the_replay_divide_the_time_of_embed(replay: Replay) -> None:
    replay.run()
    replay.run(WORKERS)
    assert 0.25 <= replay.seconds[f"embed on {WORKERS}"] / replay.seconds["embed"] < 0.4


def test_the_replay_runs_as_many_tasks_as_a_run_has(replay: Replay) -> None:
    replay.run()
    slices = [-(-size // (SLICE_DOCUMENTS // CONDENSED)) for size in replay.sizes]
    assert sum(n + 1 if n > 1 else 1 for n in slices) + 3 * len(slices) == replay.tasks


def test_the_replay_leaves_the_code_as_it_was(replay: Replay) -> None:
    from ingest.adapters.executors import processes
    from ingest.lake import lake
    from ingest.pipeline import tasks

    before = processes.wait, processes.ProcessPoolExecutor, tasks.SLICE_DOCUMENTS, tasks.fingerprints, lake.CACHED_BYTES
    replay.run()
    after = processes.wait, processes.ProcessPoolExecutor, tasks.SLICE_DOCUMENTS, tasks.fingerprints, lake.CACHED_BYTES
    assert before == after


def test_the_memory_of_more_shards_is_more(tmp_path: Path) -> None:
    few, more = (memory_of(tmp_path, shards, durations(16), WORKERS) for shards in (4, 40))
    assert 0 < few < more
