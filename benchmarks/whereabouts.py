"""How long `ingest why` takes on a large lake whose parts are written directly, in some generations.

    python -m benchmarks.whereabouts [--chunks 1000000] [--generations 7] [--asked 20]

Every generation has its own keyword index and, of the shards of the documents that are asked for, its own parts, as if
each night changed something in all of them. The vector index is in memory and holds the points of these documents only.
"""

import argparse
import hashlib
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

CHUNKS_OF_DOCUMENT, WORDS, DIMENSION = 10, 40, 8
DOCUMENTS_PER_SHARD = 300  # the default


def main() -> None:
    """Write the lake, ask, and print the times in milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, default=1_000_000)
    parser.add_argument("--generations", type=int, default=7, help="as many as settings keep by default")
    parser.add_argument("--asked", type=int, default=20)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ingest-bench-why-") as folder:
        made = Made(Path(folder), args.chunks // CHUNKS_OF_DOCUMENT, args.asked)
        for number in range(1, args.generations + 1):
            made.write(number)
        print(f"{args.chunks:,} chunks in {made.shards} shards, {args.generations} generations, milliseconds\n")
        print("| asked for | p50 | slowest | CPU: p50 | slowest |\n| --- | --- | --- | --- | --- |")
        for what, names in made.names().items():
            times = zip(*(made.timed(name) for name in names), strict=True)
            print(
                f"| {what} | " + " | ".join(f"{f(t):.0f}" for t in times for f in (np.median, max)) + " |", flush=True
            )


class Made:
    """A lake as a run would have left it, as far as anybody asks."""

    def __init__(self, folder: Path, documents: int, asked: int) -> None:
        from ingest.adapters.stores.folder_store import FolderStore
        from ingest.ids import document_id, shard_of
        from ingest.pipeline.changes import shard_count
        from tests.pipelines import CountingSource, Project

        source = CountingSource("docs", folder / "documents")
        self.project = Project((source,), store=FolderStore(str(folder / "lake")), monotonic=time.monotonic)
        self.project.sources = ()
        self.lake, self.shards = self.project.lake, shard_count(documents, DOCUMENTS_PER_SHARD)
        self.lake.identity(lambda: "bench")
        self.by_shard = {shard: [] for shard in range(self.shards)}
        for uri in sorted(f"s3://bench/documents/{n:07d}.md" for n in range(documents)):
            self.by_shard[shard_of(document_id(uri), self.shards)].append(uri)
        every = [uri for uris in self.by_shard.values() for uri in uris]
        self.asked = every[:: max(len(every) // asked, 1)][:asked]
        self.asked_shards = {shard_of(document_id(uri), self.shards) for uri in self.asked}
        words = np.array([hashlib.sha256(str(n).encode()).hexdigest()[: 3 + n % 8] for n in range(20_000)])
        rng = np.random.default_rng(0)
        self.texts = [" ".join(words[rng.integers(0, len(words), WORDS)]) for _ in range(50_000)]
        self.parts = {}

    def write(self, number: int) -> None:
        """Write a generation and release it."""
        from ingest import records
        from ingest.ids import collection_name

        name = f"{number:04d}-{'0' * 8}"
        base = f"{number - 1:04d}-{'0' * 8}" if number > 1 else None
        for shard in self.by_shard:
            if number == 1 or shard in self.asked_shards:
                self.parts[shard] = self.shard_parts(shard, number)
        lengths = pa.concat_tables([lengths for _, lengths in self.parts.values()])
        path = Path(self.lake.store.uri.removeprefix("file://")) / "lengths.parquet"
        pq.write_table(lengths, path, compression="zstd", row_group_size=4096)
        keyword = self.lake.write_part_file("keyword.lengths", None, path)
        parts = (*(part for some, _ in self.parts.values() for part in some), keyword)
        collection = collection_name("docs", name, "bench")
        told = {"index": "docs", "generation": name, "base": base, "shards": self.shards, "settings_hash": "0" * 64}
        self.lake.claims.add(
            lambda _: records.Claim(id=name, base=base, settings_hash="0" * 64, shards=self.shards, token=name)
        )
        model = records.ModelRecord(
            kind="hashing", name="hashing", fingerprint="f", dimension=DIMENSION, max_tokens=100
        )
        self.lake.seal(
            records.Manifest(
                **told,
                collection=collection,
                parts=parts,
                segments={s: () for s in self.by_shard},
                counts={},
                settings={},
                fingerprints={"chunker": "c"},
                analyser={},
                model=model,
                digest="0" * 64,
                probe=records.Probe(question="q", vector=(1.0,)),
            )
        )
        plans = {shard: self.lake.write_shard_plan(name, self.plan(shard)) for shard in self.by_shard}
        figures = dict.fromkeys(("bytes_to_fetch", "chunks_to_embed", "tokens_to_embed", "gpu_minutes"), 0)
        self.lake.freeze_plan(
            records.PlanSummary(generation=name, base=base, shards=plans, counts={}, needs_generation=True, **figures)
        )
        profile = self.lake.write_named(records.QueryProfile())
        release = {"guard": "", "verdict": None, "action": "promote", "who": "bench", "why": "", "hold": None, "at": ""}
        self.lake.releases.add(
            lambda n: records.Release(
                number=n, generation=name, collection=collection, profile=profile, base=None, token=name, **release
            )
        )
        self.load(collection, name)

    def plan(self, shard: int):
        """Return a plan whose documents are those of a shard that is asked for."""
        from ingest import records

        uris = self.by_shard[shard] if shard in self.asked_shards else ()
        of = {
            "source": "docs",
            "version": "v",
            "size": 1,
            "acl": ("public",),
            "tenant": "public",
            "change": "unchanged",
        }
        documents = tuple(records.PlannedDocument(uri=uri, path=uri.rpartition("/")[2], **of) for uri in uris)
        return records.ShardPlan(shard=shard, documents=documents, deleted=(), steps=(), base_parts=())

    def shard_parts(self, shard: int, number: int):
        """Return the parts of a shard and the lengths of its chunks; in each generation its texts begin otherwise."""
        from ingest.ids import document_id
        from ingest.lake.rows import SCHEMAS, DocumentRow, table_of

        rows, chunks = [], {name: [] for name in SCHEMAS["chunks"].names}
        for uri in self.by_shard[shard]:
            id_, path = document_id(uri), uri.rpartition("/")[2]
            shared = {"acl": ("public",), "tenant": "public", "chunk_count": CHUNKS_OF_DOCUMENT, "parser": "markdown"}
            rows.append(DocumentRow(uri, "docs", path, "v", 1, document_id=id_, sha256="0" * 64, **shared))
            for n in range(CHUNKS_OF_DOCUMENT):
                chunk = hashlib.sha256(f"{uri}{n}".encode()).hexdigest()[:32]
                start, text = n * 300, self.texts[(len(chunks["text"]) * 7 + shard + number) % len(self.texts)]
                values = (
                    chunk,
                    id_,
                    ["Title", f"Section {n}"],
                    [["Title", f"Section {n}"]],
                    text,
                    "Title",
                    start,
                    start + 300,
                )
                others = {"tokens": 60, "embedding_key": hashlib.sha256(text.encode()).hexdigest(), "page": None}
                row = dict(zip(SCHEMAS["chunks"].names, values, strict=False)) | others
                for name, column in chunks.items():
                    column.append(row.get(name, {"marks": [], "parent": None, "sketch": bytes(40)}.get(name)))
        table = pa.table({n: pa.array(chunks[n], SCHEMAS["chunks"].field(n).type) for n in chunks}, SCHEMAS["chunks"])
        tables = {"documents": table_of("documents", rows), "chunks": table}
        tables |= {kind: SCHEMAS[kind].empty_table() for kind in ("quarantine", "dropped")}
        parts = [self.lake.write_part(kind, shard, one) for kind, one in tables.items()]
        lengths = pa.table({"chunk_id": table["chunk_id"], "length": pa.array([40] * len(table), pa.uint32())})
        return parts, lengths

    def load(self, collection: str, generation: str) -> None:
        """Load the points of the documents that are asked for."""
        from ingest import payloads, records
        from ingest.ids import document_id, point_id

        vectors, points = self.project.vectors, []
        identity = self.lake.known_identity()
        vectors.create_collection(collection, DIMENSION, lake=identity)
        vectors.give(collection, identity, generation)
        for uri in self.asked:
            for n in range(CHUNKS_OF_DOCUMENT):
                chunk = hashlib.sha256(f"{uri}{n}".encode()).hexdigest()[:32]
                fields = {
                    "chunk_id": chunk,
                    "document_id": document_id(uri),
                    "uri": uri,
                    "source": "docs",
                    "acl": ["public"],
                }
                fields |= {"text": "t", "tenant": "public", "shard": 0, "path": "p", "title": "", "heading_path": []}
                fields |= {"start": 0, "end": 1, "page": None, "tokens": 1, "language": ""}
                payload = payloads.stored(records.LANGCHAIN, fields, "k", "f")
                points.append(records.Point(point_id(chunk), np.eye(DIMENSION, dtype=np.float32)[0], payload))
        vectors.upsert(collection, points)
        self.project.vectors = vectors

    def names(self) -> dict[str, list[str]]:
        """Return what is asked, by kind."""
        from ingest.ids import document_id, point_id

        chunks = [hashlib.sha256(f"{uri}3".encode()).hexdigest()[:32] for uri in self.asked]
        other = next(uri for s, uris in self.by_shard.items() if s not in self.asked_shards for uri in uris)
        return {
            "a URI": self.asked,
            "the id of a document": [document_id(uri) for uri in self.asked],
            "the id of a chunk": chunks,
            "the id of a point": [point_id(chunk) for chunk in chunks],
            "the id of a chunk without a point": [
                hashlib.sha256(f"{other}{n}".encode()).hexdigest()[:32] for n in range(5)
            ],
            "an unknown URI": [f"{self.asked[0]}x"] * 3,
            "an unknown id": ["0" * 32] * 3,
        }

    def timed(self, name: str) -> tuple[float, float]:
        """Return the milliseconds of one question and those of its CPU time; no file is known to be sound yet."""
        from ingest.bounded_cache import BoundedCache
        from ingest.lake import verified_files
        from ingest.pipeline.whereabouts import Inquiry

        verified_files._checked = BoundedCache(verified_files.REMEMBERED)
        self.project.store = type(self.project.store)(self.lake.store.uri)
        services = self.project.services()
        started, cpu = time.perf_counter(), time.process_time()
        found = Inquiry(services).ask(name)
        took = 1e3 * (time.perf_counter() - started), 1e3 * (time.process_time() - cpu)
        assert (found.kind == "unknown") == ("x" in name or name == "0" * 32), found
        return took


if __name__ == "__main__":
    main()
