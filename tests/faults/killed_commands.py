"""The command line in a process of its own that is killed at a random moment, and what must hold after it.

A kill falls at the nth call of lake or index, before it, after it or within a list of alias actions; or after a random
time. Then a search must answer from one edition alone, and one more `ingest run` must make all right.
"""

import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet  # noqa: F401
import qdrant_client  # noqa: F401 - imported once by the fork server, not once by every process
import scipy.stats  # noqa: F401

import ingest
from ingest.adapters.vectors.edge import engine
from ingest.cli.main import main
from ingest.errors import UnknownRelease
from ingest.index import Index
from ingest.lake.lake import Lake
from ingest.records import EVERYTHING, Filter, RunReport
from ingest.wiring import service_opening as wiring
from tests.faults.crashing import die
from tests.faults.mortality import Fuse, Mortal
from tests.inline_sandbox import InlineSandbox
from tests.pipelines import document

DOCUMENTS, EDITIONS, TOP = 6, (1, 2), 500
QUESTION = "edition"  # a word of every chunk
KEPT = ("lake", ".ingest")
ENGINE = Path(".ingest") / "qdrant"
LATE = 0.15  # of all calls
SECONDS = 120.0  # that one command may take

Action = tuple[str, ...]
RUN: Action = ("run",)
ROLLBACK: Action = ("rollback", "--why", "an exercise")
MOMENTS: dict[str, tuple[str, Action]] = {
    "first run": ("empty", RUN),
    "update": ("changed", RUN),
    "promote": ("waiting", ("promote",)),
    "rollback": ("promoted", ROLLBACK),
}
"""What is killed: the state in which a command begins, and the command."""


