"""The postings of many shards → three files, in bounded memory.

A k-way merge of sorted runs without a Python step per posting: each open input holds half a batch to one and a half
batches, as runs of equal terms. The smallest (term, chunk) at which any input's rows end bounds what is complete across
all inputs; everything up to it is sorted at once and written, and inputs left with less than half a batch read on.
"""

import tempfile
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ingest.errors import SchemaMismatch
from ingest.keyword import parquet_files as parquet
from ingest.keyword.formula import okapi_sum

BATCH_ROWS = 8_192  # postings held per input
OPEN_FILES = 128  # inputs per merge; more shards are merged in rounds
MOST_CHUNKS = 2**32 - 1  # ordinals are uint32


@dataclass(frozen=True)
class KeywordFiles:
    """Where the files of a keyword index are."""

    postings: Path
    terms: Path
    lengths: Path


class _Source(NamedTuple):
    """Sorted postings to merge."""

    path: Path
    offset: int  # ordinal of its first chunk
    chunks: int | None  # how many it may name; None if already merged


@dataclass
class _Runs:
    """Sorted postings as runs of equal terms: run r holds the postings [ends[r−1], ends[r])."""

    terms: Any  # pa.StringArray, (runs,), ascending
    ends: NDArray[np.int64]  # (runs,)
    chunks: NDArray[np.int64]  # (postings,) ordinals across all shards
    frequencies: NDArray[np.uint32]  # (postings,)

    def split(self, term: str, chunk: int) -> tuple["_Runs", "_Runs"]:
        """Return the postings up to and including (term, chunk), and those after it."""
        run = bisect_left(range(len(self.terms)), term, key=lambda r: str(self.terms[r]))
        cut = int(self.ends[run - 1]) if run else 0
        if run < len(self.terms) and str(self.terms[run]) == term:
            cut += int(np.searchsorted(self.chunks[cut : self.ends[run]], chunk, side="right"))
        return self._slice(0, cut), self._slice(cut, len(self.chunks))

    def followed_by(self, more: "_Runs") -> "_Runs":
        """Return these postings followed by `more`; a term may continue across the seam."""
        on = int(str(self.terms[-1]) == str(more.terms[0]))
        return _Runs(
            pa.concat_arrays([self.terms, more.terms[on:]]),
            np.concatenate([self.ends[: len(self.ends) - on], more.ends + len(self.chunks)]),
            np.concatenate([self.chunks, more.chunks]),
            np.concatenate([self.frequencies, more.frequencies]),
        )

    def _slice(self, start: int, end: int) -> "_Runs":
        first, last = int(np.searchsorted(self.ends, start, "right")), int(np.searchsorted(self.ends, end, "left"))
        count = last - first + 1 if end > start else 0
        ends = np.minimum(self.ends[first : first + count], end) - start
        return _Runs(self.terms.slice(first, count), ends, self.chunks[start:end], self.frequencies[start:end])


class _Input:
    """The next postings of one sorted file, with ordinals shifted by the shard's offset."""

    def __init__(self, source: _Source, stack: ExitStack) -> None:
        file = parquet.open_parquet(source.path, parquet.SHARD_POSTINGS)
        stack.callback(file.close)
        self._source = source
        self._batches = parquet.batches(file, source.path, parquet.SHARD_POSTINGS.names, BATCH_ROWS)
        self.last = ("", -1)  # (term, chunk) of the last posting held
        self.runs: _Runs | None = None
        self.fill()

    def fill(self) -> None:
        """Read on until half a batch is held, or the rest; `runs` is None at the end.

        Raises: SchemaMismatch when the file is not sorted.
        """
        if self.runs is not None and not len(self.runs.chunks):
            self.runs = None
        while self.runs is None or len(self.runs.chunks) < BATCH_ROWS // 2:
            if (batch := next(self._batches, None)) is None:
                return
            encoded = pc.run_end_encode(batch["term"], run_end_type=pa.int64())
            chunks = parquet.numbers(batch["chunk"]).astype(np.int64) + self._source.offset
            read = _Runs(encoded.values, parquet.numbers(encoded.run_ends), chunks, parquet.numbers(batch["frequency"]))
            self._check(read)
            self.last = str(read.terms[-1]), int(chunks[-1])
            self.runs = read if self.runs is None else self.runs.followed_by(read)

    def _check(self, runs: _Runs) -> None:
        path, offset, limit = self._source
        rising = np.diff(runs.chunks) > 0
        rising[runs.ends[:-1] - 1] = True  # chunks start over with the next term
        terms = runs.terms
        sorted_terms = len(terms) < 2 or pc.all(pc.less(terms[:-1], terms[1:])).as_py()
        if not (rising.all() and sorted_terms and self.last < (str(terms[0]), int(runs.chunks[0]))):
            raise SchemaMismatch(f"{path}: postings are not sorted by term and chunk near {terms[0]}")
        if limit is not None and (worst := int(runs.chunks.max()) - offset) >= limit:
            raise SchemaMismatch(f"{path}: a posting names chunk {worst}, but there are {limit} lengths")


