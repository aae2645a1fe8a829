"""The real scheduling code over many shards of one generation, with steps that only move a virtual clock on."""

import random
import sqlite3
import time
import tracemalloc
import zlib
from collections import defaultdict
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from benchmarks.scale_measures import Small

GENERATION, CHUNKS_OF_DOCUMENT = "0001-00000000", 10
CONDENSED = 8  # documents for which one in a replayed plan stands; slices have as many fewer, so there are as many
KINDS = ("documents", "texts", "chunks", "attributes", "quarantine", "dropped")


class Clock:
    """Virtual seconds. Where a worker takes the time, it is put aside for it."""

    def __init__(self) -> None:
        self.now, self.aside, self.busy = 0.0, None, 0.0

    def spend(self, seconds: float) -> None:
        self.busy += seconds
        if self.aside is None:
            self.now += seconds
        else:
            self.aside += seconds


class Pool:
    """In place of `ProcessPoolExecutor`: each task begins when a worker is free, and ends on the virtual clock."""

    def __init__(self, clock: Clock, services, workers: int) -> None:
        self.clock, self.services, self.free, self.cpu = clock, services, [clock.now] * workers, 0.0

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        pass

    def submit(self, _work, _opener, step, item) -> Future:
        from ingest.adapters.executors import processes

        started, future, reads = time.process_time(), Future(), self.services.bench.lake.store.reads
        self.clock.aside = 0.0
        future.set_result(processes.attempted(partial(step, self.services, item)))
        place = min(range(len(self.free)), key=self.free.__getitem__)
        future.end = self.free[place] = max(self.free[place], self.clock.now) + self.clock.aside
        self.clock.aside = None
        self.clock.worker_cpu += time.process_time() - started
        self.clock.worker_reads += self.services.bench.lake.store.reads - reads
        return future


@contextmanager
def on_virtual_time(clock: Clock, services):
    """Let `ProcessExecutor` use virtual workers."""
    from ingest.adapters.executors import processes
    from ingest.pipeline import tasks

    def wait(running: set[Future], return_when: str):
        clock.now = max(clock.now, min(future.end for future in running))
        done = {future for future in running if future.end <= clock.now}
        return done, running - done

    before = processes.ProcessPoolExecutor, processes.wait, tasks.SLICE_DOCUMENTS
    tasks.SLICE_DOCUMENTS = before[-1] // CONDENSED
    processes.ProcessPoolExecutor = lambda workers, *_, **__: Pool(clock, services, workers)
    processes.wait, clock.worker_cpu, clock.worker_reads = wait, 0.0, 0
    try:
        yield
    finally:
        processes.ProcessPoolExecutor, processes.wait, tasks.SLICE_DOCUMENTS = before


class RecordStore:
    """A `Store` for records, in a file, so that they count as nobody's memory. Counts what is asked."""

    def __init__(self, path: Path) -> None:
        self.uri, self.reads = "bench://lake", 0
        self.rows = sqlite3.connect(path, isolation_level=None)
        self.rows.execute("PRAGMA synchronous = OFF")
        self.rows.execute("CREATE TABLE records (key TEXT PRIMARY KEY, data BLOB)")

    def get(self, key: str) -> bytes | None:
        self.reads += 1
        row = self.rows.execute("SELECT data FROM records WHERE key = ?", [key]).fetchone()
        return None if row is None else zlib.decompress(row[0])

    def put(self, key: str, data: bytes) -> None:
        self.rows.execute("INSERT OR REPLACE INTO records VALUES (?, ?)", [key, zlib.compress(data, 1)])

    def create(self, key: str, data: bytes) -> bool:
        told = "INSERT OR IGNORE INTO records VALUES (?, ?)"
        return self.rows.execute(told, [key, zlib.compress(data, 1)]).rowcount == 1

    def list(self, prefix: str):
        return iter(())

    def forget(self, step: str) -> None:
        """Undo a step."""
        self.rows.execute("DELETE FROM records WHERE key LIKE ?", [f"%/markers/{step}/%"])


