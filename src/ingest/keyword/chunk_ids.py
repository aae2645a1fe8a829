"""Chunk ids by ordinal, in bounded memory: 32 hex digits take 16 bytes."""

import threading
from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ingest.bounded_cache import BoundedCache
from ingest.keyword.parquet_files import LENGTHS, PACKED, batches, hashes, packed_hex
from ingest.keyword.row_groups import RowGroups


class ChunkIds:
    """The chunk ids of an index, read by row group on demand. Threads may share it.

    Rows are found by sorted hashes (twelve bytes per row, built at first use); then the ids themselves are compared.
    """

    def __init__(self, ids: RowGroups, limit: int) -> None:
        """Keep at most about `limit` bytes of decoded ids."""
        self.ids = ids
        self._starts = np.array(ids.starts)
        largest = int(np.diff(self._starts).max(initial=1)) * PACKED
        self._packed: BoundedCache[int, bytes] = BoundedCache(max(1, limit // largest))  # by row group
        self._sorting = threading.Lock()

    def take(self, ordinals: NDArray[np.int64]) -> list[str]:
        """Return the ids of the given chunks, in the same order."""
        found, groups = [], np.searchsorted(self._starts, ordinals, side="right") - 1
        for group, row in zip(groups.tolist(), (ordinals - self._starts[groups]).tolist(), strict=True):
            packed = self._packed.keep(group, partial(self._load, group))
            if not packed:
                return self.ids.take("chunk_id", ordinals)
            found.append(packed[row * PACKED : (row + 1) * PACKED])
        text = b"".join(found).hex()
        return [text[i : i + 2 * PACKED] for i in range(0, len(text), 2 * PACKED)]

    def _load(self, group: int) -> bytes:
        """Return PACKED bytes per row; b"" when an id is not 32 hex digits."""
        return packed_hex(self.ids.read(group, ["chunk_id"])["chunk_id"]) or b""

    def find(self, ids: Sequence[str]) -> NDArray[np.int64]:
        """Return the row of each id, (n,) int64, −1 for unknown ids."""
        with self._sorting:  # one thread builds
            known, rows = self._sorted
        found = np.full(len(ids), -1, np.int64)
        if not len(ids):
            return found
        wanted = hashes(pa.array(list(ids), pa.string()))
        left, right = np.searchsorted(known, wanted), np.searchsorted(known, wanted, side="right")
        asked = np.repeat(np.arange(len(ids)), right - left)
        candidates = np.concatenate([rows[a:z] for a, z in zip(left, right, strict=True)]).astype(np.int64)
        for i, row, there in zip(asked.tolist(), candidates.tolist(), self.take(candidates), strict=True):
            if there == ids[i]:
                found[i] = row
        return found

    @cached_property
    def _sorted(self) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
        # Opens the file again: searches may be reading through the other handle right now.
        parts = [hashes(batch["chunk_id"]) for batch in batches(Path(self.ids.path), LENGTHS, ["chunk_id"])]
        found = np.concatenate([np.zeros(0, np.uint64), *parts])
        order = np.argsort(found, kind="stable").astype(np.uint32)
        return found[order], order
