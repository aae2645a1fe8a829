"""CPU seconds and memory of keeping an index in step with a folder: ours beside four frameworks, same files and model.

    INGEST_TEST_DATA=<folder> python -m benchmarks.frameworks.measure [--only langchain,ingest] [--rounds 2] [--save F]

160 Markdown files, four runs: a cold build, nothing changed, 1 % of the documents changed, one document deleted. Each
run is a process of its own, whose costs are those of all processes it starts, engines included (costs.py). After each,
the index is asked for what it holds: each document ends with a sentence that names its number and edition. Every peer
is written as its own documentation tells (with_*.py), in an environment of its own; each thread pool of OpenMP has one
thread, batches have the size that is each one's default. Figures are the lower of the rounds, which take turns.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.frameworks.report import NAMES, STEPS, Run, report

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
COUNT, MOST_BYTES, LEAST_BYTES = 160, 20_000, 200
CHANGED, DELETED = (40, 120), 80  # numbers of documents
TOLD = "This is edition {edition} of page {number:04d} of the benchmark."
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "HAYSTACK_TELEMETRY_ENABLED": "False",  # nothing here reaches a network
    "COCOINDEX_DISABLE_USAGE_TRACKING": "1",
}


def main() -> int:
    """Measure, and print a table; the exit status is 1 when the data is not there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(NAMES), help=f"of {', '.join(NAMES)}")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--documents", type=int, default=COUNT)
    parser.add_argument("--save", type=Path, help="add the runs to this file of JSON lines, and tell of all in it")
    args = parser.parse_args()
    data = os.environ.get("INGEST_TEST_DATA")
    if not data:
        print("skipped: INGEST_TEST_DATA does not name a folder with corpora")
        return 1
    runs = [Run(**json.loads(line)) for line in read_lines(args.save)]
    for _ in range(args.rounds):
        for name in args.only.split(","):
            if not Path(python(name)).exists():
                print(f"{name}: not installed", file=sys.stderr)
                continue
            with tempfile.TemporaryDirectory(prefix="bench-") as folder:
                for run in measure(name, Path(folder), files(Path(data), args.documents)):
                    runs.append(run)
                    print(run.line(), file=sys.stderr, flush=True)
                    if args.save:
                        with args.save.open("a") as lines:
                            lines.write(run.line() + "\n")
    print(report(runs))
    return 0


def read_lines(path: Path | None) -> list[str]:
    return path.read_text().splitlines() if path and path.exists() else []


def files(data: Path, count: int) -> list[Path]:
    """Return Markdown files of the corpora and of ray_docs, at equal distances in their order."""
    places = (data / "corpora", data / "ray_docs" / "docs")
    found = sorted(path for place in places for path in place.rglob("*") if path.suffix in (".md", ".mdx"))
    found = [path for path in found if LEAST_BYTES < path.stat().st_size < MOST_BYTES]
    return [found[number * len(found) // count] for number in range(count)]


def python(name: str) -> str:
    """Return the Python of an environment."""
    return sys.executable if name == "ingest" else str(ROOT / ".venv-frameworks" / name / "bin" / "python")


def measure(name: str, folder: Path, sources: list[Path]):
    """Yield the four runs of one system."""
    editions = dict.fromkeys(range(len(sources)), 0)
    (folder / "docs").mkdir()
    (folder / "state").mkdir()
    for number in editions:
        write(folder, sources, number, 0)
    for step in STEPS:
        if step == "changed":
            for number in CHANGED:
                editions[number % len(sources)] = 1
                write(folder, sources, number % len(sources), 1)
        elif step == "deleted":
            del editions[DELETED % len(sources)]
            path(folder, DELETED % len(sources)).unlink()
        yield run(name, step, folder, editions)


def path(folder: Path, number: int) -> Path:
    return folder / "docs" / f"{number:04d}.md"


def write(folder: Path, sources: list[Path], number: int, edition: int) -> None:
    text = sources[number].read_text("utf-8", errors="replace").rstrip()
    path(folder, number).write_text(f"{text}\n\n{TOLD.format(edition=edition, number=number)}\n", "utf-8")


def run(name: str, step: str, folder: Path, editions: dict[int, int]) -> Run:
    """Run once, and return what it cost and what the index holds then."""
    env = {**os.environ, **ENVIRONMENT}
    env["PYTHONPATH"] = os.environ.get("PYTHONPATH", "") if name == "ingest" else ""
    out = folder / "costs.json"
    command = [python(name), str(HERE / f"with_{name}.py"), str(folder / "docs"), str(folder / "state")]
    output([sys.executable, str(HERE / "costs.py"), str(out), *command], env)
    texts = json.loads(output([python(name), str(HERE / "held.py"), str(folder / "state")], env))
    return Run(name, step, **json.loads(out.read_text()), **differences(texts, editions))


def output(command: list[str], env: dict[str, str]) -> str:
    """Return what a command prints; it stops the benchmark if it fails."""
    done = subprocess.run(command, check=False, env=env, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr[-3000:]}{done.stdout[-3000:]}")
    return done.stdout


def differences(texts: list[str], editions: dict[int, int]) -> dict[str, int]:
    """Return the number of chunks and characters, of documents that are missing, and of those that should be gone."""
    whole = "\n".join(texts)
    wanted = {TOLD.format(edition=edition, number=number) for number, edition in editions.items()}
    every = {TOLD.format(edition=edition, number=number) for number in range(COUNT) for edition in (0, 1)}
    stale = sum(told in whole for told in every - wanted)
    missing = sum(told not in whole for told in wanted)
    return {"chunks": len(texts), "characters": sum(map(len, texts)), "missing": missing, "stale": stale}


if __name__ == "__main__":
    sys.exit(main())
