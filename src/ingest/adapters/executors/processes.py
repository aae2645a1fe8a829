"""Runs steps in worker processes on this machine, each with services of its own, opened once."""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ingest.adapters.executors import run_step
from ingest.errors import TransientError
from ingest.services import Services

_services: Services | None = None  # of this worker process


@dataclass(frozen=True)
class ProcessExecutor:
    """Implements `ports.Execute`: cpu steps in a pool of spawned processes, the others here, one after another.

    A model's forward pass already uses every core, and loads are bounded by the index: neither gains from the pool.
    """

    open_services: Callable[[], Services]  # picklable; called once in each worker
    services: Services  # of this process
    workers: int = 2
    window: int = 2  # tasks in flight per worker

    def map(self, step: Callable[[Services, Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Yield step(services, item) in completion order, with at most workers × window in flight."""
        if getattr(step, "resource", "cpu") != "cpu" or self.workers < 2:
            yield from (run_step(step, self.services, item) for item in items)
            return
        try:
            yield from self._in_workers(step, items)
        except BrokenProcessPool as error:
            name = getattr(step, "__name__", str(step))
            raise TransientError(
                f"{name}: a worker process died, killed from outside or for memory; finished shards are kept, run again"
            ) from error

    def _in_workers(self, step: Callable[[Services, Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(self.workers, context, initializer=_open, initargs=(self.open_services,)) as pool:
            running: set[Future[Any]] = set()
            room = self.workers * self.window
            left = iter(items)
            while running := running | {pool.submit(_run, step, item) for item in islice(left, room - len(running))}:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)


def _open(open_services: Callable[[], Services]) -> None:
    global _services  # noqa: PLW0603 - one per worker process, set by its initialiser
    _services = open_services()


def _run(step: Callable[[Services, Any], Any], item: Any) -> Any:
    assert _services is not None
    return run_step(step, _services, item)