class Replay:
    """One generation of which there are only plans and markers, and the steps that make them in virtual time."""

    def __init__(self, folder: Path, shards: int, durations: "Durations", workers: int) -> None:
        from tests.pipelines import Project

        self.store, self.durations, self.workers = (
            RecordStore(folder / f"{time.monotonic_ns()}.sqlite"),
            durations,
            workers,
        )
        self.project, self.clock, self.seconds = Project((), store=self.store), Clock(), {}
        self.driver_cpu, self.tasks, self.driver_reads = 0.0, 0, 0
        self.sizes, hashes = [], {}
        rng, of = random.Random(shards), {"source": "docs", "version": "e" * 34, "size": 6400, "acl": ("public",)}
        from ingest.records import PlannedDocument, PlanSummary, ShardPlan

        one = partial(PlannedDocument, **of, tenant="public", change="added", modified="2026-01-01T00:00:00+00:00")
        documents = tuple(
            one(uri=f"s3://corpus/docs/{n:064x}.md", path=f"docs/{n:064x}.md")
            for n in range(2 * durations.documents // CONDENSED)
        )
        for shard in range(shards):
            found = rng.gauss(durations.documents, durations.documents**0.5)  # hashes spread them at random
            size = max(1, min(len(documents), round(found / CONDENSED)))
            steps = ("chunk", "embed", "keyword", "load")
            plan = ShardPlan(shard=shard, documents=documents[:size], deleted=(), steps=steps, base_parts=())
            hashes[shard] = self.project.lake.write_shard_plan(GENERATION, plan)
            self.sizes.append(size)
        left = dict.fromkeys(("bytes_to_fetch", "chunks_to_embed", "tokens_to_embed", "gpu_minutes"), 0)
        told = {"generation": GENERATION, "base": None, "counts": {}, "needs_generation": True}
        self.summary = PlanSummary(shards=hashes, **told, **left)

    def run(self, gpus: int | None = None) -> None:
        """Run all four steps; or `embed` again, with so many GPUs as workers of the pool."""
        services = self._services()
        for name, needs in (("chunk", "cpu"), ("embed", "gpu"), ("keyword", "cpu"), ("load", "io")):
            if gpus is None:
                self._step(services, name, needs, self.workers)
            elif name == "embed":
                self.store.forget(name)
                self._step(services, name, "cpu", gpus, f"embed on {gpus}")

    def _services(self):
        """Return services with a lake that has cached nothing yet, and caches as few bytes as plans are smaller."""
        from ingest.lake import lake

        before = lake.CACHED_BYTES
        lake.CACHED_BYTES = before // CONDENSED
        try:
            return self.project.services()
        finally:
            lake.CACHED_BYTES = before

    def _step(self, services, name: str, resource: str, workers: int, called: str = "") -> None:
        from ingest.adapters.executors.processes import ProcessExecutor
        from ingest.pipeline.run_report import Figures
        from ingest.pipeline.tasks import Work
        from ingest.ports import Observer

        lake, hashes, clock = services.bench.lake, self.summary.shards, self.clock
        work = Work(
            *(lake, "run", self.summary, None, False),
            shard_plan=lambda shard: lake.shard_plan(GENERATION, shard, hashes[shard]),
            carry=lambda *_: None,
        )
        figures = Figures(datetime.now(UTC), lambda: clock.now, Observer())
        execute = ProcessExecutor(dict, services, workers)
        step, started, reads = self._stub(name, resource), time.process_time(), self.store.reads
        self.inline, self.inline_reads, clock.busy, tasks = 0.0, 0, 0.0, self.tasks
        with on_virtual_time(clock, services):
            list(figures.each_shard(execute, services.bench, work, step, sorted(hashes)))
        if not called:
            self.driver_cpu += time.process_time() - started - clock.worker_cpu - self.inline
            self.driver_reads += self.store.reads - reads - clock.worker_reads - self.inline_reads
        else:
            self.tasks = tasks
        self.seconds[called or name] = figures.stages[-1].seconds

    def _stub(self, name: str, resource: str):
        """Return a step that takes its time on the virtual clock and leaves the markers of the real one."""
        from ingest.pipeline.tasks import ShardStep
        from ingest.records import PartFile

        def made(task, documents: int):
            self.tasks += 1
            counts = {"documents": documents * CONDENSED, "chunks": documents * CONDENSED * CHUNKS_OF_DOCUMENT}
            rows = {kind: counts["documents" if kind == "documents" else "chunks"] for kind in KINDS}
            part = partial(PartFile, shard=task.shard, sha256=f"{task.shard:064x}", bytes=1)
            parts = tuple(part(kind=kind, rows=n) for kind, n in rows.items()) if name == "chunk" else ()
            return task.marker(name, counts, parts=() if task.rows else parts)

        def work(_, task):
            documents = task.rows[1] - task.rows[0] if task.rows is not None else self.sizes[task.shard]
            self.clock.spend(self.durations.of(name, documents * CONDENSED))
            return made(task, documents)

        def join(_, task, found):
            self.clock.spend(self.durations.of(f"{name} joined", self.sizes[task.shard] * CONDENSED))
            return made(task, self.sizes[task.shard])

        work.__name__ = f"{name}_shard"
        step = ShardStep(work, name, resource, join if name == "chunk" else None)
        return step if resource == "cpu" else _Inline(step, self)


class _Inline:
    """A step that the driver runs itself: its own CPU is not the scheduler's."""

    def __init__(self, step, replay: Replay) -> None:
        self.step, self.replay, self.join = step, replay, step.join
        self.name, self.resource, self.__name__ = step.name, step.resource, step.__name__

    def __call__(self, services, task):
        started, reads = time.process_time(), self.replay.store.reads
        try:
            return self.step(services, task)
        finally:
            self.replay.inline += time.process_time() - started
            self.replay.inline_reads += self.replay.store.reads - reads


class Durations:
    """How long a task takes: a duration per document as one of the small run had, and the model's time."""

    def __init__(self, small: Small, model_seconds: float, documents: int) -> None:
        self.model, self.documents, self.rng = model_seconds, documents, random.Random(0)
        self.found: defaultdict[str, list[float]] = defaultdict(list)
        for step, joins, seconds, counts in small.tasks:
            size = max(counts.get("chunks", 0) / CHUNKS_OF_DOCUMENT, 1)
            self.found[f"{step} joined" if joins else step].append(seconds / size)

    def of(self, step: str, documents: int) -> float:
        """Return the seconds of a task with so many documents of ten chunks."""
        own = self.rng.choice(self.found[step]) * documents
        return own + (self.model * documents if step == "embed" else 0)


def memory_of(folder: Path, shards: int, durations: Durations, workers: int) -> int:
    """Return the most bytes of Python's objects while the steps of so many shards are scheduled."""
    replay = Replay(folder, shards, durations, workers)
    tracemalloc.start()
    replay.run()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak
