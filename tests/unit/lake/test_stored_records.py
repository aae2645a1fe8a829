"""Records are written once and read once; what is absent is asked for each time."""

from collections import Counter

import pytest

from ingest.errors import DamagedFile, SchemaMismatch
from ingest.lake.stored_records import StoredRecords, name_of, to_bytes
from ingest.records import Lease, Manifest, ModelRecord, Probe, QueryProfile
from tests.fakes import InMemoryStore


class CountingStore(InMemoryStore):
    """Counts reads by key."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: Counter[str] = Counter()

    def get(self, key: str) -> bytes | None:
        self.reads[key] += 1
        return super().get(key)


def lease(holder: str) -> Lease:
    return Lease(holder=holder, term_seconds=1.0, run="r")


@pytest.fixture
def store() -> CountingStore:
    return CountingStore()


def test_a_record_is_read_once(store: CountingStore) -> None:
    store.put("a", to_bytes(lease("ann")))
    records = StoredRecords(store, 10_000)
    assert [lease("ann")] * 3 == [records.find(Lease, "a") for _ in range(3)]
    assert {"a": 1} == store.reads


def test_what_we_wrote_ourselves_is_not_read_at_all(store: CountingStore) -> None:
    records = StoredRecords(store, 10_000)
    records.put("a", lease("ann"))
    assert records.create("b", lease("bob"))
    assert [lease("ann"), lease("bob")] == [records.read(Lease, key) for key in "ab"]
    assert {} == store.reads


def test_who_loses_a_create_reads_the_record_that_counts(store: CountingStore) -> None:
    store.put("a", to_bytes(lease("ann")))
    records = StoredRecords(store, 10_000)
    assert not records.create("a", lease("bob"))
    assert lease("ann") == records.read(Lease, "a")


def test_what_is_absent_is_asked_for_again(store: CountingStore) -> None:
    records = StoredRecords(store, 10_000)
    assert records.find(Lease, "a") is None
    store.put("a", to_bytes(lease("ann")))  # another process
    assert lease("ann") == records.find(Lease, "a")


def test_the_bytes_that_are_kept_are_bounded(store: CountingStore) -> None:
    size = len(to_bytes(lease("0")))
    records = StoredRecords(store, 2 * size)
    for n in range(3):
        records.put(str(n), lease(str(n)))
    assert [lease(str(n)) for n in (2, 1, 0)] == [records.read(Lease, str(n)) for n in (2, 1, 0)]
    assert {"0": 1} == store.reads


def test_without_a_limit_nothing_is_kept(store: CountingStore) -> None:
    records = StoredRecords(store)
    records.put("a", lease("ann"))
    assert lease("ann") == records.read(Lease, "a") == records.read(Lease, "a")
    assert {"a": 2} == store.reads


def test_a_record_that_we_wrote_is_the_one_that_others_read(store: CountingStore) -> None:
    """What JSON changes, a tuple to a list, is changed in this process too: settings are compared with stored ones."""
    written = Manifest(
        index="docs",
        generation="g",
        base=None,
        collection="c",
        shards=1,
        parts=(),
        segments={0: ("s",)},
        counts={},
        settings={"sources": ("a", "b")},
        settings_hash="",
        fingerprints={},
        analyser={},
        model=ModelRecord(kind="hashing", name="h", fingerprint="f", dimension=1, max_tokens=1),
        probe=Probe(question="q", vector=(1.0,)),
        digest="",
    )
    records = StoredRecords(store, 10_000)
    records.create("a", written)
    assert StoredRecords(store).read(Manifest, "a") == records.read(Manifest, "a")
    assert ["a", "b"] == records.read(Manifest, "a").settings["sources"]


def test_a_record_that_is_missing_is_named(store: CountingStore) -> None:
    with pytest.raises(SchemaMismatch, match="memory://lake/a is missing"):
        StoredRecords(store).read(Lease, "a")


def test_equal_records_have_one_name() -> None:
    assert name_of(lease("ann")) == name_of(lease("ann")) != name_of(lease("bob"))
    assert 64 == len(name_of(lease("ann")))


def test_a_record_that_is_no_json_or_not_the_named_one_is_damaged() -> None:
    store = InMemoryStore({"a": b'{"truncated'})
    with pytest.raises(DamagedFile, match="memory://lake/a: not a QueryProfile"):
        StoredRecords(store).read(QueryProfile, "a")
    store.put("b", to_bytes(QueryProfile()))
    with pytest.raises(DamagedFile, match=r"memory://lake/b: its bytes are damaged: SHA-256 .*, not ffff"):
        StoredRecords(store).read(QueryProfile, "b", "ffff")
    assert QueryProfile() == StoredRecords(store).read(QueryProfile, "b", name_of(QueryProfile()))
