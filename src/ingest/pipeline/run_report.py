"""The report of a run: figures of its steps, how it ended, and the history in which it is kept, whatever the end."""

import resource
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from itertools import chain
from typing import ParamSpec, TypeVar

from ingest.errors import IngestError, Tolerated
from ingest.lake.stored_records import name_of
from ingest.languages import foreign
from ingest.pipeline.inspection import Inspection
from ingest.pipeline.promotion import Outcome
from ingest.pipeline.quarantine import newest_in_quarantine
from ingest.pipeline.tasks import Execute, Rows, ShardStep, ShardTask, Work, cut
from ingest.ports import Observer
from ingest.records import Conservation, Manifest, Marker, Recall, Release, RunReport, RunStart, StageFigure
from ingest.services import Services, Workbench

Sized = tuple[str, int, str]  # a step, how many units go through it, and their name
P = ParamSpec("P")
T = TypeVar("T")


class Figures:
    """Collects what the steps of a run report. For people; no decision depends on it."""

    def __init__(self, started: datetime, monotonic: Callable[[], float], observer: Observer) -> None:
        """Take the moment when the run began, a clock in seconds, and who hears of the steps."""
        self.started, self.monotonic, self.observer = started, monotonic, observer
        self.stages: list[StageFigure] = []
        self.serving_mended = 0  # points
        self.counts: defaultdict[str, Counter[str]] = defaultdict(Counter)  # by step

    def timed(self, step: str | Sized, do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a step and return its result; record how long it took and what it counted."""
        sized = (step, 0, "") if isinstance(step, str) else step
        with self._measured(*sized) as counted:
            result = do(*args, **kwargs)
            counted.update(counts := _counts(result))
            self.observer.advanced(sized[0], 0, counts)
        return result

    def each_shard(
        self, execute: Execute, bench: Workbench, work: Work, step: ShardStep, shards: Iterable[int]
    ) -> Generator[int | None]:
        """Run a step on shards as they come, if their plan holds it; yield each that is done, and None for a slice."""
        cuts, unit = cut(bench, work, step, shards), "documents" if step.name == "chunk" else "chunks"
        known = [*cuts] if isinstance(shards, list) else []
        tasks, slices = dict[tuple[int, Rows | None], tuple[ShardTask, int]](), defaultdict[int, Counter[str]](Counter)
        joins = deque[ShardTask]()  # of shards whose slices are done

        def given() -> Iterator[ShardTask]:
            for task, size in chain(known, cuts):
                while joins:
                    yield joins.popleft()
                tasks[task.shard, task.rows] = task, size
                yield task

        with self._measured(step.name, sum(size for _, size in known), unit) as counted:
            for marker in chain.from_iterable(execute.map(step, some) for some in (given(), joins)):
                before, rows = slices[marker.shard], marker.rows
                counted.update({n: count if rows else count - before[n] for n, count in marker.counts.items()})
                if (found := tasks.pop((marker.shard, rows), None)) is not None:  # not a join
                    task, size = found
                    self.observer.reached(step.name, task.name, size, marker.counts)
                    before.update(marker.counts, slices=1)
                    if before["slices"] == len(task.slices):
                        joins.append(replace(task, rows=None))
                yield marker.shard if rows is None else None

    @contextmanager
    def _measured(self, step: str, total: int = 0, unit: str = "") -> Iterator[Counter[str]]:
        counted, started = self.counts[step], self.monotonic()
        with self.observer.step(step, total, unit):
            yield counted
            seconds = max(self.monotonic() - started, 1e-9)
        counts = {name: counted[name] for name in ("documents", "chunks")}
        rates = {f"{name}_per_second": round(n / seconds, 1) for name, n in counts.items()}
        peak = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
        self.stages.append(StageFigure(step=step, seconds=round(seconds, 3), peak_memory_mb=peak, **counts, **rates))

    def report(self, work: Work, manifest: Manifest, table: Conservation, outcome: Outcome) -> RunReport:
        """Return the report of the run."""
        chunk, embed = self.counts["chunk"], self.counts["embed"]
        return RunReport(
            **{name: getattr(work, name) for name in ("run", "resumed", "healed")},
            **{name: getattr(manifest, name) for name in ("index", "generation", "digest", "recall")},
            started=self.started.isoformat(),
            base=work.summary.base,
            built=work.summary.needs_generation,
            plan=work.summary,
            conservation=table,
            verdict=None if outcome.verdict is None else name_of(outcome.verdict),
            decision=outcome.decision,
            release=outcome.release.number if outcome.release else None,
            **{name: embed[name] for name in ("embedded", "forward_passes")},
            marked=table.marks,
            **{name: _named(chunk + embed, name) for name in ("quarantined", "quarantined_children", "dropped")},
            unsupported=_named(self.counts["guard"], "unsupported"),
            duplicates=dict(sorted(self.counts["duplicates"].items())),
            stages=tuple(self.stages),
            serving_mended=self.serving_mended,
            foreign=foreign(manifest.languages, manifest.model.languages),
            carried=manifest.carried if work.summary.needs_generation else work.summary.carried,
        )


def _counts(result: object) -> dict[str, int]:
    match result:
        case dict(counts) | Marker(counts=counts):
            return counts
        case Work(summary=summary):
            return {"documents": summary.counts["listed"]}
        case Inspection(totals=counts) | Manifest(counts=counts):
            return {"documents": counts["documents"], "chunks": counts["chunks"]}
        case Recall(questions=questions):  # an evaluation tells its own
            return {"questions": questions}
        case _:
            return {}


def _named(counts: Counter[str], group: str) -> dict[str, int]:
    prefix = f"{group}."
    return {name.removeprefix(prefix): n for name, n in sorted(counts.items()) if name.startswith(prefix)}


def kept_in_history(
    services: Services, start: RunStart, serving: Callable[[], Release | None], run: Callable[[], RunReport]
) -> RunReport:
    """Return the report of a run, with the moment of its end; the observer hears it, also if the run failed.

    For people: what cannot be written changes nothing.
    """
    lake = services.bench.lake
    kept = Tolerated(f"index {lake.index}: the history of this run is not complete")
    name = f"{datetime.fromisoformat(start.started):%Y%m%dT%H%M%S.%f}-{start.run[:8]}"

    def end(report: RunReport) -> RunReport:
        ended, left_out = services.writer.clock().isoformat(), newest_in_quarantine(lake)
        report = report.model_copy(update={"started": start.started, "ended": ended, "in_quarantine": left_out})
        with kept:
            lake.write_history(name, report)
        services.retrieval.observer.told("report", report)
        return report

    with kept:
        lake.write_history(f"started/{name}", start)
    try:
        return end(run())
    except BaseException as error:
        end(_cut_short(start, serving, error))
        raise


def _cut_short(start: RunStart, serving: Callable[[], Release | None], error: BaseException) -> RunReport:
    release = None
    with suppress(IngestError):
        release = serving()
    return RunReport(
        **start.model_dump(include={"run", "index", "started"}),
        decision="failed" if isinstance(error, Exception) else "stopped",
        release=release.number if release is not None else None,
        # Of errors that are not ours only the class: their words may hold anything.
        error=f"{type(error).__name__}: {error}" if isinstance(error, IngestError) else type(error).__name__,
    )
