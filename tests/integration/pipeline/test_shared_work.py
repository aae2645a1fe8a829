"""What a process reads for all its shards it reads once: requests grow with the shards, not with their square."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.lake.embedding_store import EmbeddingStore
from tests.fakes import InMemoryStore
from tests.pipelines import project


class CountingStore(InMemoryStore):
    """Counts requests by what they are for."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: Counter[str] = Counter()

    def get(self, key: str) -> bytes | None:
        self.requests["index entries"] += "/index/" in key
        return super().get(key)

    def list(self, prefix: str):
        self.requests["lists of leases"] += "/leases/" in prefix
        return super().list(prefix)


def requests(folder: Path, shards: int, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Return the requests of a first build with so many shards, and how often the keys of a segment were read."""
    store = CountingStore()
    original = EmbeddingStore._read_keys

    def counting(self: EmbeddingStore, segment: str):
        store.requests["segments' keys"] += 1
        return original(self, segment)

    with monkeypatch.context() as patch:
        patch.setattr(EmbeddingStore, "_read_keys", counting)
        p = replace(project(folder, documents=4 * shards, documents_per_shard=4, load_batch=1000), store=store)
        p.run()
    assert len(p.manifest().segments) == shards
    made = {name for names in p.manifest().segments.values() for name in names}
    store.requests["segments"] = len(made)  # fewer than shards where ids of documents leave a shard empty
    return store.requests


def test_requests_for_the_index_of_embeddings_grow_with_the_shards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few, many = (requests(tmp_path / str(n), n, monkeypatch) for n in (4, 16))
    for what in ("index entries", "segments' keys"):
        assert few[what] > 0
        assert many[what] / many["segments"] <= (few[what] + 1) / few["segments"], what
    assert many["lists of leases"] == few["lists of leases"]
