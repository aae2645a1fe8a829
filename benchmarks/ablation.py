"""What each choice of the chunker is worth in retrieval: the same questions over chunks of several settings.

    INGEST_TEST_DATA=<folder> python benchmarks/ablation.py [--sets covidqa ray_docs] [--dense default fixed …]

BM25 for every variant, dense and fused (the default profile) for those named. In memory, without index or lake.
Differences are paired by question against the default, with 95 % bootstrap intervals.
"""

import argparse
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

METRICS = ("ndcg@10", "recall@10", "answered@500", "answered@1000", "answered@2000")
DEPTH, FETCHED = 50, 100
WEIGHT = 0.35  # of the dense stage, as in the settings
VARIANTS = {
    "default": {},
    "fixed": {},  # windows of the target size over the whole text, no structure, no context
    "fixed + title": {},  # the same with the document's title as context
    "no heading prefix": {"heading_prefix": False},
    "split level 2": {"split_level": 2},
    "split level 1": {"split_level": 1},
    "split level 2, no merging": {"split_level": 2, "min_tokens": 0},
    "target 96": {"target_tokens": 96, "max_tokens": 160, "min_tokens": 40},
    "target 220": {"target_tokens": 216, "max_tokens": 250},
    "overlap 32": {"overlap_tokens": 32},
}


