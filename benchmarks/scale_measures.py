"""What `benchmarks/scale_simulation.py` measures on the real code, small: a run, lookups of vectors, a pool's tasks."""

import json
import random
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import yaml

from benchmarks.incremental import document
from ingest.adapters.executors.processes import ProcessExecutor
from ingest.adapters.stores.folder_store import FolderStore
from ingest.lake.embedding_store import EmbeddingStore
from ingest.pipeline.tasks import ShardStep, ShardTask
from ingest.records import Marker

DOCUMENTS_PER_SHARD = 150  # about what a first build of ten million documents gives a shard
SERIAL = ("plan", "guard", "duplicates", "optimise", "merge", "check", "recall", "seal")  # in the driver alone
KEYS, SEGMENTS = 1526, 160  # of a segment, as one shard has; how many are looked through
TASKS = 2000


@dataclass
class Timed:
    """Implements `Execute` as one worker does, and keeps how long each task took: seconds and what it counted."""

    services: object
    tasks: list[tuple[str, bool, float, dict[str, int]]]  # step, whether it joins slices, seconds, counts
    workers: int = 1

    def map(self, step: ShardStep, items: Iterable[ShardTask]) -> Iterator[Marker]:
        for item in items:
            started = time.perf_counter()
            marker = step(self.services, item)
            self.tasks.append(
                (step.name, bool(item.slices) and item.rows is None, time.perf_counter() - started, marker.counts)
            )
            yield marker


@dataclass
class Small:
    """A small real run."""

    tasks: list[tuple[str, bool, float, dict[str, int]]]
    stages: dict[str, float]  # seconds of what the driver does alone
    chunks: int
    shards: int
    objects: int
    sizes: Counter[str]  # bytes: lake, keyword index, manifest
    point_bytes: float = 0.0  # of a payload, as JSON


def small_run(documents: int) -> Small:
    """Build an index of so many documents: folders, hashing embedder with 384 dimensions, embedded engine."""
    import ingest

    with tempfile.TemporaryDirectory(prefix="ingest-bench-scale-") as name:
        folder = Path(name)
        (folder / "docs").mkdir()
        for number in range(documents):
            (folder / "docs" / f"{number:06d}.md").write_text(document(number), encoding="utf-8")
        index = {
            "sources": [{"name": "docs", "uri": "docs"}],
            "model": {"kind": "hashing", "name": "hashing", "options": {"dimension": 384}},
            "gate": {"floors": {}, "allow_unjudged": True, "min_dense_recall": 0.0},
            "chunking": {"min_tokens": 0},
            "documents_per_shard": DOCUMENTS_PER_SHARD,
            "scrub_points_per_second": 0,
        }
        (folder / "ingest.yaml").write_text(
            yaml.safe_dump({"lake": "lake", "state": "state", "indexes": {"bench": index}})
        )
        with ingest.open(folder / "ingest.yaml") as opened:
            timed = Timed(opened.services, [])
            report = opened.run(execute=timed)
            stages: defaultdict[str, float] = defaultdict(float)
            for stage in report.stages:
                stages[stage.step] += stage.seconds
            payload = _payload_bytes(opened, report.generation)
        counted = report.conservation.chunks, len(report.plan.shards)
        return Small(timed.tasks, dict(stages), *counted, *_lake(folder / "lake"), payload)


def _payload_bytes(opened, generation: str) -> float:
    """Return the mean size of the payloads of a shard's points."""
    from ingest.lake.contents import contents_of
    from ingest.pipeline.collection_points import PointMaker, rows_of

    lake = opened.services.bench.lake
    contents = contents_of(lake, lake.manifest(generation))
    made = PointMaker.of(contents).wanted(rows_of(contents, 0), 0)
    return sum(len(json.dumps(one.payload)) for one in made) / max(len(made), 1)


def _lake(folder: Path) -> tuple[int, Counter[str]]:
    """Return how many objects a lake holds, and how many bytes of what."""
    sizes: Counter[str] = Counter()
    files = [path for path in folder.rglob("*") if path.is_file()]
    manifest = next(path for path in files if path.name == "manifest.json")
    whole = {p["sha256"]: p["kind"] for p in json.loads(manifest.read_text())["parts"] if p["shard"] is None}
    for path in files:
        size = path.stat().st_size
        sizes["lake"] += size
        sizes["keyword"] += size if whole.get(path.stem, "").startswith("keyword") else 0
    sizes["manifest"] = manifest.stat().st_size
    return len(files), sizes


def lookup_seconds() -> tuple[float, float]:
    """Return the seconds per key that is not there, looked for in SEGMENTS, and per segment whose keys are read."""
    rng = random.Random(0)
    names = [f"{rng.getrandbits(256):064x}" for _ in range((SEGMENTS + 1) * KEYS)]
    with tempfile.TemporaryDirectory(prefix="ingest-bench-scale-") as folder:
        store = FolderStore(folder)
        made = EmbeddingStore(store, "f")
        vectors = np.ones((KEYS, 8), np.float32)
        for number in range(SEGMENTS):
            made.add(names[number * KEYS :][:KEYS], vectors, "bench", f"t{number}")
        read, *others = _lookups(EmbeddingStore(store, "f"), names[-KEYS:])
        return min(others) / KEYS, (read - min(others)) / SEGMENTS


def _lookups(store: EmbeddingStore, keys: list[str]) -> list[float]:
    times = []
    for _ in range(4):  # in the first one files are verified, and their keys read
        started = time.process_time()
        store.missing(keys)
        times.append(time.process_time() - started)
    return times


class Nothing:
    """A step that does nothing, in processes."""

    resource = "cpu"
    __name__ = "nothing"

    def __call__(self, services: object, task: ShardTask) -> Marker:
        return Marker(step="nothing", shard=task.shard, plan_hash=task.plan_hash)


def dispatch_seconds() -> float:
    """Return the seconds per task that the process pool takes for tasks that do nothing, with two workers."""
    pool = ProcessExecutor(partial(dict), services=None, workers=2)
    found, started = 0, 0.0
    for _ in pool.map(Nothing(), [ShardTask("0001-a", n, "hash", "run") for n in range(TASKS)]):
        found, started = found + 1, started or time.perf_counter()  # from the first: processes start slowly
    return (time.perf_counter() - started) / (found - 1)
