"""Build and search time, size and memory of the keyword index beside bm25s, tantivy and rank_bm25, in one run.

    INGEST_TEST_DATA=<folder> python benchmarks/keyword_index.py [--peers .venv-keyword/bin/python] [--passages 1000000]

Distinct passages of `--words` words from real documents, ids of 32 hex digits, 300 questions of clapnq_dev with all
their stop words, top 100, one thread. Each system runs in a process of its own, one after the other; memory is the
resident set after the searches, in a process that only opened the index, and the part of it that is no page of a file.
Without `--passages` the whole table: 1,000,000 and 100,000 passages of 40 words, 1,000,000 of 300 characters.
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

COLUMNS = {
    "build s": "build",
    "build CPU s": "cpu",
    "index MB": "size",
    "resident MB": "resident",
    "not file-backed": "anonymous",
    "p50 ms": "p50",
    "p95 ms": "p95",
    "p95 / p50": "tail",
    "32 at once: p50": "p50_together",
    "p95": "p95_together",
    "per second": "rate",
}
QUESTIONS, TOP, ROUNDS, SHARD = 300, 100, 3, 10_000
CONCURRENT = 32
TABLES = (  # passages, words, characters (0: whole words), systems
    (1_000_000, 40, 0, ("ingest", "tantivy", "bm25s", "rank_bm25")),
    (100_000, 40, 0, ("ingest", "tantivy", "bm25s", "rank_bm25")),
    (1_000_000, 80, 300, ("ingest", "tantivy", "bm25s")),
)
SYSTEMS = ("ingest", "tantivy", "bm25s", "rank_bm25")
MOST_OF_RANK_BM25, SLOW_QUESTIONS = 100_000, 60
FOLDERS = ("scifact/docs", "covidqa/docs", "ray_docs/docs", "clapnq_dev/docs", "corpora/rust_book")
EMPTY = " |" * (len(COLUMNS) + 1)
Corpus = tuple[list[str], list[str], list[str]]  # passages, ids, questions


def main() -> int:
    """Measure each system; the exit status is 1 when the data is not there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path, default=Path(".venv-keyword/bin/python"))
    parser.add_argument("--passages", type=int)
    parser.add_argument("--words", type=int, default=40)
    parser.add_argument("--characters", type=int, default=0, help="cut passages to so many characters")
    parser.add_argument("--systems", nargs="*", default=SYSTEMS)
    parser.add_argument("--step", nargs=3, help=argparse.SUPPRESS)  # system, build or search, folder
    args = parser.parse_args()
    if not os.environ.get("INGEST_TEST_DATA"):
        print("skipped: INGEST_TEST_DATA does not name a folder with documents")
        return 1
    if args.step:
        system, step, folder = args.step
        print(json.dumps(globals()[f"{system}_{step}"](Path(folder), args)))
        return 0
    tables = [(args.passages, args.words, args.characters, args.systems)] if args.passages else TABLES
    for args.passages, args.words, args.characters, systems in tables:
        size_of_one = f"{args.characters} characters" if args.characters else f"{args.words} words"
        print(f"\n| {args.passages:,} passages of {size_of_one} | {' | '.join(COLUMNS)} |")
        print("| --- " * (len(COLUMNS) + 1) + "|")
        for system in systems:
            print(measured(system, args), flush=True)
    return 0


def measured(system: str, args: argparse.Namespace) -> str:
    """Return the row of one system, or why there is none."""
    if system == "rank_bm25" and args.passages > MOST_OF_RANK_BM25:
        return f"| {system} | – (measured up to {MOST_OF_RANK_BM25:,} passages)" + EMPTY
    python = Path(sys.executable) if system == "ingest" else args.peers
    if not python.exists():
        return f"| {system} | – ({python} is missing: make bench-keyword builds it)" + EMPTY
    with tempfile.TemporaryDirectory() as folder:
        found: dict[str, float] = {}
        for step in ("build", "search"):
            size_of_all = ["--passages", args.passages, "--words", args.words, "--characters", args.characters]
            command = [python, __file__, *size_of_all, "--step", system, step]
            ran = subprocess.run([*map(str, command), folder], capture_output=True, text=True, check=False)
            if ran.returncode:
                return f"| {system} | – ({ran.stderr.strip().splitlines()[-1]})" + EMPTY
            found |= json.loads(ran.stdout.splitlines()[-1])
    cells = [found.get(name) for name in COLUMNS.values()]
    return f"| {system} | " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}" if value < 10 else f"{value:,.0f}"


