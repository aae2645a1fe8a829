"""Parses and chunks broken files of every format: nothing hangs, nothing stops the run, memory stays bounded.

    [INGEST_TEST_DATA=<folder>] python -m benchmarks.fuzz [--files 20000] [--seed 1] [--only N] [--out .fuzz]

File N of a seed is the same each time, so `--only N` repeats one alone. Each must end chunked, as a container whose
documents end so, or with a DocumentError. The exit status is 1 when one does not; crashes and time-outs of parsers are
sound ends, but are listed and kept below `--out`, for each of them is a fault of a parser.
"""

import argparse
import os
import random
import resource
import sys
import time
from collections import Counter, defaultdict
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.fuzzing.mutations import mutated
from benchmarks.fuzzing.seeds import seeds
from ingest.adapters.sandbox.pool_sandbox import PoolSandbox
from ingest.documents.chunking import chunk
from ingest.documents.chunking.sections import embedded_text
from ingest.errors import DocumentError, ParserCrashed, ParserTimeout
from ingest.records import Block, Chunk, ChunkingOptions, Document, DocumentRef, ParseLimits, ParserOptions, RawDocument
from ingest_conformance import hashing_embedder as hashing

LIMITS = ParseLimits(wall_seconds=10.0, cpu_seconds=10.0, memory_bytes=2**30, text_characters=4 * 10**6, blocks=200_000)
GRACE_SECONDS = 15.0  # over the wall limit: a process is started and killed, the other core is busy
MEMORY = 1536 * 2**20  # bytes that this process may hold at most
CHUNKING = ChunkingOptions()
MAX_CHILDREN = 50  # of a container, that are looked at
MAX_KEPT = 200  # files below --out
REPEATED = 50  # one in so many is parsed twice, and must give the same


@dataclass
class Result:
    """What became of one file."""

    number: int
    format: str
    outcome: str
    message: str
    seconds: float
    data: bytes
    violations: list[str] = field(default_factory=list)


