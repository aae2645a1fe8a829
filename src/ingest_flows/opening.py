"""Opens the index of a flow for one act of a person, with its records in the log of the run."""

from collections.abc import Iterator
from contextlib import contextmanager

from prefect import get_run_logger

import ingest
from ingest.index import Index
from ingest_flows.parameters import Target
from ingest_flows.report import LoggingObserver

# Time limit of a flow that a person waits for, in seconds; restoring a collection from the lake takes longest.
PERSON_SECONDS = 4 * 3600


@contextmanager
def opened(parameters: Target) -> Iterator[tuple[Index, LoggingObserver]]:
    """Yield the index, and what logs its records."""
    observer = LoggingObserver(get_run_logger())
    with ingest.open(parameters.settings, parameters.index, observer=observer) as index:
        yield index, observer
