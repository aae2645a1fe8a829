"""Who hears how a run goes on: the one door through which progress, figures and spans leave."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Observer:
    """Hears how a run goes on, and says nothing. For people, traces and tests; nothing is decided from it."""

    @contextmanager
    def step(self, name: str, total: int = 1) -> Iterator[None]:
        """Cover a step of `total` parts; one that fails is not finished."""
        with self.span("ingest.step", step=name, parts=total):
            self.step_started(name, total)
            yield
            self.step_finished(name)

    def step_started(self, step: str, total: int) -> None:
        """Hear that a step begins."""

    def advanced(self, step: str, counts: dict[str, int]) -> None:
        """Hear that a part of a step is done, and what went through it."""

    def step_finished(self, step: str) -> None:
        """Hear that a step is done."""

    def told(self, kind: str, value: Any) -> None:
        """Hear of a plan, a conservation table, a verdict or a release, as a record."""

    @contextmanager
    def span(self, name: str, **facts: str | int) -> Iterator[None]:
        """Cover what happens inside with a span of OpenTelemetry; nothing happens without an SDK, or without its API.

        `name` is ingest.run, ingest.step, ingest.shard or ingest.search; `facts` are ids and counts, never texts.
        """
        try:
            from opentelemetry import trace
        except ImportError:
            yield
            return
        with trace.get_tracer("ingest").start_as_current_span(name, attributes=facts):
            yield
