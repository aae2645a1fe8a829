"""What the steps share: the task of one shard, the parts that it starts from, and the marker that it ends with."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Literal

from ingest.lake.lake import Lake
from ingest.lake.shard_rows import by_kind
from ingest.records import Marker, PartFile, ShardPlan
from ingest.services import Services


@dataclass(frozen=True, slots=True)
class ShardTask:
    """One shard's part of one step. Picklable and small: everything else is in the lake."""

    generation: str
    shard: int
    plan_hash: str
    run: str  # token of the run that holds the lease

    def marker(self, step: str, counts: dict[str, int], **made: Any) -> Marker:
        """Return the marker that says that a step is done."""
        return Marker(step=step, shard=self.shard, plan_hash=self.plan_hash, counts=counts, **made)


ShardWork = Callable[[Services, ShardTask], Marker]


def shard_step(name: str, resource: Literal["cpu", "gpu", "io"]) -> Callable[[ShardWork], ShardWork]:
    """Make a step of the function that does a shard's part of it, with the resource that it needs most.

    The step writes the marker, and does nothing where there is one: from this run, or from one that died.
    """

    def wrap(work: ShardWork) -> ShardWork:
        @wraps(work)
        def step(services: Services, task: ShardTask) -> Marker:
            done = services.lake.marker(task.generation, name, task.shard, task.plan_hash)
            if done is not None:
                return done
            with services.observer.span("ingest.shard", step=name, generation=task.generation, shard=task.shard):
                return services.lake.mark(task.generation, work(services, task))

        step.name, step.resource = name, resource  # type: ignore[attr-defined]
        return step

    return wrap


def parts_after(lake: Lake, task: ShardTask, *steps: str) -> dict[str, PartFile]:
    """Return the parts of a task's shard after some finished steps: made by them, else carried from the base."""
    plan = plan_of(lake, task)
    parts = by_kind(plan.base_parts)
    for step in steps:
        if step in plan.steps:
            marker = lake.marker(task.generation, step, task.shard, task.plan_hash)
            parts |= by_kind(marker.parts) if marker is not None else {}
    return parts


def plan_of(lake: Lake, task: ShardTask) -> ShardPlan:
    """Return the frozen plan of a task's shard."""
    return lake.shard_plan(task.generation, task.shard, task.plan_hash)
