"""BM25 as sparse vectors: the same ranking from a vector index that multiplies by idf itself (Qdrant's `idf` modifier).

    weight of a term in a chunk      tf / (tf + k1 · (1 − b + b · length / average))
    weight of a term in a question   how often it occurs
    score                            Σ over shared dimensions, times idf = ln(1 + (n − df + 0.5) / (df + 0.5))

A term's dimension is a 32-bit hash, so two terms can share one (about 116 pairs in a million terms do): in a chunk
their weights add up, and their idf is that of one term in the chunks of both. So nothing is missed, but a question for
one of them may also find chunks that hold only the other.

`n` counts the chunks with a sparse vector: those that are indexed and hold a term. The keyword index also counts
chunks without terms and chunks that a duplicate stands for.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from itertools import pairwise
from typing import Any, Self

import numpy as np

from ingest.errors import InvalidSettings
from ingest.keyword.analyser import AUTO, Analyser
from ingest.keyword.earlier_analyser import analyser_of
from ingest.keyword.keyword_index import Formula
from ingest.keyword.merging import ShardPostings
from ingest.keyword.parquet_files import numbers
from ingest.records import SparseVector

FORMAT = 1  # of dimensions and weights; part of the digests of points
DIMENSIONS_KEPT = 65_536  # terms whose dimension a process remembers


@lru_cache(maxsize=DIMENSIONS_KEPT)
def dimension(term: str) -> int:
    """Return a term's dimension, 0 to 2³² − 1: the first four bytes, big-endian, of the SHA-256 of its UTF-8."""
    return int.from_bytes(hashlib.sha256(term.encode()).digest()[:4], "big")


def shard_vectors(made: ShardPostings, average: float, k1: float, b: float) -> dict[str, SparseVector]:
    """Return a shard's sparse vectors by chunk id; `average` is the mean number of terms per chunk of all shards."""
    norms = Formula(k1, b).norms(numbers(made.lengths["length"]).astype(np.int64), average)
    chunk, terms = numbers(made.postings["chunk"]), made.postings["term"].combine_chunks().dictionary_encode()
    dimensions = np.array([dimension(term) for term in terms.dictionary.to_pylist()], np.uint64)
    places = chunk.astype(np.uint64) << np.uint64(32) | dimensions[numbers(terms.indices)]
    times, ids = numbers(made.postings["frequency"]).astype(np.float64), made.lengths["chunk_id"].to_pylist()
    held, at = np.unique(places, return_inverse=True)  # row · 2³² + dimension; equal ones add up
    sums = np.bincount(at, times / (times + norms[chunk])).astype(np.float32)
    indices = (held & np.uint64(2**32 - 1)).astype(np.uint32)
    ends = np.searchsorted(held >> np.uint64(32), np.arange(len(ids) + 1, dtype=np.uint64)).tolist()
    return {i: SparseVector(indices[a:z], sums[a:z]) for i, (a, z) in zip(ids, pairwise(ends), strict=True)}


@dataclass(frozen=True, slots=True)
class Weights:
    """A question's sparse vector as clients of a vector index expect it: plain lists."""

    indices: list[int]
    values: list[float]


@dataclass(frozen=True)
class Questions:
    """Makes sparse vectors of questions, for readers without a keyword index. Threads may share it.

    For LangChain it acts as `SparseEmbeddings`; for LlamaIndex the object itself is the `sparse_query_fn`; for Haystack
    use `.indices` and `.values` of what `embed_query` returns.
    """

    analyser: Analyser = field(default_factory=partial(Analyser, AUTO))
    held: Mapping[str, int] | None = None  # chunks by language, as a manifest counts them; None: not known

    @classmethod
    def from_record(cls, record: Mapping[str, Any], held: Mapping[str, int] | None = None) -> Self:
        """Return one with the analyser that a manifest records. Raises: UnknownReaderFormat when terms now differ."""
        return cls(analyser_of(record), held)

    def embed_query(self, text: str) -> Weights:
        """Return the sparse vector of a question; empty if the question has no terms."""
        times = Counter(map(dimension, self.analyser.asked([text], self.held)[0]))
        indices = sorted(times)
        return Weights(indices, [float(times[i]) for i in indices])

    def embed_documents(self, texts: Sequence[str]) -> list[Weights]:
        """Refuse: the weights of chunks need the average length in a whole index. Raises: InvalidSettings."""
        raise InvalidSettings(f"{len(texts)} texts to write: only `ingest run` writes to an index of `ingest`")

    async def aembed_query(self, text: str) -> Weights:
        """Do the same as `embed_query`."""
        return self.embed_query(text)

    def __call__(self, texts: Sequence[str]) -> tuple[list[list[int]], list[list[float]]]:
        """Return the dimensions and the weights of questions: one list of each per question."""
        made = [self.embed_query(text) for text in texts]
        return [one.indices for one in made], [one.values for one in made]
