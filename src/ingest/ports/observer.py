"""The observer of a run, the only channel for progress, figures and spans; tallies and rates of what it hears."""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from typing import Any, TypeVar

MOST_PARTS = 1024  # of a step that are under way at once
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

    def __str__(self) -> str:
        """Return for example "1,234/11,092 chunks, 10.6/s, 0:15:30 left"; "" when there is nothing to count.

        The rate is that of the last minute or more. Neither it nor the time left is told while nobody can know it.
        """
        if not self.total:
            return f"{self.done:,} {self.unit}" if self.unit and self.done else ""
        (then, before), told = self._samples[0], f"{self.done:,}/{self.total:,} {self.unit}"
        seconds = self.clock() - then
        if seconds >= 1 and (rate := (self.done - before) / seconds):
            left = timedelta(seconds=round(max(self.total - self.done, 0) / rate))
            told += f", {rate:,.1f}/s" + (f", {left} left" if left else "")
        return told


class Observer:
    """Receives the progress of a run; this one ignores it. For people, traces and tests; no decision depends on it."""

    @contextmanager
    def step(self, name: str, total: int = 0, unit: str = "") -> Iterator[None]:
        """Report start and end of a step with `total` (0: unknown) of a `unit` to process; a failed step has no end."""
        self._reached[name].clear()
        with self.span("ingest.step", step=name, total=total):
            self.step_started(name, total, unit)
            yield
            self.step_finished(name)

    def reached(self, step: str, part: str, done: int, counts: Mapping[str, int] | None = None) -> None:
        """Report how far one part of a step is: `done` of its units so far, and at its end counts of all it processed.

        It may be reported again and again, by whoever does the work and by whoever hands it out: `advanced` hears only
        what is new. What a part reports at its end is forgotten with it.
        """
        before = (reached := self._reached[step]).pop(part, 0)
        if counts is None:
            reached[part] = max(before, done)
        if len(reached) > MOST_PARTS:  # in a worker process nobody hears of the ends of parts
            reached.pop(next(iter(reached)), None)
        if done > before or counts:
            self.advanced(step, max(done - before, 0), counts or {})

    def tally(self, step: str) -> Tally:
        """Return what counts the units of a step that is one piece of work."""
        return Tally(lambda done: self.reached(step, "", done))

    @cached_property
    def _reached(self) -> defaultdict[str, dict[str, int]]:
        """Units of the parts that are under way, by step: chunk, guard and embed overlap."""
        return defaultdict(dict)

    def step_started(self, step: str, total: int, unit: str) -> None:
        """Handle the start of a step."""

    def advanced(self, step: str, done: int, counts: Mapping[str, int]) -> None:
        """Handle the progress of a step: `done` more of its units. `counts` of what was processed come at times."""

    def step_finished(self, step: str) -> None:
        """Handle the end of a step."""

    def told(self, kind: str, value: Any) -> None:
        """Handle a record: a plan, a conservation table, a verdict or a release."""

    @contextmanager
    def span(self, name: str, **facts: str | int) -> Iterator[None]:
        """Wrap the block in an OpenTelemetry span; does nothing without an SDK or without the API.

        `name` is ingest.run, ingest.step, ingest.shard or ingest.search; `facts` are ids and counts, never texts.
        """
        try:
            from opentelemetry import trace
        except ImportError:
            yield
            return
        with trace.get_tracer("ingest").start_as_current_span(name, attributes=facts):
            yield
