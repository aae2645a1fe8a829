"""One file per way to run steps on this machine. All share how often a step is tried."""

import multiprocessing
import os
import threading
from multiprocessing.connection import wait
from typing import Any

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


def end_with_parent() -> None:
    """End this worker process when the one that started it ends, however it does, and write nothing to its output.

    Without it, a worker would wait for work for ever, and whoever reads the killed run's output with it.
    """
    parent = multiprocessing.parent_process()
    assert parent is not None  # this is a worker of a pool
    os.dup2(2, 1)
    threading.Thread(target=_end_after, args=(parent.sentinel,), name="parent", daemon=True).start()


def _end_after(sentinel: Any) -> None:
    wait([sentinel])
    os._exit(1)
