"""What a process reads for all its shards it reads once: requests grow with the shards, not with their square."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from ingest import ports
from ingest.lake.embedding_store import EmbeddingStore
from ingest.pipeline.lease import lease_watch
from ingest.pipeline.tasks import embedding_store
from ingest.ports.services import KEPT
from tests.fakes import InMemoryStore
from tests.pipelines import CountingSource, Project, project


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
    original = EmbeddingStore._segment_keys

    def counting(self: EmbeddingStore, entry):
        store.requests["segments' keys"] += entry.segment not in self._keys
        return original(self, entry)

    with monkeypatch.context() as patch:
        patch.setattr(EmbeddingStore, "_segment_keys", counting)
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


@pytest.fixture
def services(tmp_path: Path) -> ports.Services:
    return Project((CountingSource("docs", tmp_path),)).services()


def test_one_store_of_embeddings_serves_all_steps_of_one_services(services: ports.Services) -> None:
    assert embedding_store(services, "a") is embedding_store(services, "a")
    assert embedding_store(services, "a") is not embedding_store(services, "b")


def test_other_ports_share_nothing_that_was_kept(services: ports.Services) -> None:
    kept, other = embedding_store(services, "a"), replace(services, store=InMemoryStore())
    assert embedding_store(other, "a").store is other.store is not kept.store


def test_each_run_has_a_watch_of_its_own(services: ports.Services, tmp_path: Path) -> None:
    lake = Project((CountingSource("docs", tmp_path),)).lake
    assert lease_watch(services, lake, "run1") is lease_watch(services, lake, "run1")
    assert lease_watch(services, lake, "run2").run == "run2"


def test_what_is_kept_is_bounded_and_the_longest_unused_goes(services: ports.Services) -> None:
    first = services.keep("0", object)
    second = services.keep("1", object)
    for n in range(2, KEPT + 1):
        assert services.keep("0", object) is first
        services.keep(str(n), object)
    assert services.keep("1", object) is not second
