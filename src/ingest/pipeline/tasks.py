"""What the steps share: the task of one shard, what it starts from, and the marker that it ends with."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, wraps
from typing import Any, Literal

from ingest.ids import collection_name
from ingest.lake.contents import Contents
from ingest.lake.lake import Lake
from ingest.lake.shard_rows import by_kind
from ingest.pipeline.find_duplicates import duplicates_part
from ingest.records import Marker, PartFile, PlanSummary
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
    plan = lake.shard_plan(task.generation, task.shard, task.plan_hash)
    parts = by_kind(plan.base_parts)
    for step in steps:
        if step in plan.steps:
            marker = lake.marker(task.generation, step, task.shard, task.plan_hash)
            parts |= by_kind(marker.parts) if marker is not None else {}
    return parts


def built_contents(services: Services, summary: PlanSummary, *steps: str) -> Contents:
    """Return what the finished steps of a generation made or carried; its keyword index is not merged yet."""
    lake, generation, hashes = services.lake, summary.generation, summary.shards

    @cache
    def parts(shard: int) -> dict[str, PartFile]:
        return parts_after(lake, ShardTask(generation, shard, hashes[shard], run=""), *steps)

    name, model, shards = collection_name(lake.index, generation), services.model, tuple(sorted(hashes))
    duplicates, shape, analyser = duplicates_part(lake, generation), services.options.shape, services.options.analyser
    return Contents(lake, name, model.fingerprint, model.dimension, shards, parts, {}, duplicates, shape, analyser)
