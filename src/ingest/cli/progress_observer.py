"""Shows the progress of a run: bars on a terminal, lines elsewhere; tables for plan, conservation, verdict and release.

Where no terminal is, a step gets one line a minute while it lasts, and one when it ends.
"""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from rich import progress

from ingest.cli import tables
from ingest.cli.output import Output
from ingest.ports import Observer, Progress

EVERY_SECONDS = 60.0
DRAWN = ("plan", "conservation", "verdict", "release", "report")  # with the function of this name in `tables`
WAITING = {
    "restoring": "Loading collection {} from the lake.",
    "comparing": "Comparing all points of {} with the lake.",
    "reconciled": "{}.",
    "recycling": "Recycling collection {}.",
    "waiting_for_lease": "Waiting for the lease of another builder: {}.",
}


class ProgressObserver(Observer):
    """An observer that draws one bar per step on stderr if it is a terminal, and prints records on stdout."""

    def __init__(self, output: Output, clock: Callable[[], float] = time.monotonic) -> None:
        self.output, self.clock = output, clock
        self._bar: progress.Progress | None = None
        self._progress = Progress("", 0, "", clock)
        self._stop: threading.Event | None = None  # of the thread that writes lines while a step lasts

    def step_started(self, step: str, total: int, unit: str) -> None:
        """Draw a bar; for a step whose size is not known, it only shows activity. Without a terminal, write lines."""
        self.close()
        self._progress = Progress(step, total, unit, self.clock)
        if not self.output.messages.is_terminal:
            self._stop = threading.Event()
            threading.Thread(target=self._tell_on, args=(self._stop,), name="progress", daemon=True).start()
            return
        name, told = (progress.TextColumn(f"{{task.{of}}}", markup=False) for of in ("description:<10", "fields[told]"))
        parts = (name, progress.BarColumn(bar_width=30), progress.TimeElapsedColumn(), told)
        on = self.output.messages
        self._bar = progress.Progress(*parts, console=on, transient=True, redirect_stdout=False, redirect_stderr=False)
        self._bar.add_task(step, total=total or None, told="")
        self._bar.start()

    def advanced(self, step: str, done: int, counts: Mapping[str, int]) -> None:
        """Advance the bar and show how far the step is, how fast it goes and how long the rest will take."""
        self._progress.advance(done, counts)
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], advance=done, told=str(self._progress))

    def tell(self) -> None:
        """Write where the step stands: how far, how fast, and how long the rest will take."""
        if self._stop is not None:
            self.output.note(", ".join(filter(None, (self._lasted(), str(self._progress)))))

    def step_finished(self, step: str) -> None:
        """Leave one line with all that went through the step: on the terminal in place of the bar."""
        running = self._stop or self._bar
        self.close()
        if running is not None:
            counts = [f"{name} {count:,}" for name, count in self._progress.counts.items() if count]
            self.output.note(", ".join((self._lasted(), *counts)))

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
        """Say nothing more of a step; remove a bar that a failed one left behind, and restore the cursor."""
        if self._stop is not None:
            self._stop.set()
        if self._bar is not None:
            self._bar.stop()
        self._stop = self._bar = None

    def _tell_on(self, stop: threading.Event) -> None:
        while not stop.wait(EVERY_SECONDS):
            self.tell()

    def _lasted(self) -> str:
        seconds = self.clock() - self._progress.started
        lasted = f"{seconds:.1f} s" if seconds < EVERY_SECONDS else timedelta(seconds=round(seconds))
        return f"{self._progress.step}: {lasted}"
