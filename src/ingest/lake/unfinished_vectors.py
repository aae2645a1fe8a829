"""Vectors of slices that are still being embedded: `embeddings/<model fingerprint>/unfinished/<sha256>.parquet`.

They are durable within seconds, so a killed run loses little. The vectors of a finished slice become one segment, and
these files go; what a killed run left becomes a segment in the next run. If each of these files were a segment, there
would be many small ones, and every look-up would be slower.
"""

from collections.abc import Callable, Sequence, Set
from contextlib import suppress

import numpy as np
import pyarrow.parquet as pq

from ingest.errors import SchemaMismatch
from ingest.lake.embedding_store import EmbeddingStore
from ingest.lake.verified_files import reading, verified_path
from ingest.records import Vectors

MOST_VECTORS = 32_768  # that are held in memory while they are recovered


class UnfinishedVectors:
    """The files of one slice, and those that others left behind."""

    def __init__(self, embeddings: EmbeddingStore) -> None:
        """Take the embedding store in whose segments the vectors end up."""
        self.embeddings = embeddings
        self.folder = f"embeddings/{embeddings.fingerprint}/unfinished/"
        self._written: list[str] = []

    def write(self, keys: Sequence[str], vectors: Vectors, backend: str, forced: str = "") -> None:
        """Write some of a slice's vectors durably. `forced`: the generation for which they replace the store's."""
        told = {"backend": backend, "forced": forced}
        self._written.append(self.embeddings.write("unfinished", keys, vectors, told))

    def forced(self, generation: str, wanted: Set[str]) -> dict[str, Vectors]:
        """Return by key what killed attempts at this slice made for a generation; `remove` removes their files too."""
        found = dict[str, Vectors]()
        for name in self.embeddings.store.list(self.folder):
            with suppress(SchemaMismatch):
                keys, vectors, told = self._read(name)
                if told.get(b"forced") == generation.encode() and wanted >= set(keys):
                    found.update(zip(keys, vectors, strict=True))
                    self._written.append(name.removesuffix(".parquet"))
        return found

    def remove(self) -> None:
        """Remove what was written for this slice: its segment holds the same vectors."""
        for name in self._written:
            self.embeddings.store.delete(f"{self.folder}{name}.parquet")
        self._written.clear()

    def recover(self, new_token: Callable[[], str], generation: str) -> None:
        """Add to the store what killed runs left, and remove their files but for those forced for this generation.

        Files of a live run may be among them: its own segment then changes nothing. A damaged file is only removed.
        """
        names, found, backend = [*self.embeddings.store.list(self.folder)], dict[str, Vectors](), ""
        kept = set[str]()
        for name in names:
            with suppress(SchemaMismatch):
                keys, vectors, told = self._read(name)
                if told.get(b"forced") == generation.encode():
                    kept.add(name)
                else:
                    found.update(zip(keys, vectors, strict=True))
                    backend = told[b"backend"].decode()
            if found and (len(found) >= MOST_VECTORS or name == names[-1]):
                if new := self.embeddings.missing([*found]):
                    self.embeddings.add(new, np.stack([found[key] for key in new]), backend, new_token())
                found.clear()
        for name in set(names) - kept:
            self.embeddings.store.delete(f"{self.folder}{name}")

    def _read(self, name: str) -> tuple[list[str], Vectors, dict[bytes, bytes]]:
        with reading(name), pq.ParquetFile(verified_path(self.embeddings.store, f"{self.folder}{name}")) as file:
            table = file.read()
        vectors = np.asarray(table["vector"].combine_chunks().flatten()).reshape(len(table), -1)
        return table["key"].to_pylist(), vectors, table.schema.metadata
