"""Chunk ids by ordinal: 32 hex digits take 16 bytes, in a bounded amount of memory."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ingest.keyword.parquet_files import LENGTHS, PACKED, batches, hashes, open_parquet, packed_hex
from ingest.keyword.row_groups import Groups


@dataclass
class Identities:
    """The ids of an index, read by row group on demand. Safe to share between threads."""

    ids: Groups
    limit: int  # bytes of decoded ids
    _pool: NDArray[np.uint8] = field(init=False)  # (slots, rows, PACKED)
    _slot: NDArray[np.int64] = field(init=False)  # of each row group, −1 when it is not decoded
    _owner: NDArray[np.int64] = field(init=False)  # row group of each slot
    _next: int = 0  # slot to fill next, in turn
    _hex: bool = True  # False once an id is found that is not 32 hex digits
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        sizes = np.diff(self.ids.starts)
        most = int(sizes.max(initial=1))
        slots = max(1, min(len(sizes), self.limit // (most * PACKED)))
        self._pool = np.empty((slots, most, PACKED), np.uint8)
        self._slot, self._owner = np.full(len(sizes), -1), np.full(slots, -1)

    def take(self, ordinals: NDArray[np.int64]) -> list[str]:
        """Return the ids of given chunks, in their order."""
        with self._lock:
            found = self._packed(ordinals) if self._hex else None
        if found is None:
            return self.ids.take("chunk_id", ordinals)
        text = found.tobytes().hex()
        return [text[i : i + 2 * PACKED] for i in range(0, len(text), 2 * PACKED)]

    def _packed(self, ordinals: NDArray[np.int64]) -> NDArray[np.uint8] | None:
        """Return (n, PACKED), None when an id is not 32 hex digits."""
        starts = np.asarray(self.ids.starts)
        groups = np.searchsorted(starts, ordinals, side="right") - 1
        found = np.empty((len(ordinals), PACKED), np.uint8)
        held = self._slot[groups] >= 0
        found[held] = self._pool[self._slot[groups[held]], ordinals[held] - starts[groups[held]]]
        for group in np.unique(groups[~held]).tolist():
            if not self._load(group):
                self._hex = False
                return None
            here = groups == group
            found[here] = self._pool[self._slot[group], ordinals[here] - starts[group]]
        return found

    def _load(self, group: int) -> bool:
        column = self.ids.read(group, ["chunk_id"])["chunk_id"]
        if (packed := packed_hex(column)) is None:
            return False
        slot, self._next = self._next, (self._next + 1) % len(self._owner)
        if self._owner[slot] >= 0:
            self._slot[self._owner[slot]] = -1
        self._pool[slot, : len(packed)] = packed
        self._owner[slot], self._slot[group] = group, slot
        return True


@dataclass
class RowsById:
    """Finds the row of an id by sorted hashes, built at first use, twelve bytes per row; the id itself is compared."""

    ids: Identities
    _sorted: NDArray[np.uint64] | None = None
    _rows: NDArray[np.uint32] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, ids: Sequence[str]) -> NDArray[np.int64]:
        """Return the row of each id, (n,) int64, −1 for an unknown one."""
        with self._lock:
            if self._sorted is None or self._rows is None:
                self._sorted, self._rows = self._build()
            known, rows = self._sorted, self._rows
        found = np.full(len(ids), -1, np.int64)
        if not len(ids):
            return found
        wanted = hashes(pa.array(list(ids), pa.string()))
        left, right = np.searchsorted(known, wanted), np.searchsorted(known, wanted, side="right")
        asked = np.repeat(np.arange(len(ids)), right - left)
        candidates = np.concatenate([rows[a:z] for a, z in zip(left, right, strict=True)]).astype(np.int64)
        for i, row, there in zip(asked.tolist(), candidates.tolist(), self.ids.take(candidates), strict=True):
            if there == ids[i]:
                found[i] = row
        return found

    def _build(self) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
        # With a file of its own: searches may be reading through the other one right now.
        with open_parquet(self.ids.ids.path, LENGTHS) as file:
            parts = [hashes(batch["chunk_id"]) for batch in batches(file, self.ids.ids.path, ["chunk_id"])]
        found = np.concatenate([np.zeros(0, np.uint64), *parts])
        order = np.argsort(found, kind="stable").astype(np.uint32)
        return found[order], order