def merge(shards: Iterable[tuple[Path, Path]], out: Path) -> KeywordFiles:
    """Merge shards into `out` and return the three files. The same input in the same order gives the same rows.

    `shards` holds (postings, lengths) per shard; a chunk's ordinal is its row in all lengths in this order. The folder
    `out` is created if it is missing; scratch files in it are removed.

    Memory: up to 128 inputs with about one batch of 8,192 postings each, however many shards there are.
    Raises: SchemaMismatch when an input is damaged, not sorted, or names a chunk without a length.
    """
    out.mkdir(parents=True, exist_ok=True)
    files = KeywordFiles(out / "postings.parquet", out / "terms.parquet", out / "lengths.parquet")
    with tempfile.TemporaryDirectory(prefix="rounds-", dir=out) as scratch:
        inputs = list(_append_lengths(shards, files.lengths))
        sources, rounds = inputs, 0
        while len(sources) > OPEN_FILES:
            groups = [sources[i : i + OPEN_FILES] for i in range(0, len(sources), OPEN_FILES)]
            merged = [Path(scratch) / f"{rounds}-{i}.parquet" for i in range(len(groups))]
            for group, path in zip(groups, merged, strict=True):
                _write_round(group, path)
                for source in group if rounds else ():
                    source.path.unlink()
            sources = [_Source(path, 0, None) for path in merged]
            rounds += 1
        _write_index(sources, files, sum(source.chunks or 0 for source in inputs))
    return files


def _append_lengths(shards: Iterable[tuple[Path, Path]], path: Path) -> Iterator[_Source]:
    """Write all lengths in order; yield each shard's postings with its first ordinal and number of chunks."""
    offset = 0
    with parquet.GroupWriter(path, parquet.LENGTHS, parquet.CHUNKS_PER_GROUP) as writer:
        for postings, lengths in shards:
            with parquet.open_parquet(lengths, parquet.LENGTHS) as file:
                for batch in parquet.batches(file, lengths, parquet.LENGTHS.names):
                    writer.write({name: batch[name] for name in parquet.LENGTHS.names})
                chunks = file.metadata.num_rows
            yield _Source(postings, offset, chunks)
            offset += chunks
            if offset > MOST_CHUNKS:
                raise SchemaMismatch(f"keyword index: {offset} chunks, at most {MOST_CHUNKS} can be numbered")


def _merged(sources: Sequence[_Source]) -> Iterator[_Runs]:
    """Yield all postings sorted by (term, ordinal), in blocks; a term may continue in the next block."""
    with ExitStack() as stack:
        opened = [_Input(source, stack) for source in sources]
        while alive := [i for i in opened if i.runs is not None]:
            term, chunk = min(i.last for i in alive)
            ready = []
            for one in alive:
                assert one.runs is not None
                done, one.runs = one.runs.split(term, chunk)
                ready.append(done)
                one.fill()
            yield _sorted(ready)


def _sorted(parts: Sequence[_Runs]) -> _Runs:
    """Return one block made of parts whose ordinals ascend from part to part."""
    values = pa.concat_arrays([p.terms for p in parts])
    ranks = parquet.numbers(pc.rank(values, tiebreaker="dense")).astype(np.int64) - 1
    by_posting = np.repeat(ranks, np.concatenate([np.diff(p.ends, prepend=0) for p in parts]))
    narrow = np.uint16 if ranks.max() < 2**16 else np.int64  # 16-bit numbers are sorted in linear time
    order = np.argsort(by_posting.astype(narrow), kind="stable")
    distinct, first = np.unique(ranks, return_index=True)
    ends = np.cumsum(np.bincount(by_posting, minlength=len(distinct)))
    chunks = np.concatenate([p.chunks for p in parts])[order]
    return _Runs(values.take(pa.array(first)), ends, chunks, np.concatenate([p.frequencies for p in parts])[order])


def _write_round(sources: Sequence[_Source], path: Path) -> None:
    with pq.ParquetWriter(path, parquet.SHARD_POSTINGS, compression="lz4", use_dictionary=["term"]) as writer:
        for block in _merged(sources):
            index = np.repeat(np.arange(len(block.ends)), np.diff(block.ends, prepend=0))
            columns = [block.terms.take(pa.array(index)), block.chunks.astype(np.uint32), block.frequencies]
            writer.write_table(pa.table(columns, parquet.SHARD_POSTINGS), row_group_size=BATCH_ROWS)


def _write_index(sources: Sequence[_Source], files: KeywordFiles, chunks: int) -> None:
    with (
        parquet.GroupWriter(files.postings, parquet.POSTINGS, parquet.POSTINGS_PER_GROUP) as postings,
        parquet.GroupWriter(files.terms, parquet.TERMS, parquet.TERMS_PER_GROUP) as terms,
    ):
        vocabulary = _Vocabulary(terms, chunks)
        for block in _merged(sources):
            postings.write({"chunk": block.chunks.astype(np.uint32), "frequency": block.frequencies})
            vocabulary.add(block.terms, np.diff(block.ends, prepend=0))
        vocabulary.finish()


@dataclass
class _Vocabulary:
    """Writes each term as soon as its last posting has been seen."""

    writer: parquet.GroupWriter
    chunks: int
    okapi: float = 0.0  # sum of Okapi's idf
    _term: Any = field(default_factory=lambda: pa.array([], pa.string()))  # the open term, if any
    _count: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    _first: int = 0

    def add(self, terms: Any, counts: NDArray[np.int64]) -> None:
        if len(self._term) and self._term[0] == terms[0]:
            counts = counts.copy()
            counts[0] += self._count[0]
        else:
            terms, counts = pa.concat_arrays([self._term, terms]), np.concatenate([self._count, counts])
        self._write(terms[:-1], counts[:-1])
        self._term, self._count = pa.array([terms[-1].as_py()], pa.string()), counts[-1:].copy()

    def finish(self) -> None:
        self._write(self._term, self._count)
        self.writer.note(parquet.OKAPI_SUM, repr(self.okapi))

    def _write(self, terms: Any, counts: NDArray[np.int64]) -> None:
        starts = self._first + np.cumsum(counts) - counts
        self.writer.write({"term": terms, "document_frequency": counts.astype(np.uint32), "first": starts})
        self.okapi += okapi_sum(counts, self.chunks)
        self._first += int(counts.sum())
