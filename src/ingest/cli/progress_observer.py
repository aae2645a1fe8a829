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
TOGETHER = ("chunk", "guard", "embed")  # may be under way at once; when others begin, what failed has left its bar
WAITING = {
    "restoring": "Loading collection {} from the lake.",
    "comparing": "Comparing all points of {} with the lake.",
    "reconciled": "{}.",
    "recycling": "Recycling collection {}.",
    "copied": "The new collection began as a copy of {}.",
    "waiting_for_lease": "Waiting for the lease of another builder: {}.",
}


class ProgressObserver(Observer):
    """An observer that draws one bar per step on stderr if it is a terminal, and prints records on stdout."""

    def __init__(self, output: Output, clock: Callable[[], float] = time.monotonic) -> None:
        self.output, self.clock, on = output, clock, output.messages
        name, told = (progress.TextColumn(f"{{task.{of}}}", markup=False) for of in ("description:<10", "fields[told]"))
        parts = (name, progress.BarColumn(bar_width=30), progress.TimeElapsedColumn(), told)
        on_screen: dict[str, Any] = {"console": on, "disable": not on.is_terminal, "transient": True}
        self._bars = progress.Progress(*parts, **on_screen, redirect_stdout=False, redirect_stderr=False)
        self._running: dict[str, tuple[Progress, progress.TaskID]] = {}
        self._stop = threading.Event()  # of the thread that writes lines while steps last

    def step_started(self, step: str, total: int, unit: str) -> None:
        """Draw a bar; for a step whose size is not known, it only shows activity. Without a terminal, write lines."""
        if step not in TOGETHER:
            self.close()
        if self._bars.disable and not self._running:
            self._stop = threading.Event()
            threading.Thread(target=self._tell_on, args=(self._stop,), name="progress", daemon=True).start()
        bar = self._bars.add_task(step, total=total or None, told="")
        self._running[step] = Progress(step, total, unit, self.clock), bar
        self._bars.start()

    def advanced(self, step: str, done: int, counts: Mapping[str, int]) -> None:
        """Advance the bar and show how far the step is, how fast it goes and how long the rest will take."""
        if step in self._running:
            running, bar = self._running[step]
            running.advance(done, counts)
            self._bars.update(bar, advance=done, told=str(running))

    def tell(self) -> None:
        """Write where each step stands: how far, how fast, and how long the rest will take."""
        for running, _ in [*self._running.values()]:
            self.output.note(", ".join(filter(None, (self._lasted(running), str(running)))))

    def step_finished(self, step: str) -> None:
        """Leave one line with all that went through the step: on the terminal in place of the bar."""
        if step in self._running:
            running, bar = self._running.pop(step)
            if not self._running:
                self.close()
            self._bars.remove_task(bar)
            counts = [f"{name} {count:,}" for name, count in running.counts.items() if count]
            self.output.note(", ".join((self._lasted(running), *counts)))

    def told(self, kind: str, value: Any) -> None:
        """Print what the run waits for, a plan, a conservation table, a verdict, a release or a report."""
        if kind in WAITING:
            self.output.note(WAITING[kind].format(value))
        elif kind in DRAWN:
            self._bars.stop()  # a table on stdout would break them
            self.output.show(*getattr(tables, kind)(value))
            if self._running:
                self._bars.start()

    def close(self) -> None:
        """Say nothing more of any step; remove bars that failed ones left behind, and restore the cursor."""
        self._stop.set()
        self._bars.stop()
        for _, bar in self._running.values():
            self._bars.remove_task(bar)
        self._running.clear()

    def _tell_on(self, stop: threading.Event) -> None:
        while not stop.wait(EVERY_SECONDS):
            self.tell()

    def _lasted(self, running: Progress) -> str:
        seconds = self.clock() - running.started
        lasted = f"{seconds:.1f} s" if seconds < EVERY_SECONDS else timedelta(seconds=round(seconds))
        return f"{running.step}: {lasted}"
