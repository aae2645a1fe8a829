"""Build and search time, size and memory of the keyword index beside bm25s, tantivy and rank_bm25, in one run.

    INGEST_TEST_DATA=<folder> python benchmarks/keyword_index.py [--peers .venv-keyword/bin/python] [--passages 1000000]

Distinct passages of `--words` words from real documents, ids of 32 hex digits, 300 questions of clapnq_dev with all
their stop words, top 100, one thread. Each system runs in a process of its own, one after the other; memory is the
resident set after the searches, in a process that only opened the index.
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
from pathlib import Path
from typing import Any

QUESTIONS, TOP, ROUNDS, SHARD = 300, 100, 3, 10_000
SYSTEMS = ("ingest", "tantivy", "bm25s", "rank_bm25")
MOST_OF_RANK_BM25 = 100_000
FOLDERS = ("scifact/docs", "covidqa/docs", "ray_docs/docs", "clapnq_dev/docs", "corpora/rust_book")
Corpus = tuple[list[str], list[str], list[str]]  # passages, ids, questions


def main() -> int:
    """Measure each system; the exit status is 1 when the data is not there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path, default=Path(".venv-keyword/bin/python"))
    parser.add_argument("--passages", type=int, default=1_000_000)
    parser.add_argument("--words", type=int, default=40)
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
    print("| | build s | index MB | resident MB | p50 ms | p95 ms |\n| --- | --- | --- | --- | --- | --- |")
    for system in args.systems:
        print(measured(system, args), flush=True)
    return 0


def measured(system: str, args: argparse.Namespace) -> str:
    """Return the row of one system, or why there is none."""
    if system == "rank_bm25" and args.passages > MOST_OF_RANK_BM25:
        return f"| {system} | – (measured up to {MOST_OF_RANK_BM25:,} passages) | | | | |"
    python = Path(sys.executable) if system == "ingest" else args.peers
    if not python.exists():
        return f"| {system} | – ({python} is missing: make bench-keyword builds it) | | | | |"
    with tempfile.TemporaryDirectory() as folder:
        found: dict[str, float] = {}
        for step in ("build", "search"):
            command = [python, __file__, "--passages", args.passages, "--words", args.words, "--step", system, step]
            ran = subprocess.run([*map(str, command), folder], capture_output=True, text=True, check=False)
            if ran.returncode:
                return f"| {system} | – ({ran.stderr.strip().splitlines()[-1]}) | | | | |"
            found |= json.loads(ran.stdout.splitlines()[-1])
    cells = (found["build"], found["size"], found["resident"], found["p50"], found["p95"])
    return f"| {system} | " + " | ".join(f"{cell:.2f}" if cell < 10 else f"{cell:.0f}" for cell in cells) + " |"


def corpus(args: argparse.Namespace) -> Corpus:
    """Return passages at random places of real documents, the same in every process."""
    import numpy as np

    root = Path(os.environ["INGEST_TEST_DATA"])
    paths = [p for folder in FOLDERS for p in sorted((root / folder).rglob("*")) if p.suffix in (".md", ".rst", ".txt")]
    words = [word for path in paths for word in path.read_text(errors="ignore").split()]
    starts = np.random.default_rng(1).choice(len(words) - args.words, args.passages, replace=False).tolist()
    ids = [hashlib.sha256(str(start).encode()).hexdigest()[:32] for start in starts]
    return [" ".join(words[s : s + args.words]) for s in starts], ids, questions()


def questions() -> list[str]:
    """Return real questions."""
    lines = (Path(os.environ["INGEST_TEST_DATA"]) / "clapnq_dev/queries.jsonl").read_text().splitlines()
    return [json.loads(line)["text"] for line in lines[:QUESTIONS]]


def size(folder: Path) -> float:
    """Return the megabytes of the files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def timed(search: Any, queries: list[Any]) -> dict[str, float]:
    """Return percentiles over questions of the fastest of some rounds, in ms, and the resident megabytes."""
    import numpy as np

    best = np.full(len(queries), np.inf)
    for _ in range(ROUNDS):
        for i, query in enumerate(queries):
            start = time.perf_counter()
            search(query)
            best[i] = min(best[i], time.perf_counter() - start)
    p50, p95 = (np.percentile(best, [50, 95]) * 1e3).tolist()
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    return {"p50": p50, "p95": p95, "resident": resident}


def ingest_build(folder: Path, args: argparse.Namespace) -> dict[str, float]:
    """Write shards, then merge them."""
    import pyarrow.parquet as pq

    from ingest.bm25 import Analyser, merge, shard_postings

    passages, ids, _ = corpus(args)
    shards, start = [], time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        for i in range(0, len(passages), SHARD):
            made = shard_postings(passages[i : i + SHARD], ids[i : i + SHARD], Analyser())
            paths = Path(scratch) / f"{i}-postings", Path(scratch) / f"{i}-lengths"
            pq.write_table(made.postings, paths[0])
            pq.write_table(made.lengths, paths[1])
            shards.append(paths)
        merge(shards, folder)
        return {"build": time.perf_counter() - start, "size": size(folder)}


def ingest_search(folder: Path, _: argparse.Namespace) -> dict[str, float]:
    """Search through the files."""
    from ingest.bm25 import Analyser, KeywordIndex

    paths = (folder / f"{name}.parquet" for name in ("postings", "terms", "lengths"))
    with KeywordIndex.open(*paths) as index:
        return timed(lambda query: index.search([query], [None], TOP), Analyser().terms(questions()))


def tantivy_build(folder: Path, args: argparse.Namespace) -> dict[str, float]:
    """Index with one thread, ids stored."""
    import tantivy

    passages, ids, _ = corpus(args)
    start = time.perf_counter()
    writer = tantivy.Index(_schema(tantivy), path=str(folder)).writer(heap_size=200_000_000, num_threads=1)
    for passage, chunk_id in zip(passages, ids, strict=True):
        writer.add_document(tantivy.Document(body=passage, id=chunk_id))
    writer.commit()
    writer.wait_merging_threads()
    return {"build": time.perf_counter() - start, "size": size(folder)}


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
    start = time.perf_counter()
    tokens = bm25s.tokenize(passages, stopwords=None, stemmer=Stemmer.Stemmer("english"), show_progress=False)
    index = bm25s.BM25(backend="numba")
    index.index(tokens, show_progress=False)
    built = time.perf_counter() - start
    index.save(folder)
    return {"build": built, "size": size(folder)}


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
    start, _ = time.perf_counter(), _ranked(args)
    return {"build": time.perf_counter() - start, "size": size(folder)}


def rank_bm25_search(_: Path, args: argparse.Namespace) -> dict[str, float]:
    """Build again and search in memory."""
    import numpy as np

    index, terms = _ranked(args)
    return timed(lambda query: np.argsort(-index.get_scores(query))[:TOP], [terms(q) for q in questions()])


def _ranked(args: argparse.Namespace) -> Any:
    import rank_bm25
    import Stemmer

    stemmer = Stemmer.Stemmer("english")

    def terms(text: str) -> list[str]:
        return list(stemmer.stemWords(re.findall(r"\w+", text.lower())))

    return rank_bm25.BM25Okapi([terms(passage) for passage in corpus(args)[0]]), terms


if __name__ == "__main__":
    sys.exit(main())
