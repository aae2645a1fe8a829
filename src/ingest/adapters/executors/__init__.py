"""Runs steps: in processes of this machine, or on a Ray cluster. One file each, over what their workers do."""

import pickle
from collections.abc import Callable
from functools import lru_cache

import stamina

from ingest.errors import TransientError
from ingest.pipeline.tasks import ShardStep, ShardTask
from ingest.records import Marker
from ingest.services import Services

ATTEMPTS = 2  # per step of a shard or slice; single calls are retried in their adapters


def attempted(do: Callable[[], Marker]) -> Marker:
    """Return do(), tried a second time after a TransientError."""
    return stamina.RetryingCaller(ATTEMPTS, timeout=None, wait_initial=0.5)(TransientError, do)


def at_worker(opener: bytes, step: ShardStep, item: ShardTask) -> Marker:
    """Return the marker of a step in a worker, whose services the pickled `opener` opens once."""
    return attempted(lambda: step(_services(opener), item))


@lru_cache(1)
def _services(opener: bytes) -> Services:
    services: Services = pickle.loads(opener)()
    return services
