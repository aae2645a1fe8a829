"""How far a step is, how fast it goes and what is left: the same for every kind of output."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from typing import TypeVar

SAMPLES = 60  # that are kept for the rate, at most one a second
EVERY = 256  # units after which a tally tells
T = TypeVar("T")


class Tally:
    """Counts the units that go through a step which is one piece of work, and tells how many so far."""

    def __init__(self, heard: Callable[[int], None] = lambda _: None) -> None:
        self.heard, self.done = heard, 0

    def add(self, done: int = 1) -> None:
        """Count some more."""
        before, self.done = self.done, self.done + done
        if before // EVERY < self.done // EVERY:
            self.heard(self.done)

    def each(self, units: Iterable[T]) -> Iterator[T]:
        """Yield units and count them, then tell."""
        for unit in units:
            yield unit
            self.add()
        self.heard(self.done)


class Progress:
    """The progress of one step. For people; no decision depends on it."""

    def __init__(self, step: str, total: int, unit: str, clock: Callable[[], float]) -> None:
        """Take what `Observer.step_started` takes, and a clock in seconds."""
        self.step, self.total, self.unit, self.clock = step, total, unit, clock
        self.started, self.done = clock(), 0
        self.counts: Counter[str] = Counter()
        self._samples = deque([(self.started, 0)], SAMPLES)

    def advance(self, done: int, counts: Mapping[str, int]) -> None:
        """Add what `Observer.advanced` heard."""
        self.done += done
        self.counts.update(counts)
        if (now := self.clock()) - self._samples[-1][0] >= 1:
            self._samples.append((now, self.done))

    @property
    def rate(self) -> float:
        """Units per second in the last minute or more; 0.0 when nothing was done, or nobody can know yet."""
        then, done = self._samples[0]
        seconds = self.clock() - then
        return (self.done - done) / seconds if seconds >= 1 else 0.0

    @property
    def left(self) -> timedelta | None:
        """How long the rest will take at this rate, to the second; None when nobody can know."""
        if not self.total or not (rate := self.rate):
            return None
        return timedelta(seconds=round(max(self.total - self.done, 0) / rate))

    def __str__(self) -> str:
        """Return for example "1,234/11,092 chunks, 10.6/s, 0:15:30 left"; "" when there is nothing to count."""
        if not self.total:
            return f"{self.done:,} {self.unit}" if self.unit and self.done else ""
        rate, left = self.rate, self.left
        told = f", {rate:,.1f}/s" if rate else ""
        told += f", {left} left" if left else ""
        return f"{self.done:,}/{self.total:,} {self.unit}{told}"
