"""Steps on a Ray cluster of one node: lost processes, actors, slow steps, the end of a map. `make ray-test` runs it."""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest.adapters.executors import ray as adapter
from ingest.adapters.executors.ray import RayExecutor
from ingest.errors import InvalidSettings, SourceUnavailable, TransientError
from ingest.pipeline.tasks import ShardTask
from ingest.services import Services
from tests.integration.adapters.executors.test_processes import needing
from tests.ray_cluster import Cluster, executor, node

if "RAY_TEST" not in os.environ:
    pytest.skip("`make ray-test` runs this", allow_module_level=True)

__all__ = ["executor", "node"]

WAIT_SECONDS = 60.0


def items(count: int, folder: Path | str = "") -> list[ShardTask]:
    """Return items whose `run` names a folder in which steps leave notes."""
    return [ShardTask("0001", shard, "hash", str(folder)) for shard in range(count)]


def noted(task: ShardTask) -> int:
    """Leave a note of an attempt; return how many there are now."""
    folder = Path(task.run)
    (folder / f"attempt-{task.shard}-{os.getpid()}-{time.monotonic_ns()}").touch()
    return len(list(folder.glob(f"attempt-{task.shard}-*")))


def attempts(folder: Path) -> Counter[int]:
    return Counter(int(path.name.split("-")[1]) for path in folder.glob("attempt-*"))


def where(services: Services, task: ShardTask) -> tuple[int, int]:
    return task.shard, os.getpid()


def refuse(services: Services, task: ShardTask) -> None:
    noted(task)
    raise InvalidSettings(f"shard {task.shard}")


def twice_unavailable(services: Services, task: ShardTask) -> int:
    if noted(task) < 3:
        raise SourceUnavailable("down")
    return task.shard


def unavailable_once(services: Services, task: ShardTask) -> int:
    if noted(task) == 1:
        raise SourceUnavailable("down")
    return task.shard


def killed_once(services: Services, task: ShardTask) -> tuple[int, int]:
    if noted(task) == 1 and task.shard == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return task.shard, os.getpid()


def killed_always(services: Services, task: ShardTask) -> None:
    noted(task)
    os.kill(os.getpid(), signal.SIGKILL)


def stuck_at_first(services: Services, task: ShardTask) -> int:
    if noted(task) == 1 and task.shard == 0:
        time.sleep(WAIT_SECONDS)
        noted(task)
    return task.shard


def results(executor: RayExecutor, step: Any, resource: str, tasks: Any) -> list[Any]:
    return list(executor.map(needing(resource)(step), tasks))


def test_an_error_keeps_its_class_and_message_and_only_a_transient_one_is_tried_again_and_once(
    executor: RayExecutor, tmp_path: Path
) -> None:
    with pytest.raises(InvalidSettings, match="shard 0"):
        results(executor, refuse, "cpu", items(1, tmp_path))
    assert {0: 1} == attempts(tmp_path)
    assert [1] == results(executor, unavailable_once, "cpu", items(2, tmp_path)[1:])
    with pytest.raises(SourceUnavailable, match="down"):
        results(executor, twice_unavailable, "io", items(3, tmp_path)[2:])
    assert {0: 1, 1: 2, 2: 2} == attempts(tmp_path)


def test_a_killed_process_costs_its_step_and_one_that_kills_each_process_ends_the_run(
    executor: RayExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = results(executor, killed_once, "cpu", items(4, tmp_path))
    assert [0, 1, 2, 3] == sorted(shard for shard, _ in found)
    assert {0: 1, 1: 2, 2: 1, 3: 1} == attempts(tmp_path)
    monkeypatch.setattr(adapter, "LOST", 1)
    with pytest.raises(TransientError, match="killed_always of shard 4: its process or node died 2 times"):
        results(executor, killed_always, "cpu", items(5, tmp_path)[4:])


def test_an_actor_keeps_its_process_and_is_replaced_when_it_is_killed(executor: RayExecutor, tmp_path: Path) -> None:
    assert 1 == len({pid for _, pid in results(executor, where, "gpu", items(6))})
    found = results(executor, killed_once, "gpu", items(4, tmp_path))
    assert [0, 1, 2, 3] == sorted(shard for shard, _ in found)
    assert 2 == len({pid for _, pid in found})
    assert attempts(tmp_path)[1] == 2


def test_a_slow_step_is_done_once_more_and_the_first_result_counts(
    executor: RayExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "SLOW_SECONDS", 1.0)
    monkeypatch.setattr(adapter, "TICK_SECONDS", 0.1)
    began = time.monotonic()
    assert [0, 1, 2] == sorted(results(executor, stuck_at_first, "cpu", items(3, tmp_path)))
    assert time.monotonic() - began < WAIT_SECONDS / 2
    assert {0: 2, 1: 1, 2: 1} == attempts(tmp_path)


def test_items_are_taken_as_places_become_free_also_out_of_another_map(executor: RayExecutor) -> None:
    taken = 0

    def counted() -> Iterator[ShardTask]:
        nonlocal taken
        for task in items(20):
            taken += 1
            yield task

    inner = executor.map(needing("cpu")(where), counted())
    outer = executor.map(needing("gpu")(where), (items(20)[shard] for shard, _ in inner))
    first = next(outer)
    assert taken <= 6
    assert list(range(20)) == sorted(shard for shard, _ in [first, *outer])


def test_nothing_runs_any_more_when_a_map_is_closed(executor: RayExecutor, tmp_path: Path, node: Cluster) -> None:
    tasks = items(2, tmp_path)
    running = executor.map(needing("cpu")(stuck_at_first), tasks)
    assert 1 == next(running)
    running.close()
    ends = time.monotonic() + WAIT_SECONDS
    while node.processes("ray::at_worker") and time.monotonic() < ends:
        time.sleep(0.05)
    assert [] == node.processes("ray::at_worker")
    assert {0: 1, 1: 1} == attempts(tmp_path)
