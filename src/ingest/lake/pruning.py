"""Removes old records that nothing is decided from any more, so that what is listed each time stays short."""

import logging
from collections.abc import Callable
from typing import Any

from ingest.errors import IngestError
from ingest.ports import Store

log = logging.getLogger(__name__)

MOST = 500  # removed at once: a lake in which many have gathered loses them over several runs


def prune(store: Store, prefix: str, keep: int, number: Callable[[str], Any] = str) -> None:
    """Remove all but the newest `keep` records directly under `prefix`, at most MOST, oldest first.

    `number` orders the names and is false for files that are no records, which stay. A store that refuses keeps them:
    this must not fail a run.
    """
    try:
        names = sorted((name for name in store.list(prefix) if number(name)), key=number)
        for name in names[: max(len(names) - keep, 0)][:MOST]:
            store.delete(f"{prefix}{name}")
    except IngestError as error:
        log.warning("%s/%s: old records are not removed: %s", store.uri, prefix, error)
