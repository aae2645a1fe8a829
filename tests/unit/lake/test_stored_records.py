"""Records are written once and read once; what is absent is asked for each time."""

import re
from collections import Counter

import pytest

from ingest.errors import DamagedFile, SchemaMismatch
from ingest.lake.stored_records import StoredRecords, checked_bytes, from_bytes, name_of, to_bytes
from ingest.records import (
    LakeIdentity,
    Lease,
    Manifest,
    ModelRecord,
    Probe,
    QueryProfile,
    Record,
    RunStart,
    ShardPlan,
    Verdict,
)
from tests.earlier_lakes import RECORDS
from tests.fakes import InMemoryStore
from tests.pipelines import Project, project


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


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What two runs leave in a lake."""
    p: Project = project(tmp_path_factory.mktemp("run"), documents=2)
    p.run()
    p.source.write("d00.md", "# Another\n\nOther words.")
    p.run()
    assert isinstance(p.store, InMemoryStore)
    return {key: data for key, data in p.store.values.items() if key.endswith(".json")}


KINDS = {**RECORDS, r"lake\.json": LakeIdentity, r"\w+/history/started/[^/]+\.json": RunStart}
BY_CONTENT = (ShardPlan, QueryProfile, Verdict)


@pytest.mark.parametrize(("pattern", "model"), KINDS.items())
def test_a_changed_byte_of_a_stored_record_is_damage_whatever_it_makes_of_it(
    stored: dict[str, bytes], pattern: str, model: type[Record]
) -> None:
    key, data = next((key, data) for key, data in stored.items() if re.fullmatch(pattern, key))
    sha256 = name_of(from_bytes(model, data, key)) if model in BY_CONTENT else ""
    for place in range(len(data)):
        for byte in {data[place] ^ 1, ord("0"), ord("b")} - {data[place]}:
            harmed = InMemoryStore({key: data[:place] + bytes([byte]) + data[place + 1 :]})
            with pytest.raises(DamagedFile, match=re.escape(key)):
                StoredRecords(harmed).read(model, key, sha256)


@pytest.mark.parametrize(("pattern", "model"), KINDS.items())
def test_a_record_has_one_stored_form_and_opens_without_a_check(
    stored: dict[str, bytes], pattern: str, model: type[Record]
) -> None:
    key, data = next((key, data) for key, data in stored.items() if re.fullmatch(pattern, key))
    record = from_bytes(model, data, key)
    assert data == (to_bytes if model in BY_CONTENT else checked_bytes)(record)
    assert record == from_bytes(model, to_bytes(record), key)
