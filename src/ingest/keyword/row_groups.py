"""Rows of a Parquet file by number, and chunk ids; only the row groups that contain them are decoded."""

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from io import RawIOBase
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ingest.bounded_cache import BoundedCache
from ingest.errors import SchemaMismatch
from ingest.keyword.parquet_files import LENGTHS, NOWHERE, PACKED, batches, hashes, numbers, open_parquet, packed_hex

File = Path | RawIOBase  # local, or any seekable file; read on demand


@dataclass
class RowGroups:
    """A file's row groups with a bounded cache of decoded ones. Threads may share it."""

    path: Path | str  # or the name of an open file
    file: pq.ParquetFile
    starts: list[int]  # first row of each group, and at the end the number of rows
    decoded: BoundedCache[int, dict[str, Any]]  # by group
    again: Callable[[], None] | None = None  # makes an open file fetch what could not be decoded once more
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def count(self) -> int:
        """The number of rows."""
        return self.starts[-1]

    def group(self, number: int) -> dict[str, Any]:
        """Return a row group: numbers as NumPy arrays, strings as one Arrow array, by column."""
        return self.decoded.keep(number, partial(self.read, number))

    def rows(self, first: int, last: int) -> Iterator[Any]:
        """Yield the rows [first, last) one row group at a time, as tuples of one array per column."""
        while first < last:
            number = bisect_right(self.starts, first) - 1
            start, end = self.starts[number], min(self.starts[number + 1], last)
            yield tuple(column[first - start : end - start] for column in self.group(number).values())
            first = end

    def row(self, row: int, columns: Sequence[str]) -> tuple[int, ...]:
        """Return the numbers in one row."""
        number = bisect_right(self.starts, row) - 1
        group = self.group(number)
        return tuple(int(group[name][row - self.starts[number]]) for name in columns)

    def take(self, column: str, rows: NDArray[np.int64]) -> list[str]:
        """Return the strings of the given rows, in the same order, visiting each row group once."""
        found: list[str] = [""] * len(rows)
        numbered = np.searchsorted(self.starts, rows, side="right") - 1
        for at in np.argsort(numbered, kind="stable").tolist():
            number = int(numbered[at])
            found[at] = str(self.group(number)[column][int(rows[at]) - self.starts[number]])
        return found

    def find(self, value: str) -> int | None:
        """Return the row that holds `value` in the first column, which is sorted; None if there is none."""
        number = bisect_right(self._minima, value) - 1
        if number < 0:
            return None
        strings = next(iter(self.group(number).values()))
        at = bisect_left(range(len(strings)), value, key=lambda i: str(strings[i]))
        return self.starts[number] + at if at < len(strings) and str(strings[at]) == value else None

    def close(self) -> None:
        """Close the file."""
        self.file.close(force=True)

    def read(self, number: int, columns: list[str] | None = None) -> dict[str, Any]:
        """Return a row group as `group` does, bypassing the cache. Only one thread reads at a time."""
        with self._lock:
            try:
                table = self._table(number, columns)
            except SchemaMismatch:
                if self.again is None:
                    raise
                self.again()
                table = self._table(number, columns)
        found = {name: table[name].combine_chunks() for name in table.column_names}
        return {n: c if pa.types.is_string(c.type) else numbers(c) for n, c in found.items()}

    def _table(self, number: int, columns: list[str] | None) -> pa.Table:
        try:
            return self.file.read_row_group(number, columns, use_threads=False)
        except (OSError, pa.ArrowException) as error:
            raise SchemaMismatch(f"{self.path}: row group {number} is damaged: {error}") from error

    @cached_property
    def _minima(self) -> list[str]:
        """The smallest value of the first column in each row group."""
        found = [self.file.metadata.row_group(i).column(0).statistics for i in range(self.file.num_row_groups)]
        if any(statistics is None or not statistics.has_min_max for statistics in found):
            raise SchemaMismatch(f"{self.path}: a row group has no statistics for its first column")
        return [statistics.min for statistics in found]


def open_groups(file: File, schema: pa.Schema, cached: int) -> RowGroups:
    """Open a file. Of one that can `forget`, a damaged row group is read once more. Raises: SchemaMismatch."""
    path = file if isinstance(file, Path) else str(getattr(file, "name", "an open file"))
    opened = open_parquet(path, schema, None if isinstance(file, Path) else pa.PythonFile(file, "r"))
    sizes = [opened.metadata.row_group(i).num_rows for i in range(opened.num_row_groups)]
    starts = np.cumsum([0, *sizes], dtype=np.int64).tolist()
    return RowGroups(path, opened, starts, BoundedCache(cached), getattr(file, "forget", None))


class ChunkIds:
    """The chunk ids of an index, read on demand, found by sorted hashes (12 bytes per row). Threads may share it."""

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
        """Return the row of each of at least one id, (n,) int64, −1 for unknown ids."""
        with self._sorting:  # one thread builds
            known, rows = self._sorted
        found = np.full(len(ids), -1, np.int64)
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


@dataclass
class Segment:
    """Terms and postings of some of an index's chunks."""

    postings: RowGroups
    terms: RowGroups
    chunks: NDArray[np.uint32] | None  # by their numbers here, NOWHERE for one that is gone; None: numbers are ordinals

    def find(self, term: str) -> Iterator[tuple[NDArray[np.uint32], NDArray[np.uint32]]]:
        """Yield the chunks that hold a term, and how often."""
        if (place := self.terms.find(term)) is None:
            return
        first, frequency = self.terms.row(place, ("first", "document_frequency"))
        for held, frequencies in self.postings.rows(first, first + frequency):
            chunks = held if self.chunks is None else self.chunks[held]
            there = chunks != NOWHERE
            yield (chunks, frequencies) if there.all() else (chunks[there], frequencies[there])
