"""Shows the progress of a run: bars on a terminal, tables for plan, conservation, verdict and release."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ingest.cli import tables
from ingest.cli.output import Output
from ingest.ports import Observer

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.progress import Progress

TABLES = (tables.plan, tables.conservation, tables.verdict, tables.release, tables.report)
DRAWN: "dict[str, Callable[[Any], Iterable[RenderableType]]]" = {draw.__name__: draw for draw in TABLES}
WAITING = {
    "restoring": "Loading collection {} from the lake.",
    "waiting_for_lease": "Waiting for the lease of another builder: {}.",
}


class ProgressObserver(Observer):
    """An observer that draws one bar per step on stderr if it is a terminal, and prints records on stdout."""

    def __init__(self, output: Output) -> None:
        self.output = output
        self._bar: Progress | None = None
        self._counts: Counter[str] = Counter()

    def step_started(self, step: str, total: int) -> None:
        """Draw a bar; for a step with a single part, it only shows activity."""
        self.close()
        self._counts.clear()
        if not self.output.messages.is_terminal:
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        name, counts = (TextColumn(f"{{task.{of}}}", markup=False) for of in ("description:<10", "fields[counts]"))
        parts = (name, BarColumn(bar_width=30), MofNCompleteColumn(), TimeElapsedColumn(), counts)
        on = self.output.messages
        self._bar = Progress(*parts, console=on, transient=True, redirect_stdout=False, redirect_stderr=False)
        self._bar.add_task(step, total=total if total > 1 else None, counts="")
        self._bar.start()

    def advanced(self, step: str, counts: dict[str, int]) -> None:
        """Advance the bar by one part of the step and show what has gone through it so far."""
        self._counts.update(counts)
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], advance=1, counts=self._so_far())

    def step_finished(self, step: str) -> None:
        """Replace the bar by one line on the terminal."""
        if self._bar is not None:
            seconds = self._bar.tasks[0].elapsed or 0.0
            self.close()
            self.output.note(f"{step:<10} {seconds:>8.1f} s  {self._so_far()}".rstrip())

    def told(self, kind: str, value: Any) -> None:
        """Print what the run waits for, a plan, a conservation table, a verdict, a release or a report."""
        if kind in WAITING:
            self.output.note(WAITING[kind].format(value))
        elif kind in DRAWN:
            if self._bar is not None:  # a table on stdout would break it
                self._bar.stop()
            self.output.show(*DRAWN[kind](value))
            if self._bar is not None:
                self._bar.start()

    def close(self) -> None:
        """Remove a bar that a failed step left behind, and restore the cursor."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _so_far(self) -> str:
        return "  ".join(f"{name} {count:,}" for name, count in self._counts.items() if count)