def command(folder: Path, arguments: Action, at: int | None, share: float) -> None:
    """Run the command line in `folder`, and die at a call of lake or index. To be called in a process of its own."""
    os.chdir(folder)
    os.environ.pop("QDRANT_URL", None)
    told = os.open(folder / "told.txt", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(told, stream)
    fuse, opened = Fuse(at, share, die), {name: getattr(wiring, name) for name in ("open_store", "open_vectors")}
    for name, function in opened.items():
        setattr(wiring, name, lambda *given, open=function: Mortal(open(*given), fuse))
    wiring.PoolSandbox = lambda options, processes: InlineSandbox(options)  # type: ignore[assignment, misc]
    sys.argv = ["ingest", *arguments]
    try:
        main()
    finally:
        (folder / "calls.txt").write_text(str(fuse.calls))


@dataclass(frozen=True)
class Kill:
    """Where a command is killed: at a share of its calls, or of its time."""

    moment: str  # of MOMENTS
    fraction: float  # 0 to 1
    share: float  # of the call
    by_time: bool


def kills(seed: int, moments: Sequence[str] = tuple(MOMENTS)) -> Iterator[Kill]:
    """Yield kills for ever, each moment in its turn."""
    drawn = random.Random(seed)
    while True:
        for moment in moments:
            by_time, late, fraction = drawn.random() < 0.4, drawn.random() < 0.5, drawn.random()
            # Half of the calls are late ones, for there the records and the aliases move.
            at = 1 - LATE * fraction if late and not by_time else fraction
            yield Kill(moment, at, drawn.random(), by_time)


@dataclass
class After:
    """What a kill came to."""

    kill: Kill
    code: int | None  # of the killed command: −9, or 0 when it was faster
    serving: int | None  # edition that a search found after it
    seconds: float  # of the clean run
    mended: int  # points


@dataclass
class KillingGround:
    """One index in each of the states in which commands begin; every kill gets a copy."""

    folder: Path
    moments: Sequence[str] = tuple(MOMENTS)
    calls: dict[str, int] = field(default_factory=dict)  # of lake and index, by moment
    seconds: dict[str, float] = field(default_factory=dict)
    digests: dict[int, str] = field(default_factory=dict)
    chunks: dict[int, frozenset[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(["tests.faults.killed_commands"])
        (self.place / "documents").mkdir(parents=True)
        values = {"sources": [{"name": "docs", "uri": "documents"}], "model": {"kind": "hashing", "name": "hashing"}}
        small = {"target_tokens": 30, "max_tokens": 48, "min_tokens": 8}
        gate = {"floors": {}, "allow_unjudged": True}
        rest = {"chunking": small, "gate": gate, "documents_per_shard": 2, "lease_seconds": 0.3}
        profile = {"reranker": "none"}
        index = {**values, **rest, "profile": profile, "load_batch": 7}
        (self.place / "ingest.yaml").write_text(json.dumps({"lake": "lake", "indexes": {"docs": index}}))
        self._publish(1)
        self._keep("empty")
        self._measure("first run")
        self._learn(1)
        self._publish(2)
        self._keep("changed")
        self._measure("update")
        self._learn(2)
        self._keep("promoted")
        if "rollback" in self.moments:
            self._measure("rollback")
        if "promote" in self.moments:
            self._begin("changed")
            assert self.run(("run", "--no-promote")) == 6, self.told
            self._keep("waiting")
            self._measure("promote")

    @property
    def place(self) -> Path:
        """Where every command runs: an index knows its documents by their addresses."""
        return self.folder / "work"

    @property
    def told(self) -> str:
        """What the last command printed."""
        return (self.place / "told.txt").read_text(errors="replace")

    def _publish(self, edition: int) -> None:
        """Write an edition: the second changes one document, deletes one and adds one."""
        place = self.place / "documents"
        if edition == 1:
            for n in range(DOCUMENTS):
                (place / f"d{n:02d}.md").write_text(document(n))
            return
        (place / "d03.md").write_text(document(3, 2))
        (place / "d01.md").unlink()
        (place / "d99.md").write_text(document(99))

    def _keep(self, state: str) -> None:
        """Keep this state, in which commands begin. Documents stay where they are: a copy is another version."""
        engine.stop(self.place / ENGINE, force=True)
        (self.folder / state).mkdir()
        for name in KEPT:
            if (self.place / name).exists():
                shutil.copytree(self.place / name, self.folder / state / name)

    def _begin(self, state: str) -> None:
        """Go back to a state; the documents are those of the second edition."""
        engine.stop(self.place / ENGINE, force=True)
        for name in KEPT:
            shutil.rmtree(self.place / name, ignore_errors=True)
        shutil.copytree(self.folder / state, self.place, dirs_exist_ok=True)

    def _measure(self, moment: str) -> None:
        began = time.monotonic()
        code = self.run(MOMENTS[moment][1])
        assert code == 0, self.told
        self.seconds[moment] = time.monotonic() - began
        self.calls[moment] = int((self.place / "calls.txt").read_text())

    def _learn(self, edition: int) -> None:
        with ingest.open(self.place / "ingest.yaml") as index:
            report = newest_report(index)
            assert report.digest is not None
            self.digests[edition], self.chunks[edition] = report.digest, stored(index, report)

    def run(self, arguments: Action, kill: Kill | None = None) -> int | None:
        """Run a command and return its exit code, −9 when it was killed."""
        at = None
        if kill is not None and not kill.by_time:
            at = 1 + int(kill.fraction * self.calls[kill.moment])
        process = self.context.Process(target=command, args=(self.place, arguments, at, kill.share if kill else 0.0))
        process.start()
        process.join(kill.fraction * self.seconds[kill.moment] if kill is not None and kill.by_time else SECONDS)
        if process.exitcode is None:
            process.kill()
            process.join()
        return process.exitcode

    def kill(self, kill: Kill) -> After:
        """Kill a command, look at what serves, run once more, and compare. Raises: AssertionError."""
        state, arguments = MOMENTS[kill.moment]
        self._begin(state)
        code = self.run(arguments, kill)
        assert code in (0, -signal.SIGKILL), self.told
        with ingest.open(self.place / "ingest.yaml") as index:
            serving = self.edition(index)
            assert serving in ((None, 2) if kill.moment == "first run" else EDITIONS)
            began = time.monotonic()
            again = self.run(RUN)
            seconds = time.monotonic() - began
            decision = index.services.bench.lake.decision()
            held = decision is not None and decision.hold is not None
            assert again == (6 if held else 0), self.told
            report = newest_report(index)
            self._check(index, report)
            assert self.edition(index) == (1 if held else 2)
        assert report.conservation is not None
        return After(kill, code, serving, seconds, report.conservation.mended)

    def _check(self, index: Index, report: RunReport) -> None:
        table = report.conservation
        assert table is not None
        assert table.faults == ()
        lost, more = self.chunks[2] - (found := stored(index, report)), found - self.chunks[2]
        assert (len(lost), len(more)) == (0, 0)
        assert table.points == table.keyword_rows == len(found)
        manifest = index.services.bench.lake.manifest(str(report.generation))
        assert manifest is not None
        assert manifest.digest == self.digests[2]

    def edition(self, index: Index) -> int | None:
        """Return the edition that both searches find whole, None when nothing serves. Raises: AssertionError."""
        try:
            searcher = index.searcher()
        except UnknownRelease:
            return None
        (answer,) = searcher.search([QUESTION], Filter(), TOP, ("bm25", "dense"))
        found = [frozenset(r.chunk_id for r in results) for results in answer.stages.values()]
        (edition,) = (e for e in EDITIONS if found == [self.chunks[e]] * 2)
        return edition


def newest_report(index: Index) -> RunReport:
    """Return the newest run's report."""
    lake: Lake = index.services.bench.lake
    return lake.read_history(RunReport, lake.history()[-1])


def stored(index: Index, report: RunReport) -> frozenset[str]:
    """Return the chunks in the collection of a run's generation. Each point must be another chunk."""
    manifest = index.services.bench.lake.manifest(str(report.generation))
    assert manifest is not None
    points = index.services.retrieval.vectors.scroll(manifest.collection, EVERYTHING)
    found = [point.payload["metadata"]["chunk_id"] for point in points]
    assert len(found) == len(set(found))
    return frozenset(found)
