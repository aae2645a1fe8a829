"""Runs steps on this machine: here, or in worker processes, each with its own services, opened once."""

import multiprocessing
import os
import pickle
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from itertools import islice
from multiprocessing import connection

from ingest.adapters.executors import at_worker, attempted
from ingest.errors import TransientError
from ingest.pipeline.tasks import ShardStep, ShardTask
from ingest.records import Marker
from ingest.services import Services


@dataclass(frozen=True)
class ProcessExecutor:
    """Implements `Execute`: with several workers, cpu steps in spawned processes; others would gain nothing."""

    open_services: Callable[[], Services]  # picklable; called once in each worker
    services: Services  # of this process
    workers: int = 2
    window: int = 2  # tasks in flight per worker

    def map(self, step: ShardStep, items: Iterable[ShardTask]) -> Iterator[Marker]:
        """Yield step(services, item) in completion order, with at most workers × window in flight."""
        if self.workers < 2 or step.resource != "cpu":
            yield from (attempted(partial(step, self.services, item)) for item in items)
            return
        try:
            yield from self._in_workers(step, items)
        except BrokenProcessPool as error:
            died = "a worker process died, killed from outside or for memory; finished slices are kept, run again"
            raise TransientError(f"{step.__name__}: {died}") from error

    def _in_workers(self, step: ShardStep, items: Iterable[ShardTask]) -> Iterator[Marker]:
        context, opener = multiprocessing.get_context("spawn"), pickle.dumps(self.open_services)
        with ProcessPoolExecutor(self.workers, context, initializer=end_with_parent) as pool:
            running: set[Future[Marker]] = set()
            room = self.workers * self.window
            left = iter(items)
            while running := running | {
                pool.submit(at_worker, opener, step, item) for item in islice(left, room - len(running))
            }:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)


def end_with_parent() -> None:
    """End this worker with its parent, however that ends: else it and readers of the run's output wait for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None  # this is a worker of a pool
    os.dup2(2, 1)
    ended = partial(connection.wait, [parent.sentinel])
    threading.Thread(target=lambda: ended() and os._exit(1), name="parent", daemon=True).start()
