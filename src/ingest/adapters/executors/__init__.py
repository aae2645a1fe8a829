"""One file per way to run steps on this machine. All share how often a step is tried."""

import stamina

from ingest.errors import TransientError
from ingest.pipeline.tasks import ShardStep, ShardTask
from ingest.records import Marker
from ingest.services import Services

ATTEMPTS = 2  # per step of a shard or slice; single calls are retried in their adapters


def run_step(step: ShardStep, services: Services, item: ShardTask) -> Marker:
    """Return step(services, item), tried a second time after a TransientError."""
    again = stamina.RetryingCaller(attempts=ATTEMPTS, timeout=None, wait_initial=0.5)
    return again(TransientError, step, services, item)
