"""What a run costs after the first one: nothing changed, 1 % changed, all renamed, new chunker, new groups, nights.

    python -m benchmarks.incremental [--documents 2000] [--model hashing|default] [--nights 10] [--only full,unchanged]

Lake and source are on a local S3 in a process of its own, whose CPU is told apart. Each run is `ingest run` in a
process of its own, as a scheduler starts it; the embedded engine stays, as a server would. CPU seconds are those of the
run with its parser processes, and of the engine. Counts come from where the work is done: requests and bytes from S3
and from the connection to the engine, documents from the sandbox, texts from the model, hashed bytes from the
verification of files.
"""

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from urllib.request import Request, urlopen

import yaml

from benchmarks.run_costs import CORPUS, LAKE, engine_cpu, run_counted, serve

ROOT = Path(__file__).resolve().parent.parent
SECTIONS, WORDS, QUESTIONS = 5, 80, 40
STEPS = ("full", "unchanged", "changed", "rename", "chunker", "acl", "nights")
SHARE = 0.01  # of the documents, that change in a night


def main() -> int:
    """Measure, and print two tables: seconds and memory, and counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=2000)
    parser.add_argument("--model", choices=("hashing", "default"), default="hashing")
    parser.add_argument("--nights", type=int, default=10)
    parser.add_argument("--only", default=",".join(STEPS), help=f"of {', '.join(STEPS)}")
    parser.add_argument("--profile", type=Path, help="a folder for a profile of each run (cProfile)")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        return serve()
    if args.child:
        return run_counted(*args.child, args.profile)
    with tempfile.TemporaryDirectory(prefix="ingest-bench-incremental-") as folder, ExitStack() as stack:
        Benchmark(Path(folder), args, stack).measure()
    return 0


# Documents


@cache
def vocabulary() -> list[str]:
    """Return the words of our guides, the most frequent first."""
    found = Counter()
    for path in sorted((ROOT / "docs").glob("*.md")):
        found.update(re.findall(r"\b[a-z]{2,12}\b", path.read_text(encoding="utf-8")))
    return [word for word, _ in found.most_common()]


def words_of(seed: str, count: int) -> str:
    """Return words, the frequent ones as often as in a language."""
    rng, words = random.Random(seed), vocabulary()
    return " ".join(words[int(len(words) ** rng.random()) - 1] for _ in range(count))


def document(number: int, edition: int = 0) -> str:
    """Return a document; another edition has another last section."""
    lines = [f"# Document {number}\n"]
    for section in range(SECTIONS):
        seed = f"{number} {section} {edition if section == SECTIONS - 1 else 0}"
        lines.append(f"## Section {section} of {number}\n\n{words_of(seed, WORDS)}.\n")
    return "\n".join(lines)


# The benchmark


class Benchmark:
    """One lake, its source, and what each run of it cost."""

    def __init__(self, folder: Path, args: argparse.Namespace, stack: ExitStack) -> None:
        self.folder, self.args, self.count = folder, args, args.documents
        self.prefix, self.editions, self.acl, self.target = "docs", Counter(), ["public"], 160
        told = {"AWS_ACCESS_KEY_ID": "demo", "AWS_SECRET_ACCESS_KEY": "demo", "AWS_EC2_METADATA_DISABLED": "true"}
        self.env = {**os.environ, **told, "AWS_DEFAULT_REGION": "us-east-1"}
        server = [sys.executable, "-m", "benchmarks.incremental", "--serve"]
        s3 = subprocess.Popen(server, stdout=subprocess.PIPE, text=True, env=self.env)
        stack.callback(s3.wait)
        stack.callback(s3.terminate)
        self.url = s3.stdout.readline().strip()
        self.settings()
        from ingest.adapters.vectors.edge import engine

        self.engine = engine.start(self.folder / "state" / "qdrant", max_open=4).pid
        stack.callback(lambda: engine.stop(self.folder / "state" / "qdrant", force=True))

    def measure(self) -> None:
        """Run all steps and print them."""
        rows, wanted = [], set(self.args.only.split(","))
        self.write(range(self.count))
        self.judged()
        for step in STEPS:
            if step not in wanted:
                continue
            for night in range(self.args.nights if step == "nights" else 1):
                self.prepare(step)
                rows.append(self.run(step if step != "nights" else f"night {night + 1}"))
                print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
        self.print(rows)

    def prepare(self, step: str) -> None:
        """Make the change that a step is about."""
        if step in ("changed", "nights"):
            rng = random.Random(f"{step} {sum(self.editions.values())}")
            some = rng.sample(range(self.count), max(1, round(self.count * SHARE)))
            self.editions.update(some)
            self.write(some)
        elif step == "rename":
            for start in range(0, self.count, 2000):
                self.control({self.key(n): None for n in range(start, min(start + 2000, self.count))})
            self.prefix = "moved"
            self.write(range(self.count))
            self.judged()
        elif step == "chunker":
            self.target = 40
            self.settings()
        elif step == "acl":
            self.acl = ["public", "staff"]
            self.settings()

    def key(self, number: int) -> str:
        return f"{self.prefix}/{number % 97:02d}/{number:06d}.md"

    def write(self, numbers) -> None:
        """Write documents to the source."""
        numbers = list(numbers)
        for start in range(0, len(numbers), 2000):
            some = numbers[start : start + 2000]
            self.control({self.key(n): document(n, self.editions[n]) for n in some})

    def judged(self) -> None:
        """Write judged questions about documents that stay."""
        lines = []
        for n in range(QUESTIONS):
            number, section = n * (self.count // QUESTIONS), n % (SECTIONS - 1)
            gold = {"doc": f"{self.key(number)}", "headings": [f"Section {section} of {number}"]}
            text = " ".join(words_of(f"{number} {section} 0", WORDS).split()[10:20])
            lines.append(json.dumps({"query_id": f"q{n}", "text": text, "gold": [gold]}))
        (self.folder / "judged.jsonl").write_text("\n".join(lines))

    def control(self, objects=None, query="") -> dict:
        data = json.dumps(objects).encode() if objects is not None else None
        with urlopen(Request(f"{self.url}/-/?{query}", data=data, method="POST" if data else "GET")) as answer:
            return json.load(answer)

    def settings(self) -> None:
        """Write the settings."""
        default = self.args.model == "default"
        index = {
            "sources": [{"name": "docs", "uri": f"s3://{CORPUS}", "acl": self.acl}],
            "model": {"kind": "sentence_transformer"} if default else {"kind": "hashing", "name": "hashing"},
            "judged": ["judged.jsonl"],
            "gate": {"floors": {}, "min_dense_recall": 0.0},  # made of words at random, which no graph is good for
            "chunking": {"min_tokens": 0, "target_tokens": self.target, "max_tokens": self.target + 60},
        }
        s3 = {"endpoint_url": self.url, "region": "us-east-1", "addressing_style": "path"}
        told = {"lake": f"s3://{LAKE}", "state": "state", "s3": s3, "indexes": {"bench": index}}
        (self.folder / "ingest.yaml").write_text(yaml.safe_dump(told))

    def run(self, name: str) -> dict:
        """Run once in a new process, and return what it cost."""
        out = self.folder / f"{name.replace(' ', '-')}.json"
        command = [
            sys.executable,
            "-m",
            "benchmarks.incremental",
            "--child",
            str(self.folder / "ingest.yaml"),
            str(out),
        ]
        if self.args.profile:
            command += ["--profile", str(self.args.profile.resolve())]
        s3, engine, began = self.control(), engine_cpu(self.engine), time.monotonic()
        process = subprocess.Popen(command, env=self.env, stdout=subprocess.PIPE)
        printed = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        seconds, process.returncode = time.monotonic() - began, os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{name}: `ingest run` ended with {process.returncode}: {printed.decode()[-3000:]}")
        after = self.control(query="sizes=1")
        report = json.loads(printed)
        counts = Counter(json.loads(out.read_text()))
        counts.update({kind: after["counts"].get(kind, 0) - s3["counts"].get(kind, 0) for kind in after["counts"]})
        run_cpu, engine_used = usage.ru_utime + usage.ru_stime, engine_cpu(self.engine) - engine
        return {
            "run": name,
            "decision": report["decision"],
            "seconds": round(seconds, 1),
            "CPU": round(run_cpu + engine_used, 2),
            "of the run": round(run_cpu, 2),
            "of the engine": round(engine_used, 2),
            "of S3": round(after["cpu"] - s3["cpu"], 2),
            "memory MB": round(usage.ru_maxrss / 1024),
            "index bytes": sum(after["sizes"].values()),
            "texts embedded": report["embedded"],
            "stages": {stage["step"]: stage["seconds"] for stage in report["stages"]},
            "counts": dict(sorted(counts.items())),
        }

    def print(self, rows: list[dict]) -> None:
        """Print the tables."""
        first = rows[0]["CPU"]
        print(
            f"\n{self.count:,} documents of {SECTIONS} sections, model {self.args.model}, {os.cpu_count()} cores, "
            f"Python {sys.version.split()[0]}\n"
        )
        columns = ("seconds", "CPU", "of the run", "of the engine", "of S3", "memory MB")
        print(f"| run | decision | {' | '.join(columns)} | CPU of the first |\n| --- {'| --- ' * (len(columns) + 2)}|")
        for row in rows:
            told = " | ".join(f"{row[name]:,}" for name in columns)
            print(f"| {row['run']} | {row['decision']} | {told} | {row['CPU'] / first:.1%} |")
        kinds = sorted({kind for row in rows for kind in row["counts"]})
        print(f"\n| count | {' | '.join(row['run'] for row in rows)} |\n| --- {'| --: ' * len(rows)}|")
        print(f"| texts embedded | {' | '.join(format(row['texts embedded'], ',') for row in rows)} |")
        print(f"| bytes of the lake | {' | '.join(format(row['index bytes'], ',') for row in rows)} |")
        for kind in kinds:
            print(f"| {kind} | {' | '.join(format(row['counts'].get(kind, 0), ',') for row in rows)} |")


if __name__ == "__main__":
    sys.exit(main())