def main() -> int:
    """Run, print the table; the exit status is 1 when a promise is broken."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--files", type=int, default=20_000)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--only", type=int, help="one file alone, by its number")
    arguments.add_argument("--formats", nargs="*", help="of those alone")
    arguments.add_argument("--processes", type=int, default=os.cpu_count() or 2)
    arguments.add_argument("--out", type=Path, default=Path(".fuzz"), help="where files that show a fault are kept")
    given = arguments.parse_args()
    place = os.environ.get("INGEST_TEST_DATA")
    print("seeds: " + (f"made here and from {place}" if place else "made here alone, INGEST_TEST_DATA is not set"))
    found = seeds(Path(place) if place else None)
    if given.formats:
        found = {name: files for name, files in found.items() if name in given.formats}
    began = time.monotonic()
    results = run(found, [given.only] if given.only is not None else range(given.files), given.seed, given.processes)
    return report(results, time.monotonic() - began, given)


def made(found: dict[str, list[bytes]], number: int, seed: int) -> tuple[str, bytes]:
    """Return format and bytes of one broken file."""
    rng = random.Random(f"{seed} {number}")
    name = sorted(found)[number % len(found)]
    files = found[name]
    return name, mutated(rng.choice(files), rng.choice(files), rng)


def run(found: dict[str, list[bytes]], numbers, seed: int, processes: int) -> list[Result]:
    """Return what became of each file. A thread that does not come back ends the program."""
    tokenizer = hashing.HashingTokenizer()
    sandbox = PoolSandbox({"fuzz": ParserOptions(limits=LIMITS)}, processes)
    results: list[Result] = []

    def one(number: int) -> Result:
        name, data = made(found, number, seed)
        return judged(sandbox, tokenizer, number, name, data)

    try:
        with ThreadPoolExecutor(processes) as threads:
            running = set()
            for number in numbers:
                running.add(threads.submit(one, number))
                if len(running) >= 2 * processes:
                    running = _collect(running, results)
            while running:
                running = _collect(running, results)
    finally:
        sandbox.close()
    return results


def _collect(running: set, results: list[Result]) -> set:
    done, running = wait(running, timeout=120, return_when=FIRST_COMPLETED)
    if not done:
        print("HANG: nothing came back in 120 s; chunking hangs, or the sandbox does", flush=True)
        import faulthandler

        faulthandler.dump_traceback(all_threads=True)
        os._exit(1)
    results += [_lean(future.result()) for future in done]
    if len(results) % 1000 < len(done):
        print(f"  {len(results)} files", flush=True)
    return running


def _lean(result: Result) -> Result:
    """Let go of the bytes of a file that shows nothing."""
    if not result.violations and result.outcome not in ("ParserCrashed", "ParserTimeout"):
        result.data = b""
    return result


def judged(sandbox: PoolSandbox, tokenizer, number: int, name: str, data: bytes) -> Result:
    """Parse and chunk one file, and look for broken promises."""
    began = time.monotonic()
    result = Result(number, name, "", "", 0.0, data)
    try:
        document = sandbox.parse(_raw(data, f"{number}.{name}"))
        result.seconds = time.monotonic() - began
        result.outcome = "chunked" if document.blocks else "container"
        _look(sandbox, tokenizer, document, result)
        if number % REPEATED == 0 and sandbox.parse(_raw(data, f"{number}.{name}")) != document:
            result.violations.append("parsed twice, two documents")
    except DocumentError as error:
        result.outcome, result.message = type(error).__name__, str(error)
    except Exception as error:  # noqa: BLE001 - whatever it is, it would have stopped a run
        result.outcome = "STOPPED"
        result.violations.append(f"{type(error).__name__}: {error}")
    result.seconds = result.seconds or time.monotonic() - began
    if result.seconds > LIMITS.wall_seconds + GRACE_SECONDS:
        result.violations.append(f"took {result.seconds:.1f} s")
    return result


def _look(sandbox: PoolSandbox, tokenizer, document: Document, result: Result, depth: int = 0) -> None:
    """Chunk a document and its children; add broken promises to the result."""
    began = time.monotonic()
    chunks = chunk(document, "d", CHUNKING, tokenizer) if document.blocks else []
    if (took := time.monotonic() - began) > LIMITS.wall_seconds:
        result.violations.append(f"chunking {len(document.text)} characters took {took:.1f} s")
    result.violations += _broken_promises(document, chunks)
    for child in document.children[:MAX_CHILDREN] if depth < LIMITS.archive_depth else ():
        try:
            inner = sandbox.parse(_raw(child.data, f"{result.number}.{result.format}/{child.path}"))
            _look(sandbox, tokenizer, inner, result, depth + 1)
        except DocumentError as error:
            if isinstance(error, ParserCrashed | ParserTimeout):
                result.outcome, result.message = type(error).__name__, str(error)


def _broken_promises(document: Document, chunks: list[Chunk]) -> list[str]:
    """Return in words what is lost between text, blocks and chunks."""
    found, seen = [], embedded_text(document, CHUNKING)
    covered, outside = bytearray(len(document.text)), bytearray(b"\1" * len(document.text))
    for piece in chunks:
        if piece.text != seen[piece.start : piece.end]:
            found.append(f"chunk {piece.start}-{piece.end} is not its slice of the text")
        covered[piece.start : piece.end] = b"\1" * (piece.end - piece.start)
    for block in document.blocks:
        outside[block.start : block.end] = bytes(block.end - block.start)
        if block.kind.value not in CHUNKING.skipped_kinds and (lost := _lost(document, covered, block)):
            found.append(f"in a block and in no chunk: {lost!r}")
    left = "".join(document.text[at] for at in range(len(document.text)) if outside[at])
    if left := "".join(left.split()).removeprefix("\ufeff"):
        found.append(f"in no block: {left[:60]!r}")
    return found


def _lost(document: Document, covered: bytearray, block: Block) -> str:
    """Return the beginning of what no chunk has of a block, white space apart."""
    at = covered.find(0, block.start, block.end)
    while at != -1 and document.text[at].isspace():
        at = covered.find(0, at + 1, block.end)
    return document.text[at : at + 40] if at != -1 else ""


def _raw(data: bytes, path: str) -> RawDocument:
    return RawDocument(DocumentRef(f"file:///{path}", "fuzz", path, "1", len(data)), data)


def report(results: list[Result], seconds: float, given: argparse.Namespace) -> int:
    """Print what became of the files, and of what is wrong how to repeat it."""
    table: dict[str, Counter] = defaultdict(Counter)
    times: dict[str, list[float]] = defaultdict(list)
    for result in results:
        table[result.format][result.outcome] += 1
        times[result.format].append(1000 * result.seconds)
    outcomes = sorted({result.outcome for result in results}, key=lambda name: (name[0].isupper(), name))
    print(f"\n| format | files | {' | '.join(outcomes)} | p50 ms | p95 ms | max ms |")
    print("| --- " * (len(outcomes) + 5) + "|")
    for name in sorted(table):
        spent = sorted(times[name])
        figures = [spent[len(spent) // 2], spent[int(len(spent) * 0.95)], spent[-1]]
        counts = [str(table[name][outcome] or "") for outcome in outcomes]
        milliseconds = " | ".join(f"{figure:.0f}" for figure in figures)
        print(f"| {name} | {len(spent)} | {' | '.join(counts)} | {milliseconds} |")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    memory = f"peak of this process {peak / 2**20:.0f} MiB, limit {MEMORY / 2**20:.0f}"
    print(f"\n{len(results)} files in {seconds:.0f} s; {memory}")
    bad = [result for result in results if result.violations]
    _tell("crashes and time-outs", [r for r in results if r.outcome in ("ParserCrashed", "ParserTimeout")], given)
    _tell("VIOLATIONS", bad, given)
    return 1 if bad or peak > MEMORY else 0


def _tell(title: str, results: list[Result], given: argparse.Namespace) -> None:
    """Print one line for each different fault, with the shortest file that shows it."""
    if not results:
        return
    groups: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        told = "".join(character for character in _words(result) if not character.isdigit())
        groups[f"{result.format}: {told[:110]}"].append(result)  # numbers differ from file to file
    given.out.mkdir(parents=True, exist_ok=True)
    print(f"\n{title}: {len(results)}")
    for same in sorted(groups.values(), key=lambda group: -len(group))[:MAX_KEPT]:
        shortest = min(same, key=lambda result: len(result.data))
        path = given.out / f"{given.seed}-{shortest.number}.{shortest.format}"
        path.write_bytes(shortest.data)
        words = _words(shortest)[:110]
        print(f"  {len(same):4} × {shortest.format}: {words}  [--only {shortest.number}, {path}]")


def _words(result: Result) -> str:
    """Return what is wrong with a file, without its name."""
    return (result.violations or [result.message.partition(": ")[2]])[0]


if __name__ == "__main__":
    sys.exit(main())
