"""Speed of parsing and chunking on one core, as ratios to the tokenizer alone and to other chunkers.

    INGEST_TEST_DATA=<folder> python benchmarks/parse.py [--peers .venv-peers/bin/python] [--megabytes 1 10 50]

Same files, same machine, one thread, CPU seconds: 400 pages of Markdown for the comparison with peers, articles in
Chinese, the folders of corpora by format for our own rates, documents of growing length for linearity and memory. The
fastest of three runs counts, of two for a tokenizer that is opened anew, of one by format and length.
"""

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

os.environ |= {"RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}
PAGES = 400
FILES_PER_FORMAT, BYTES_PER_FORMAT = 60, 4_000_000
PEER_SECONDS = 300
GROWING = ("markdown", "plain", "one line", "csv")


def main() -> int:
    """Measure everything; the exit status is 1 when the data is not there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path, default=Path(".venv-peers/bin/python"))
    parser.add_argument("--megabytes", type=int, nargs="*", default=[1, 10, 50])
    parser.add_argument("--parts", nargs="*", default=["markdown", "chinese", "formats", "linearity"])
    parser.add_argument("--one", nargs=2, metavar=("KIND", "FILE"), help="measure one document of this kind")
    args = parser.parse_args()
    data = os.environ.get("INGEST_TEST_DATA")
    if not data:
        print("skipped: INGEST_TEST_DATA does not name a folder with corpora")
        return 1
    corpora = Path(data) / "corpora"
    pages = sorted((corpora / "kubernetes_docs_2021").rglob("*.md"))
    if args.one:
        print(json.dumps(grown(args.one[0], Path(args.one[1]), pages)))
        return 0
    if "markdown" in args.parts:
        compared("pages of Markdown", pages[:PAGES], pages[PAGES:], args.peers)
    if "chinese" in args.parts:
        articles = sorted(p for p in (Path(data) / "xquad_zh" / "docs").rglob("*") if p.is_file())
        compared("articles in Chinese", articles[::2], articles[1::2], None)
    if "formats" in args.parts:
        formats(corpora)
    if "linearity" in args.parts:
        linearity(args.megabytes, pages)
    return 0


def compared(what: str, files: list[Path], others: list[Path], peers: Path | None) -> None:
    """Print the rates on files of UTF-8 text, relative to the tokenizer alone, and the peers'."""
    from ingest.adapters.embedders.sentence_transformer.embedder import SentenceTransformerEmbedder

    tokenizer = SentenceTransformerEmbedder("default", {}).tokenizer
    raws = [raw(path) for path in files]
    texts = [r.data.decode() for r in raws]
    size = sum(len(r.data) for r in raws) / 1e6
    count = plain_count()
    alone = size / fastest(lambda: count(texts))
    ours(raws[:5], tokenizer)
    cold, after, chunks = measured_ours(raws, [raw(path) for path in others])
    print(f"\n## {len(files)} {what}, {size:.1f} MB, one core\n")
    print("| | MB per CPU second | of the tokenizer alone | chunks |\n| --- | --- | --- | --- |")
    row("tokenizer alone, each text once", alone, alone, "")
    row("parse + chunk, exact tokens, first files of a process", size / cold, alone, chunks)
    row(f"parse + chunk, exact tokens, after {len(others)} other files", size / after, alone, chunks)
    for name, found in measured_peers(files, peers) if peers else ():
        if "seconds" in found:
            row(f"{name} ({found['version']})", size / found["seconds"], alone, found["chunks"])
        else:
            print(f"| {name} | not measured: {found['missing'][:100]} | | |", flush=True)


def measured_ours(raws: list, others: list) -> tuple[float, float, object]:
    """Return the CPU seconds with a tokenizer that knows no word yet, with one that saw other pages, and the chunks."""
    from ingest.adapters.embedders.sentence_transformer.embedder import SentenceTransformerEmbedder

    cold, after, chunks = [], [], None
    for _ in range(2):
        tokenizer = SentenceTransformerEmbedder("default", {}).tokenizer
        took, chunks = seconds(lambda t=tokenizer: ours(raws, t))
        cold.append(took)
        tokenizer = SentenceTransformerEmbedder("default", {}).tokenizer
        ours(others, tokenizer)
        after.append(seconds(lambda t=tokenizer: ours(raws, t))[0])
    return min(cold), min(after), chunks


def tokenizer_file() -> Path:
    """Return the default model's tokenizer.json."""
    from ingest.adapters.embedders.sentence_transformer.model_folder import locate

    return locate("default", None).transformer / "tokenizer.json"


def plain_count():
    """Return a function that does nothing but tokenise texts, all in one call, as fast as the library can."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(tokenizer_file()))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return lambda texts: [len(each) for each in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]


def row(name: str, rate: float, alone: float, chunks: object) -> None:
    """Print one row of the first table."""
    print(f"| {name} | {rate:.2f} | {rate / alone:.0%} | {chunks} |", flush=True)


def measured_peers(files: list[Path], python: Path):
    """Yield (name, result) of each peer, run in its own environment."""
    from peers import PEERS

    with tempfile.NamedTemporaryFile("w", suffix=".txt") as listing:
        listing.write("\n".join(map(str, files)))
        listing.flush()
        for name in PEERS:
            if not python.exists():
                yield name, {"missing": f"{python} is not there"}
                continue
            command = [str(python), str(Path(__file__).parent / "peers.py"), str(tokenizer_file()), listing.name, name]
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=PEER_SECONDS, check=False)
                lines = done.stdout.strip().splitlines()
                yield name, json.loads(lines[-1]) if lines else {"missing": done.stderr.strip().splitlines()[-1]}
            except subprocess.TimeoutExpired:
                yield name, {"missing": f"not done after {PEER_SECONDS} s"}


def ours(raws: list, tokenizer) -> int:
    """Parse and chunk; return the number of chunks."""
    from ingest.documents import parsers
    from ingest.documents.chunking import chunk
    from ingest.errors import DocumentError
    from ingest.records import ChunkingOptions

    options, chunks = ChunkingOptions(), 0
    for r in raws:
        try:
            chunks += len(chunk(parsers.find(r.media_type).parse(r), r.ref.uri, options, tokenizer))
        except DocumentError:
            continue
    return chunks


def formats(corpora: Path) -> None:
    """Print our own rates by format."""
    from ingest.adapters.embedders.sentence_transformer.embedder import SentenceTransformerEmbedder
    from ingest.documents import parsers
    from ingest.errors import UnsupportedFormat

    tokenizer, found = SentenceTransformerEmbedder("default", {}).tokenizer, defaultdict(list)
    for path in sorted(corpora.rglob("*")):
        if path.is_file() and path.suffix and path.stat().st_size < BYTES_PER_FORMAT:
            r = raw(path)
            try:
                name = parsers.find(r.media_type).__name__.rpartition(".")[2]
            except UnsupportedFormat:
                continue
            held = found[name]
            if len(held) < FILES_PER_FORMAT and sum(len(x.data) for x in held) < BYTES_PER_FORMAT:
                held.append(r)
    print("\n## Parse + chunk by format\n\n| parser | files | MB | MB per CPU second | files per CPU second |")
    print("| --- | --- | --- | --- | --- |")
    for name, raws in sorted(found.items()):
        size = sum(len(r.data) for r in raws) / 1e6
        ours(raws[:1], tokenizer)  # imports
        gc.collect()
        took, _ = seconds(lambda raws=raws: ours(raws, tokenizer))
        print(f"| {name} | {len(raws)} | {size:.1f} | {size / took:.2f} | {len(raws) / took:.1f} |", flush=True)


def linearity(megabytes: list[int], pages: list[Path]) -> None:
    """Print the time and the peak of memory per megabyte of growing documents, each in a process of its own."""
    print("\n## Parse + chunk one document of growing length: CPU seconds and MB of memory per MB of document\n")
    print(f"| document | {' | '.join(f'{n} MB' for n in megabytes)} |\n|{' --- |' * (len(megabytes) + 1)}")
    for kind in GROWING:
        cells = []
        for n in megabytes:
            with tempfile.NamedTemporaryFile() as file:
                file.write(growing(kind, n * 10**6, pages))
                file.flush()
                command = [sys.executable, __file__, "--one", kind, file.name]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                cells.append((done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1][:60])
                continue
            found = json.loads(done.stdout)
            cells.append(f"{found['seconds'] / n:.2f} s, {found['memory'] / n:.0f} MB")
        print(f"| {kind} | {' | '.join(cells)} |", flush=True)


def grown(kind: str, file: Path, pages: list[Path]) -> dict[str, float]:
    """Return the CPU seconds and the peak of memory beyond the file's bytes, in MB, of one document."""
    import resource

    from ingest.adapters.embedders.sentence_transformer.embedder import SentenceTransformerEmbedder
    from ingest.documents import parsers
    from ingest.documents.chunking import chunk
    from ingest.records import ChunkingOptions, DocumentRef, ParseLimits, ParserOptions, RawDocument

    data = file.read_bytes()
    tokenizer = SentenceTransformerEmbedder("default", {}).tokenizer
    media_type = {"markdown": "text/markdown", "csv": "text/csv"}.get(kind)
    for page in pages[:20]:  # imports and first words
        ours([raw(page)], tokenizer)
    ref = DocumentRef(uri="file:///grown", source="", path="grown", version="", size=len(data))
    options = ParserOptions(limits=ParseLimits(document_bytes=2**30))
    document = RawDocument(ref, data, media_type or "text/plain", options)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    parser = parsers.find(document.media_type)
    took, chunks = seconds(lambda: chunk(parser.parse(document), "d", ChunkingOptions(), tokenizer))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before  # KiB
    return {"seconds": took, "memory": peak / 1000, "chunks": len(chunks)}


def growing(kind: str, size: int, pages: list[Path]) -> bytes:
    """Return a document of about `size` bytes."""
    if kind == "csv":
        rows = [
            f"{i},part {i % 977},in stock,{i * 37 % 1000}.{i % 100:02d},delivered by rail" for i in range(size // 45)
        ]
        return "\n".join(["id,name,state,price,remark", *rows]).encode()
    text = "\n\n".join(page.read_text(encoding="utf-8") for page in pages)
    if kind == "one line":
        text = " ".join(text.split())
    data = text.encode()
    return (data * (size // len(data) + 1))[:size].decode(errors="ignore").encode()


def raw(path: Path):
    """Return a file as a document with its sniffed media type."""
    from ingest.documents import media_types
    from ingest.records import DocumentRef, RawDocument

    data = path.read_bytes()
    ref = DocumentRef(uri=path.as_uri(), source="", path=path.name, version="", size=len(data))
    return RawDocument(ref, data, media_types.sniff(data, path.name))


def seconds(work) -> tuple[float, object]:
    """Return the CPU seconds of one call, and its result."""
    started = time.process_time()
    result = work()
    return time.process_time() - started, result


def fastest(work) -> float:
    """Return the CPU seconds of the fastest of three calls."""
    return min(seconds(work)[0] for _ in range(3))


if __name__ == "__main__":
    sys.exit(main())
