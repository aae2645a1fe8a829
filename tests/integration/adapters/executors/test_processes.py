"""Executors: bounded, in completion order, one more attempt, and the same result in other processes."""

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from ingest.adapters.executors.processes import ProcessExecutor
from ingest.adapters.stores.folder_store import FolderStore
from ingest.errors import DocumentError, InvalidSettings, SourceUnavailable, TransientError
from ingest.pipeline import tasks
from ingest.pipeline.chunk import chunk_shard
from ingest.pipeline.collections import load_shard
from ingest.pipeline.embed import embed_shard
from ingest.pipeline.index_keywords import keyword_shard
from ingest.pipeline.tasks import ShardTask
from ingest.services import Services
from ingest.settings import make_settings
from ingest.wiring.service_opening import open_services
from tests.fakes import inline_executor
from tests.pipelines import CountingSource, Project, build_options, document
from tests.unit.documents.parsers._reading.test_programs import ends

STEPS = {chunk_shard: "cpu", embed_shard: "gpu", load_shard: "io", keyword_shard: "cpu"}


class Flaky:
    """A step that fails a number of times."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = iter(errors)
        self.calls = 0

    def __call__(self, services: Services, item: int) -> int:
        self.calls += 1
        for error in self.errors:
            raise error
        return item


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return Project((CountingSource("docs", tmp_path),)).services()


def test_inline_yields_results_in_order_and_one_at_a_time(services: Services) -> None:
    seen: list[int] = []

    def step(services: Services, item: int) -> int:
        seen.append(item)
        return item * 2

    results = inline_executor(services).map(step, iter(range(5)))
    assert next(results) == 0
    assert seen == [0]
    assert list(results) == [2, 4, 6, 8]


def test_a_transient_error_is_tried_once_more(services: Services) -> None:
    step = Flaky(SourceUnavailable("down"))
    assert list(inline_executor(services).map(step, [7])) == [7]
    assert step.calls == 2


def test_a_second_transient_error_stops(services: Services) -> None:
    step = Flaky(*[SourceUnavailable("down")] * 3)
    with pytest.raises(SourceUnavailable):
        list(inline_executor(services).map(step, [7]))
    assert step.calls == 2


@pytest.mark.parametrize("error", [InvalidSettings("no"), DocumentError("bad"), ValueError("bug")])
def test_any_other_error_stops_at_once(services: Services, error: Exception) -> None:
    step = Flaky(error)
    with pytest.raises(type(error)):
        list(inline_executor(services).map(step, [7]))
    assert step.calls == 1


@pytest.mark.parametrize(("step", "resource"), STEPS.items())
def test_every_step_names_its_resource_and_survives_pickling(step: Any, resource: str) -> None:
    assert step.resource == resource
    for dumps in (pickle.dumps, cloudpickle.dumps):
        again = pickle.loads(dumps(step))
        assert (again, again.resource) == (step, resource)


def test_a_task_survives_pickling() -> None:
    task = ShardTask("g", 3, "h", "run", rows=(0, 4), slices=((0, 4), (4, 9)))
    assert pickle.loads(cloudpickle.dumps(task)) == task


def test_the_opener_of_services_survives_pickling(tmp_path: Path) -> None:
    index = {"sources": [{"name": "docs", "uri": "docs"}], "model": {"kind": "hashing", "name": "hashing"}}
    settings = make_settings({"lake": "lake", "indexes": {"docs": index}}, tmp_path)
    opener = partial(open_services, settings, "docs")
    for dumps in (pickle.dumps, cloudpickle.dumps):
        again = pickle.loads(dumps(opener))
        assert (again.func, again.args) == (open_services, (settings, "docs"))


# What worker processes import by name:


def open_project(folder: str) -> Project:
    """Return a project whose lake and documents are on disk, its Qdrant in this process."""
    source = CountingSource("docs", Path(folder) / "documents")
    return Project((source,), store=FolderStore(str(Path(folder) / "lake")), options=build_options())


def services_of(folder: str) -> Services:
    """Return the services of a project on disk."""
    return open_project(folder).services()


def needing(resource: str) -> Callable[[Any], Any]:
    """Make a step of a function, as `shard_step` does."""

    def wrap(work: Any) -> Any:
        work.resource = resource
        return work

    return wrap


@needing("cpu")
def square(services: Services, item: int) -> tuple[int, int]:
    return item * item, os.getpid()


@needing("cpu")
def fail(services: Services, item: int) -> int:
    if item == 3:
        raise InvalidSettings(f"item {item}")
    return item


@needing("cpu")
def die(services: Services, item: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@needing("gpu")
def on_gpu(services: Services, item: int) -> int:
    return os.getpid()


@needing("cpu")
def hang(services: Services, item: int) -> None:
    os.write(1, b"a worker's own words\n")
    os.write(2, b"%d\n" % os.getpid())
    time.sleep(600)


DRIVER = """
import sys
from functools import partial
from tests.integration.adapters.executors.test_processes import ProcessExecutor, hang, services_of
if __name__ == "__main__":
    opener = partial(services_of, sys.argv[1])
    list(ProcessExecutor(opener, opener(), workers=2).map(hang, range(2)))
