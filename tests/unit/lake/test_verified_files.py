"""Files of the lake are hashed before they are read, and once while they stay the same."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from ingest.adapters.stores.folder_store import FolderStore
from ingest.bounded_cache import BoundedCache
from ingest.errors import SchemaMismatch
from ingest.ids import sha256_hex
from ingest.lake import verified_files as verified
from ingest.lake.embedding_store import EmbeddingStore
from ingest.lake.lake import Lake
from ingest.lake.rows import table_of
from ingest.records import PartFile


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(str(tmp_path))


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count how often each file is hashed."""
    count: Counter[str] = Counter()
    original = verified.file_sha256

    def counting(path: Path) -> str:
        count[path.name] += 1
        return original(path)

    monkeypatch.setattr(verified, "file_sha256", counting)
    return count


def flip(path: Path, at: int) -> str:
    """Flip one bit, as a failing disk does, and return the hash of what is there now."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(1, 1))  # a clock tick later, whatever the clock
    return sha256_hex(bytes(data))


def embeddings(store: FolderStore) -> tuple[EmbeddingStore, str, str]:
    """Return a store of one segment, the segment's name and a key in it."""
    made = EmbeddingStore(store, "model")
    key = sha256_hex(b"1")
    return made, made.add([key], np.ones((1, 4), np.float32), "test", "token"), key


def test_a_flipped_bit_in_a_part_is_told_with_both_hashes(store: FolderStore, tmp_path: Path) -> None:
    lake = Lake(store, "docs")
    part = lake.write_part("chunks", 0, table_of("chunks", []))
    assert lake.read(part).num_rows == 0  # a file that was sound once is looked at again
    found = flip(tmp_path / f"docs/data/{part.sha256}.parquet", part.bytes // 2)
    with pytest.raises(SchemaMismatch, match=f"docs/data/{part.sha256}.*SHA-256 {found}, not {part.sha256}"):
        lake.read(part, ["chunk_id"])


def test_a_flipped_bit_in_a_segment_is_told_with_both_hashes(store: FolderStore, tmp_path: Path) -> None:
    writer, segment, key = embeddings(store)
    path = tmp_path / f"embeddings/model/segments/{segment}.parquet"
    assert writer.vectors([key]).tolist() == [[1, 1, 1, 1]]
    found = flip(path, path.read_bytes().index(np.ones(4, np.float32).tobytes()))
    expected = f"segments/{segment}.*SHA-256 {found}, not {segment}"
    for reader in (writer, EmbeddingStore(store, "model")):
        with pytest.raises(SchemaMismatch, match=expected):
            reader.vectors([key])


def test_a_file_that_stays_the_same_is_hashed_once(store: FolderStore, hashed: Counter[str]) -> None:
    lake = Lake(store, "docs")
    part = lake.write_part("chunks", 0, table_of("chunks", []))
    writer, segment, key = embeddings(store)
    for _ in range(3):
        lake.read(part)
        writer.vectors([key])
    assert hashed == {f"{part.sha256}.parquet": 1, f"{segment}.parquet": 1}


def test_the_memory_of_hashed_files_is_bounded(
    store: FolderStore, hashed: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verified, "_checked", BoundedCache(1))
    names = [f"data/{sha256_hex(data)}.parquet" for data in (b"a", b"b")]
    for name, data in zip(names, (b"a", b"b"), strict=True):
        store.put(name, data)
    for name in (*names, *names):
        verified.verified_path(store, name)
    assert sorted(hashed.values()) == [2, 2]
    assert len(verified._checked) == 1


def test_what_is_no_parquet_is_told_with_the_name_of_the_part(store: FolderStore) -> None:
    data = b"not a table"
    part = PartFile(kind="chunks", shard=0, rows=0, sha256=sha256_hex(data), bytes=len(data))
    store.put(f"docs/data/{part.sha256}.parquet", data)
    with pytest.raises(SchemaMismatch, match=f"part {part.sha256} of kind chunks: cannot be read"):
        Lake(store, "docs").read(part)
