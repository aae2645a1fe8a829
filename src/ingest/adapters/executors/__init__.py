"""One file per way to run steps on this machine. What all share is here: how often a shard's step is tried."""

from collections.abc import Callable
from typing import Any

import stamina

from ingest.errors import TransientError
from ingest.services import Services

ATTEMPTS = 2  # of one shard's step; calls retry in their adapters


def run_step(step: Callable[[Services, Any], Any], services: Services, item: Any) -> Any:
    """Return step(services, item), tried a second time after a TransientError."""
    for attempt in stamina.retry_context(on=TransientError, attempts=ATTEMPTS, timeout=None, wait_initial=0.5):
        with attempt:
            return step(services, item)
    raise AssertionError("unreachable: the last attempt returns or raises")