def corpus(args: argparse.Namespace) -> Corpus:
    """Return passages at random places of real documents, the same in every process."""
    import numpy as np

    root = Path(os.environ["INGEST_TEST_DATA"])
    paths = [p for folder in FOLDERS for p in sorted((root / folder).rglob("*")) if p.suffix in (".md", ".rst", ".txt")]
    words = [word for path in paths for word in path.read_text(errors="ignore").split()]
    starts = np.random.default_rng(1).choice(len(words) - args.words, args.passages, replace=False).tolist()
    ids = [hashlib.sha256(str(start).encode()).hexdigest()[:32] for start in starts]
    longest = args.characters or None
    return [" ".join(words[s : s + args.words])[:longest] for s in starts], ids, questions()


def questions() -> list[str]:
    """Return real questions."""
    lines = (Path(os.environ["INGEST_TEST_DATA"]) / "clapnq_dev/queries.jsonl").read_text().splitlines()
    return [json.loads(line)["text"] for line in lines[:QUESTIONS]]


def size(folder: Path) -> float:
    """Return the megabytes of the files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def timed(search: Any, queries: list[Any], rounds: int = ROUNDS, concurrent: int = CONCURRENT) -> dict[str, float]:
    """Return percentiles over questions of the fastest of some rounds, alone and at once, in ms, and megabytes held."""
    import numpy as np

    def once(query: Any) -> float:
        start = time.perf_counter()
        search(query)
        return 1e3 * (time.perf_counter() - start)

    best = np.min([[once(query) for query in queries] for _ in range(rounds)], axis=0)
    found = dict(zip(("p50", "p95"), np.percentile(best, [50, 95]).tolist(), strict=True))
    found |= {"tail": found["p95"] / found["p50"], **memory()}
    if concurrent:
        with ThreadPoolExecutor(concurrent) as pool:
            start = time.perf_counter()
            together = list(pool.map(once, queries * rounds))
            found["rate"] = len(together) / (time.perf_counter() - start)
        found |= dict(zip(("p50_together", "p95_together"), np.percentile(together, [50, 95]).tolist(), strict=True))
    return found


def memory() -> dict[str, float]:
    """Return the resident megabytes, and those that are not pages of files."""
    lines = Path("/proc/self/status").read_text().splitlines()
    kilobytes = {line.partition(":")[0]: line.split()[1] for line in lines if line.startswith(("VmRSS", "RssAnon"))}
    return {"resident": int(kilobytes["VmRSS"]) / 1e3, "anonymous": int(kilobytes["RssAnon"]) / 1e3}


def spent(start: tuple[float, float], folder: Path) -> dict[str, float]:
    """Return the seconds since `start`, wall clock and CPU, and the megabytes in the folder."""
    return {"build": time.perf_counter() - start[0], "cpu": time.process_time() - start[1], "size": size(folder)}


def now() -> tuple[float, float]:
    """Return the wall clock and the CPU's, in seconds."""
    return time.perf_counter(), time.process_time()


def ingest_build(folder: Path, args: argparse.Namespace) -> dict[str, float]:
    """Write shards, then merge them."""
    import numpy as np
    import pyarrow.parquet as pq

    from ingest.keyword import Analyser, merge, shard_postings

    passages, ids, _ = corpus(args)
    shards, start = [], now()
    with tempfile.TemporaryDirectory() as scratch:
        for i in range(0, len(passages), SHARD):
            made = shard_postings(passages[i : i + SHARD], ids[i : i + SHARD], Analyser())
            pq.write_table(made.postings, path := Path(scratch) / f"{i}")
            shards.append((made.lengths, [(path, np.arange(len(made.lengths)))]))
        merge(shards, folder)
        return spent(start, folder)


