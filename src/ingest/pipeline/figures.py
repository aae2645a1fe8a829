"""Figures of a run: how long each step took, how much went through it, and what the run came to."""

import resource
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ingest.ports import Services
from ingest.records import StageFigure


@dataclass
class Figures:
    """Collects what the steps report. For people; nothing is decided from it."""

    services: Services
    stages: list[StageFigure] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def step(self, name: str, total: int = 1) -> Iterator[Counter[str]]:
        """Time a step; what is counted inside becomes its rates."""
        counted: Counter[str] = Counter()
        self.services.observer.step_started(name, total)
        started = self.services.monotonic()
        yield counted
        seconds = max(self.services.monotonic() - started, 1e-9)
        self.services.observer.step_finished(name)
        self.counts.update(counted)
        self.stages.append(
            StageFigure(
                step=name,
                seconds=round(seconds, 3),
                documents=counted["documents"],
                chunks=counted["chunks"],
                documents_per_second=round(counted["documents"] / seconds, 1),
                chunks_per_second=round(counted["chunks"] / seconds, 1),
                peak_memory_mb=peak_memory_mb(),
            )
        )


def peak_memory_mb() -> float:
    """Return the most memory that this process held so far, in MiB."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
