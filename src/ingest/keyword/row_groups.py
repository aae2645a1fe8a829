"""Rows of a Parquet file by number, and chunk ids; only the row groups that contain them are decoded."""

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from io import RawIOBase
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ingest.bounded_cache import BoundedCache
from ingest.errors import SchemaMismatch
from ingest.keyword import parquet_files as parquet

CACHED_GROUPS = 8  # row groups of postings (512 KB each) and of terms kept decoded

File = Path | RawIOBase  # local, or any seekable file; read on demand


class RowGroups:
    """A file's row groups with a bounded cache of decoded ones. Threads may share it."""

    def __init__(self, file: File, schema: pa.Schema, cached: int) -> None:
        """Open a file. Of one that can `forget`, a damaged row group is read once more. Raises: SchemaMismatch."""
        self.path = file if isinstance(file, Path) else str(getattr(file, "name", "an open file"))
        source = None if isinstance(file, Path) else pa.PythonFile(file, "r")
        self._file = parquet.open_parquet(self.path, schema, source)
        sizes = [self._file.metadata.row_group(i).num_rows for i in range(self._file.num_row_groups)]
        self.starts: list[int] = np.cumsum([0, *sizes], dtype=np.int64).tolist()  # of each group, and of what follows
        self.decoded: BoundedCache[int, dict[str, Any]] = BoundedCache(cached)  # by group
        self._forget: Callable[[], None] | None = getattr(file, "forget", None)
        self._lock = threading.Lock()

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
        self._file.close(force=True)

    def read(self, number: int, columns: list[str] | None = None) -> dict[str, Any]:
        """Return a row group as `group` does, bypassing the cache. Only one thread reads at a time."""
        with self._lock:
            try:
                table = self._table(number, columns)
            except SchemaMismatch:
                if self._forget is None:
                    raise
                self._forget()
                table = self._table(number, columns)
        found = {name: table[name].combine_chunks() for name in table.column_names}
        return {n: c if pa.types.is_string(c.type) else parquet.numbers(c) for n, c in found.items()}

    def _table(self, number: int, columns: list[str] | None) -> pa.Table:
        try:
            return self._file.read_row_group(number, columns, use_threads=False)
        except (OSError, pa.ArrowException) as error:
            raise SchemaMismatch(f"{self.path}: row group {number} is damaged: {error}") from error

    @cached_property
    def _minima(self) -> list[str]:
        """The smallest value of the first column in each row group."""
        found = [self._file.metadata.row_group(i).column(0).statistics for i in range(self._file.num_row_groups)]
        if any(statistics is None or not statistics.has_min_max for statistics in found):
            raise SchemaMismatch(f"{self.path}: a row group has no statistics for its first column")
        return [statistics.min for statistics in found]


class ChunkIds:
    """The chunk ids of an index, read on demand, found by sorted hashes (12 bytes per row). Threads may share it."""

    def __init__(self, lengths: Path, limit: int) -> None:
        """Open the file. At most about `limit` bytes of decoded ids are kept. Raises: SchemaMismatch."""
        self._path, self._groups = lengths, RowGroups(lengths, parquet.LENGTHS, 1)
        self._starts = np.array(self._groups.starts)
        largest = int(np.diff(self._starts).max(initial=1)) * parquet.PACKED
        self._held: BoundedCache[int, bytes | pa.StringArray] = BoundedCache(max(1, limit // largest))  # by row group
        self._sorting = threading.Lock()
        self.close = self._groups.close

    def take(self, ordinals: NDArray[np.int64]) -> list[str]:
        """Return the ids of the given chunks, in the same order."""
        found, groups = [], np.searchsorted(self._starts, ordinals, side="right") - 1
        for group, row in zip(groups.tolist(), (ordinals - self._starts[groups]).tolist(), strict=True):
            ids = self._held.keep(group, partial(self._load, group))
            packed = isinstance(ids, bytes)
            found.append(ids[row * parquet.PACKED : (row + 1) * parquet.PACKED].hex() if packed else str(ids[row]))
        return found

    def _load(self, group: int) -> bytes | pa.StringArray:
        """Return the ids of a row group: 16 bytes each if all are 32 hex digits."""
        ids = self._groups.read(group, ["chunk_id"])["chunk_id"]
        return parquet.packed_hex(ids) or ids

    def find(self, ids: Sequence[str]) -> NDArray[np.int64]:
        """Return the row of each of at least one id, (n,) int64, −1 for unknown ids."""
        with self._sorting:  # one thread builds
            known, rows = self._sorted
        found = np.full(len(ids), -1, np.int64)
        wanted = parquet.hashes(pa.array(list(ids), pa.string()))
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
        every = parquet.batches(self._path, parquet.LENGTHS, ["chunk_id"])
        found = np.concatenate([np.zeros(0, np.uint64), *(parquet.hashes(batch["chunk_id"]) for batch in every)])
        order = np.argsort(found, kind="stable").astype(np.uint32)
        return found[order], order


class Segment:
    """Terms and postings of some of an index's chunks."""

    def __init__(self, postings: File, terms: File, chunks: NDArray[np.uint32] | None) -> None:
        """Open the files. `chunks`: by their numbers here, NOWHERE for one that is gone; None: numbers are ordinals.

        Raises: SchemaMismatch for files that are damaged or do not belong together.
        """
        self.postings = RowGroups(postings, parquet.POSTINGS, CACHED_GROUPS)
        self.terms = RowGroups(terms, parquet.TERMS, CACHED_GROUPS)
        self._chunks = chunks
        last, there = self.terms.starts[-1] - 1, self.postings.starts[-1]
        counted = sum(self.terms.row(last, ("first", "document_frequency"))) if last >= 0 else 0
        if counted != there:
            self.close()
            raise SchemaMismatch(f"{self.terms.path} counts {counted} postings, {self.postings.path} has {there}")

    def close(self) -> None:
        """Close the files."""
        self.postings.close()
        self.terms.close()

    def find(self, term: str) -> Iterator[tuple[NDArray[np.uint32], NDArray[np.uint32]]]:
        """Yield the chunks that hold a term, and how often."""
        if (place := self.terms.find(term)) is None:
            return
        first, frequency = self.terms.row(place, ("first", "document_frequency"))
        for held, frequencies in self.postings.rows(first, first + frequency):
            chunks = held if self._chunks is None else self._chunks[held]
            there = chunks != parquet.NOWHERE
            yield (chunks, frequencies) if there.all() else (chunks[there], frequencies[there])
