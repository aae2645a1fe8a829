"""The arithmetic and the table of `make bench-pipeline`: the lower of the rounds, beside the best of the peers."""

import json
import os
import sys
from dataclasses import asdict, dataclass

from benchmarks.scale_arithmetic import table

STEPS = ("cold", "unchanged", "changed", "deleted")
NAMES = {
    "ingest": "ingest",
    "llama_index": "LlamaIndex",
    "langchain": "LangChain",
    "haystack": "Haystack",
    "cocoindex": "CocoIndex",
}
OURS = "ingest"
GOALS = (("cold", 0.4, "cold build"), ("unchanged", 1.0, "nothing changed"))  # of the best peer's CPU seconds
MB = 2**20
HEADS = (
    "CPU seconds",
    "cold",
    "unchanged",
    "1 % changed",
    "1 deleted",
    "peak MB, cold",
    "peak MB, unchanged",
    "chunks",
    "characters each",
    "changes noticed",
    "deletion noticed",
)


@dataclass(frozen=True)
class Run:
    """One run: CPU and wall seconds, bytes of memory at the peak, what the index holds after it."""

    name: str
    step: str
    cpu: float
    memory: int
    seconds: float
    chunks: int
    characters: int
    missing: int
    stale: int

    def line(self) -> str:
        return json.dumps(asdict(self))


def lowest(runs: list[Run], name: str, step: str) -> Run | None:
    """Return the run that took the least CPU, None if none was measured."""
    return min((run for run in runs if (run.name, run.step) == (name, step)), key=lambda run: run.cpu, default=None)


def best_peer(runs: list[Run], step: str) -> Run | None:
    """Return the run of the peer that took the least CPU."""
    found = [run for name in NAMES if name != OURS and (run := lowest(runs, name, step))]
    return min(found, key=lambda run: run.cpu, default=None)


def report(runs: list[Run]) -> str:
    """Return the tables, and whether the goals are met."""
    rows = [row(runs, name) for name in NAMES if lowest(runs, name, "cold")]
    costs = table(rows, HEADS)
    return f"{machine()}\n\n{costs}\n\n{goals(runs)}"


def row(runs: list[Run], name: str) -> tuple[str, ...]:
    """Return what one system needs: CPU seconds of each run, memory, chunks, and what its index holds."""
    found = [lowest(runs, name, step) for step in STEPS]
    cold = next(run for run in found if run)
    peaks = [max((run.memory for run in runs if (run.name, run.step) == (name, step)), default=0) for step in STEPS]
    told = (f"{run.cpu:.1f}" if run else "–" for run in found)
    sizes = (f"{peaks[0] / MB:,.0f}", f"{peaks[1] / MB:,.0f}")
    mean = cold.characters // max(cold.chunks, 1)
    return (NAMES[name], *told, *sizes, f"{cold.chunks:,}", f"{mean:,}", follows(found[2]), follows(found[3]))


def follows(run: Run | None) -> str:
    """Return whether the index holds what the folder does, and no more."""
    if run is None:
        return "–"
    if run.missing:
        return f"{run.missing} missing"
    return f"no, {run.stale} stale" if run.stale else "yes"


def goals(runs: list[Run]) -> str:
    """Return how we stand to the best peer."""
    lines = []
    for step, share, text in GOALS:
        ours, best = lowest(runs, OURS, step), best_peer(runs, step)
        if ours and best:
            ratio, limit = ours.cpu / best.cpu, f"at most {share:.0%}" if share < 1 else "below 100%"
            met = "reached" if ratio <= share and ratio < 1 else "not reached"
            lines.append(f"{text}: {ratio:.0%} of the best peer ({NAMES[best.name]}), {limit} is the goal: {met}")
    return "\n".join(lines)


def machine() -> str:
    return f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, load {os.getloadavg()[0]:.1f}"
