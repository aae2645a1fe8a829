"""Rows of a Parquet file by number, decoding only the row groups they lie in."""

import threading
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ingest.bm25.schemas import LENGTHS, batches, hashes, numbers, open_parquet
from ingest.errors import InvalidSettings, SchemaMismatch


@dataclass
class Groups:
    """A file's row groups with a bounded cache of decoded ones. Safe to share between threads."""

    path: Path
    file: pq.ParquetFile
    starts: list[int]  # first row of each group, and the number of rows at the end
    cached: int
    _decoded: OrderedDict[int, dict[str, Any]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _minima: list[str] | None = None

    @property
    def count(self) -> int:
        """The number of rows."""
        return self.starts[-1]

    def group(self, number: int) -> dict[str, Any]:
        """Return a row group: numbers as NumPy arrays, strings as one Arrow array, by column."""
        with self._lock:
            if (found := self._decoded.get(number)) is not None:
                self._decoded.move_to_end(number)
                return found
            found = self._decode(number)
            self._decoded[number] = found
            while len(self._decoded) > self.cached:
                self._decoded.popitem(last=False)
            return found

    def rows(self, first: int, last: int) -> Iterator[Any]:
        """Yield a tuple with one array a column for the rows `first` to before `last`, one row group at a time."""
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
        """Return the strings in given rows, in their order. Each row group is decoded once, however many rows ask."""
        found: list[str] = [""] * len(rows)
        numbered = np.searchsorted(self.starts, rows, side="right") - 1
        for at in np.argsort(numbered, kind="stable").tolist():
            number = int(numbered[at])
            found[at] = str(self.group(number)[column][int(rows[at]) - self.starts[number]])
        return found

    def find(self, column: str, value: str) -> int | None:
        """Return the row that holds `value` in a column that rises, None when none does."""
        if self._minima is None:
            self._minima = self._statistics(column)
        number = bisect_right(self._minima, value) - 1
        if number < 0:
            return None
        strings = self.group(number)[column]
        at = bisect_left(range(len(strings)), value, key=lambda i: str(strings[i]))
        return self.starts[number] + at if at < len(strings) and str(strings[at]) == value else None

    def close(self) -> None:
        """Let go of the file."""
        self.file.close()

    def _decode(self, number: int) -> dict[str, Any]:
        try:
            table = self.file.read_row_group(number, use_threads=False)
        except (OSError, pa.ArrowInvalid) as error:
            raise SchemaMismatch(f"{self.path}: row group {number} is damaged: {error}") from error
        columns = {name: table[name].combine_chunks() for name in table.column_names}
        return {n: c if pa.types.is_string(c.type) else numbers(c) for n, c in columns.items()}

    def _statistics(self, column: str) -> list[str]:
        place = self.file.schema_arrow.names.index(column)
        found = []
        for number in range(self.file.num_row_groups):
            statistics = self.file.metadata.row_group(number).column(place).statistics
            if statistics is None or not statistics.has_min_max:
                raise SchemaMismatch(f"{self.path}: row group {number} has no statistics for {column}")
            found.append(statistics.min)
        return found


def open_groups(path: Path, schema: pa.Schema, cached: int) -> Groups:
    """Open a file. Raises: SchemaMismatch when it is damaged or lacks a column; InvalidSettings when `cached` < 1."""
    if cached < 1:
        raise InvalidSettings(f"keyword index: cached must be at least 1 row group, not {cached}")
    file = open_parquet(path, schema)
    sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
    return Groups(path, file, [0, *np.cumsum(sizes, dtype=np.int64).tolist()], cached)


@dataclass
class RowsById:
    """Which row holds an id: sorted hashes, built at first use, twelve bytes a row; the id itself is compared."""

    ids: Groups
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
        wanted = hashes(pa.array(list(ids), pa.string()))
        left, right = np.searchsorted(known, wanted), np.searchsorted(known, wanted, side="right")
        for i, wanted_id in enumerate(ids):
            candidates = rows[left[i] : right[i]].astype(np.int64)
            for row, there in zip(candidates.tolist(), self.ids.take("chunk_id", candidates), strict=True):
                if there == wanted_id:
                    found[i] = row
        return found

    def _build(self) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
        # With a file of its own: searches may be reading through the other one at this moment.
        with open_parquet(self.ids.path, LENGTHS) as file:
            parts = [hashes(batch["chunk_id"]) for batch in batches(file, self.ids.path, ["chunk_id"])]
        found = np.concatenate([np.zeros(0, np.uint64), *parts])
        order = np.argsort(found, kind="stable").astype(np.uint32)
        return found[order], order
