"""Runs steps: in processes of this machine, or on a Ray cluster. One file each; all try a step as often."""

import stamina

from ingest.errors import TransientError
from ingest.pipeline.tasks import ShardStep, ShardTask
from ingest.records import Marker
from ingest.services import Services

ATTEMPTS = 2  # per step of a shard or slice; single calls are retried in their adapters


def attempted(step: ShardStep, services: Services, item: ShardTask) -> Marker:
    """Return step(services, item), tried a second time after a TransientError."""
    return stamina.RetryingCaller(ATTEMPTS, timeout=None, wait_initial=0.5)(TransientError, step, services, item)
