"""Checks whether a keyword index holds what its own lengths and frequencies say, for the conservation check."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ingest.keyword.parquet_files import LENGTHS, POSTINGS, TERMS, batches, hashes, numbers, open_parquet
from ingest.keyword.row_groups import open_groups

NAMED = 100  # problems named one by one, per kind


def verify(postings: Path, terms: Path, lengths: Path) -> list[str]:
    """Return what is wrong, one sentence each; empty if all is well.

    A chunk whose frequencies do not add up to its length has lost or gained a posting and is named by its id; a term
    with more or fewer postings than its document frequency is named too. Order, duplicates and gaps are checked.

    Memory: 24 bytes per chunk, and one batch. Raises: SchemaMismatch when a file is damaged.
    """
    problems = _Problems()
    table = _Terms(terms, problems)
    expected = _lengths(lengths, problems)
    sums = _postings(postings, table, len(expected), problems)
    wrong = np.flatnonzero(sums != expected)
    ids = open_groups(lengths, LENGTHS, 1)
    for i, chunk in zip(wrong[:NAMED].tolist(), ids.take("chunk_id", wrong[:NAMED]), strict=True):
        problems.add("chunk", f"chunk {chunk}: length {expected[i]}, but its postings add up to {sums[i]} terms")
    problems.counts["chunk"] = len(wrong)
    ids.close()
    return problems.told()


@dataclass
class _Problems:
    """At most `NAMED` sentences per kind, and how many more there are."""

    counts: Counter[str] = field(default_factory=Counter)
    _sentences: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, kind: str, sentence: str) -> None:
        self.counts[kind] += 1
        if self.counts[kind] <= NAMED:
            self._sentences[kind].append(sentence)

    def told(self) -> list[str]:
        more = [f"{n - NAMED} more problems with a {kind}" for kind, n in self.counts.items() if n > NAMED]
        return [*chain.from_iterable(self._sentences.values()), *more]


def _lengths(path: Path, problems: _Problems) -> NDArray[np.int64]:
    """Return the chunks' lengths, (chunks,) int64; duplicate ids become problems."""
    parts, hashed = [np.zeros(0, np.int64)], [np.zeros(0, np.uint64)]
    with open_parquet(path, LENGTHS) as file:
        for batch in batches(file, path, LENGTHS.names):
            parts.append(numbers(batch["length"]).astype(np.int64))
            hashed.append(hashes(batch["chunk_id"]))
    keys = np.concatenate(hashed)
    order = np.argsort(keys, kind="stable")
    same = np.flatnonzero(keys[order[1:]] == keys[order[:-1]])
    if len(same):  # equal hashes: nearly always equal ids
        ids = open_groups(path, LENGTHS, 1)
        first, second = ids.take("chunk_id", order[same]), ids.take("chunk_id", order[same + 1])
        ids.close()
        for i, (a, b) in enumerate(zip(first, second, strict=True)):
            if a == b:
                problems.add("double", f"chunk {a}: listed twice, rows {order[same[i]]} and {order[same[i] + 1]}")
    return np.concatenate(parts)


class _Terms:
    """The terms file, read in step with the postings: where each next term starts."""

    def __init__(self, path: Path, problems: _Problems) -> None:
        self._file = open_parquet(path, TERMS)
        self._batches = batches(self._file, path, TERMS.names, 8_192)
        self._problems = problems
        self._last: str | None = None
        self._next = 0  # row that the next term must start at
        self.starts = np.zeros(0, np.int64)

    def until(self, row: int) -> NDArray[np.int64]:
        """Return the rows before `row` at which a term starts, beginning with the first one not returned yet."""
        while self._next <= row and (batch := next(self._batches, None)) is not None:
            self._take(batch)
        before = int(np.searchsorted(self.starts, row))
        found, self.starts = self.starts[:before], self.starts[before:]
        return found

    def end(self, postings: int) -> None:
        """Check that the last term ends where the postings do."""
        self.until(postings)
        for batch in self._batches:
            self._take(batch)
        if self._next != postings:
            self._problems.add("terms", f"terms: they count {self._next} postings, there are {postings}")
        self._file.close()

    def _take(self, batch: Any) -> None:
        terms = batch["term"]
        frequency = numbers(batch["document_frequency"]).astype(np.int64)
        first = numbers(batch["first"]).astype(np.int64)
        expected = np.append(first[1:], first[-1] + frequency[-1]) - first
        if first[0] != self._next:
            self._problems.add("terms", f"term {terms[0]!s}: starts at posting {first[0]}, expected {self._next}")
        for i in np.flatnonzero(expected != frequency).tolist():
            self._problems.add(
                "term", f"term {terms[i]!s}: document frequency {frequency[i]}, but {expected[i]} postings"
            )
        for i in np.flatnonzero(frequency < 1).tolist():
            self._problems.add("term", f"term {terms[i]!s}: document frequency {frequency[i]}")
        before = pa.concat_arrays([pa.array([self._last], pa.string()), terms[:-1]])
        for i in np.flatnonzero(np.asarray(pc.fill_null(pc.greater_equal(before, terms), False))).tolist():
            self._problems.add("order", f"term {terms[i]!s}: comes after {before[i]!s}")
        self._last, self._next = str(terms[-1]), int(first[-1] + frequency[-1])
        self.starts = np.concatenate([self.starts, first])


def _postings(path: Path, terms: _Terms, chunks: int, problems: _Problems) -> NDArray[np.int64]:
    """Return the sum of frequencies of each chunk, (chunks,) int64."""
    sums = np.zeros(chunks, np.int64)
    row, last = 0, -1
    with open_parquet(path, POSTINGS) as file:
        for batch in batches(file, path, POSTINGS.names):
            chunk = numbers(batch["chunk"]).astype(np.int64)
            frequency = numbers(batch["frequency"]).astype(np.int64)
            starts = terms.until(row + len(chunk)) - row
            falls = np.diff(chunk, prepend=last) <= 0
            falls[starts[(starts >= 0) & (starts < len(chunk))]] = False
            for i in np.flatnonzero(falls).tolist():
                problems.add("order", f"posting {row + i}: chunk {chunk[i]} does not rise within its term")
            for i in np.flatnonzero((frequency < 1) | (chunk >= chunks)).tolist():
                problems.add("posting", f"posting {row + i}: chunk {chunk[i]} of {chunks}, frequency {frequency[i]}")
            known = chunk < chunks
            np.add.at(sums, chunk[known], frequency[known])
            row, last = row + len(chunk), int(chunk[-1])
        terms.end(row)
    return sums
