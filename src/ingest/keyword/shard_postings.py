"""The postings of one shard."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ingest.errors import SchemaMismatch
from ingest.keyword.analyser import Analyser
from ingest.keyword.parquet_files import LENGTHS, SHARD_POSTINGS, numbers


@dataclass(frozen=True)
class ShardPostings:
    """Tables of one shard: `postings` sorted by (term, chunk), `lengths` in chunk order."""

    postings: pa.Table  # SHARD_POSTINGS; chunk is the row in lengths
    lengths: pa.Table  # LENGTHS; length is the number of terms, repeats counted


def shard_postings(
    texts: Sequence[str], chunk_ids: Sequence[str], analyser: Analyser, headings: Sequence[str] = ()
) -> ShardPostings:
    """Return the postings of texts, one per chunk.

    Headings: one per text, or none at all. Their terms count `analyser.heading_weight` times, also in the length.
    Terms are sorted by code point, which is the byte order of their UTF-8.
    Raises: SchemaMismatch when texts, headings and ids differ in number, or an id occurs twice.
    """
    if len(texts) != len(chunk_ids) or (headings and len(headings) != len(texts)):
        raise SchemaMismatch(f"keyword index: {len(texts)} texts for {len(chunk_ids)} chunk ids")
    if len(set(chunk_ids)) != len(chunk_ids):
        twice = next(c for i, c in enumerate(chunk_ids) if c in chunk_ids[:i])
        raise SchemaMismatch(f"keyword index: chunk {twice} occurs twice in one shard")
    vocabulary, places, frequency, sizes = _counted(texts, headings, analyser)
    count = max(len(texts), 1)
    terms = vocabulary.take(pa.array(places // count))
    columns = [terms, pa.array((places % count).astype(np.uint32)), pa.array(frequency.astype(np.uint32))]
    lengths = [pa.array(list(chunk_ids), pa.string()), pa.array(sizes.astype(np.uint32))]
    return ShardPostings(pa.table(columns, SHARD_POSTINGS), pa.table(lengths, LENGTHS))


def _counted(
    texts: Sequence[str], headings: Sequence[str], analyser: Analyser
) -> tuple[pa.Array, NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the sorted terms; for each posting, sorted, term · texts + text; its frequency; and each text's length."""
    found = analyser.encode([*texts, *headings])
    times = np.ones(len(texts) + len(headings), np.int64)
    times[len(texts) :] = analyser.heading_weight
    vocabulary, count = pa.array(found.vocabulary, pa.string()), max(len(texts), 1)
    order = numbers(pc.sort_indices(vocabulary)).astype(np.int64)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    owner = np.repeat(np.arange(len(found.sizes)), found.sizes)
    # One number per occurrence, sorted and counted at once: rank of the term, then chunk, then whether in a heading.
    occurrences = (rank[found.indices] * count + owner % count) * 2 + owner // count
    keys, repeats = np.unique(occurrences, return_counts=True)
    places, first = np.unique(keys // 2, return_index=True)
    weighted = repeats * np.where(keys % 2, analyser.heading_weight, 1)
    frequency = np.add.reduceat(weighted, first) if len(first) else weighted
    if not analyser.heading_weight:
        places, frequency = places[frequency > 0], frequency[frequency > 0]
    sizes = np.zeros(len(texts), np.int64)
    np.add.at(sizes, np.arange(len(found.sizes)) % count, found.sizes * times)
    return vocabulary.take(pa.array(order)), places, frequency, sizes