def ingest_search(folder: Path, _: argparse.Namespace) -> dict[str, float]:
    """Search through the files."""
    from ingest.keyword import Analyser, KeywordIndex

    paths = (folder / f"{name}.parquet" for name in ("postings", "terms", "lengths"))
    with KeywordIndex(*paths) as index:
        return timed(lambda query: index.search([query], [None], TOP), Analyser().terms(questions()))


def tantivy_build(folder: Path, args: argparse.Namespace) -> dict[str, float]:
    """Index with one thread, ids stored."""
    import tantivy

    passages, ids, _ = corpus(args)
    start = now()
    writer = tantivy.Index(_schema(tantivy), path=str(folder)).writer(heap_size=200_000_000, num_threads=1)
    for passage, chunk_id in zip(passages, ids, strict=True):
        writer.add_document(tantivy.Document(body=passage, id=chunk_id))
    writer.commit()
    writer.wait_merging_threads()
    return spent(start, folder)


def _schema(tantivy: Any) -> Any:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("body", stored=False, tokenizer_name="en_stem", index_option="freq")
    builder.add_text_field("id", stored=True, tokenizer_name="raw", index_option="basic")
    return builder.build()


def tantivy_search(folder: Path, _: argparse.Namespace) -> dict[str, float]:
    """Search through the files; ids are not read, which we do."""
    import tantivy

    index = tantivy.Index(_schema(tantivy), path=str(folder))
    index.reload()
    searcher = index.searcher()
    asked = [index.parse_query(" ".join(re.findall(r"\w+", q.lower())), ["body"]) for q in questions()]
    return timed(lambda query: searcher.search(query, TOP, count=False), asked)


def bm25s_build(folder: Path, args: argparse.Namespace) -> dict[str, float]:
    """Tokenise with the same stemmer, index, save."""
    import bm25s
    import Stemmer

    passages, _, _ = corpus(args)
    start = now()
    tokens = bm25s.tokenize(passages, stopwords=None, stemmer=Stemmer.Stemmer("english"), show_progress=False)
    index = bm25s.BM25(backend="numba")
    index.index(tokens, show_progress=False)
    index.save(folder)
    return spent(start, folder)


def bm25s_search(folder: Path, _: argparse.Namespace) -> dict[str, float]:
    """Search in memory with numba; ordinals are returned, no ids."""
    import bm25s
    import Stemmer

    index = bm25s.BM25.load(folder)
    index.backend = "numba"
    index.activate_numba_scorer()
    stemmer = Stemmer.Stemmer("english")
    asked = bm25s.tokenize(questions(), stopwords=None, stemmer=stemmer, show_progress=False, return_ids=False)
    return timed(lambda query: index.retrieve([query], k=TOP, show_progress=False, n_threads=1), asked)


def rank_bm25_build(folder: Path, args: argparse.Namespace) -> dict[str, float]:
    """Build once, for the time; there is nothing to save."""
    start, _ = now(), _ranked(args)
    return spent(start, folder)


def rank_bm25_search(_: Path, args: argparse.Namespace) -> dict[str, float]:
    """Build again and search in memory, for fewer questions: each takes a large part of a second."""
    import numpy as np

    index, terms = _ranked(args)
    asked = [terms(question) for question in questions()[:SLOW_QUESTIONS]]
    return timed(lambda query: np.argsort(-index.get_scores(query))[:TOP], asked, rounds=1, concurrent=0)


def _ranked(args: argparse.Namespace) -> Any:
    import rank_bm25
    import Stemmer

    stemmer = Stemmer.Stemmer("english")

    def terms(text: str) -> list[str]:
        return list(stemmer.stemWords(re.findall(r"\w+", text.lower())))

    return rank_bm25.BM25Okapi([terms(passage) for passage in corpus(args)[0]]), terms


if __name__ == "__main__":
    sys.exit(main())
