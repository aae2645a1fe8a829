"""The store of embeddings: the lowest entry wins, and what has no entry does not exist."""

import threading
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.adapters.stores.folder_store import FolderStore
from ingest.errors import SchemaMismatch, TransientError
from ingest.ids import sha256_hex
from ingest.lake import embedding_store, key_hashes
from ingest.lake.embedding_store import EmbeddingStore
from ingest.ports import Store
from ingest.records import Vectors
from tests.fakes import InMemoryStore

DIMENSION = 4


def key(n: int) -> str:
    return sha256_hex(str(n).encode())


def vectors(*numbers: float) -> np.ndarray:
    """Return one recognisable row for each number."""
    return np.repeat(np.array(numbers, np.float32)[:, None], DIMENSION, axis=1)


class Writer(EmbeddingStore):
    """A store whose every entry has a token of its own."""

    tokens = count()

    def add(self, keys: Sequence[str], vectors: Vectors, backend: str, token: str = "", again: str = "") -> str:
        return super().add(keys, vectors, backend, token or f"token{next(self.tokens)}", again)


class CountingStore(InMemoryStore):
    """A store in memory that notes the records it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.gets: list[str] = []

    def get(self, key: str) -> bytes | None:
        self.gets.append(key)
        return super().get(key)


def opened(store: Store, **options: int) -> Writer:
    return Writer(store, "model", **options)


def test_vectors_come_in_the_order_of_the_keys_asked_for() -> None:
    store = opened(InMemoryStore())
    store.add([key(1), key(2), key(3)], vectors(1, 2, 3), "test")
    assert store.vectors([key(3), key(1), key(2), key(1)])[:, 0].tolist() == [3, 1, 2, 1]
    assert store.vectors([key(1)]).shape == (1, DIMENSION)


def test_what_was_made_again_for_a_generation_is_known_to_whoever_resumes_it() -> None:
    shared = InMemoryStore()
    opened(shared).add([key(1), key(2)], vectors(1, 2), "test")
    opened(shared).add([key(1)], vectors(11), "test", again="0002")
    assert {key(1)} == opened(shared).made_again("0002")
    assert set() == opened(shared).made_again("0003")


def test_what_replaces_counts_before_earlier_entries_and_not_before_later_ones_that_replace() -> None:
    shared = InMemoryStore()
    store = opened(shared)
    store.add([key(1), key(2), key(3)], vectors(1, 2, 3), "test")
    first = store.add([key(1), key(2)], vectors(11, 12), "test", again="0002")
    second = store.add([key(2)], vectors(22), "test", again="0002")
    store.add([key(1)], vectors(31), "test")
    for reader in (store, opened(shared)):
        assert [11, 22, 3] == reader.vectors([key(1), key(2), key(3)])[:, 0].tolist()
        assert {first, second} == set(reader.segments_of([key(1), key(2)]))


def test_missing_keys_are_told_once_and_in_order() -> None:
    store = opened(InMemoryStore())
    store.add([key(1)], vectors(1), "test")
    assert store.missing([key(5), key(1), key(4), key(5)]) == [key(5), key(4)]


def test_a_key_without_a_vector_is_named() -> None:
    store = opened(InMemoryStore())
    store.add([key(1)], vectors(1), "test")
    with pytest.raises(SchemaMismatch, match=key(2)):
        store.vectors([key(1), key(2)])


def test_the_lowest_entry_wins_for_every_reader() -> None:
    memory = InMemoryStore()
    store = opened(memory)
    first = store.add([key(1), key(2)], vectors(1, 2), "test")
    second = store.add([key(2), key(3)], vectors(20, 30), "test")
    for reader in (store, opened(memory)):
        assert reader.vectors([key(1), key(2), key(3)])[:, 0].tolist() == [1, 2, 30]
        assert reader.segments_of([key(2)]) == (first,)
        assert reader.segments_of([key(3), key(1)]) == (first, second)
        assert reader.segments_of([key(9)]) == ()


def test_a_generations_own_segments_count_before_what_replaced_them_as_far_as_they_reach() -> None:
    memory = InMemoryStore()
    store, early = opened(memory), opened(memory)
    first = store.add([key(1), key(2)], vectors(1, 2), "test")
    assert early.missing([key(1)]) == []
    other = store.add([key(2), key(3)], vectors(20, 30), "test", again="0002")
    for reader in (early, opened(memory)):
        assert reader.vectors([key(1), key(2)], [first, other])[:, 0].tolist() == [1, 20]  # reads what it did not know
        assert reader.vectors([key(1), key(2), key(3)], [first])[:, 0].tolist() == [1, 2, 30]
        assert reader.vectors([key(2)])[:, 0].tolist() == [20]


def test_a_segment_without_an_entry_does_not_exist() -> None:
    memory = InMemoryStore()
    opened(memory).add([key(1)], vectors(1), "test")
    memory.delete("embeddings/model/index/1.json")
    assert opened(memory).missing([key(1)]) == [key(1)]
    opened(memory).add([key(1)], vectors(7), "test")
    assert opened(memory).vectors([key(1)])[0, 0] == 7


def test_equal_segments_of_two_writers_are_one_file_and_two_entries() -> None:
    memory = InMemoryStore()
    names = {opened(memory).add([key(1), key(2)], vectors(1, 2), "test") for _ in range(2)}
    assert len(names) == 1
    assert [k for k in memory.values if "/index/" in k] == [f"embeddings/model/index/{n}.json" for n in (1, 2)]


def test_writers_at_the_same_time_lose_nothing_and_agree(tmp_path: Path) -> None:
    writers, rounds = 4, 5
    start = threading.Barrier(writers)

    def write(writer: int) -> None:
        store = opened(FolderStore(str(tmp_path)))
        start.wait()
        for n in range(rounds):
            store.add([key(n), key(1000 + writer * 10 + n)], vectors(writer, writer), "test")

    threads = [threading.Thread(target=write, args=(w,)) for w in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    readers = [opened(FolderStore(str(tmp_path))) for _ in range(2)]
    wanted = [key(n) for n in range(rounds)] + [key(1000 + w * 10 + n) for w in range(writers) for n in range(rounds)]
    assert [reader.index.journal.last() for reader in readers] == [writers * rounds] * 2
    assert readers[0].vectors(wanted).tolist() == readers[1].vectors(wanted).tolist()


def test_a_reader_sees_what_another_adds_later() -> None:
    memory = InMemoryStore()
    reader = opened(memory)
    assert reader.missing([key(1)]) == [key(1)]
    opened(memory).add([key(1)], vectors(1), "test")
    assert reader.missing([key(1)]) == []


def test_a_small_cache_of_keys_changes_no_answer() -> None:
    memory = InMemoryStore()
    store = opened(memory, cached_keys=3)
    for n in range(5):
        store.add([key(2 * n), key(2 * n + 1)], vectors(2 * n, 2 * n + 1), "test")
    assert store.vectors([key(n) for n in range(10)])[:, 0].tolist() == list(range(10))


def test_the_keys_of_a_segment_are_read_once_however_often_others_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    memory, read = InMemoryStore(), list[str]()
    names = [opened(memory).add([key(n)], vectors(n), "test") for n in range(5)]
    reader = opened(memory, cached_keys=1)
    keys_of = reader._read_keys
    monkeypatch.setattr(reader, "_read_keys", lambda segment: (read.append(segment), keys_of(segment))[1])
    for n in range(100, 110):
        assert [key(n)] == reader.missing([key(n)])
    assert sorted(names) == sorted(read)


def test_keys_whose_hashes_are_equal_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_hashes, "FACTORS", np.zeros(2, np.uint64))
    store = opened(InMemoryStore())
    names = [store.add([key(2 * n), key(2 * n + 1)], vectors(2 * n, 2 * n + 1), "test") for n in range(5)]
    assert [key(99)] == store.missing([key(99), key(3)])
    assert (names[1],) == store.segments_of([key(3)])
    assert store.vectors([key(n) for n in range(10)])[:, 0].tolist() == list(range(10))


def test_threads_share_one_store() -> None:
    store = opened(InMemoryStore(), cached_keys=30)
    start = threading.Barrier(4)
    read: dict[int, list[float]] = {}

    def work(thread: int) -> None:
        start.wait()
        for n in range(thread * 100, thread * 100 + 10):
            store.add([key(n)], vectors(n), "test")
        read[thread] = store.vectors([key(thread * 100 + n) for n in range(10)])[:, 0].tolist()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read == {n: list(range(n * 100, n * 100 + 10)) for n in range(4)}
    assert len(store.index.live) == store.index.journal.last() == 40


def test_many_row_groups_keep_the_order() -> None:
    store = opened(InMemoryStore())
    keys = [key(n) for n in range(9000)]
    store.add(keys, vectors(*range(9000)), "test")
    asked = [8999, 0, 4096, 4095, 5000, 17]
    assert store.vectors([keys[n] for n in asked])[:, 0].tolist() == asked


def test_a_writer_that_always_loses_gives_up() -> None:
    store = opened(InMemoryStore())
    full = {"append": lambda *_: False, "get": lambda *_: None, "prefix": "embeddings/model/index/"}
    store.index.journal = type("Full", (), full)()  # type: ignore[assignment]
    with pytest.raises(TransientError, match="100 writers were faster"):
        store.add([key(1)], vectors(1), "test")


def test_no_keys_give_no_rows() -> None:
    assert opened(InMemoryStore()).vectors([]).shape[0] == 0


@settings(max_examples=25)
@given(st.lists(st.dictionaries(st.integers(0, 30), st.floats(-8, 8, width=32), min_size=1), min_size=1, max_size=5))
def test_the_store_is_a_dictionary_that_never_overwrites(segments: list[dict[int, float]]) -> None:
    store = opened(InMemoryStore())
    expected: dict[int, float] = {}
    for segment in segments:
        store.add([key(n) for n in segment], vectors(*segment.values()), "test")
        expected = segment | expected
    assert store.vectors([key(n) for n in expected])[:, 0].tolist() == list(expected.values())
    assert store.missing([key(n) for n in range(31)]) == [key(n) for n in range(31) if n not in expected]


def damage(store: Store, n: int) -> str:
    """Damage the segment of an entry and return its name."""
    entry = opened(store).index.journal.get(n)
    assert entry is not None
    store.put(f"embeddings/model/segments/{entry.segment}.parquet", b"damaged")
    return entry.segment


def test_a_damaged_segment_counts_as_absent_and_the_next_entry_retires_it() -> None:
    memory = InMemoryStore()
    opened(memory).add([key(1), key(2)], vectors(1, 2), "test")
    opened(memory).add([key(3)], vectors(3), "test")
    lost = damage(memory, 1)
    store = opened(memory)
    assert [key(1)] == store.missing([key(1), key(3)])
    store.add([key(1)], vectors(9), "test")
    entry = store.index.journal.get(3)
    assert entry is not None
    assert (lost,) == entry.retires
    memory.put(f"embeddings/model/segments/{lost}.parquet", b"back again, or not: its entry is retired")
    for one in (store, opened(memory)):
        assert [9, 3] == one.vectors([key(1), key(3)])[:, 0].tolist()


def test_a_segment_that_is_written_again_under_its_name_counts_again() -> None:
    memory = InMemoryStore()
    opened(memory).add([key(1)], vectors(1), "test")
    lost = damage(memory, 1)
    store = opened(memory)
    assert [lost] == store.lost([lost])
    assert lost == store.add([key(1)], vectors(1), "test")
    assert [] == store.lost([lost])
    assert [1] == opened(memory).vectors([key(1)])[:, 0].tolist()


def test_a_damaged_entry_counts_as_empty_and_its_segment_can_be_entered_again() -> None:
    memory = InMemoryStore()
    segment = opened(memory).add([key(1)], vectors(1), "test")
    opened(memory).add([key(2)], vectors(2), "test")
    memory.put("embeddings/model/index/1.json", b"{")
    store = opened(memory)
    assert [key(1)] == store.missing([key(1), key(2)])
    assert store.enter(segment, "token")
    assert [1, 2] == opened(memory).vectors([key(1), key(2)])[:, 0].tolist()


def test_a_lost_entry_no_longer_hides_those_after_it() -> None:
    memory = InMemoryStore()
    for n in (1, 2, 3):
        opened(memory).add([key(n)], vectors(n), "test")
    memory.delete("embeddings/model/index/1.json")
    memory.delete("embeddings/model/index/2.json")
    store = opened(memory)
    assert [key(1), key(2), key(3)] == store.missing([key(1), key(2), key(3)])
    store.index.close_gaps("token")
    assert [key(1), key(2)] == opened(memory).missing([key(1), key(2), key(3)])


# Merging


def many(memory: Store, entries: int = 2 * embedding_store.ENTRIES) -> Writer:
    """Return a store to which many small segments were added, of two keys each; every second key comes twice."""
    store = opened(memory)
    for n in range(entries):
        store.add([key(n), key(n + 1)], vectors(n, 100 + n), "test")
    return store


def test_after_a_merge_a_reader_reads_one_snapshot_and_one_segment_and_finds_the_same_vectors() -> None:
    memory = CountingStore()
    store = many(memory)
    names, before = [e.segment for e in store.index.live], store.vectors(keys := [key(n) for n in range(33)])
    store.merge("merge")
    assert before.tolist() == store.vectors(keys).tolist() == store.vectors(keys, names).tolist()
    memory.gets.clear()
    reader = opened(memory)
    assert before.tolist() == reader.vectors(keys).tolist()
    assert ["snapshots/1.json", "index/34.json"] == [name.removeprefix("embeddings/model/") for name in memory.gets]
    assert reader.current(names) == reader.segments_of(keys) == (store.index.live[0].segment,)
    assert [] == reader.lost(names)


def test_readers_from_before_a_merge_go_on_and_see_what_comes_after_it() -> None:
    memory = InMemoryStore()
    store, reader = many(memory), opened(memory)
    before = reader.vectors(keys := [key(n) for n in range(33)])
    store.merge("merge")
    store.add([key(99)], vectors(99), "test")
    store.add([key(3)], vectors(-3), "test", again="0002")
    assert before.tolist() == reader.vectors(keys).tolist()
    for one in (reader, opened(memory), store):
        assert [99, -3] == one.vectors([key(99), key(3)])[:, 0].tolist()


def test_without_its_snapshots_the_index_is_read_from_its_first_entry() -> None:
    memory = InMemoryStore()
    store = many(memory)
    before = store.vectors(keys := [key(n) for n in range(33)])
    store.merge("merge")
    for change in (lambda name: memory.put(name, b"{"), memory.delete):
        change("embeddings/model/snapshots/1.json")
        assert before.tolist() == opened(memory).vectors(keys).tolist()


def test_a_generation_keeps_its_vectors_after_they_were_replaced_and_merged() -> None:
    memory = InMemoryStore()
    own = opened(memory).add([key(1), key(2)], vectors(1, 2), "test")
    opened(memory).add([key(1)], vectors(-1), "test", again="0002")
    many(memory).merge("merge")
    for name, expected in ((own, [1, 2]), (opened(memory).current([own])[0], [-1, 2])):
        assert expected == opened(memory).vectors([key(1), key(2)], [name])[:, 0].tolist()
    memory.delete(f"embeddings/model/segments/{own}.parquet")
    assert [] == opened(memory).lost([own])
    assert [-1, 2] == opened(memory).vectors([key(1), key(2)], [own])[:, 0].tolist()


@pytest.mark.parametrize(("again", "told"), [("", "same"), ("0002", "")])
def test_a_merge_tells_whether_a_vector_may_be_another_than_before(again: str, told: str) -> None:
    store, single = many(InMemoryStore()), embedding_store.ENTRIES + 1
    store.add([key(1)], vectors(-1), "test", again=again)
    for round in range(2):  # the second one merges a merge
        store.merge(f"merge{round}")
        assert [told] == [entry.again for entry in store.index.live if entry.merges]
        for n in range(single):
            store.add([key(1000 * (round + 1) + n)], vectors(n), "test")


def test_who_knows_the_keys_of_a_segment_goes_on_after_it_was_merged_and_removed() -> None:
    memory = InMemoryStore()
    store = many(memory)
    names = [entry.segment for entry in store.index.live]
    keys = [one.decode() for name in names for one in store._read_keys(name)]
    before = store.vectors(keys, names)  # now it knows their keys
    store.merge("merge")
    for name in {*names} - {entry.segment for entry in store.index.live}:
        memory.delete(f"embeddings/model/segments/{name}.parquet")
    assert np.array_equal(before, store.vectors(keys, names))


def test_a_merged_segment_that_is_damaged_is_lost_to_all_whose_vectors_it_had() -> None:
    memory = InMemoryStore()
    store = many(memory)
    names = [e.segment for e in store.index.live]
    store.merge("merge")
    damage(memory, store.index.read)
    reader = opened(memory)
    assert names == reader.lost(names)
    reader.retire("token")
    assert 33 == len(opened(memory).missing([key(n) for n in range(33)]))
    assert [104] == opened(memory).vectors([key(5)], names)[:, 0].tolist()  # files that are there are still read


def test_nothing_is_merged_while_a_segment_is_lost_or_another_writer_comes_first() -> None:
    memory = InMemoryStore()
    store = many(memory)
    damage(memory, 3)
    store = opened(memory)
    store.merge("merge")
    assert not any(entry.merges for _, entry in store.index.journal.after(0))
    store.index.lost.clear()
    refresh = store.index.refresh

    def late() -> bool:
        found = refresh()
        opened(memory).add([key(500)], vectors(500), "test", again="0002")
        return found

    store.index.refresh = late  # type: ignore[method-assign]
    store.merge("merge")
    assert not any(entry.merges for _, entry in store.index.journal.after(0))


def test_a_large_segment_is_not_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding_store, "SMALL", 4)
    store = opened(InMemoryStore())
    large = store.add([key(n) for n in range(1000, 1300)], vectors(*range(300)), "test")
    for round in range(4):
        for n in range(20):
            store.add([key(100 * round + n)], vectors(n), "test")
        store.merge(f"merge{round}")
        assert large in {entry.segment for entry in store.index.live}
        assert len(store.index.live) <= 4


Change = tuple[dict[int, float], bool]


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(st.dictionaries(st.integers(0, 12), st.floats(-8, 8, width=32), min_size=1), st.booleans()),
        min_size=1,
        max_size=12,
    ),
    st.sets(st.integers(0, 11)),
)
def test_merging_changes_no_answer_whenever_it_happens(changes: list[Change], merges: set[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedding_store, "ENTRIES", 0)
        patch.setattr(embedding_store, "SMALL", 2)
        memory = InMemoryStore()
        early, store = opened(memory), opened(memory)
        expected: dict[int, float] = {}
        for n, (rows, replaces) in enumerate(changes):
            store.add([key(k) for k in rows], vectors(*rows.values()), "test", again="0002" if replaces else "")
            expected = {**expected, **rows} if replaces else {**rows, **expected}
            assert early.missing([key(k) for k in rows]) == []
            if n in merges:
                opened(memory).merge(f"merge{n}")
        early.index.refresh()
        for reader in (early, store, opened(memory)):
            assert reader.vectors([key(k) for k in expected])[:, 0].tolist() == [*expected.values()]
            assert reader.lost(e.segment for _, e in reader.index.journal.after(0) if e.rows) == []
