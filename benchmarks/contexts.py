"""How many contexts and vectors of real documents change: what a change to parsers or chunker makes to embed again.

    INGEST_TEST_DATA=<folder> python benchmarks/contexts.py --save before.json    # with the old code
    INGEST_TEST_DATA=<folder> python benchmarks/contexts.py --against before.json [--sets ray_docs covidqa …]

Parses and chunks every document below <folder>/corpora and of the judged sets, and those inside them, under the default
settings; nothing is embedded. A chunk is known by its document and text. A file holds digests, no text.
"""

import argparse
import hashlib
import json
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

JUDGED = ("clapnq_dev", "covidqa", "ray_docs", "scifact", "xquad_de", "xquad_zh")
MAX_DEPTH = 3
DIGITS = 16  # of a digest
Digests = dict[str, list[tuple[str, str]]]  # document → its chunks in order: digests of text and context


def corpora(data: Path) -> dict[str, Path]:
    """Return name → folder of the corpora and the judged sets that are there."""
    found = {folder.name: folder for folder in sorted((data / "corpora").glob("*")) if folder.is_dir()}
    return found | {name: data / name / "docs" for name in JUDGED if (data / name / "docs").is_dir()}


def digests(folder: Path, tokenizer) -> Digests:
    """Return the chunks of every document below a folder that can be read."""
    from tests.inline_sandbox import InlineSandbox

    sandbox = InlineSandbox()
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return dict(
        one
        for path in files
        for one in _of_document(sandbox, tokenizer, path.relative_to(folder).as_posix(), path.read_bytes())
    )


def _of_document(sandbox, tokenizer, path: str, data: bytes, kind: str = "", depth: int = 0) -> Iterator:
    from ingest.documents.chunking import chunk
    from ingest.errors import DocumentError
    from ingest.records import ChunkingOptions, DocumentRef, RawDocument

    try:
        document = sandbox.parse(RawDocument(DocumentRef(f"file:///{path}", "", path, "1", len(data)), data, kind))
    except DocumentError:
        return
    chunks = chunk(document, path, ChunkingOptions(), tokenizer)
    yield path, [(_digest(one.text), _digest(one.context)) for one in chunks]
    for child in document.children if depth < MAX_DEPTH else ():
        yield from _of_document(sandbox, tokenizer, f"{path}!{child.path}", child.data, child.media_type, depth + 1)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def compared(before: Digests, after: Digests) -> dict[str, int]:
    """Return what one corpus' chunks are now, and how many differ from before."""
    vectors = {pair for chunks in before.values() for pair in map(tuple, chunks)}
    found = Counter(documents=len(after), contexts=0, texts=0, vectors=0)
    for path, chunks in after.items():
        known: dict[str, list[str]] = defaultdict(list)
        for text, context in before.get(path, ()):
            known[text].append(context)
        for text, context in chunks:
            held = known[text]
            if not held:
                found["texts"] += 1
            elif context in held:
                held.remove(context)
            else:
                held.pop(0)
                found["contexts"] += 1
            found["vectors"] += (text, context) not in vectors
    return {**found, "chunks": sum(map(len, after.values()))}


def table(before: dict[str, Digests], after: dict[str, Digests]) -> str:
    """Return the comparison of each corpus as a Markdown table."""
    names = ("documents", "chunks", "contexts", "texts", "vectors")
    lines = ["| corpus | documents | chunks | another context | another text | vectors to make |", "| --- " * 6 + "|"]
    for corpus, found in after.items():
        row = compared(before.get(corpus, {}), found)
        lines.append(f"| {corpus} | " + " | ".join(f"{row[name]:,}" for name in names) + " |")
    return "\n".join(lines)


def main() -> int:
    """Save digests, or print what differs from saved ones; the exit status is 1 when the data is not there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--save", type=Path, help="write the digests to this file")
    parser.add_argument("--against", type=Path, help="compare with the digests in this file")
    parser.add_argument("--sets", nargs="*", help="corpora and judged sets; all that are there")
    given = parser.parse_args()
    data = os.environ.get("INGEST_TEST_DATA")
    if not data:
        print("skipped: INGEST_TEST_DATA does not name a folder with documents")
        return 1
    from ingest.adapters.embedders.sentence_transformer.embedder import SentenceTransformerEmbedder

    tokenizer = SentenceTransformerEmbedder("default", {}).tokenizer
    folders = {name: path for name, path in corpora(Path(data)).items() if given.sets is None or name in given.sets}
    found = {name: digests(path, tokenizer) for name, path in folders.items()}
    if given.save:
        given.save.write_text(json.dumps(found))
    if given.against:
        print(table(json.loads(given.against.read_text()), found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
