"""Shows people how a run proceeds: progress bars on a terminal, tables for plan, conservation, verdict and release."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ingest.cli import tables
from ingest.cli.output import Output
from ingest.ports import Observer

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


DRAWN: dict[str, Callable[[Any], list[Any]]] = {
    "plan": tables.plan,
    "conservation": tables.conservation,
    "verdict": tables.verdict,
    "release": tables.release,
    "report": tables.report,
}


class Watcher(Observer):
    """An observer that draws one bar per step on stderr, and nothing if that is not a terminal."""

    def __init__(self, output: Output) -> None:
        self.output = output
        self._bar: tuple[Progress, TaskID] | None = None
        self._counts: Counter[str] = Counter()

    def step_started(self, step: str, total: int) -> None:
        """Draw a bar; for a step with a single part, it only shows that something is happening."""
        self.close()
        self._counts.clear()
        if self.output.messages.is_terminal:
            progress = _progress(self.output)
            self._bar = progress, progress.add_task(step, total=total if total > 1 else None, counts="")
            progress.start()

    def advanced(self, step: str, counts: dict[str, int]) -> None:
        """Advance the bar by one part of the step and show what has gone through it so far."""
        self._counts.update(counts)
        if self._bar is not None:
            progress, task = self._bar
            progress.update(task, advance=1, counts=_told(self._counts))

    def step_finished(self, step: str) -> None:
        """Leave one line on the terminal instead of the bar."""
        if self._bar is not None:
            progress, task = self._bar
            seconds = progress.tasks[progress.task_ids.index(task)].elapsed or 0.0
            self.close()
            self.output.note(f"{step:<10} {seconds:>8.1f} s  {_told(self._counts)}".rstrip())

    def told(self, kind: str, value: Any) -> None:
        """Report only what makes people wait; results are printed by their command."""
        if kind == "restoring":
            self.output.note(f"Loading collection {value} from the lake.")
        elif kind == "waiting_for_lease":
            self.output.note(f"Waiting for the lease of another builder: {value}.")

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Take the bar off the screen for a while, so that a table on stdout does not break it."""
        if self._bar is None:
            yield
            return
        self._bar[0].stop()
        yield
        self._bar[0].start()

    def close(self) -> None:
        """Remove a bar that a failed step left behind, and restore the cursor."""
        if self._bar is not None:
            self._bar[0].stop()
            self._bar = None


class Tables(Watcher):
    """A watcher that also prints what it is told, as tables on stdout."""

    def told(self, kind: str, value: Any) -> None:
        """Print a plan, a conservation table, a verdict, a release or a report."""
        draw = DRAWN.get(kind)
        if draw is None:
            super().told(kind, value)
            return
        with self.paused():
            for shown in draw(value):
                self.output.show(shown)


def _progress(output: Output) -> "Progress":
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description:<10}", markup=False),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[counts]}", markup=False),
        console=output.messages,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )


def _told(counts: Counter[str]) -> str:
    return "  ".join(f"{name} {count:,}" for name, count in counts.items() if count)
