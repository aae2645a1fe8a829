"""How much work a vector costs: our embedder alone and in the running pipeline, beside other ways to run the model.

    INGEST_TEST_DATA=<folder> python -m benchmarks.embed [--chunks 300] [--rounds 5] [--threads 1]

Whole documents of the corpora and judged sets go through the real pipeline; the texts that it embeds, of mixed lengths,
are then embedded by every way in turn, round after round in one process. Figures are medians of CPU seconds (user and
system) and of ratios within a round. Useful work is what the layers compute on the tokens of the texts alone; the peak
is the fastest matrix product of PyTorch, of the model's shapes and larger ones, in the same number format.
"""

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import yaml

SUFFIXES = (".md", ".rst", ".txt", ".html", ".ipynb")
PADDED = 32  # texts per batch, in ONNX Runtime as by default in sentence-transformers
SHAPES = ((4096, 384, 1152), (4096, 384, 1536), (4096, 1536, 384), (2048, 2048, 2048))
ENCODE = "sentence-transformers `encode`, float32"


def main() -> int:
    """Measure, and print one table; the exit status is 1 when the data is not there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    data = os.environ.get("INGEST_TEST_DATA")
    if not data:
        print("skipped: INGEST_TEST_DATA does not name a folder with corpora")
        return 1
    os.environ |= {"OMP_NUM_THREADS": str(args.threads), "TOKENIZERS_PARALLELISM": "false"}
    with tempfile.TemporaryDirectory(prefix="ingest-bench-embed-") as temporary:
        measure(Path(temporary), Path(data), args)
    return 0


def measure(folder: Path, data: Path, args: argparse.Namespace) -> None:
    """Print the table."""
    write_documents(folder / "docs", data, args.chunks)
    texts, in_pipeline, tokens = run_pipeline(folder / "first")
    ways = ways_to_embed(texts, folder, args.threads)
    seconds: dict[str, list[float]] = {name: [] for name in (*ways, "ours, bfloat16, in the running pipeline")}
    vectors: dict[str, np.ndarray] = {}
    for number in range(args.rounds):
        for name, embed in ways.items():
            started = time.process_time()
            found = np.asarray(embed(texts), np.float32)
            seconds[name].append(time.process_time() - started)
            vectors[name] = found / np.linalg.norm(found, axis=1, keepdims=True)
        again = in_pipeline if number == 0 else run_pipeline(folder / f"round{number}")[1]
        seconds["ours, bfloat16, in the running pipeline"].append(again)
    report(seconds, vectors, tokens, args)


def write_documents(folder: Path, data: Path, chunks: int) -> None:
    """Write documents of every corpus and set in turn, until they have about as many chunks as wanted."""
    from benchmarks.contexts import corpora

    folder.mkdir()
    found = []
    for place in corpora(data).values():
        files = sorted(path for path in place.rglob("*") if path.is_file() and path.suffix in SUFFIXES)
        random.Random(0).shuffle(files)
        found.append(files)
    size = number = 0
    while size < chunks * 900:  # bytes; a chunk has about as many
        for file in (files[number] for files in found if number < len(files)):
            content = file.read_bytes()[:12_000]
            (folder / f"{number}-{file.parent.name}-{file.name}").write_bytes(content)
            size += len(content)
        number += 1


def run_pipeline(folder: Path) -> tuple[list[str], float, list[int]]:
    """Build an index; return the texts that were embedded, the CPU seconds of that, and the tokens of each text."""
    import ingest
    from ingest.adapters.embedders.sentence_transformer.embedder import SentenceTransformerEmbedder as Embedder

    gate = {"floors": {}, "allow_unjudged": True}
    source = {"name": "docs", "uri": str(folder.parent / "docs")}
    index = {"sources": [source], "gate": gate, "model": {"options": {"device": "cpu", "questions": "torch"}}}
    folder.mkdir()
    path = folder / "ingest.yaml"
    path.write_text(
        yaml.safe_dump({"lake": "lake", "state": str(folder.parent / "state"), "indexes": {folder.name: index}})
    )
    texts, spent, tokens, embed = list[str](), [0.0], list[int](), Embedder.embed

    def counted(embedder, given):
        started = time.process_time()
        made = embed(embedder, given)
        spent[0] += time.process_time() - started
        texts.extend(given)
        tokens.extend(count + embedder.tokenizer.special_tokens for count in embedder.tokenizer.count(given))
        return made

    Embedder.embed = counted  # type: ignore[method-assign]
    try:
        with ingest.open(path) as opened:
            opened.run()
    finally:
        Embedder.embed = embed  # type: ignore[method-assign]
    return texts, spent[0], tokens


def ways_to_embed(texts: list[str], folder: Path, threads: int) -> dict[str, Callable[[list[str]], np.ndarray]]:
    """Return the ways by name, each opened and used once."""
    import torch

    from ingest.adapters.embedders.sentence_transformer import runtimes
    from ingest.adapters.embedders.sentence_transformer.embedder import SentenceTransformerEmbedder

    torch.set_num_threads(threads)
    ways: dict[str, Callable[[list[str]], np.ndarray]] = {}
    for dtype in ("float32", "bfloat16"):
        options = {"device": "cpu", "dtype": dtype, "questions": "torch"}
        model = SentenceTransformerEmbedder("default", options).opened()
        library = runtimes.load_model(model.folder.path, "cpu", dtype)
        ways[f"sentence-transformers `encode`, {dtype}"] = lambda t, m=library: m.encode(
            t, convert_to_tensor=True
        ).float()
        ways[f"ours, {dtype}, alone"] = model.embed
        if dtype == "float32":
            library.max_seq_length = model._length
            exported = runtimes.export(folder / "onnx", "bench", library, "", model.tokenizer.inputs)
            assert exported is not None
            path = next((folder / "onnx").glob("*/model.onnx"))
            ways["ONNX Runtime, float32"] = in_onnx(path, library.tokenizer, threads)
    for embed in ways.values():
        embed(texts[:PADDED])
    return ways


def in_onnx(path: Path, tokenizer, threads: int) -> Callable[[list[str]], np.ndarray]:
    """Return what embeds in ONNX Runtime, in padded batches of texts of similar length."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]

    def embed(texts: list[str]) -> np.ndarray:
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]), reverse=True)
        made: dict[int, np.ndarray] = {}
        for start in range(0, len(order), PADDED):
            batch = order[start : start + PADDED]
            inputs = tokenizer([texts[i] for i in batch], padding=True, return_tensors="np")
            made |= zip(batch, session.run(None, {name: inputs[name] for name in names})[0], strict=True)
        return np.stack([made[i] for i in range(len(texts))])

    return embed


