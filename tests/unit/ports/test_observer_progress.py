"""How far a step is: units, the rate of the last minute, and what is left at that rate."""

import pytest

from ingest.ports.observer import SAMPLES, Progress


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_units_rate_and_what_is_left_are_told(clock: Clock) -> None:
    progress = Progress("embed", 11_092, "chunks", clock)
    clock.now += 100
    progress.advance(1060, {"chunks": 1060})
    assert "1,060/11,092 chunks, 10.6/s, 0:15:46 left" == str(progress)


def test_nothing_is_foretold_before_anything_is_done(clock: Clock) -> None:
    progress = Progress("embed", 5, "chunks", clock)
    clock.now += 100
    assert "0/5 chunks" == str(progress)


def test_the_rate_is_that_of_the_last_minute_or_so(clock: Clock) -> None:
    progress = Progress("embed", 10_000, "chunks", clock)
    progress.advance(5000, {})  # finished by a run that died
    for _ in range(2 * SAMPLES):
        clock.now += 1
        progress.advance(2, {})
    assert "5,240/10,000 chunks, 2.0/s, 0:39:40 left" == str(progress)


def test_a_step_that_stands_still_gets_slower(clock: Clock) -> None:
    progress = Progress("embed", 100, "chunks", clock)
    clock.now += 10
    progress.advance(50, {})
    before = str(progress)
    clock.now += 90
    told = "50/100 chunks, 5.0/s, 0:00:10 left", "50/100 chunks, 0.5/s, 0:01:40 left"
    assert told == (before, str(progress))


def test_a_finished_step_has_nothing_left(clock: Clock) -> None:
    progress = Progress("load", 4, "chunks", clock)
    clock.now += 2
    progress.advance(4, {})
    assert "4/4 chunks, 2.0/s" == str(progress)


def test_of_a_step_of_unknown_size_only_what_is_done_is_told(clock: Clock) -> None:
    progress = Progress("seal", 0, "", clock)
    progress.advance(3, {"documents": 3})
    assert "" == str(progress)
