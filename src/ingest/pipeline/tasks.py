"""What the steps share: the task of one shard, what it read, and what says that it is done."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from ingest.lake.embedding_store import EmbeddingStore
from ingest.lake.lake import Lake
from ingest.lake.shard_rows import by_kind
from ingest.ports import Services
from ingest.records import Marker, PartFile, PlanSummary, ShardPlan

Step = TypeVar("Step", bound=Callable[..., Any])


def resource(kind: str) -> Callable[[Step], Step]:
    """Mark a step with the resource that it needs most: cpu, gpu or io."""

    def mark(step: Step) -> Step:
        step.resource = kind  # type: ignore[attr-defined]
        return step

    return mark


@dataclass(frozen=True, slots=True)
class ShardTask:
    """One shard's part of one step. Picklable and small: everything else is in the lake."""

    generation: str
    shard: int
    plan_hash: str
    run: str  # token of the run that holds the lease


def embedding_store(services: Services, fingerprint: str) -> EmbeddingStore:
    """Return the store of embeddings of a model, one for all steps of this process: its index is read once."""
    return services.keep(
        f"embeddings of {fingerprint}", lambda: EmbeddingStore(services.store, fingerprint, services.new_token)
    )


def shard_parts(lake: Lake, summary: PlanSummary, shard: int) -> dict[str, PartFile]:
    """Return a shard's parts in a generation that is being built: made by its steps, else carried from the base."""
    return task_parts(lake, ShardTask(summary.generation, shard, summary.shards[shard], run=""))


def task_parts(lake: Lake, task: ShardTask) -> dict[str, PartFile]:
    """Return the parts of a task's shard, as `shard_parts` does."""
    plan = plan_of(lake, task)
    parts = by_kind(plan.base_parts)
    for step in ("chunk", "keyword"):
        if step in plan.steps:
            marker = lake.marker(task.generation, step, task.shard, task.plan_hash)
            parts |= by_kind(marker.parts) if marker is not None else {}
    return parts


def finished(services: Services, task: ShardTask, step: str) -> Marker | None:
    """Return the marker of a step that was finished before, in this run or in one that died."""
    return Lake(services.store, services.options.index).marker(task.generation, step, task.shard, task.plan_hash)


def plan_of(lake: Lake, task: ShardTask) -> ShardPlan:
    """Return the frozen plan of a task's shard."""
    return lake.shard_plan(task.generation, task.shard, task.plan_hash)
