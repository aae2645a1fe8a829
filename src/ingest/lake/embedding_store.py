"""The embedding store, shared by all indexes: `embeddings/<model fingerprint>/segments/`, and which of them count.

A store, not a cache: segments are immutable and sorted by key, and what was stored first stays. In bf16, a text's
vector varies slightly with its batch. A generation reads from its own segments first, so it keeps its vectors whatever
replaces them later. What is damaged or gone counts as absent. A merge of small segments keeps the vectors that count.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ingest.bounded_cache import BoundedCache
from ingest.errors import DamagedFile
from ingest.ids import file_sha256
from ingest.lake.key_hashes import KeyHashes, Keys
from ingest.lake.segment_index import NO_SEGMENT, SegmentIndex
from ingest.lake.verified_files import reading, verified_path
from ingest.ports import Store
from ingest.records import SegmentEntry, Vectors
from ingest.scratch import scratch_folder

CACHED_KEYS = 2_000_000  # kept in memory, 64 bytes each
ENTRIES = 16  # that a reader may find after the newest snapshot, besides those of the newest run
FULL = 32_768  # rows of a segment that is merged with no other
SAME = "same"  # said by a merge of segments that replace nothing: no vector is another than before
SMALL = 4_096  # rows up to which segments are merged whatever the size of the others
log = logging.getLogger(__name__)
Located = tuple[list[str], NDArray[np.int64], NDArray[np.int64]]


class EmbeddingStore:
    """The vectors of one model by embedding key. Reuse it: it remembers what it has read. Threads may share it."""

    def __init__(self, store: Store, fingerprint: str, cached_keys: int = CACHED_KEYS) -> None:
        self.store = store
        self.fingerprint = fingerprint
        self.index = SegmentIndex(store, f"embeddings/{fingerprint}/")
        self._keys: BoundedCache[str, Keys] = BoundedCache(cached_keys)  # by segment
        self._hashes = KeyHashes()

    def anew(self) -> "EmbeddingStore":
        """Return a store that shares the index of this one, and reads the segments again."""
        other = EmbeddingStore(self.store, self.fingerprint)
        other.index = self.index
        return other

    def add(self, keys: Sequence[str], vectors: Vectors, backend: str, token: str, again: str = "") -> str:
        """Write a segment, then its index entry, and return the segment's name.

        `keys` are distinct; `vectors` (n, dimension) float32, normalised, in the same order. `backend` names what
        computed them, for people only. `token` is unique to this writer. `again`: the generation for which they are
        made again; they count before all others then.
        """
        name = self._write(keys, vectors)
        told = {"backend": backend, "token": token, "replaces": bool(again), "again": again}
        self.index.append(_entry_of(name, keys, **told))
        return name

    def made_again(self, generation: str) -> set[str]:
        """Return the keys whose vectors were made again for a generation, as far as no merge has hidden that."""
        with self.index.lock:
            self.index.refresh()
            made = [self._keys_of(one.segment, one) for one in self.index.live if one.again == generation]
        return {key.decode() for keys in made if keys is not None for key in keys}

    def retire(self, token: str, segments: Iterable[str] = ()) -> None:
        """Record that segments, and those that were found lost, no longer count. Quick when there are none."""
        self.index.lost |= dict.fromkeys(segments, "nothing named it")
        if self.index.lost:
            self.index.append(NO_SEGMENT.model_copy(update={"token": token}))

    def enter(self, segment: str, token: str) -> bool:
        """Write an entry for a segment whose entry is gone; return False when its file is, too."""
        try:
            keys = self._read_keys(segment)
        except DamagedFile:
            return False
        self.index.append(_entry_of(segment, [key.decode() for key in keys], backend="entered again", token=token))
        return True

    def merge(self, token: str) -> None:
        """Merge small segments once many entries were added, unless others write, too: later readers find few."""
        index = self.index
        with index.lock:
            index.refresh()
            if index.read - index.saved <= ENTRIES:
                return
            while len(some := _mergeable(index.live)) > 1 and all(map(self._is_sound, some)):
                found = [*filter(None, map(self._counting, some))]
                if not found:
                    break
                keys, vectors = (np.concatenate(column) for column in zip(*found, strict=True))
                same = SAME if all(not one.replaces or one.again == SAME for one in some) else ""
                told = {"backend": "merged", "token": f"{token}-{index.read}", "replaces": True, "again": same}
                names, merges = [key.decode() for key in keys], tuple(one.segment for one in index.live if one in some)
                entry = _entry_of(self._write(names, vectors), names, merges=merges, **told)
                if not index.try_append(entry):  # it may replace what counted
                    return
            index.save(token)

    def _counting(self, entry: SegmentEntry) -> tuple[Keys, Vectors] | None:
        """Return the keys of a segment for which no other counts, and their vectors; None if there are none."""
        keys = self._read_keys(entry.segment)
        names, places, rows = self._locate_in(keys, frozenset())
        own = rows[places == names.index(entry.segment)]
        return (keys[own], self._read_rows(entry.segment, own)) if len(own) else None

    def current(self, segments: Iterable[str]) -> tuple[str, ...]:
        """Return segments by their names, and for those that were merged the ones that hold their vectors."""
        if not self.index.read:
            self.index.refresh()
        return tuple(dict.fromkeys(self.index.merged.get(segment, segment) for segment in segments))

    def lost(self, segments: Iterable[str]) -> list[str]:
        """Return which segments no entry counts for, or whose file is damaged or gone. Reads the files."""
        with self.index.lock:
            self.index.refresh()
            counted, held = {entry.segment: entry for entry in self.index.live}, self.index.merged
            names = {name: held.get(name, name) for name in segments}
            lost = {one for one in {*names.values()} if one not in counted or not self._is_sound(counted[one])}
            return [name for name, one in names.items() if one in lost]

    def _is_sound(self, entry: SegmentEntry) -> bool:
        """Return whether an entry's file is there and whole; otherwise the entry no longer counts."""
        try:
            path = verified_path(self.store, self._segment_key(entry.segment))
            if (found := _described(path)) != (told := (entry.rows, entry.first_key, entry.last_key)):
                raise DamagedFile(f"its entry tells rows, first and last key as {told}, they are {found}")
        except DamagedFile as error:
            log.warning("embeddings/%s: segment %s counts as absent: %s", self.fingerprint, entry.segment, error)
            self.index.lost[entry.segment] = str(error)
            self.index.live = [one for one in self.index.live if one is not entry]
        return entry.segment not in self.index.lost

    def _write(self, keys: Sequence[str], vectors: Vectors) -> str:
        """Write a segment of distinct keys and their vectors, sorted by key; return its name."""
        order = np.argsort(np.array(keys))
        vectors = np.ascontiguousarray(vectors[order], dtype=np.float32)
        column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])
        table = pa.table({"key": pa.array([keys[i] for i in order], pa.string()), "vector": column})
        with scratch_folder() as scratch:
            path = scratch / "segment.parquet"
            pq.write_table(table, path, compression="none", row_group_size=4096, use_dictionary=False)
            name = file_sha256(path)
            self.store.put_file(self._segment_key(name), path, read_soon=True)
        return name

    def missing(self, keys: Sequence[str]) -> list[str]:
        """Return the keys that have no vector yet, in order, each once."""
        wanted = list(dict.fromkeys(keys))
        return [key for key, place in zip(wanted, self._locate(wanted)[1], strict=True) if place < 0]

    def segments_of(self, keys: Sequence[str]) -> tuple[str, ...]:
        """Return the names of the segments that hold these keys' vectors, the one that counts first before others."""
        names, places, _ = self._locate(list(dict.fromkeys(keys)))
        return tuple(names[place] for place in np.unique(places[places >= 0]))

    def vectors(self, keys: Sequence[str], first: Sequence[str] = ()) -> Vectors:
        """Return (n, dimension) float32 in the order of `keys`, from the segments `first` as far as they hold them.

        Raises: DamagedFile, naming a key without a vector.
        """
        names, places, rows = self._locate(list(keys), first)
        if (places < 0).any():
            lost = "".join(f"; {told}" for told in list(self.index.lost.values())[:3])
            key = keys[int(np.argmin(places))]
            raise DamagedFile(f"embeddings/{self.fingerprint}: no vector for key {key}{lost}")
        result: Vectors | None = None
        for place in np.unique(places):
            here = np.flatnonzero(places == place)
            vectors = self._read_rows(names[place], rows[here])
            if result is None:
                result = np.empty((len(keys), vectors.shape[1]), np.float32)
            result[here] = vectors
        return result if result is not None else np.empty((0, 0), np.float32)

    def _locate(self, keys: list[str], first: Sequence[str] = ()) -> Located:
        """Return names of segments, and for each key the place among them of the one that counts, or −1, and a row."""
        index, own = self.index, {*first}
        with index.lock:
            found = self._locate_in(keys, own)
            known = {entry.segment for entry in index.live} | index.merged.keys() | index.retired.keys()
            is_older = (found[1] < 0).any() or not own <= known
            return self._locate_in(keys, own) if is_older and index.refresh() else found

    def _locate_in(self, keys: Sequence[str] | Keys, own: Set[str]) -> Located:
        """Look in the segments of `own` first: those that count, then those that were merged; then in all others."""
        wanted, live = np.array(keys, dtype="S64"), {entry.segment: entry for entry in reversed(self.index.live)}
        merged = [name for name in self.index.merged if name in own and name not in live]
        order, places, rows = list[str](), np.full(len(keys), -1, np.int64), np.zeros(len(keys), np.int64)

        def others() -> Iterator[str]:
            if len(left := wanted[places < 0]):
                for name in live.keys() - self._hashes.known:
                    if (stored := self._keys_of(name, live[name])) is not None:
                        self._hashes.add(name, stored)
                holds = self._hashes.holding(left)
                yield from (name for name in reversed(live) if name in holds and name not in own)

        for name in chain((name for name in reversed(live) if name in own), merged, others()):
            order.append(name)
            open_ = np.flatnonzero(places < 0)
            if not len(open_) or (stored := self._keys_of(name, live.get(name))) is None:
                continue
            at = np.searchsorted(stored, wanted[open_])
            at[at == len(stored)] = 0
            hit = stored[at] == wanted[open_]
            places[open_[hit]] = len(order) - 1
            rows[open_[hit]] = at[hit]
        return order, places, rows

    def _keys_of(self, segment: str, entry: SegmentEntry | None) -> Keys | None:
        """Return a segment's keys, None if its file is not whole; of one that was merged it may be gone."""
        with suppress(DamagedFile):
            if entry is None:  # also where its keys are known from before it went
                verified_path(self.store, self._segment_key(segment))
            if (keys := self._keys.get(segment)) is None and (entry is None or self._is_sound(entry)):
                keys = self._read_keys(segment)
                self._keys.put(segment, keys, len(keys))
            return keys
        return None

    def _read_keys(self, segment: str) -> Keys:
        key = self._segment_key(segment)
        with reading(key), pq.ParquetFile(verified_path(self.store, key), memory_map=True) as file:
            return np.array(file.read(["key"], use_threads=False)["key"].to_pylist(), dtype="S64")

    def _read_rows(self, segment: str, rows: NDArray[np.int64]) -> Vectors:
        key = self._segment_key(segment)
        with reading(key), pq.ParquetFile(verified_path(self.store, key), memory_map=True) as file:
            size = file.metadata.row_group(0).num_rows
            groups, inverse = np.unique(rows // size, return_inverse=True)
            column = file.read_row_groups([*map(int, groups)], ["vector"], use_threads=False)["vector"].combine_chunks()
        vectors = np.asarray(column.flatten()).reshape(len(column), -1)
        result: Vectors = vectors[inverse * size + rows % size]  # only the last group of a file is smaller
        return result

    def _segment_key(self, name: str) -> str:
        return f"embeddings/{self.fingerprint}/segments/{name}.parquet"


def _entry_of(segment: str, keys: Sequence[str], **more: Any) -> SegmentEntry:
    told = {"segment": segment, "rows": len(keys), "first_key": min(keys), "last_key": max(keys)}
    return SegmentEntry(**told, dtype="float32", **more)


def _mergeable(live: Iterable[SegmentEntry]) -> list[SegmentEntry]:
    """Return the smallest segments, none over twice those before it, so that a vector is rarely written again."""
    some, rows = list[SegmentEntry](), 0
    for entry in sorted({entry.segment: entry for entry in live}.values(), key=lambda entry: entry.rows):
        if rows + entry.rows > FULL or (some and entry.rows > max(2 * rows, SMALL)):
            break
        some.append(entry)
        rows += entry.rows
    return some


def _described(path: Path) -> tuple[int, str, str]:
    """Return how many keys a segment has, the first and the last one, as its footer tells them."""
    with reading(str(path)):
        metadata = pq.read_metadata(path)
        first, last = (metadata.row_group(group).column(0).statistics for group in (0, metadata.num_row_groups - 1))
    return metadata.num_rows, first.min, last.max
