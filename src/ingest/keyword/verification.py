"""Checks that a keyword index agrees with its own lengths and frequencies, for the conservation check."""

from collections import Counter
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ingest.keyword.parquet_files import LENGTHS, NOWHERE, POSTINGS, TERMS, batches, chunks_by_place, numbers
from ingest.keyword.row_groups import ChunkIds

NAMED = 100  # problems named one by one, per kind


def verify(postings: Path, terms: Path, lengths: Path, *small: Path) -> list[str]:
    """Return the problems found, one sentence each; empty if there are none. `small`: as for `KeywordIndex`.

    A chunk whose frequencies do not add up to its length has lost or gained a posting and is named by id, and so is a
    term with more or fewer postings than its document frequency. Order and gaps are checked too; which chunks there are
    is for the caller to compare.

    Memory: 16 bytes per chunk, 8 per term, and one batch. Raises: SchemaMismatch when a file is damaged.
    """
    problems = _Problems()
    parts = [numbers(batch["length"]).astype(np.int64) for batch in batches(lengths, LENGTHS, ["length"])]
    expected = np.concatenate([np.zeros(0, np.int64), *parts])
    sums, files = np.zeros(len(expected), np.int64), (postings, terms, *small)
    for held, known, placed in zip(files[::2], files[1::2], chunks_by_place(lengths), strict=True):
        chunks = np.arange(len(expected)) if placed is None else placed
        found, there = _postings(held, _starts(known, problems), len(chunks), problems), chunks != NOWHERE
        sums[chunks[there]] += found[there]
    with closing(ChunkIds(lengths, 1)) as ids:
        for i in problems.some("chunk", sums != expected):
            (chunk,) = ids.take(np.array([i]))
            problems.told.append(f"chunk {chunk}: length {expected[i]}, but its postings add up to {sums[i]} terms")
    return [*problems.told, *(f"{n - NAMED} more problems with a {kind}" for kind, n in problems.items() if n > NAMED)]


class _Problems(Counter[str]):
    """The number of problems by kind, and sentences about at most `NAMED` of each."""

    def __init__(self) -> None:
        super().__init__()
        self.told = list[str]()

    def some(self, kind: str, wrong: NDArray[np.bool_]) -> list[int]:
        """Count the rows that are wrong and return those to be told of."""
        rows, known = np.flatnonzero(wrong), self[kind]
        self[kind] += len(rows)
        return [*map(int, rows[: max(NAMED - known, 0)])]


def _starts(path: Path, problems: _Problems) -> NDArray[np.int64]:
    """Return the posting at which each term starts and, at the end, the number of postings, (terms + 1,) int64."""
    last: str | None = None
    parts, end = [np.zeros(0, np.int64)], 0
    for batch in batches(path, TERMS):
        terms, first = batch["term"], numbers(batch["first"]).astype(np.int64)
        frequency = numbers(batch["document_frequency"]).astype(np.int64)
        told = [f"starts at posting {first[0]}, expected {end}" for _ in problems.some("terms", first[:1] != end)]
        problems.told += [f"term {terms[0]!s}: {one}" for one in told]
        end = int(first[-1] + frequency[-1])
        held = np.diff(first, append=end)
        for i in problems.some("term", (held != frequency) | (frequency < 1)):
            problems.told.append(f"term {terms[i]!s}: document frequency {frequency[i]}, but {held[i]} postings")
        before = pa.concat_arrays([pa.array([last], pa.string()), terms[:-1]])
        for i in problems.some("order", np.asarray(pc.fill_null(pc.greater_equal(before, terms), False))):
            problems.told.append(f"term {terms[i]!s}: comes after {before[i]!s}")
        last = str(terms[-1])
        parts.append(first)
    return np.append(np.concatenate(parts), end)


def _postings(path: Path, starts: NDArray[np.int64], chunks: int, problems: _Problems) -> NDArray[np.int64]:
    """Return the sum of frequencies per chunk, (chunks,) int64. Between two `starts`, chunks must ascend."""
    sums = np.zeros(chunks, np.int64)
    row, last = 0, -1
    for batch in batches(path, POSTINGS):
        chunk = numbers(batch["chunk"]).astype(np.int64)
        frequency = numbers(batch["frequency"]).astype(np.int64)
        falls = np.diff(chunk, prepend=last) <= 0
        falls[starts[(starts >= row) & (starts < row + len(chunk))] - row] = False
        for i in problems.some("order", falls):
            problems.told.append(f"posting {row + i}: chunk {chunk[i]} is out of order within its term")
        for i in problems.some("posting", (frequency < 1) | (chunk >= chunks)):
            problems.told.append(f"posting {row + i}: chunk {chunk[i]} of {chunks}, frequency {frequency[i]}")
        known = chunk < chunks
        np.add.at(sums, chunk[known], frequency[known])
        row, last = row + len(chunk), int(chunk[-1])
    if starts[-1] != row:
        problems.told.append(f"terms: they count {starts[-1]} postings, there are {row}")
    return sums
