"""What the steps share: the task of one shard, its input, and the marker with which it ends."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial, update_wrapper
from typing import Any, Literal, Protocol

from ingest.ids import collection_name
from ingest.lake.contents import Contents
from ingest.lake.lake import Lake
from ingest.lake.shard_rows import by_kind
from ingest.pipeline.find_duplicates import duplicates_part
from ingest.records import Marker, PartFile, PlanSummary
from ingest.services import Services, Workbench


@dataclass(frozen=True, slots=True)
class ShardTask:
    """One shard's part of one step. Picklable and small: everything else is in the lake."""

    generation: str
    shard: int
    plan_hash: str
    run: str  # token of the run that holds the lease

    def marker(self, step: str, counts: dict[str, int], **made: Any) -> Marker:
        """Return the marker of a finished step."""
        return Marker(step=step, shard=self.shard, plan_hash=self.plan_hash, counts=counts, **made)


Resource = Literal["cpu", "gpu", "io"]
ShardWork = Callable[[Services, ShardTask], Marker]


class ShardStep:
    """A step of the function that does a shard's part of it. Known as the function is, also to pickle.

    It writes the marker, and does nothing where there is one: from this run, or from one that died.
    """

    __name__: str

    def __init__(self, work: ShardWork, name: str, resource: Resource) -> None:
        """Take the function, and the resource that it needs most."""
        self.work, self.name, self.resource = work, name, resource
        update_wrapper(self, work)

    def __call__(self, services: Services, task: ShardTask) -> Marker:
        """Return the marker of a shard after this step."""
        lake, observer = services.bench.lake, services.retrieval.observer
        done = lake.marker(task.generation, self.name, task.shard, task.plan_hash)
        if done is not None:
            return done
        with observer.span("ingest.shard", step=self.name, generation=task.generation, shard=task.shard):
            return lake.mark(task.generation, self.work(services, task))

    def __reduce__(self) -> str:
        return self.__name__


def shard_step(name: str, resource: Resource) -> Callable[[ShardWork], ShardStep]:
    """Make a step of a function."""
    return partial(ShardStep, name=name, resource=resource)


class Execute(Protocol):
    """Runs steps somewhere."""

    def map(self, step: ShardStep, items: Iterable[ShardTask]) -> Iterator[Marker]:
        """Yield step(services, item) for each item, in completion order, with a bounded number in flight.

        A TransientError is tried once more; anything else stops the run.
        """


def parts_after(lake: Lake, task: ShardTask, *steps: str) -> dict[str, PartFile]:
    """Return the parts of a task's shard after some finished steps: those they made, else the base's."""
    plan = lake.shard_plan(task.generation, task.shard, task.plan_hash)
    parts = by_kind(plan.base_parts)
    for step in steps:
        if step in plan.steps:
            marker = lake.marker(task.generation, step, task.shard, task.plan_hash)
            parts |= by_kind(marker.parts) if marker is not None else {}
    return parts


def built_contents(bench: Workbench, summary: PlanSummary, *steps: str) -> Contents:
    """Return what the finished steps of a generation made or carried; its keyword index is not merged yet."""
    lake, generation, hashes = bench.lake, summary.generation, summary.shards

    @cache
    def parts(shard: int) -> dict[str, PartFile]:
        return parts_after(lake, ShardTask(generation, shard, hashes[shard], run=""), *steps)

    identity = lake.known_identity()
    assert identity is not None  # known since the run began
    name, model, shards = collection_name(lake.index, generation, identity.id), bench.model, tuple(sorted(hashes))
    duplicates, shape, analyser = duplicates_part(lake, generation), bench.options.shape, bench.options.analyser
    return Contents(lake, name, model.fingerprint, model.dimension, shards, parts, {}, duplicates, shape, analyser)
