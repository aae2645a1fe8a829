"""The work of one run: its frozen plan, and the markers of each shard's finished steps."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from ingest.lake.lake import Lake
from ingest.pipeline.tasks import ShardTask
from ingest.records import Manifest, Marker, PlanSummary, ShardPlan


@dataclass(frozen=True)
class Work:
    """A frozen plan, or the finding that there is nothing to do."""

    lake: Lake
    run: str
    summary: PlanSummary
    base: Manifest | None
    resumed: bool
    shard_plan: Callable[[int], ShardPlan]
    healed: tuple[str, ...] = ()  # what was damaged or gone, and what it is made from

    def sealed(self) -> Manifest | None:
        """Return the generation if there is nothing to build: sealed by a run that died, or the base, unchanged."""
        return self.lake.manifest(self.summary.generation) if self.summary.needs_generation else self.base

    def tasks(self, step: str) -> list[ShardTask]:
        """Return the tasks of the shards whose plan includes a step, by shard."""
        summary = self.summary
        shards = [shard for shard, steps in sorted(self._steps.items()) if step in steps]
        return [ShardTask(summary.generation, shard, summary.shards[shard], self.run) for shard in shards]

    def gone(self, shard: int) -> tuple[str, ...]:
        """Return the URIs of a shard that changed or vanished between list and read."""
        marker = self._marker("chunk", shard)
        return marker.gone if marker is not None else ()

    def segments(self, shard: int) -> tuple[str, ...]:
        """Return the embedding segments that hold a shard's vectors."""
        marker = self._marker("embed", shard)
        return marker.segments if marker is not None else self.shard_plan(shard).base_segments

    def _marker(self, step: str, shard: int) -> Marker | None:
        if not self.summary.needs_generation or step not in self._steps[shard]:
            return None
        return self.lake.marker(self.summary.generation, step, shard, self.summary.shards[shard])

    @cached_property
    def _steps(self) -> dict[int, tuple[str, ...]]:
        return {shard: self.shard_plan(shard).steps for shard in self.summary.shards}
