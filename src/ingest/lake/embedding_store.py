"""The embedding store, shared by all indexes: `embeddings/<model fingerprint>/segments/` and `index/<n>.json`.

A store, not a cache. Segments are immutable and sorted by key; a segment without an index entry does not exist. If
several entries hold a key, the lowest one counts: in bf16, a text's vector varies slightly with its batch. Only an
entry that replaces counts before those that are there when it is written. A generation that was built without it keeps
its vectors: it reads from its own segments first. A segment that is damaged or gone counts as absent; the next entry
retires it.
"""

import logging
import threading
from collections.abc import Iterable, Sequence, Set
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ingest.bounded_cache import BoundedCache
from ingest.errors import DamagedFile, SchemaMismatch, TransientError
from ingest.ids import file_sha256
from ingest.lake.journal import Journal
from ingest.lake.stored_records import StoredRecords
from ingest.lake.verified_files import reading, verified_path
from ingest.ports import Store
from ingest.records import SegmentEntry, Vectors
from ingest.scratch import scratch_folder

APPEND_ATTEMPTS = 100  # times that another writer may take an entry's number before we give up
CACHED_KEYS = 2_000_000  # kept in memory, 64 bytes each
NO_SEGMENT = SegmentEntry(segment="", rows=0, first_key="", last_key="", dtype="", backend="", token="")
log = logging.getLogger(__name__)
Keys = NDArray[np.bytes_]  # (n,) of 64 hex digits


