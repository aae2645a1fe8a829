"""Runs steps in this process, one after another: for tests, small runs and debugging."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import stamina

from ingest.errors import TransientError
from ingest.ports import Services

ATTEMPTS = 2  # of one shard's step; calls retry in their adapters


@dataclass(frozen=True)
class InlineExecutor:
    """Implements `ports.Execute` without any concurrency."""

    services: Services

    def map(self, step: Callable[[Services, Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Yield step(services, item) in order; a TransientError is tried once more."""
        for item in items:
            yield run_step(step, self.services, item)


def run_step(step: Callable[[Services, Any], Any], services: Services, item: Any) -> Any:
    """Return step(services, item), tried a second time after a TransientError."""
    for attempt in stamina.retry_context(on=TransientError, attempts=ATTEMPTS, timeout=None, wait_initial=0.5):
        with attempt:
            return step(services, item)
    raise AssertionError("unreachable: the last attempt returns or raises")
