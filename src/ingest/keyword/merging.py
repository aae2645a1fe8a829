"""The postings of one shard, and those of many shards → three files, in bounded memory.

`merge` is a k-way merge without a Python step per posting: each open input holds half a batch to one and a half
batches. The smallest (term, chunk) at which any input's rows end bounds what is complete across all inputs; everything
up to it is sorted at once and written, and inputs left with less than half a batch read on.
"""

import tempfile
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ingest.errors import SchemaMismatch
from ingest.keyword import parquet_files as parquet
from ingest.keyword.analyser import Analyser

BATCH_ROWS = 8_192  # postings held per input
OPEN_FILES = 128  # inputs per merge; more shards are merged in rounds
Strings = Sequence[str]
MOST_CHUNKS = 2**32 - 1  # ordinals are uint32


class ShardPostings(NamedTuple):
    """Tables of one shard: `postings` sorted by (term, chunk), `lengths` in chunk order."""

    postings: pa.Table  # SHARD_POSTINGS; chunk is the row in lengths
    lengths: pa.Table  # LENGTHS; length is the number of terms, repeats counted


def shard_postings(
    texts: Strings, chunk_ids: Strings, analyser: Analyser, headings: Strings = (), languages: Strings = ()
) -> ShardPostings:
    """Return the postings of texts, one per chunk.

    Headings, languages: one per text, or none at all. Terms of headings count `heading_weight` times, also in lengths.
    Terms are sorted by code point, which is the byte order of their UTF-8.
    Raises: SchemaMismatch when texts, headings and ids differ in number, or an id occurs twice.
    """
    if len(texts) != len(chunk_ids) or (headings and len(headings) != len(texts)):
        raise SchemaMismatch(f"keyword index: {len(texts)} texts for {len(chunk_ids)} chunk ids")
    if len(set(chunk_ids)) != len(chunk_ids):
        twice = next(c for i, c in enumerate(chunk_ids) if c in chunk_ids[:i])
        raise SchemaMismatch(f"keyword index: chunk {twice} occurs twice in one shard")
    found = analyser.encode([*texts, *headings], [*languages, *(languages if headings else ())])
    count = max(len(texts), 1)
    vocabulary = pa.array(found.vocabulary, pa.string())
    order = parquet.numbers(pc.sort_indices(vocabulary)).astype(np.int64)
    rank = np.argsort(order)
    owner = np.repeat(np.arange(len(found.sizes)), found.sizes)
    times = np.where(owner < len(texts), 1, analyser.heading_weight)
    # One number per occurrence that counts, sorted and counted at once: rank of the term, then chunk.
    keys, posting = np.unique((rank[found.indices] * count + owner % count)[times > 0], return_inverse=True)
    frequency = np.bincount(posting, times[times > 0]).astype(np.uint32)
    terms = vocabulary.take(order[keys // count])
    sizes = np.bincount(owner % count, times, len(texts)).astype(np.uint32)
    postings = pa.table([terms, (keys % count).astype(np.uint32), frequency], parquet.SHARD_POSTINGS)
    return ShardPostings(postings, pa.table([pa.array(list(chunk_ids), pa.string()), sizes], parquet.LENGTHS))


class KeywordFiles(NamedTuple):
    """Where the files of a keyword index are."""

    postings: Path
    terms: Path
    lengths: Path


Numbered = tuple[Path, NDArray[np.int64]]  # sorted postings; by chunk in them its row in lengths, −1: it is left out
Shard = tuple[pa.Table, Sequence[Numbered]]  # LENGTHS of its chunks, and their postings, perhaps in several files
_Source = tuple[Path, NDArray[np.int64] | None]  # sorted postings; the ordinals of their chunks, None if already merged


def renumbered(postings: Any, rows: NDArray[np.int64]) -> pa.Table:
    """Return postings by the new numbers of their chunks, without those of chunks whose number is below 0."""
    chunks = rows[parquet.numbers(postings["chunk"])]
    columns = postings["term"], chunks.clip(0).astype(np.uint32), postings["frequency"]
    return pa.table([*columns], parquet.SHARD_POSTINGS).filter(pa.array(chunks >= 0))


def read_shard(shard: Shard) -> ShardPostings:
    """Return the postings of a shard from its files, file by file, so not sorted. Raises: SchemaMismatch."""
    lengths, files = shard
    read = (renumbered(batch, rows) for file, rows in files for batch in parquet.batches(file, parquet.SHARD_POSTINGS))
    return ShardPostings(pa.concat_tables([parquet.SHARD_POSTINGS.empty_table(), *read]), lengths)


class _Input:
    """The next postings of one sorted file, with the ordinals of their chunks."""

    def __init__(self, source: _Source, stack: ExitStack) -> None:
        self._path, self._ordinals = source
        self._batches = parquet.batches(self._path, parquet.SHARD_POSTINGS, rows=BATCH_ROWS)
        stack.callback(self._batches.close)
        self.last = ("", -1)  # (term, chunk) of the last posting held
        self.held = parquet.SHARD_POSTINGS.empty_table()
        self.fill()

    def fill(self) -> None:
        """Read on until half a batch is held, or the rest. Raises: SchemaMismatch when the file is not sorted."""
        while self.held.num_rows < max(1, BATCH_ROWS // 2) and (batch := next(self._batches, None)) is not None:
            rows = pa.Table.from_batches([batch])
            if (ordinals := self._ordinals) is not None:
                if (worst := parquet.numbers(batch["chunk"]).max()) >= len(ordinals):
                    told = f"a posting names chunk {worst}, but there are {len(ordinals)} lengths"
                    raise SchemaMismatch(f"{self._path}: {told}")
                rows = renumbered(batch, ordinals)
            if len(rows):
                self._check(rows["term"].combine_chunks(), parquet.numbers(rows["chunk"]).astype(np.int64))
                self.last = str(rows["term"][-1]), rows["chunk"][-1].as_py()
                self.held = pa.concat_tables([self.held, rows])

    def take(self, term: str, chunk: int) -> pa.Table:
        """Return the postings up to and including (term, chunk), which are then held no more."""
        terms, chunks = self.held["term"], self.held["chunk"]
        cut = bisect_right(range(len(terms)), (term, chunk), key=lambda i: (str(terms[i]), chunks[i].as_py()))
        done, self.held = self.held.slice(0, cut), self.held.slice(cut)
        return done

    def _check(self, terms: pa.StringArray, chunks: NDArray[np.int64]) -> None:
        same = np.asarray(pc.equal(terms[1:], terms[:-1]))  # chunks start over with the next term
        rising = np.where(same, np.diff(chunks) > 0, np.asarray(pc.greater(terms[1:], terms[:-1])))
        if not (rising.all() and self.last < (str(terms[0]), int(chunks[0]))):
            raise SchemaMismatch(f"{self._path}: postings are not sorted by term and chunk near {terms[0]}")


def merge(shards: Iterable[Shard], out: Path, heard: Callable[[int], None] = lambda _: None) -> KeywordFiles:
    """Merge shards into `out` and return the three files. The same input in the same order gives the same rows.

    A chunk's ordinal is its row in all lengths in the order of `shards`. The folder `out` is created if it is missing;
    scratch files in it are removed. `heard`: of postings that are in their place.

    Memory: up to 128 inputs with about one batch of 8,192 postings each, however many there are; 8 bytes per chunk.
    Raises: SchemaMismatch when an input is damaged, not sorted, or names a chunk without a length.
    """
    out.mkdir(parents=True, exist_ok=True)
    files = KeywordFiles(out / "postings.parquet", out / "terms.parquet", out / "lengths.parquet")
    with tempfile.TemporaryDirectory(prefix="rounds-", dir=out) as scratch:
        sources: Sequence[_Source] = list(_append_lengths(shards, files.lengths))
        rounds = 0
        while len(sources) > OPEN_FILES:
            groups = [sources[i : i + OPEN_FILES] for i in range(0, len(sources), OPEN_FILES)]
            merged = [Path(scratch) / f"{rounds}-{i}.parquet" for i in range(len(groups))]
            for group, path in zip(groups, merged, strict=True):
                with pq.ParquetWriter(
                    path, parquet.SHARD_POSTINGS, compression="lz4", use_dictionary=["term"]
                ) as writer:
                    for block in _merged(group):
                        writer.write_table(block, row_group_size=BATCH_ROWS)
                for source, _ in group if rounds else ():
                    source.unlink()
            sources, rounds = [(path, None) for path in merged], rounds + 1
        _write_index(sources, files, heard)
    return files


def _append_lengths(shards: Iterable[Shard], path: Path) -> Iterator[Numbered]:
    """Write all lengths in order; yield each file of postings with the ordinals of its chunks."""
    offset = 0
    with parquet.GroupWriter(path, parquet.LENGTHS, parquet.CHUNKS_PER_GROUP) as writer:
        for lengths, postings in shards:
            writer.write(lengths)
            yield from ((file, np.where(rows < 0, -1, rows + offset)) for file, rows in postings)
            offset += len(lengths)
            if offset > MOST_CHUNKS:
                raise SchemaMismatch(f"keyword index: {offset} chunks, at most {MOST_CHUNKS} can be numbered")


def _merged(sources: Sequence[_Source]) -> Iterator[pa.Table]:
    """Yield all postings sorted by (term, ordinal), in blocks; a term may continue in the next block."""
    with ExitStack() as stack:
        opened = [_Input(source, stack) for source in sources]
        while alive := [i for i in opened if i.held.num_rows]:
            last = min(i.last for i in alive)
            yield _sorted(pa.concat_tables([i.take(*last) for i in alive]))
            for one in alive:
                one.fill()


def _sorted(postings: pa.Table) -> pa.Table:
    """Return postings sorted by term, then chunk."""
    terms = postings["term"].combine_chunks().dictionary_encode()
    ranks = parquet.numbers(pc.rank(terms.dictionary)) - 1
    narrow = np.uint16 if len(ranks) < 2**16 else np.int64  # 16-bit numbers are sorted in linear time
    ranks = ranks[parquet.numbers(terms.indices)].astype(np.int64)
    order = np.argsort(ranks.astype(narrow), kind="stable")
    keys = (ranks << 32 | parquet.numbers(postings["chunk"]))[order]
    # Only files of one shard have chunks between those of each other.
    return postings.take(order[np.argsort(keys, kind="stable")] if (np.diff(keys) < 0).any() else order)


def _write_index(sources: Sequence[_Source], files: KeywordFiles, heard: Callable[[int], None]) -> None:
    first = 0
    with (
        parquet.GroupWriter(files.postings, parquet.POSTINGS, parquet.POSTINGS_PER_GROUP) as postings,
        parquet.GroupWriter(files.terms, parquet.TERMS, parquet.TERMS_PER_GROUP) as vocabulary,
    ):
        for terms, counts in _counted(_merged(sources), postings, heard):
            starts = first + np.cumsum(counts) - counts
            vocabulary.write({"term": terms, "document_frequency": counts.astype(np.uint32), "first": starts})
            first += int(counts.sum())


def _counted(
    blocks: Iterable[pa.Table], postings: parquet.GroupWriter, heard: Callable[[int], None]
) -> Iterator[tuple[pa.Array, NDArray[np.int64]]]:
    """Write the postings; yield terms with their numbers, each as soon as its last posting has been seen."""
    last, count = pa.array([], pa.string()), np.zeros(0, np.int64)
    for block in blocks:
        postings.write(block)
        heard(len(block))
        terms, held = block["term"].value_counts().flatten()
        counts = held.to_numpy().copy()
        if last.equals(terms[:1]):  # it goes on from the block before
            counts[0] += count[0]
        else:
            terms, counts = pa.concat_arrays([last, terms]), np.concatenate([count, counts])
        yield terms[:-1], counts[:-1]
        last, count = terms[-1:], counts[-1:]
    yield last, count
