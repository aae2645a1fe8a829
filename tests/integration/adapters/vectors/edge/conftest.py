"""Engines for the tests of the embedded engine: short grace times, ended at the end whatever happens."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from qdrant_client import QdrantClient

from ingest.adapters.vectors.edge import engine, locks

QUICK = {"poll_seconds": 0.05, "grace_seconds": 0.2, "stop_seconds": 5.0}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder whose engine is ended after the test."""
    path = tmp_path / "qdrant"
    yield path
    engine.stop(path, force=True)
    assert not engine.status(path).running


@pytest.fixture
def connect(folder: Path) -> Iterator[Callable[..., QdrantClient]]:
    """Return a client of the folder's engine, which is started if need be."""
    opened: list[Any] = []

    def open_client(**options: Any) -> QdrantClient:
        used = engine.Engine(folder, **{**QUICK, **options})
        url, token = used.address()
        client = QdrantClient(url=url, headers={"api-key": token}, timeout=60, check_compatibility=False)
        opened.extend([client.close, used.close])
        return client

    yield open_client
    for close in opened:
        close()


def gone(folder: Path, seconds: float = 20.0) -> bool:
    """Return whether the engine ended, waiting for it."""
    return locks.wait_until(lambda: not engine.status(folder).running, seconds)
