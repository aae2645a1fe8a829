"""Steps as Prefect tasks: bounded, in completion order, tried again only for what may pass, and never left running."""

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from prefect import flow

from ingest.errors import DocumentError, FatalError, IndexUnavailable, IngestError, MalformedDocument, Overtaken
from ingest.pipeline.chunk import chunk_shard
from ingest.pipeline.tasks import ShardTask
from ingest.services import Services
from ingest.wiring import service_opening as wiring
from ingest_flows.executor import PrefectExecutor, forget_services
from tests.integration.ingest_flows.conftest import Site
from tests.pipelines import Project, project

WAIT_SECONDS = 30.0
LINGER_SECONDS = 0.2  # in which one too many would show


def shards(count: int) -> list[ShardTask]:
    return [ShardTask("0001", shard, "hash", "run") for shard in range(count)]


def needing(resource: str, work: Any) -> Any:
    """Make a step of a function, as `shard_step` does."""
    work.resource = resource
    return work


class Executed:
    """Runs steps inside a flow, as the nightly flow does."""

    def __init__(self, project: Project, key: str) -> None:
        self.project, self.key = project, key
        self.opened = 0

    def open_services(self) -> Services:
        self.opened += 1
        return self.project.services()

    def __call__(
        self, work: Callable[[Services, Any], Any], count: int, kind: str = "cpu", **options: Any
    ) -> list[Any]:
        step = needing(kind, work)
        execute = PrefectExecutor(self.open_services, self.key, retry_delay_seconds=0, **options)
        return flow(lambda: list(execute.map(step, shards(count))), name="steps", persist_result=False)()  # type: ignore[no-any-return]


@pytest.fixture
def executed(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Executed]:
    made = Executed(project(tmp_path), request.node.name)
    yield made
    forget_services(made.key)


class Gauge:
    """Counts how many calls are inside it at once. Each waits until `together` are, and then a little for one more."""

    def __init__(self, together: int) -> None:
        self.inside = self.most = 0
        self._together = together
        self._changed = threading.Condition()

    def pass_through(self) -> None:
        with self._changed:
            self.inside += 1
            self.most = max(self.most, self.inside)
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self.most >= self._together, WAIT_SECONDS)
            self._changed.wait_for(lambda: self.most > self._together, LINGER_SECONDS)
            self.inside -= 1


@pytest.mark.parametrize(("kind", "most"), [("io", 3), ("cpu", 3), ("gpu", 1)])
def test_the_window_is_filled_and_never_exceeded_and_the_gpu_has_one_step_at_a_time(
    executed: Executed, kind: str, most: int
) -> None:
    gauge = Gauge(most)

    def step(services: Services, task: ShardTask) -> int:
        gauge.pass_through()
        return task.shard

    assert list(range(9)) == sorted(executed(step, 9, kind, window=3))
    assert most == gauge.most


def test_a_slow_shard_holds_up_one_place_of_the_window_only(executed: Executed) -> None:
    last_has_run = threading.Event()

    def step(services: Services, task: ShardTask) -> int:
        if task.shard == 0:
            assert last_has_run.wait(WAIT_SECONDS)
        if task.shard == 5:
            last_has_run.set()
        return task.shard

    assert [1, 2, 3, 4] == executed(step, 6, window=2)[:4]


def test_items_are_taken_only_as_places_become_free(executed: Executed) -> None:
    taken: list[int] = []

    def items() -> Iterator[ShardTask]:
        for task in shards(50):
            taken.append(task.shard)
            yield task

    def inside() -> None:
        execute = PrefectExecutor(executed.open_services, executed.key, window=2)
        results = execute.map(needing("cpu", lambda services, task: task.shard), items())
        next(results)
        results.close()  # type: ignore[attr-defined]

    flow(inside, name="steps")()
    assert len(taken) <= 3


def test_services_are_opened_once_in_a_process_and_closed_once(executed: Executed) -> None:
    seen: list[Services] = []
    closed: list[bool] = []
    executed(lambda services, task: seen.append(services), 8, window=4)
    seen[0].bench.closers.append(lambda: closed.append(True))
    forget_services(executed.key)
    forget_services(executed.key)
    assert (1, 1, [True]) == (executed.opened, len({id(services) for services in seen}), closed)


@pytest.mark.parametrize(
    ("error", "attempts"),
    [
        (IndexUnavailable, 2),
        (MalformedDocument, 1),
        (DocumentError, 1),
        (Overtaken, 1),
        (FatalError, 1),
        (ValueError, 1),
        (TimeoutError, 1),
    ],
)
def test_only_a_transient_error_is_tried_again_and_exactly_once(
    executed: Executed, error: type[Exception], attempts: int
) -> None:
    calls: Counter[int] = Counter()

    def step(services: Services, task: ShardTask) -> int:
        calls[task.shard] += 1
        raise error("that is it")

    with pytest.raises(error, match="that is it"):
        executed(step, 1)
    assert {0: attempts} == calls


def test_a_shard_that_works_at_the_second_attempt_counts_once(executed: Executed) -> None:
    calls: Counter[int] = Counter()

    def step(services: Services, task: ShardTask) -> int:
        calls[task.shard] += 1
        if calls[task.shard] == 1 and task.shard == 1:
            raise IndexUnavailable("not now")
        return task.shard

    assert [0, 1, 2] == sorted(executed(step, 3))
    assert {0: 1, 1: 2, 2: 1} == calls


def test_nothing_runs_any_more_when_an_error_leaves_the_executor(executed: Executed) -> None:
    both, fault_is_on_its_way = threading.Barrier(2), threading.Event()
    ended: list[int] = []

    def step(services: Services, task: ShardTask) -> None:
        both.wait(WAIT_SECONDS)
        if task.shard == 0:
            fault_is_on_its_way.set()
            raise FatalError("stop")
        assert fault_is_on_its_way.wait(WAIT_SECONDS)
        threading.Event().wait(0.3)  # still at work while the error is handled
        ended.append(task.shard)

    def inside() -> list[int]:
        execute = PrefectExecutor(executed.open_services, executed.key, window=2)
        try:
            list(execute.map(needing("cpu", step), shards(6)))
        except IngestError:
            return list(ended)
        return []

    assert [1] == flow(inside, name="steps", persist_result=False)()


def process_of(services: Services, task: ShardTask) -> int:
    """A step that tells where it ran; pickled by name."""
    return os.getpid()


def test_cpu_steps_run_in_worker_processes_when_there_are_some(site: Site) -> None:
    execute = PrefectExecutor(partial(wiring.open_services, site.loaded, site.index), "processes", workers=2)
    found: list[int] = flow(
        lambda: list(execute.map(needing("cpu", process_of), shards(4))), name="steps", persist_result=False
    )()
    assert 4 == len(found)
    assert 1 <= len(set(found)) <= 2
    assert os.getpid() not in found


def test_a_step_and_its_item_survive_cloudpickle() -> None:
    again = cloudpickle.loads(cloudpickle.dumps((chunk_shard, shards(1)[0])))
    assert (chunk_shard, "cpu", shards(1)[0]) == (again[0], again[0].resource, again[1])