def peak(dtype: str) -> float:
    """Return the fastest matrix product in operations per CPU second."""
    import torch

    best = 0.0
    for rows, inner, columns in SHAPES:
        left, right = (torch.randn(n, inner).to(getattr(torch, dtype)) for n in (rows, columns))
        for _ in range(5):
            started = time.process_time()
            for _ in range(10):
                torch.nn.functional.linear(left, right)
            best = max(best, 20 * rows * inner * columns / (time.process_time() - started))
    return best


def useful_work(tokens: list[int], width: int = 384, inner: int = 1536, layers: int = 6) -> float:
    """Return the operations of the default model's matrix products on these tokens."""
    return float(sum(layers * n * (8 * width**2 + 4 * width * inner + 4 * n * width) for n in tokens))


def report(seconds: dict[str, list[float]], vectors: dict[str, np.ndarray], tokens: list[int], args) -> None:
    """Print the table."""
    import onnxruntime
    import sentence_transformers
    import torch

    peaks, work = {dtype: peak(dtype) for dtype in ("float32", "bfloat16")}, useful_work(tokens)
    libraries = (sentence_transformers, torch, onnxruntime)
    print(
        f"\n{len(tokens)} chunks of {min(tokens)} to {max(tokens)} tokens, {sum(tokens):,} in all; medians of ", end=""
    )
    print(f"{args.rounds} rounds, {args.threads} of {os.cpu_count()} cores; ", end="")
    print(", ".join(f"{library.__name__} {library.__version__}" for library in libraries))
    print("peak of matrix products:", ", ".join(f"{dtype} {rate / 1e9:.0f} GFLOP/s" for dtype, rate in peaks.items()))
    print("\n| | CPU seconds | tokens per CPU second | × `encode` | of the peak | lowest cosine |")
    print("| --- | --: | --: | --: | --: | --: |")
    for name, found in seconds.items():
        ratio = statistics.median(base / one for base, one in zip(seconds[ENCODE], found, strict=True))
        spent, best = statistics.median(found), peaks["bfloat16" if "bfloat16" in name else "float32"]
        cosine = f"{(vectors[name] * vectors[ENCODE]).sum(axis=1).min():.5f}" if name in vectors else ""
        rates = f"{sum(tokens) / spent:,.0f} | {ratio:.2f} | {work / spent / best:.0%}"
        print(f"| {name} | {spent:.2f} | {rates} | {cosine} |")


if __name__ == "__main__":
    sys.exit(main())
