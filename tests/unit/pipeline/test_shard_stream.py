"""A thread takes shards from a step ahead: its failure comes first, and it ends with the block."""

import threading
from collections.abc import Generator
from contextvars import ContextVar

import pytest

from ingest.pipeline.shard_stream import flowing
from tests.fakes import Killed

WAIT_SECONDS = 30.0
MANY = 100_000  # while all of them are taken, a thread that has failed can tell
HERE = ContextVar("HERE", default="nowhere")


def test_without_overlap_all_shards_come_first_in_order() -> None:
    seen: list[int] = []

    def shards() -> Generator[int]:
        for number in (2, None, 0, 1):
            seen.append(threading.get_ident())
            yield number

    with flowing(shards(), overlaps=False) as taken:
        assert [threading.get_ident()] * 4 == seen
    assert [0, 1, 2] == taken


def test_a_thread_takes_shards_while_nobody_asks_in_the_context_of_the_block() -> None:
    taken, ended = list[tuple[int, str]](), threading.Event()

    def shards() -> Generator[int | None]:
        for number in range(10):
            taken.append((number, HERE.get()))
            yield None
            yield number
        ended.set()

    token = HERE.set("run")
    with flowing(shards(), overlaps=True) as found:
        HERE.reset(token)
        assert ended.wait(WAIT_SECONDS)
        assert [*range(10)] == list(found)
    assert [(number, "run") for number in range(10)] == taken


@pytest.mark.parametrize("error", [ValueError("ill"), Killed()])
def test_what_fails_ahead_is_raised_before_shards_that_wait(error: BaseException) -> None:
    failed, seen = threading.Event(), list[int]()

    def shards() -> Generator[int]:
        try:
            yield from range(MANY)
            raise error
        finally:
            failed.set()

    with flowing(shards(), overlaps=True) as found:
        assert failed.wait(WAIT_SECONDS)
        with pytest.raises(type(error)):
            seen.extend(found)
    assert len(seen) < MANY


def test_a_thread_ends_after_the_slice_under_way_when_an_error_leaves_the_block() -> None:
    inside, go_on, ended = threading.Event(), threading.Event(), list[str]()

    def shards() -> Generator[int | None]:
        try:
            yield 0
            inside.set()
            assert go_on.wait(WAIT_SECONDS)
            ended.append("a slice")
            yield None
            ended.append("another slice")
        finally:
            ended.append("the step")

    def stopped() -> None:
        with flowing(shards(), overlaps=True) as found:
            assert 0 == next(iter(found))
            assert inside.wait(WAIT_SECONDS)
            threading.Timer(0.05, go_on.set).start()
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        stopped()
    assert ["a slice", "the step"] == ended
