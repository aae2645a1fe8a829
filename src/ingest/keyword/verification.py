"""Checks that a keyword index agrees with its own lengths and frequencies, for the conservation check."""

from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ingest.keyword.parquet_files import LENGTHS, POSTINGS, TERMS, batches, hashes, numbers
from ingest.keyword.row_groups import open_groups

NAMED = 100  # problems named one by one, per kind


def verify(postings: Path, terms: Path, lengths: Path) -> list[str]:
    """Return the problems found, one sentence each; empty if there are none.

    A chunk whose frequencies do not add up to its length has lost or gained a posting and is named by id, and so is a
    term with more or fewer postings than its document frequency. Order, duplicates and gaps are checked too.

    Memory: 24 bytes per chunk, 8 per term, and one batch. Raises: SchemaMismatch when a file is damaged.
    """
    problems = _Problems()
    expected = _lengths(lengths, problems)
    sums = _postings(postings, _starts(terms, problems), len(expected), problems)
    wrong = np.flatnonzero(sums != expected)
    with closing(open_groups(lengths, LENGTHS, 1)) as ids:
        named = ids.take("chunk_id", wrong[:NAMED])
    for i, chunk in zip(wrong[:NAMED].tolist(), named, strict=True):
        problems.add("chunk", f"chunk {chunk}: length {expected[i]}, but its postings add up to {sums[i]} terms")
    problems.counts["chunk"] = len(wrong)
    return problems.told()


@dataclass
class _Problems:
    """At most `NAMED` sentences per kind, and the number of the others."""

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
    for batch in batches(path, LENGTHS):
        parts.append(numbers(batch["length"]).astype(np.int64))
        hashed.append(hashes(batch["chunk_id"]))
    keys = np.concatenate(hashed)
    order = np.argsort(keys, kind="stable")
    same = np.flatnonzero(keys[order[1:]] == keys[order[:-1]])
    if len(same):  # equal hashes nearly always mean equal ids
        with closing(open_groups(path, LENGTHS, 1)) as ids:
            first, second = ids.take("chunk_id", order[same]), ids.take("chunk_id", order[same + 1])
        for i, (a, b) in enumerate(zip(first, second, strict=True)):
            if a == b:
                problems.add("double", f"chunk {a}: listed twice, rows {order[same[i]]} and {order[same[i] + 1]}")
    return np.concatenate(parts)


def _starts(path: Path, problems: _Problems) -> NDArray[np.int64]:
    """Return the posting at which each term starts and, at the end, the number of postings, (terms + 1,) int64."""
    last: str | None = None
    parts, end = [np.zeros(0, np.int64)], 0
    for batch in batches(path, TERMS):
        terms, first = batch["term"], numbers(batch["first"]).astype(np.int64)
        frequency = numbers(batch["document_frequency"]).astype(np.int64)
        if first[0] != end:
            problems.add("terms", f"term {terms[0]!s}: starts at posting {first[0]}, expected {end}")
        end = int(first[-1] + frequency[-1])
        expected = np.diff(first, append=end)
        for i in np.flatnonzero(expected != frequency).tolist():
            told = f"document frequency {frequency[i]}, but {expected[i]} postings"
            problems.add("term", f"term {terms[i]!s}: {told}")
        for i in np.flatnonzero(frequency < 1).tolist():
            problems.add("term", f"term {terms[i]!s}: document frequency {frequency[i]}")
        before = pa.concat_arrays([pa.array([last], pa.string()), terms[:-1]])
        for i in np.flatnonzero(np.asarray(pc.fill_null(pc.greater_equal(before, terms), False))).tolist():
            problems.add("order", f"term {terms[i]!s}: comes after {before[i]!s}")
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
        for i in np.flatnonzero(falls).tolist():
            problems.add("order", f"posting {row + i}: chunk {chunk[i]} is out of order within its term")
        for i in np.flatnonzero((frequency < 1) | (chunk >= chunks)).tolist():
            problems.add("posting", f"posting {row + i}: chunk {chunk[i]} of {chunks}, frequency {frequency[i]}")
        known = chunk < chunks
        np.add.at(sums, chunk[known], frequency[known])
        row, last = row + len(chunk), int(chunk[-1])
    if starts[-1] != row:
        problems.add("terms", f"terms: they count {starts[-1]} postings, there are {row}")
    return sums