"""


def test_workers_end_with_a_killed_run_and_write_nothing_to_its_output(tmp_path: Path) -> None:
    script = tmp_path / "driver.py"
    script.write_text(DRIVER)
    command, root = [sys.executable, str(script), str(tmp_path)], str(Path(__file__).parents[4])
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes, env={**os.environ, "PYTHONPATH": f"{root}/src:{root}"}) as driver:
        pids = [next(int(line) for line in driver.stderr if line.strip().isdigit()) for _ in range(2)]
        driver.kill()
        assert [True, True] == [ends(pid) for pid in pids]
        assert "" == driver.stdout.read()  # which ends only when nobody holds it any more


@pytest.fixture
def processes(tmp_path: Path) -> ProcessExecutor:
    folder = str(tmp_path)
    return ProcessExecutor(partial(services_of, folder), services_of(folder), workers=2)


def test_a_generation_built_slice_by_slice_in_processes_has_the_digest_of_one_built_inline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = open_project(str(tmp_path)), open_project(str(tmp_path))
    for n in range(12):
        one.source.write(f"d{n:02d}.md", document(n))
    other.store = FolderStore(str(tmp_path / "inline"))
    executor = ProcessExecutor(partial(services_of, str(tmp_path)), one.services(), workers=2)
    with monkeypatch.context() as patch:
        patch.setattr(tasks, "SLICE_DOCUMENTS", 2)
        report = one.run(execute=executor)
    cut = list((tmp_path / "lake/docs/generations").glob("*/markers/chunk/*/0-2.json"))
    assert cut
    assert (report.decision, report.digest) == ("promoted", other.run().digest)
    assert one.gets() == {}  # all of them in the workers
    names = [{path.name for path in (tmp_path / lake / "docs/data").iterdir()} for lake in ("lake", "inline")]
    assert names[0] == names[1]  # named by content


def test_work_goes_to_workers_with_a_bounded_number_in_flight(processes: ProcessExecutor) -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for n in range(20):
            taken += 1
            yield n

    results = processes.map(square, items())
    first = [next(results)]
    assert taken <= 4
    rest = list(results)
    assert sorted(value for value, _ in first + rest) == [n * n for n in range(20)]
    assert os.getpid() not in {pid for _, pid in first + rest}


def test_an_error_in_a_worker_keeps_its_class_and_message(processes: ProcessExecutor) -> None:
    with pytest.raises(InvalidSettings, match="item 3"):
        list(processes.map(fail, range(8)))


def test_a_worker_that_is_killed_is_told_as_transient(processes: ProcessExecutor) -> None:
    with pytest.raises(TransientError, match="die: a worker process died"):
        list(processes.map(die, [1]))


def test_steps_that_need_no_cpu_stay_in_this_process(processes: ProcessExecutor) -> None:
    assert list(processes.map(on_gpu, [1, 2])) == [os.getpid()] * 2


def test_one_worker_is_this_process(processes: ProcessExecutor) -> None:
    alone = ProcessExecutor(processes.open_services, processes.services, workers=1)
    assert [pid for _, pid in alone.map(square, [1])] == [os.getpid()]
