"""The observer of a run: the only channel for progress, figures and spans."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Observer:
    """Receives the progress of a run; this one ignores it. For people, traces and tests; no decision depends on it."""

    @contextmanager
    def step(self, name: str, total: int = 1) -> Iterator[None]:
        """Report the start and end of a step of `total` parts; a failed step has no end."""
        with self.span("ingest.step", step=name, parts=total):
            self.step_started(name, total)
            yield
            self.step_finished(name)

    def step_started(self, step: str, total: int) -> None:
        """Handle the start of a step."""

    def advanced(self, step: str, counts: dict[str, int]) -> None:
        """Handle the end of one part of a step, with counts of what it processed."""

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
