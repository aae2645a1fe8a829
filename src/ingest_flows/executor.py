"""Runs each step of a shard or slice as a Prefect task: a sliding window of submitted tasks, results not persisted."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Lock
from typing import Any

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.futures import PrefectConcurrentFuture, PrefectFuture
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner

from ingest.adapters.executors import ATTEMPTS
from ingest.adapters.executors.processes import end_with_parent
from ingest.errors import TransientError
from ingest.pipeline.tasks import Resource, ShardStep, ShardTask
from ingest.records import Marker
from ingest.services import Services

_opened: dict[str, Services] = {}  # of this process, by flow run
_opening = Lock()


@dataclass(frozen=True)
class PrefectExecutor:
    """Implements `Execute` inside a flow. Nothing is decided from Prefect's records: the lake is the ledger.

    gpu steps run one at a time, as a forward pass uses the whole device; cpu steps run in processes with several
    `workers`, else in threads, as io steps do.

    Args:
        open_services: Picklable; called once in each process.
        key: Names what `open_services` opens, for one flow run.
        window: Maximum number of tasks in flight.
        workers: Processes for cpu steps, while gpu steps run; 1: threads of this process, in turns.
        retry_delay_seconds: Pause before a task's second attempt.
    """

    open_services: Callable[[], Services]
    key: str
    window: int = 4
    workers: int = 1
    retry_delay_seconds: float = 1.0

    def map(self, step: ShardStep, items: Iterable[ShardTask]) -> Iterator[Marker]:
        """Yield step(services, item) in completion order; a TransientError is tried once more, by Prefect.

        Items have a `name`. If a step fails, those still running are awaited, so that nothing writes after the lease
        is released or the services are closed.
        """
        window = 1 if step.resource == "gpu" else self.window  # passes on one device gain nothing from each other
        done: SimpleQueue[PrefectFuture[Marker]] = SimpleQueue()
        running = 0
        submitted = self._task(step)
        # Leaving the runner waits for what runs and drops what does not yet.
        with self._runner(step.resource, window) as runner:
            for item in items:
                arguments = {"step": step, "open_services": self.open_services, "key": self.key, "item": item}
                runner.submit(submitted, arguments).add_done_callback(done.put)
                running += 1
                if running == window:  # now, not when there is another item: that may be long in coming
                    yield done.get().result()
                    running -= 1
            for _ in range(running):
                yield done.get().result()

    def _task(self, step: ShardStep) -> Task[..., Any]:
        made = task(
            name=step.__name__,
            task_run_name=f"{step.__name__} {{item.name}}",
            retries=ATTEMPTS - 1,
            retry_delay_seconds=self.retry_delay_seconds,
            retry_condition_fn=_is_transient,
            persist_result=False,
            cache_policy=NO_CACHE,  # and no tags: each task run would ask the server for their concurrency limits
        )
        return made(_run)

    def _runner(self, resource: Resource, window: int) -> TaskRunner[PrefectConcurrentFuture[Any]]:
        if resource == "cpu" and self.workers > 1:
            return ProcessPoolTaskRunner(max_workers=min(self.workers, window), initializer=end_with_parent)
        return ThreadPoolTaskRunner(max_workers=window)


def services_of(open_services: Callable[[], Services], key: str) -> Services:
    """Return the services of this process for a flow run, opened on the first call."""
    with _opening:
        if key not in _opened:
            _opened[key] = open_services()
        return _opened[key]


def forget_services(key: str) -> None:
    """Close the services that `services_of` opened in this process, if any."""
    with _opening:
        services = _opened.pop(key, None)
    if services is not None:
        services.bench.close()


def _run(step: ShardStep, open_services: Callable[[], Services], key: str, item: ShardTask) -> Marker:
    return step(services_of(open_services, key), item)


async def _is_transient(_task: Task[..., Any], _task_run: TaskRun, state: State[Any]) -> bool:
    return isinstance(await state.aresult(raise_on_failure=False), TransientError)
