"""Runs steps on a Ray cluster: cpu and io steps as its tasks, gpu steps in a pool of actors that hold the model.

Ray places and runs. What is tried again and what counts as done is decided here and in the lake, which takes all
results: only markers come back. Nodes may come and go while steps run.
"""

import logging
import pickle
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from statistics import median
from typing import Any

from ingest.adapters.executors import at_worker
from ingest.errors import InvalidSettings, TransientError
from ingest.extras import require
from ingest.pipeline.tasks import ShardStep, ShardTask
from ingest.records import ExecutorOptions, Marker
from ingest.services import Services

CPUS = {"cpu": 1.0, "io": 0.25, "gpu": 1.0}  # of a node, for a step that is a task; of gpu steps only joins are
QUEUED = 2  # steps of each actor: the next one is there when one ends
LOST = 3  # times that a step may be lost with its process or node and is done again: one may be what kills them
SLOW, SLOW_SECONDS = 4.0, 30.0  # a step is slow after so many times the median of its map, and so long
PATIENCE_SECONDS = 1800.0  # without a node that could take a step: machines that are ordered need minutes
TICK_SECONDS = 1.0  # between looks for slow steps
ENDING_SECONDS = 30.0  # until steps that are stopped have ended
CONNECT_SECONDS = 5.0
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RayExecutor:
    """Implements `Execute` on a cluster of which this machine is a node.

    Open are at most as many cpu or io steps as there are `workers`, and two gpu steps for each of `models` actors. What
    nodes have no room for waits in the cluster, where an autoscaler sees it.
    """

    open_services: Callable[[], Services]  # picklable; called once in each process of a node
    options: ExecutorOptions
    workers: int = 1

    def __post_init__(self) -> None:
        """Connect, before anything is spent. Raises: InvalidSettings."""
        connect(self.options.address)

    def map(self, step: ShardStep, items: Iterable[ShardTask]) -> Generator[Marker]:
        """Yield step(services, item) in completion order. However it ends, nothing of it runs on."""
        left = iter(items)
        with closing(OpenSteps(self, step)) as steps:
            while steps.take(left):
                yield from steps.done()


class OpenSteps:
    """The items of one map that are under way, a slow one twice."""

    def __init__(self, executor: RayExecutor, step: ShardStep) -> None:
        import ray

        self.ray, self.step, self.opener = ray, step, pickle.dumps(executor.open_services)
        self.models, gpus = executor.options.models if step.resource == "gpu" else 0, executor.options.gpus
        self.room = QUEUED * self.models or executor.workers
        self.need = ("GPU", gpus) if self.models else ("CPU", CPUS[step.resource])
        self.task = ray.remote(num_cpus=CPUS[step.resource], max_retries=0)(at_worker)
        # An actor takes no CPU from the cpu steps whose results it may be waiting for.
        self.model = ray.remote(num_cpus=0, num_gpus=gpus, max_restarts=0, max_task_retries=0)(ModelHolder)
        self.actors: list[Any] = []
        self.running: dict[Any, tuple[ShardTask, Any, float]] = {}  # item, actor, since when
        self.lost: dict[ShardTask, int] = {}  # how often, of each item that has no result yet
        self.doubled: set[ShardTask] = set()  # slow items
        self.seconds: list[float] = []  # that items took
        self.all_taken, self.heard = False, time.monotonic()

    def take(self, left: Iterator[ShardTask]) -> bool:
        """Start as many items as there is room for; tell whether any are open."""
        while not self.all_taken and len(self.lost) < self.room:
            if (item := next(left, None)) is None:
                self.all_taken = True
            else:
                self.lost[item] = 0
                self.start(item)
        return bool(self.lost)

    def start(self, item: ShardTask) -> None:
        """Give an item to the cluster: to the actor with the fewest, or to whichever process is free."""
        actor, do = None, self.task
        if self.models and not item.slices:
            if len(self.actors) < self.models:
                self.actors.append(self.model.remote())
            has = Counter(actor for _, actor, _ in self.running.values())
            actor = min(self.actors, key=has.__getitem__)
            do = actor.run
        self.running[do.remote(self.opener, self.step, item)] = item, actor, time.monotonic()

    def done(self) -> Iterator[Marker]:
        """Wait for a moment, yield what is done, and start again what is lost or slow. Raises: what a step raises."""
        for reference in self.ray.wait([*self.running], timeout=TICK_SECONDS)[0]:
            item, actor, since = self.running.pop(reference)
            if item not in self.lost:  # its double was first
                continue
            try:
                marker = self.ray.get(reference)
            except self.ray.exceptions.RayTaskError as error:
                raise error.cause from error
            except self.ray.exceptions.RayError as error:
                self.lose(item, actor, error)
                continue
            self.heard = time.monotonic()
            self.seconds.append(self.heard - since)
            del self.lost[item]
            yield marker
        self.look()

    def lose(self, item: ShardTask, actor: Any, error: Exception) -> None:
        """Start an item again that was lost with its process or node. Raises: TransientError after LOST times."""
        if actor in self.actors:
            self.actors.remove(actor)
            self.ray.kill(actor)
        self.lost[item] += 1
        if self.lost[item] > LOST:
            told = f"its process or node died {LOST + 1} times; finished slices are kept, run again"
            raise TransientError(f"{self.step.__name__} of shard {item.name}: {told}") from error
        self.start(item)

    def look(self) -> None:
        """Start slow items a second time, where workers are idle. Raises: TransientError if no node can take a step."""
        now, (kind, amount) = time.monotonic(), self.need
        if now - self.heard > PATIENCE_SECONDS and self.ray.cluster_resources().get(kind, 0.0) < amount:
            told = f"no node of the cluster has had {amount:g} {kind} for {PATIENCE_SECONDS:g} s"
            raise TransientError(f"{self.step.__name__}: {told}")
        limit = max(SLOW * median(self.seconds or [now]), SLOW_SECONDS)
        late = {item for item, _, since in self.running.values() if now - since > limit}
        slow = (late & self.lost.keys()) - self.doubled if self.all_taken else set()
        for item in [*slow][: self.room - len(self.running)]:
            self.doubled.add(item)
            self.start(item)

    def close(self) -> None:
        """Stop all that runs, and return when it has ended."""
        for reference in (reference for reference, (_, actor, _) in self.running.items() if actor is None):
            self.ray.cancel(reference, force=True)
        for actor in self.actors:
            self.ray.kill(actor)
        if self.running:
            self.ray.wait([*self.running], num_returns=len(self.running), timeout=ENDING_SECONDS)


class ModelHolder:
    """An actor: a process that keeps its model from one step to the next."""

    run = staticmethod(at_worker)


def connect(address: str) -> None:
    """Make this process a driver of the cluster, unless it is one. Raises: InvalidSettings."""
    require("executor.kind: ray", "ingest[ray]", "ray")
    import ray

    if ray.is_initialized():
        return
    host, _, port = address.rpartition(":")
    before = signal.getsignal(signal.SIGTERM)
    try:
        socket.create_connection((host, port), CONNECT_SECONDS).close()  # Ray would try for many minutes
        ray._private.worker.print_to_stdstream = lambda told, **_: log.warning(
            "Ray: %s", *told["lines"]
        )  # not on stdout
        ray.init(address, log_to_driver=False, logging_level="ERROR")
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        told = "this machine must be a node of the cluster (`ray start`), with the cluster's token in RAY_AUTH_TOKEN"
        raise InvalidSettings(f"executor.address: {address}: {error}; {told}") from error
    with suppress(ValueError):  # not the main thread: Ray has put its own handler in place there only
        signal.signal(signal.SIGTERM, before)
