"""How much of a run steps that overlap hide: parsing in processes while a device embeds, against each of them alone.

    INGEST_TEST_DATA=<folder> python -m benchmarks.overlap [--documents 1200] [--shard 60] [--rounds 1]

Real documents of several formats in a folder, chunks of the default settings, and an embedder that sleeps for as long
as a device would need, without CPU: all chunks together take as long as parsing and chunking in two processes, which is
when overlap is worth most, and is hardest to reach. In each round every build starts with an empty lake and an empty
engine; in turns, no step begins before the one before it has ended. Medians of the rounds, wall time; CPU is that of
this process and of those that it waited for.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
import zlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import yaml

from benchmarks.scale_arithmetic import table
from ingest.adapters.executors.processes import ProcessExecutor
from ingest.wiring.service_opening import open_services
from ingest_conformance.hashing_embedder import HashingEmbedder

FORMATS = (".md", ".mdx", ".html", ".docx", ".pptx", ".xlsx", ".pdf", ".txt", ".csv", ".eml")


@dataclass(frozen=True)
class InTurns:
    """Implements `Execute`: as an executor with several workers, but no step begins before the last one has ended."""

    inner: ProcessExecutor
    workers: int = 1

    def map(self, step, items):
        return self.inner.map(step, items)


class Device(HashingEmbedder):
    """An embedder that waits for a device: so many seconds for each text."""

    def __init__(self, seconds: float, options: dict[str, int]) -> None:
        super().__init__("hashing", options)
        self.seconds, self.texts = seconds, 0

    def embed(self, texts):
        time.sleep(self.seconds * len(texts))
        self.texts += len(texts)
        self.forward_passes += 1
        made = np.zeros((len(texts), self.record.dimension), np.float32)
        for row, text in enumerate(texts):
            made[row, zlib.crc32(text.encode()) % self.record.dimension] = 1.0
        return made


@dataclass
class Built:
    """One build: wall seconds of the whole and of its steps, CPU seconds, digest, texts that were embedded."""

    seconds: float
    cpu: float
    steps: dict[str, float]
    digest: str
    texts: int


def corpus(folder: Path, count: int) -> None:
    """Copy documents of the corpora, each format's share as it is there."""
    data = Path(os.environ["INGEST_TEST_DATA"]) / "corpora"
    found = sorted(path for path in data.rglob("*") if path.suffix in FORMATS and path.is_file())
    step = max(len(found) / count, 1.0)
    for number in range(min(count, len(found))):
        path = found[int(number * step)]
        shutil.copy(path, folder / f"{number:05d}{path.suffix}")


def built(folder: Path, workers: int, args: argparse.Namespace, seconds: float, *, overlaps: bool = False) -> Built:
    """Build an index from nothing."""
    import ingest

    with tempfile.TemporaryDirectory(dir=folder) as name:
        index = {
            "sources": [{"name": "docs", "uri": str(folder / "docs")}],
            "model": {"kind": "hashing", "name": "hashing", "options": {"dimension": 64}},
            "gate": {"floors": {}, "allow_unjudged": True, "min_dense_recall": 0.0},
            "documents_per_shard": args.shard,
            "max_quarantined_share": 1.0,
        }
        settings = Path(name) / "ingest.yaml"
        settings.write_text(yaml.safe_dump({"lake": "lake", "state": "state", "indexes": {"bench": index}}))
        with ingest.open(settings) as opened:
            device = Device(seconds, {"dimension": 64})
            opened.services.retrieval.open_embedder = lambda record: device
            execute = ProcessExecutor(partial(open_services, opened.settings, "bench"), opened.services, workers)
            before, started = os.times(), time.perf_counter()
            report = opened.run(execute=execute if overlaps else InTurns(execute))
            wall, after = time.perf_counter() - started, os.times()
        steps = {stage.step: stage.seconds for stage in report.stages}
        return Built(wall, sum(after[:4]) - sum(before[:4]), steps, report.digest, device.texts)


def main() -> int:
    """Measure, and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=1200)
    parser.add_argument("--shard", type=int, default=60, help="documents per shard")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--device", type=float, default=1.0, help="its time, in that of parsing and chunking")
    args = parser.parse_args()
    if not os.environ.get("INGEST_TEST_DATA"):
        print("skipped: INGEST_TEST_DATA does not name a folder with corpora")
        return 1
    with tempfile.TemporaryDirectory(prefix="ingest-bench-overlap-") as name:
        folder = Path(name)
        (folder / "docs").mkdir()
        corpus(folder / "docs", args.documents)
        first = built(folder, 2, args, 0.0)  # also warms up
        seconds = args.device * first.steps["chunk"] / first.texts
        rounds = []
        for _ in range(args.rounds):
            one = built(folder, 1, args, 0.0)
            turns, both = (built(folder, 2, args, seconds, overlaps=overlaps) for overlaps in (False, True))
            rounds.append((one, turns, both))
        print(told(args, rounds, first.texts))
    return 0


def told(args: argparse.Namespace, rounds: list[tuple[Built, Built, Built]], texts: int) -> str:
    """Return the tables."""
    assert len({build.digest for builds in rounds for build in builds}) == 1
    rows, ratios = [], [max(turns.steps["chunk"], turns.steps["embed"]) for _, turns, _ in rounds]
    middle = statistics.median
    for place, what in enumerate(
        ("1 process, in turns, no device", "2 processes, in turns", "2 processes, overlapping")
    ):
        builds = [builds[place] for builds in rounds]
        steps = [middle(build.steps[step] for build in builds) for step in ("chunk", "embed")]
        values = (*steps, middle(build.seconds for build in builds), middle(build.cpu for build in builds))
        rows.append((what, *(f"{value:.1f}" for value in values)))
    whole = middle(both.seconds / longer for (_, _, both), longer in zip(rounds, ratios, strict=True))
    before = middle(turns.seconds / longer for (_, turns, _), longer in zip(rounds, ratios, strict=True))
    faster = middle(one.steps["chunk"] / turns.steps["chunk"] for one, turns, _ in rounds)
    figures = (
        ("whole run, overlapping, over the longer step alone", f"{whole:.2f}"),
        ("whole run, in turns, over the longer step alone", f"{before:.2f}"),
        ("parse and chunk: 1 process over 2", f"{faster:.2f}"),
    )
    load = f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, load {os.getloadavg()[0]:.1f}"
    heads = ("median seconds", "chunk", "embed", "whole run", "CPU of the whole run")
    size = f"{args.documents} documents, {args.shard} per shard, {texts:,} texts, {len(rounds)} rounds"
    return f"{load}; {size}\n\n{table(rows, heads)}\n\n{table(figures, ('ratio', 'median'))}"


if __name__ == "__main__":
    sys.exit(main())
