"""The observer of a run: the only channel for progress, figures and spans."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from ingest.ports.progress import Tally

MOST_PARTS = 1024  # of a step that are under way at once


class Observer:
    """Receives the progress of a run; this one ignores it. For people, traces and tests; no decision depends on it."""

    @contextmanager
    def step(self, name: str, total: int = 0, unit: str = "") -> Iterator[None]:
        """Report start and end of a step with `total` (0: not known) documents or chunks. A failed one has no end."""
        self._reached.clear()
        with self.span("ingest.step", step=name, total=total):
            self.step_started(name, total, unit)
            yield
            self.step_finished(name)

    def reached(self, step: str, part: str, done: int, counts: Mapping[str, int] | None = None) -> None:
        """Report how far one part of a step is: `done` of its units so far, and at its end counts of all it processed.

        It may be reported again and again, by whoever does the work and by whoever hands it out: `advanced` hears only
        what is new. What a part reports at its end is forgotten with it.
        """
        before = self._reached.pop(part, 0)
        if counts is None:
            self._reached[part] = max(before, done)
        if len(self._reached) > MOST_PARTS:  # in a worker process nobody hears of the ends of parts
            self._reached.pop(next(iter(self._reached)), None)
        if done > before or counts:
            self.advanced(step, max(done - before, 0), counts or {})

    def tally(self, step: str) -> Tally:
        """Return what counts the units of a step that is one piece of work."""
        return Tally(lambda done: self.reached(step, "", done))

    @cached_property
    def _reached(self) -> dict[str, int]:
        """Units of the parts that are under way."""
        return {}

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
