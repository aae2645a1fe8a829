"""Vectors of unfinished slices: found by whoever comes next, gone when the slice is finished."""

import numpy as np
import pytest

from ingest.ids import sha256_hex
from ingest.lake import unfinished_vectors
from ingest.lake.embedding_store import EmbeddingStore
from ingest.lake.unfinished_vectors import UnfinishedVectors
from ingest.records import Vectors
from tests.fakes import InMemoryStore

KEYS = [sha256_hex(str(n).encode()) for n in range(6)]


def vectors(*numbers: float) -> Vectors:
    return np.repeat(np.array(numbers, np.float32)[:, None], 4, axis=1)


@pytest.fixture
def store() -> InMemoryStore:
    return InMemoryStore()


def opened(store: InMemoryStore) -> EmbeddingStore:
    """Return the embedding store as a new process sees it."""
    return EmbeddingStore(store, "model")


def tokens() -> str:
    return sha256_hex(np.random.default_rng().bytes(8))


def left(store: InMemoryStore) -> list[str]:
    return list(store.list("embeddings/model/unfinished/"))


def test_what_a_killed_run_left_becomes_one_segment(store: InMemoryStore) -> None:
    killed = UnfinishedVectors(opened(store))
    killed.write(KEYS[:2], vectors(0, 1), "one backend")
    killed.write(KEYS[2:3], vectors(2), "one backend")
    found = opened(store)
    UnfinishedVectors(found).recover(tokens, "0002")
    assert [0, 1, 2] == opened(store).vectors(KEYS[:3])[:, 0].tolist()
    ((_, entry),) = found.index.journal.after(0)
    assert (3, "one backend") == (entry.rows, entry.backend)
    assert [] == left(store)


def test_there_is_nothing_to_recover_after_a_finished_slice(store: InMemoryStore) -> None:
    slice_ = UnfinishedVectors(opened(store))
    slice_.write(KEYS[:2], vectors(0, 1), "test")
    slice_.embeddings.add(KEYS[:3], vectors(0, 1, 2), "test", "token")
    slice_.remove()
    UnfinishedVectors(opened(store)).recover(tokens, "0002")
    assert 1 == opened(store).index.journal.last()


def test_a_vector_that_the_store_has_stays_and_is_not_stored_again(store: InMemoryStore) -> None:
    opened(store).add(KEYS[:1], vectors(7), "test", "token")
    UnfinishedVectors(opened(store)).write(KEYS[:2], vectors(0, 1), "test")
    UnfinishedVectors(opened(store)).recover(tokens, "0002")
    assert [7, 1] == opened(store).vectors(KEYS[:2])[:, 0].tolist()
    ((_, first), (_, second)) = opened(store).index.journal.after(0)
    assert (1, 1) == (first.rows, second.rows)


def test_a_damaged_file_is_removed_and_its_texts_are_missing(store: InMemoryStore) -> None:
    writer = UnfinishedVectors(opened(store))
    writer.write(KEYS[:1], vectors(0), "test")
    writer.write(KEYS[1:2], vectors(1), "test")
    key = f"embeddings/model/unfinished/{left(store)[0]}"
    store.values[key] = store.values[key][:-1] + b"?"
    UnfinishedVectors(opened(store)).recover(tokens, "0002")
    assert 1 == len(opened(store).missing(KEYS[:2]))
    assert [] == left(store)


def test_files_of_a_run_that_is_alive_may_be_recovered_under_it(store: InMemoryStore) -> None:
    alive = UnfinishedVectors(opened(store))
    alive.write(KEYS[:2], vectors(0, 1), "test")
    UnfinishedVectors(opened(store)).recover(tokens, "0002")
    alive.embeddings.add(KEYS[:3], vectors(0, 1, 2), "test", "token")
    alive.remove()
    assert [0, 1, 2] == opened(store).vectors(KEYS[:3])[:, 0].tolist()


def test_a_bounded_number_of_vectors_is_held_at_once(store: InMemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unfinished_vectors, "MOST_VECTORS", 2)
    writer = UnfinishedVectors(opened(store))
    for n in range(5):
        writer.write(KEYS[n : n + 1], vectors(n), "test")
    UnfinishedVectors(opened(store)).recover(tokens, "0002")
    assert [2, 2, 1] == [entry.rows for _, entry in opened(store).index.journal.after(0)]
    assert [0, 1, 2, 3, 4] == opened(store).vectors(KEYS[:5])[:, 0].tolist()


def test_what_was_forced_for_a_generation_waits_for_its_slice_and_is_removed_with_it(store: InMemoryStore) -> None:
    opened(store).add(KEYS[:2], vectors(7, 8), "test", "token")
    killed = UnfinishedVectors(opened(store))
    killed.write(KEYS[:2], vectors(0, 1), "test", "0002")
    killed.write(KEYS[2:3], vectors(2), "test", "0002")
    killed.write(KEYS[3:4], vectors(3), "test", "0001")
    slice_ = UnfinishedVectors(opened(store))
    slice_.recover(tokens, "0002")
    assert {KEYS[0]: 0.0, KEYS[1]: 1.0} == {k: v[0] for k, v in slice_.forced("0002", {*KEYS[:2], KEYS[3]}).items()}
    slice_.remove()
    assert 1 == len(left(store))
    UnfinishedVectors(opened(store)).recover(tokens, "0003")
    assert ([], [7, 8, 2, 3]) == (left(store), opened(store).vectors(KEYS[:4])[:, 0].tolist())