class EmbeddingStore:
    """The vectors of one model by embedding key. Reuse it: it remembers what it has read. Threads may share it."""

    def __init__(self, store: Store, fingerprint: str, cached_keys: int = CACHED_KEYS) -> None:
        self.store = store
        self.fingerprint = fingerprint
        self.journal = Journal(StoredRecords(store), f"embeddings/{fingerprint}/index/", SegmentEntry)
        self._entries: list[SegmentEntry] = []
        self._retired: set[int] = set()  # places of entries that no longer count
        self._lost: dict[str, str] = {}  # what is wrong with segments that no entry retires yet
        self._keys: BoundedCache[str, Keys] = BoundedCache(cached_keys)  # by segment
        self._lock = threading.RLock()  # of the entries

    def anew(self) -> "EmbeddingStore":
        """Return a store that knows the entries of this one, and reads the segments again."""
        other = EmbeddingStore(self.store, self.fingerprint)
        with self._lock:
            if not self._entries:
                self._refresh()  # here, so that both know what is read
            other._entries, other._retired = list(self._entries), set(self._retired)
        return other

    def add(self, keys: Sequence[str], vectors: Vectors, backend: str, token: str, replaces: bool = False) -> str:
        """Write a segment, then its index entry, and return the segment's name.

        `keys` are distinct; `vectors` (n, dimension) float32, normalised, in the same order. `backend` names what
        computed them, for people only. `token` is unique to this writer. With `replaces`, they count before all others.
        """
        name = self.write("segments", keys, vectors)
        self._append(_entry_of(name, keys, backend=backend, token=token, replaces=replaces))
        return name

    def retire(self, token: str, segments: Iterable[str] = ()) -> None:
        """Record that segments, and those that were found lost, no longer count. Quick when there are none."""
        self._lost |= dict.fromkeys(segments, "nothing named it")
        if self._lost:
            self._append(NO_SEGMENT.model_copy(update={"token": token}))

    def retiring(self) -> dict[str, int]:
        """Return by segment the number of the entry that retires it, if none enters it again."""
        with self._lock:
            self._refresh()
            numbered = [*enumerate(self._entries, 1)]
        entered = {entry.segment: number for number, entry in numbered}
        retired = {segment: number for number, entry in numbered for segment in entry.retires}
        return {segment: number for segment, number in retired.items() if entered.get(segment, 0) < number}

    def enter(self, segment: str, token: str) -> bool:
        """Write an entry for a segment whose entry is gone; return False when its file is, too."""
        try:
            keys = self._read_keys(segment)
        except DamagedFile:
            return False
        self._append(_entry_of(segment, [key.decode() for key in keys], backend="entered again", token=token))
        return True

    def close_gaps(self, token: str) -> bool:
        """Write empty entries in place of lost ones, which hide those after them; tell if there were any."""
        with self._lock:
            self._refresh()
            known, last = len(self._entries), self.journal.last()
            while len(self._entries) < last:
                self._append(NO_SEGMENT.model_copy(update={"token": f"{token}-{len(self._entries)}"}))
                self._refresh()
            return known < last

    def lost(self, segments: Iterable[str]) -> list[str]:
        """Return which segments no entry counts for, or whose file is damaged or gone. Reads the files."""
        with self._lock:
            self._refresh()
            counted = {e.segment: i for i, e in enumerate(self._entries) if i not in self._retired}
            return [s for s in dict.fromkeys(segments) if s not in counted or not self._is_sound(counted[s])]

    def _is_sound(self, place: int) -> bool:
        """Return whether an entry's file is there and whole; otherwise the entry no longer counts."""
        entry = self._entries[place]
        segment = entry.segment
        try:
            path = verified_path(self.store, self._segment_key(segment))
            if (found := _described(path)) != (told := (entry.rows, entry.first_key, entry.last_key)):
                raise DamagedFile(f"entry {place + 1} tells rows, first and last key as {told}, they are {found}")
        except DamagedFile as error:
            log.warning("embeddings/%s: segment %s counts as absent: %s", self.fingerprint, segment, error)
            self._retired.add(place)
            self._lost[segment] = str(error)
            return False
        return True

    def _append(self, entry: SegmentEntry) -> None:
        for _ in range(APPEND_ATTEMPTS):
            with self._lock:
                entry = entry.model_copy(update={"retires": tuple(sorted(self._lost))})
                if self.journal.append(len(self._entries) + 1, entry):
                    self._take(entry)
                    return
                self._refresh()
        raise TransientError(f"embeddings/{self.fingerprint}: {APPEND_ATTEMPTS} writers were faster")

    def write(self, folder: str, keys: Sequence[str], vectors: Vectors, metadata: dict[str, str] | None = None) -> str:
        """Write a file of distinct keys and their vectors, sorted by key, and its metadata; return its SHA-256."""
        order = np.argsort(np.array(keys))
        vectors = np.ascontiguousarray(vectors[order], dtype=np.float32)
        column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])
        table = pa.table({"key": pa.array([keys[i] for i in order], pa.string()), "vector": column}, metadata=metadata)
        with scratch_folder() as scratch:
            path = scratch / "segment.parquet"
            pq.write_table(table, path, compression="none", row_group_size=4096, use_dictionary=False)
            name = file_sha256(path)
            self.store.put_file(f"embeddings/{self.fingerprint}/{folder}/{name}.parquet", path, read_soon=True)
        return name

    def missing(self, keys: Sequence[str]) -> list[str]:
        """Return the keys that have no vector yet, in order, each once."""
        wanted = list(dict.fromkeys(keys))
        entries, _ = self._locate(wanted)
        return [key for key, entry in zip(wanted, entries, strict=True) if entry < 0]

    def segments_of(self, keys: Sequence[str]) -> tuple[str, ...]:
        """Return the names of the segments that hold these keys' vectors, lowest entry first."""
        entries, _ = self._locate(list(dict.fromkeys(keys)))
        return tuple(self._entries[i].segment for i in np.unique(entries[entries >= 0]))

    def vectors(self, keys: Sequence[str], first: Sequence[str] = ()) -> Vectors:
        """Return (n, dimension) float32 in the order of `keys`, of `first` if possible. Raises: DamagedFile."""
        entries, rows = self._locate(list(keys), first)
        if (entries < 0).any():
            lost = "".join(f"; {told}" for told in list(self._lost.values())[:3])
            key = keys[int(np.argmin(entries))]
            raise DamagedFile(f"embeddings/{self.fingerprint}: no vector for key {key}{lost}")
        result: Vectors | None = None
        for i in np.unique(entries):
            here = np.flatnonzero(entries == i)
            vectors = self._read_rows(self._entries[int(i)].segment, rows[here])
            if result is None:
                result = np.empty((len(keys), vectors.shape[1]), np.float32)
            result[here] = vectors
        return result if result is not None else np.empty((0, 0), np.float32)

    def _locate(self, keys: list[str], first: Sequence[str] = ()) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return for each key the index of the entry that counts, −1 if none holds it, and its row there.

        Entries that other writers add later never affect a key that is already found.
        """
        with self._lock:
            own = {*first}
            found = self._locate_in_entries(keys, own)
            is_older = (found[0] < 0).any() or not own <= {entry.segment for entry in self._entries}
            return self._locate_in_entries(keys, own) if is_older and self._refresh() else found

    def _refresh(self) -> bool:
        """Read the index entries that other writers added; False when there are none."""
        known = len(self._entries)
        while True:
            try:
                entry = self.journal.get(len(self._entries) + 1)
            except SchemaMismatch as error:
                log.warning("%s: the entry counts as empty", error)
                entry = NO_SEGMENT
            if entry is None:
                return len(self._entries) > known
            self._take(entry)

    def _take(self, entry: SegmentEntry) -> None:
        """Keep the next entry, and forget what it retires."""
        self._retired |= {i for i, known in enumerate(self._entries) if known.segment in entry.retires}
        for segment in entry.retires:
            self._lost.pop(segment, None)
        self._entries.append(entry)

    def _locate_in_entries(self, keys: list[str], own: Set[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        wanted = np.array(keys, dtype="S64")
        entries, rows = np.full(len(keys), -1, np.int64), np.zeros(len(keys), np.int64)
        numbered = [(i, entry) for i, entry in enumerate(self._entries) if entry.rows and i not in self._retired]
        replacing = [(i, entry) for i, entry in reversed(numbered) if entry.replaces]
        for i, entry in sorted((*replacing, *numbered), key=lambda one: one[1].segment not in own):
            open_ = np.flatnonzero(entries < 0)
            sought = wanted[open_]
            open_ = open_[(sought >= entry.first_key.encode()) & (sought <= entry.last_key.encode())]
            if not len(open_) or (self._keys.get(entry.segment) is None and not self._is_sound(i)):
                continue
            stored = self._keys.keep(entry.segment, partial(self._read_keys, entry.segment), entry.rows)
            at = np.searchsorted(stored, wanted[open_])
            at[at == len(stored)] = 0
            hit = stored[at] == wanted[open_]
            entries[open_[hit]] = i
            rows[open_[hit]] = at[hit]
        return entries, rows

    def _read_keys(self, segment: str) -> Keys:
        key = self._segment_key(segment)
        with reading(key), pq.ParquetFile(verified_path(self.store, key), memory_map=True) as file:
            return np.array(file.read(["key"])["key"].to_pylist(), dtype="S64")

    def _read_rows(self, segment: str, rows: NDArray[np.int64]) -> Vectors:
        key = self._segment_key(segment)
        with reading(key), pq.ParquetFile(verified_path(self.store, key), memory_map=True) as file:
            size = file.metadata.row_group(0).num_rows
            groups, inverse = np.unique(rows // size, return_inverse=True)
            column = file.read_row_groups([int(g) for g in groups], columns=["vector"])["vector"].combine_chunks()
        vectors = np.asarray(column.flatten()).reshape(len(column), -1)
        result: Vectors = vectors[inverse * size + rows % size]  # only the last group of a file is smaller
        return result

    def _segment_key(self, name: str) -> str:
        return f"embeddings/{self.fingerprint}/segments/{name}.parquet"


def _entry_of(segment: str, keys: Sequence[str], **more: Any) -> SegmentEntry:
    told = {"segment": segment, "rows": len(keys), "first_key": min(keys), "last_key": max(keys)}
    return SegmentEntry(**told, dtype="float32", **more)


def _described(path: Path) -> tuple[int, str, str]:
    """Return how many keys a segment has, the first and the last one, as its footer tells them."""
    with reading(str(path)):
        metadata = pq.read_metadata(path)
        first, last = (metadata.row_group(group).column(0).statistics for group in (0, metadata.num_row_groups - 1))
    return metadata.num_rows, first.min, last.max
