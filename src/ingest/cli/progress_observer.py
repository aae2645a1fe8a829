"""Shows the progress of a run: bars on a terminal, lines elsewhere; tables for plan, conservation, verdict and release.

Where no terminal is, a step gets one line a minute while it lasts, and one when it ends.
"""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ingest.cli import tables
from ingest.cli.output import Output
from ingest.ports import Observer, Progress

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

EVERY_SECONDS = 60.0
DRAWN = ("plan", "conservation", "verdict", "release", "report")  # with the function of this name in `tables`
WAITING = {
    "restoring": "Loading collection {} from the lake.",
    "comparing": "Comparing all points of {} with the lake.",
    "reconciled": "{}.",
    "waiting_for_lease": "Waiting for the lease of another builder: {}.",
}


class ProgressObserver(Observer):
    """An observer that draws one bar per step on stderr if it is a terminal, and prints records on stdout."""

    def __init__(self, output: Output, clock: Callable[[], float] = time.monotonic) -> None:
        self.output, self.clock = output, clock
        self._log = ProgressLog(output.note)  # without a terminal
        self._bar: Bar | None = None
        self._progress = Progress("", 0, "", clock)

    def step_started(self, step: str, total: int, unit: str) -> None:
        """Draw a bar; for a step whose size is not known, it only shows activity. Without a terminal, write lines."""
        self.close()
        self._progress = Progress(step, total, unit, self.clock)
        if not self.output.messages.is_terminal:
            self._log.start(self._progress)
            return
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        name, told = (TextColumn(f"{{task.{of}}}", markup=False) for of in ("description:<10", "fields[told]"))
        parts = (name, BarColumn(bar_width=30), TimeElapsedColumn(), told)
        on = self.output.messages
        self._bar = Bar(*parts, console=on, transient=True, redirect_stdout=False, redirect_stderr=False)
        self._bar.add_task(step, total=total or None, told="")
        self._bar.start()

    def advanced(self, step: str, done: int, counts: Mapping[str, int]) -> None:
        """Advance the bar and show how far the step is, how fast it goes and how long the rest will take."""
        self._progress.advance(done, counts)
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], advance=done, told=str(self._progress))

    def step_finished(self, step: str) -> None:
        """Replace the bar by one line on the terminal; write that line elsewhere."""
        self._log.finish()
        if self._bar is not None:
            seconds = self.clock() - self._progress.started
            self.close()
            self.output.note(f"{step:<10} {seconds:>8.1f} s  {'  '.join(_so_far(self._progress))}".rstrip())

    def told(self, kind: str, value: Any) -> None:
        """Print what the run waits for, a plan, a conservation table, a verdict, a release or a report."""
        if kind in WAITING:
            self.output.note(WAITING[kind].format(value))
        elif kind in DRAWN:
            if self._bar is not None:  # a table on stdout would break it
                self._bar.stop()
            self.output.show(*getattr(tables, kind)(value))
            if self._bar is not None:
                self._bar.start()

    def close(self) -> None:
        """Remove a bar that a failed step left behind, and restore the cursor."""
        self._log.close()
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


class ProgressLog:
    """Says where a step stands. `write` gets whole lines; a thread calls `tell` every minute while a step lasts."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._stop = threading.Event()
        self._progress: Progress | None = None

    def start(self, progress: Progress) -> None:
        """Begin a step, whose progress somebody else counts."""
        self.close()
        self._progress, self._stop = progress, threading.Event()
        threading.Thread(target=self._tell_on, args=(self._stop,), name="progress", daemon=True).start()

    def tell(self) -> None:
        """Write where the step stands: how far, how fast, and how long the rest will take."""
        if (progress := self._progress) is not None:
            self._write(", ".join(filter(None, (f"{progress.step}: {_lasted(progress)}", str(progress)))))

    def finish(self) -> None:
        """End the step with a line about all that went through it."""
        if (progress := self._progress) is not None:
            self._write(", ".join((f"{progress.step}: {_lasted(progress)}", *_so_far(progress))))
        self.close()

    def close(self) -> None:
        """Say nothing more of a step."""
        self._stop.set()
        self._progress = None

    def _tell_on(self, stop: threading.Event) -> None:
        while not stop.wait(EVERY_SECONDS):
            self.tell()


def _lasted(progress: Progress) -> str:
    seconds = progress.clock() - progress.started
    return f"{seconds:.1f} s" if seconds < EVERY_SECONDS else str(timedelta(seconds=round(seconds)))


def _so_far(progress: Progress) -> list[str]:
    return [f"{name} {count:,}" for name, count in progress.counts.items() if count]
