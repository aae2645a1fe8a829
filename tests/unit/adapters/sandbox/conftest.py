from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.adapters.sandbox.pool_sandbox import PoolSandbox
from ingest.records import ParseLimits, ParserOptions, RawDocument
from tests import hostile_parser
from tests.unit.documents.parsers.checks import raw


@pytest.fixture(scope="session")
def hostile_path(tmp_path_factory) -> str:
    """A PYTHONPATH with which a parser's process knows the hostile parser."""
    return hostile_parser.registered(tmp_path_factory.mktemp("hostile"))


@pytest.fixture
def open_pool(hostile_path, monkeypatch) -> Iterator[Callable[..., PoolSandbox]]:
    """Opens pools that know the hostile parser, and closes them."""
    monkeypatch.setenv("PYTHONPATH", hostile_path)
    opened = []

    def open_(**given) -> PoolSandbox:
        opened.append(PoolSandbox(**{"processes": 1, **given}))
        return opened[-1]

    yield open_
    for pool in opened:
        pids = pids_of(pool)
        pool.close()
        assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []


@pytest.fixture
def pool(open_pool) -> PoolSandbox:
    return open_pool()


def pids_of(pool: PoolSandbox) -> list[int]:
    """The process ids of those that run, sorted."""
    with pool._lock:
        return sorted(process.pid for process in (*pool._idle, *pool._busy))


def order(command: str, **limits) -> RawDocument:
    """A document that tells the hostile parser what to do."""
    options = ParserOptions(limits=ParseLimits(**{"wall_seconds": 20.0, **limits}))
    return replace(raw(command, "a", "text/x-hostile"), options=options)