def main() -> int:
    """Measure the variants on every set; the exit status is 1 when the data is not there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="*", default=["covidqa", "ray_docs"])
    parser.add_argument("--variants", nargs="*", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--dense", nargs="*", default=[], choices=list(VARIANTS))
    args = parser.parse_args()
    data = os.environ.get("INGEST_TEST_DATA")
    if not data:
        print("skipped: INGEST_TEST_DATA does not name a folder with judged sets")
        return 1
    for name in args.sets:
        measure(Path(data) / name, args.variants, args.dense)
    return 0


def measure(folder: Path, variants: list[str], dense: list[str]) -> None:
    """Print the table of one set."""
    from ingest.adapters.embedders.sentence_transformer.embedder import SentenceTransformerEmbedder
    from ingest.quality.judged_sets import read_judged_set, scored_questions

    tokenizer = SentenceTransformerEmbedder("default", {}).tokenizer
    embedder = SentenceTransformerEmbedder("default", {}).opened() if dense else None
    documents = parsed(folder)
    with (folder / "queries.jsonl").open(encoding="utf-8") as lines:
        asked = scored_questions([read_judged_set(lines, folder.name)])
    questions = asked.scored
    print(f"\n## {folder.name}: {asked}; {len(documents)} documents\n")
    print("| variant, stage | chunks | tokens a chunk | " + " | ".join(METRICS) + " | answered@1000 − default |")
    print("|" + " --- |" * (len(METRICS) + 4))
    base = {}
    for variant in variants:
        chunks = [c for path, d in documents.items() for c in chunked(variant, d, path, tokenizer)]
        stages = searched(chunks, questions, embedder if variant in dense else None)
        for stage, rankings in stages.items():
            scores = scored(chunks, rankings, questions, tokenizer)
            base.setdefault(stage, scores)
            cells = " | ".join(f"{np.mean([row[m] for row in scores.values()]):.3f}" for m in METRICS)
            size = np.mean([c.tokens for c in chunks])
            print(
                f"| {variant}, {stage} | {len(chunks)} | {size:.0f} | {cells} | {paired(scores, base[stage])} |",
                flush=True,
            )


def parsed(folder: Path) -> dict:
    """Return path → parsed document, those left out that no parser takes."""
    from ingest.documents import media_types, parsers
    from ingest.errors import DocumentError
    from ingest.records import DocumentRef, RawDocument

    found = {}
    for file in sorted((folder / "docs").rglob("*")):
        if not file.is_file():
            continue
        path, data = file.relative_to(folder).as_posix(), file.read_bytes()
        kind = media_types.sniff(data, path)
        ref = DocumentRef(uri=path, source="", path=path, version="", size=len(data))
        try:
            found[path] = parsers.find(kind, path).parse(RawDocument(ref, data, kind))
        except DocumentError:
            continue
    return found


def chunked(variant: str, document, path: str, tokenizer) -> list:
    """Return the chunks of a document under a variant; `document_id` is the path."""
    from ingest.documents.chunking import chunk
    from ingest.records import ChunkingOptions

    if variant.startswith("fixed"):
        return windows(document, path, tokenizer, ChunkingOptions().target_tokens, "title" in variant)
    return chunk(document, path, ChunkingOptions(**VARIANTS[variant]), tokenizer)


def windows(document, path: str, tokenizer, size: int, title: bool) -> list:
    """Return windows of `size` tokens, front matter left out as the default does."""
    from ingest.documents.chunking import chunk
    from ingest.records import Block, BlockKind, ChunkingOptions

    first = next((b.start for b in document.blocks if b.kind is not BlockKind.METADATA), len(document.text))
    spans = tokenizer.offsets([document.text[first:]])[0]
    cuts = [first + int(spans[i, 0]) for i in range(0, len(spans), size)]
    if not cuts:
        return []
    blocks = tuple(Block(BlockKind.CODE, a, b) for a, b in zip(cuts, [*cuts[1:], len(document.text)], strict=True))
    found = []
    options = ChunkingOptions(target_tokens=size, max_tokens=250, min_tokens=0, heading_prefix=title)
    for block in blocks:  # one at a time, so that nothing is merged
        found += chunk(replace(document, blocks=(block,)), f"{path}#{block.start}", options, tokenizer)
    return [replace(c, document_id=path) for c in found]


def searched(chunks: list, questions: list, embedder) -> dict:
    """Return stage → ranked chunk ids for each question."""
    import pyarrow.parquet as pq

    from ingest.documents.chunking import model_input
    from ingest.keyword import Analyser, KeywordIndex, merge, shard_postings
    from ingest.search import fusion

    analyser = Analyser()
    texts = [model_input(c.context, c.text) for c in chunks]
    with tempfile.TemporaryDirectory() as folder:
        made = shard_postings(texts, [c.chunk_id for c in chunks], analyser)
        pq.write_table(made.postings, path := Path(folder) / "shard")
        merged = merge([(made.lengths, [(path, np.arange(len(texts)))])], Path(folder))
        with KeywordIndex(merged.postings, merged.terms, merged.lengths) as index:
            terms = analyser.terms([q.text for q in questions])
            keyword = index.search(terms, [None] * len(questions), FETCHED)
            bounds = [index.bound(asked) for asked in terms]
            if embedder is not None:
                vectors = embedder.embed(texts)
                scores = embedder.embed_questions([q.text for q in questions]) @ vectors.T
                best = np.argsort(-scores, axis=1, kind="stable")[:, :FETCHED]
                ids = [c.chunk_id for c in chunks]
                nearest = [[ids[j] for j in order] for order in best]
                more = [index.scores(asked, sorted(found)) for asked, found in zip(terms, nearest, strict=True)]
    stages = {"bm25": [[hit.chunk_id for hit in hits] for hits in keyword]}
    if embedder is None:
        return stages
    stages["dense"] = nearest
    row_of = {chunk_id: row for row, chunk_id in enumerate(ids)}
    fused = []
    for row, found, hits, known, bound in zip(scores, nearest, keyword, more, bounds, strict=True):
        by_keyword = {**known, **{hit.chunk_id: hit.score for hit in hits}}
        cosines = {chunk: float(row[row_of[chunk]]) for chunk in {*found, *by_keyword}}
        fused.append([hit.chunk_id for hit in fusion.convex(cosines, by_keyword, WEIGHT, bound)])
    return stages | {"fused": fused}


def scored(chunks: list, rankings: list, questions: list, tokenizer) -> dict:
    """Return query id → metric → value."""
    from ingest.quality.metrics import score_questions
    from ingest.records import Result

    by_id = {c.chunk_id: c for c in chunks}

    def result(chunk_id: str) -> Result:
        c = by_id[chunk_id]
        return Result(
            c.chunk_id, c.document_id, c.document_id, "", c.document_id, "", c.heading_path, c.text, c.start, c.end
        )

    answers = [([result(i) for i in ids[:DEPTH]], q) for ids, q in zip(rankings, questions, strict=True)]
    return score_questions(answers, lambda texts: [len(spans) for spans in tokenizer.offsets(texts)])


def paired(scores: dict, base: dict) -> str:
    """Return the paired difference in answered@1000, with its interval."""
    from scipy.stats import bootstrap

    if scores is base:
        return "—"
    differences = np.array([row["answered@1000"] - base[q]["answered@1000"] for q, row in scores.items()])
    if not differences.any():
        return "0"
    low, high = bootstrap((differences,), np.mean, method="percentile", rng=0).confidence_interval
    return f"{differences.mean():+.3f} [{low:+.3f}, {high:+.3f}]"


if __name__ == "__main__":
    started = time.monotonic()
    status = main()
    print(f"\n{time.monotonic() - started:.0f} s")
    sys.exit(status)
