"""Runs steps in this process, one after another: for tests, small runs and debugging."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ingest.adapters.executors import run_step
from ingest.pipeline.tasks import ShardStep, ShardTask
from ingest.records import Marker
from ingest.services import Services


@dataclass(frozen=True)
class InlineExecutor:
    """Implements `Execute` without any concurrency."""

    services: Services

    def map(self, step: ShardStep, items: Iterable[ShardTask]) -> Iterator[Marker]:
        """Yield step(services, item) in order; a TransientError is tried once more."""
        return (run_step(step, self.services, item) for item in items)
