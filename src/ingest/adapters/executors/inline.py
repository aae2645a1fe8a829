"""Runs steps in this process, one after another: for tests, small runs and debugging."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ingest.adapters.executors import run_step
from ingest.services import Services


@dataclass(frozen=True)
class InlineExecutor:
    """Implements `ports.Execute` without any concurrency."""

    services: Services

    def map(self, step: Callable[[Services, Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Yield step(services, item) in order; a TransientError is tried once more."""
        return (run_step(step, self.services, item) for item in items)
