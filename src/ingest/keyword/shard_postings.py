"""The postings of one shard."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.errors import SchemaMismatch
from ingest.keyword.analyser import Analyser
from ingest.keyword.parquet_files import LENGTHS, SHARD_POSTINGS, numbers


class ShardPostings(NamedTuple):
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
    found, count = analyser.encode([*texts, *headings]), max(len(texts), 1)
    vocabulary = pa.array(found.vocabulary, pa.string())
    order = numbers(pc.sort_indices(vocabulary)).astype(np.int64)
    rank = np.argsort(order)
    owner = np.repeat(np.arange(len(found.sizes)), found.sizes)
    times = np.where(owner < len(texts), 1, analyser.heading_weight)
    # One number per occurrence that counts, sorted and counted at once: rank of the term, then chunk.
    keys, posting = np.unique((rank[found.indices] * count + owner % count)[times > 0], return_inverse=True)
    frequency = np.bincount(posting, times[times > 0]).astype(np.uint32)
    terms = vocabulary.take(order[keys // count])
    sizes = np.bincount(owner % count, times, len(texts)).astype(np.uint32)
    postings = pa.table([terms, (keys % count).astype(np.uint32), frequency], SHARD_POSTINGS)
    return ShardPostings(postings, pa.table([pa.array(list(chunk_ids), pa.string()), sizes], LENGTHS))
