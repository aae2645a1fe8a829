"""How a run goes on where no terminal is: one line when a step ends, and one a minute while it lasts."""

import threading
from collections.abc import Callable
from datetime import timedelta

from ingest.ports import Progress

EVERY_SECONDS = 60.0


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
            counts = [f"{name} {count:,}" for name, count in progress.counts.items() if count]
            self._write(", ".join((f"{progress.step}: {_lasted(progress)}", *counts)))
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
