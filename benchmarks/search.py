"""How long one search takes, per stage, alone and with 32 at the same time in one process.

    INGEST_TEST_DATA=<folder> python benchmarks/search.py [--chunks 100000] [--questions 300] [--concurrent 32]

A whole index is built by the pipeline from passages of the judged sets: keyword index, embedded vector engine, points.
Vectors are made by hashing with as many dimensions as the default model has, so that building takes minutes; encoding a
question with the default model is measured by itself, and is added to every stage but bm25 in production.
So is `near` to re-ranking: hashed vectors have no words to compare.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path

import numpy as np
import yaml

SETS = ("covidqa", "ray_docs", "clapnq_dev", "scifact")
WORDS, SECTIONS = 100, 20  # of a section: one chunk each; of a document
DIMENSION, TOP, WARM = 384, 10, 30


def main() -> int:
    """Build and measure; the exit status is 1 when the data is not there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--concurrent", type=int, default=32)
    parser.add_argument("--folder", type=Path, help="where the index is built, and kept for the next run")
    args = parser.parse_args()
    data = os.environ.get("INGEST_TEST_DATA")
    if not data:
        print("skipped: INGEST_TEST_DATA does not name a folder with judged sets")
        return 1
    questions = asked(Path(data), args.questions)
    encoding(questions)
    with tempfile.TemporaryDirectory(prefix="ingest-bench-search-") as temporary:
        measure(args.folder or Path(temporary), Path(data), questions, args)
    return 0


def asked(data: Path, count: int) -> list[str]:
    """Return questions of the sets, of each as many."""
    found = []
    for name in SETS:
        with (data / name / "queries.jsonl").open(encoding="utf-8") as lines:
            found += [json.loads(line)["text"] for line, _ in zip(lines, range(count // len(SETS)), strict=False)]
    return found


def passages(data: Path):
    """Yield passages of WORDS words for ever; those that come again differ in one word."""
    texts = []
    for name in SETS:
        for file in sorted((data / name / "docs").rglob("*")):
            if file.suffix in (".md", ".rst", ".txt"):
                words = [w for w in file.read_text(encoding="utf-8").split() if any(c.isalpha() for c in w)]
                plain = [w.strip("#*`_>|-=~+[](){}<") or "x" for w in words]
                texts += [" ".join(plain[i : i + WORDS]) for i in range(0, len(plain), WORDS)]
    order = np.random.default_rng(0).permutation(len(texts))
    for number, place in enumerate(cycle(order)):
        yield texts[place] if number < len(texts) else f"{texts[place]} again{number // len(texts)}"


def written(folder: Path, data: Path, chunks: int) -> Path:
    """Write documents and settings, once; return the settings."""
    path = folder / "ingest.yaml"
    if path.exists():
        return path
    (folder / "docs").mkdir(parents=True)
    found = passages(data)
    for number in range(-(-chunks // SECTIONS)):
        sections = [f"## Section {s} of document {number}\n\n{next(found)}\n" for s in range(SECTIONS)]
        (folder / "docs" / f"{number:06d}.md").write_text("\n".join(sections), encoding="utf-8")
    model = {"kind": "hashing", "name": "hashing", "options": {"dimension": DIMENSION}}
    index = {
        "sources": [{"name": "docs", "uri": "docs"}],
        "model": model,
        "duplicates": {"near": False},
        "gate": {"floors": {}, "allow_unjudged": True, "min_dense_recall": 0.0},  # hashed vectors have many ties
        "chunking": {"min_tokens": 0, "target_tokens": 220},
    }
    path.write_text(yaml.safe_dump({"lake": "lake", "state": "state", "indexes": {"bench": index}}))
    return path


def measure(folder: Path, data: Path, questions: list[str], args: argparse.Namespace) -> None:
    """Build the index and print the table."""
    import ingest

    with ingest.open(written(folder, data, args.chunks)) as index:
        started = time.perf_counter()
        index.run()
        searcher = index.searcher()
        chunks = searcher.manifest.counts["chunks"]
        print(f"\n{chunks:,} chunks, built or found in {time.perf_counter() - started:.0f} s; {os.cpu_count()} cores, ")
        print(f"{len(questions)} questions, top {TOP}, milliseconds\n")
        print(f"| stage | p50 | p95 | {args.concurrent} at once: p50 | p95 | per second |")
        print("| --- | --- | --- | --- | --- | --- |")
        for stage in searcher.stages:
            row(searcher, stage, questions, args.concurrent)


def row(searcher, stage: str, questions: list[str], concurrent: int) -> None:
    """Print the row of one stage."""
    from ingest.records import Filter

    def timed(question: str) -> float:
        started = time.perf_counter()
        searcher.search([question], Filter(), TOP, (stage,))
        return 1e3 * (time.perf_counter() - started)

    for question in questions[:WARM]:
        timed(question)
    alone = [timed(question) for question in questions]
    with ThreadPoolExecutor(concurrent) as pool:
        started = time.perf_counter()
        together = list(pool.map(timed, questions * 2))
        rate = len(together) / (time.perf_counter() - started)
    figures = [np.percentile(times, share) for times in (alone, together) for share in (50, 95)]
    print(f"| {stage} | " + " | ".join(f"{figure:.1f}" for figure in figures) + f" | {rate:.0f} |", flush=True)


def encoding(questions: list[str]) -> None:
    """Print how long one question takes in the default model, through ONNX Runtime and through PyTorch."""
    from ingest.adapters.embedders.sentence_transformer.embedder import SentenceTransformerEmbedder

    print("| one question, default model | p50 | p95 | cosine, least |\n| --- | --- | --- | --- |")
    exact = SentenceTransformerEmbedder("default", {"device": "cpu", "dtype": "float32"}).opened()
    expected = [exact.embed_questions([question])[0] for question in questions]
    with tempfile.TemporaryDirectory() as cache:
        for label, options in (("PyTorch", {}), ("ONNX Runtime, 1 thread", {"question_cache": cache})):
            embedder = SentenceTransformerEmbedder("default", {"device": "cpu", **options}).opened()
            embedder.prepare_questions()
            times, cosines = [], []
            for question, vector in zip(questions, expected, strict=True):
                started = time.perf_counter()
                found = embedder.embed_questions([question])[0]
                times.append(1e3 * (time.perf_counter() - started))
                cosines.append(float(found @ vector))
            name = f"{label} ({embedder.dtype})" if not options else f"{label} (float32)"
            p50, p95 = np.percentile(times, 50), np.percentile(times, 95)
            print(f"| {name} | {p50:.1f} | {p95:.1f} | {min(cosines):.5f} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
