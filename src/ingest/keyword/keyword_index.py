"""Search in a merged keyword index: compiled loops over the query terms' postings, decoded from Parquet on demand.

Decoded postings are kept in bounded memory.
"""

import math
import threading
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ingest.bounded_cache import BoundedCache
from ingest.errors import InvalidSettings, SchemaMismatch
from ingest.keyword.analyser import PLAIN, SHARED
from ingest.keyword.parquet_files import LENGTHS, batches, chunks_by_place, numbers
from ingest.keyword.row_groups import ChunkIds, File, Segment
from ingest.records import Hit

CACHE_BYTES = 64 * 2**20
WINDOW = 65_536  # chunks scored at a time, a multiple of 64: 768 KB per searching thread
MAPPED_FROM = 32  # a term in more than 1 of 32 chunks is a bitmap: about as small as a list, and faster to look up
COLUMNS = 5  # numbers by which the compiled loops find a term's postings
MOST_OFTEN = 2**16 - 1  # that a term counts in a chunk: one more would change its share by less than a 50,000th
OVERHEAD = 400  # bytes of the objects around a term's arrays


@dataclass(frozen=True)
class Formula:
    """The parameters of BM25, of which the settings allow only those within the range."""

    k1: float = 1.2  # at least 0: how slowly repeated occurrences stop adding to the score
    b: float = 0.75  # 0 to 1: how much long chunks are discounted

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the formula for which a generation was built."""
        return cls(float(record["k1"]), float(record["b"]))

    def norms(self, lengths: NDArray[np.int64], average: float) -> NDArray[np.float64]:
        """Return k1 · (1 − b + b · length / average), float64, for lengths in terms."""
        return np.asarray(self.k1 * ((1 - self.b) + self.b * (lengths / (average or 1.0))))


LUCENE = Formula()


@dataclass(frozen=True, slots=True)
class Postings:
    """A term's postings as the compiled loops read them, in three arrays: places, ranks and frequencies.

    Listed: places are the chunks, uint32, ascending, and ranks are empty. Mapped: places are a bitmap over all chunks,
    uint64, and ranks, uint32, count the bits before each word. Frequencies are uint16; more count as MOST_OFTEN.
    """

    frequency: int  # number of postings: chunks that hold the term
    share: float  # the largest tf / (tf + norm)
    arrays: tuple[NDArray[Any], ...]
    row: NDArray[np.int64]  # (COLUMNS,) numbers by which the compiled loops find them


@dataclass
class PostingsCache:
    """Term → its postings; the least recently used are dropped first. Threads may share it."""

    segments: Sequence[Segment]
    norms: NDArray[np.float64]  # k1 · (1 − b + b · length / average), by length
    lengths: NDArray[Any]  # (chunks,) in terms
    held: BoundedCache[str, tuple[Postings | None]]  # None for terms that no chunk holds
    _decoding: threading.Lock = field(default_factory=threading.Lock)

    def get(self, term: str) -> Postings | None:
        """Return a term's postings, None if no chunk holds it."""
        if (held := self.held.get(term)) is None:
            with self._decoding:  # may wait for the network; terms already held do not wait for it
                if (held := self.held.get(term)) is None:
                    found = self._decode(term)
                    arrays = found.arrays if found else ()
                    held = self.held.put(term, (found,), OVERHEAD + sum(array.nbytes for array in arrays))
        return held[0]

    def _decode(self, term: str) -> Postings | None:
        from ingest.keyword import compiled_loops as loops

        pieces = [piece for one in self.segments for piece in one.find(term)]
        if not (frequency := sum(len(chunks) for chunks, _ in pieces)):
            return None
        chunks, frequencies = map(np.concatenate, zip(*pieces, strict=True))
        if len(self.segments) > 1:
            order = np.argsort(chunks, kind="stable")
            chunks, frequencies = chunks[order], frequencies[order]
        share = loops.best_share(chunks, frequencies, self.norms, self.lengths)
        kept = np.zeros(frequency + 1, np.uint16)  # loops without branches read the last 0
        kept[:-1] = np.minimum(frequencies, MOST_OFTEN)
        if frequency * MAPPED_FROM > len(self.lengths):
            kind, places = loops.MAPPED, np.zeros(-(-len(self.lengths) // 64), np.uint64)
            loops.map_chunks(places, chunks)
            ranks = np.empty(len(places), np.uint32)
            loops.rank_words(places, ranks)
        else:
            kind, places, ranks = loops.LISTED, chunks, np.zeros(0, np.uint32)
        row = np.array([kind, frequency, places.ctypes.data, ranks.ctypes.data, kept.ctypes.data], np.int64)
        return Postings(frequency, share, (places, ranks, kept), row)


class KeywordIndex(AbstractContextManager["KeywordIndex"]):
    """BM25 over the files of `merge`, of one segment or two. Threads may share it; searches release the GIL.

        score(q, c) = Σ over the terms of q, repeats counted:  idf · tf / (tf + k1 · (1 − b + b · length / average))

    idf = ln(1 + (n − df + 0.5) / (df + 0.5)), "Lucene (accurate)" of Kamphuis et al. 2020, "Which BM25 Do You
    Mean?", without the factor k1 + 1, which does not affect rankings. Of a term that one language has for itself,
    n is between the chunks in that language and all (geometric mean): compared with all of them, the common words of a
    rare language count as rare words; with its own alone, none of its words count beside those of the others.
    """

    def __init__(
        self,
        postings: File,
        terms: File,
        lengths: Path,
        *small: File,
        formula: Formula = LUCENE,
        cache_bytes: int = CACHE_BYTES,
        sizes: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        """Open an index: read its footers and lengths, but no postings, and load the compiled loops.

        Files are as `merge` wrote them; `small`: postings and terms of a second segment, which changes no answer. Of
        both a path and a seekable file, only the row groups that a query touches are read. `cache_bytes` limits decoded
        postings and, separately, decoded ids (16 bytes each). The terms of a query are held while it is answered,
        whatever the limit: 6 bytes per posting of a rare term, as little as 2 bytes per posting and 0.2 per chunk for a
        frequent one.

        Raises: SchemaMismatch for files that are damaged or do not belong together.
        """
        from ingest.keyword import max_score

        self._kernel: Any = max_score  # importing numba takes a second
        all_lengths, average = _lengths(lengths)
        self.chunks = len(all_lengths)
        every = {**sizes, PLAIN: self.chunks - sum(sizes.values())}
        self._sizes = {space: round((count * self.chunks) ** 0.5) for space, count in every.items()}
        self._ids = ChunkIds(lengths, cache_bytes)
        files = (postings, terms, *small)
        segments = [*map(Segment, files[::2], files[1::2], chunks_by_place(lengths))]
        norms = formula.norms(np.arange(int(all_lengths.max(initial=0)) + 1), average)
        self._cache = PostingsCache(segments, norms, all_lengths, BoundedCache(cache_bytes))
        self._warm()

    def search(
        self, queries: Sequence[Sequence[str]], masks: Sequence[NDArray[np.bool_] | None], limit: int
    ) -> list[list[Hit]]:
        """Return up to `limit` hits per query, best first, equal scores in order of their ordinals.

        A chunk without any term of the query is never a hit. A repeated term counts each time, an unknown one never.
        Each query has a mask, (chunks,) by ordinal, True where a chunk may be a hit; None for all. It is applied
        before the cutoff; lengths and frequencies are those of the whole index.
        """
        if limit < 1:
            raise InvalidSettings(f"keyword index: limit must be at least 1, not {limit}")
        hits, scratch = [], (np.full(WINDOW, self._kernel.loops.UNTOUCHED), np.empty(WINDOW + 1, np.int32))
        for query, mask in zip(queries, masks, strict=True):
            if mask is not None and len(mask) != self.chunks:
                raise SchemaMismatch(f"keyword index: a mask of {len(mask)} for {self.chunks} chunks")
            _held, *asked = self._query(query)
            allowed = np.ascontiguousarray(mask).view(np.uint8) if mask is not None else np.zeros(0, np.uint8)
            space = (self._cache.norms, self._cache.lengths, allowed)
            ordinals, scores = self._kernel.search(*asked, space, limit, scratch)
            ids = self._ids.take(ordinals)
            hits.append([Hit(i, s) for i, s in zip(ids, scores.tolist(), strict=True)])
        return hits

    def score(self, query: Sequence[str], ordinals: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the scores of given chunks, (n,) float64, in the order of `ordinals`; 0 for a chunk without terms."""
        if len(ordinals) and not 0 <= ordinals.min() <= ordinals.max() < self.chunks:
            told = f"keyword index: ordinals {ordinals.min()} to {ordinals.max()}, there are {self.chunks} chunks"
            raise SchemaMismatch(told)
        (_held, rows, weights, _), sums = self._query(query), np.zeros(len(ordinals))
        space = (self._cache.norms, self._cache.lengths, np.zeros(0, np.uint8))
        self._kernel.score_chunks(rows, weights, space, ordinals.astype(np.int64), sums)
        return sums

    def scores(self, query: Sequence[str], chunk_ids: Sequence[str]) -> dict[str, float]:
        """Return the scores of those chunks that are in the index, by id; 0 for a chunk without terms."""
        if not chunk_ids:
            return {}
        ordinals = self._ids.find(chunk_ids)
        known = ordinals >= 0
        found = self.score(query, ordinals[known]).tolist()
        return dict(zip((c for c, there in zip(chunk_ids, known, strict=True) if there), found, strict=True))

    def bound(self, query: Sequence[str]) -> float:
        """Return an upper bound on all scores: the sum of idf, including unknown terms and repeats.

        A chunk is in one language: of the terms by language, in the order of the question's words, the greatest sum
        counts, and of unknown words those that none of the languages knows.
        """
        rows = defaultdict[str | None, list[float]](list)  # -1: unknown
        for term in query:
            found = self._cache.get(term)
            rows[_space(term)].append(-1.0 if found is None else self._idf(term, found.frequency))
        alike, words = rows.pop(None, []), [max(word) for word in zip_longest(*rows.values(), fillvalue=-1.0)]
        most = max((sum(weight for weight in row if weight > 0) for row in rows.values()), default=0.0)
        unknown = sum(weight < 0 for weight in (*alike, *words)) * self._idf("0", 0)
        return float(most + sum(weight for weight in alike if weight > 0) + unknown)

    def close(self) -> None:
        """Close the files."""
        self._ids.close()
        for segment in self._cache.segments:
            segment.close()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _query(
        self, query: Sequence[str]
    ) -> tuple[list[Postings], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
        """Return postings, their rows, weights and bounds of the known terms, lowest bound first.

        Sums are always added in this order, so that they agree to the last bit. A weight is idf times the occurrences
        in the query, a bound the most that a term can add. The rows point into the postings: hold them as long.
        """
        if isinstance(query, str):
            raise TypeError(f"a query is a sequence of terms, not the text {query!r}")
        found = []
        for term, times in Counter(query).items():
            if (postings := self._cache.get(term)) is not None:
                weight = times * self._idf(term, postings.frequency)
                found.append((weight * postings.share, term, weight, postings))
        found.sort(key=lambda one: one[:2])
        held = [one[3] for one in found]
        rows = np.array([postings.row for postings in held], np.int64).reshape(len(held), COLUMNS)
        weights, bounds = (np.array([one[i] for one in found], np.float64) for i in (2, 0))
        return held, rows, weights, bounds

    def _idf(self, term: str, document_frequency: int) -> float:
        space = _space(term)
        count = self.chunks if space is None else max(self._sizes.get(space, 0), document_frequency)
        return math.log(1 + (count - document_frequency + 0.5) / (document_frequency + 0.5))  # above 0 if all hold it

    def _warm(self) -> None:
        """Load or compile the loops now, so that no search has to wait for it."""
        cache, loops, chunks = self._cache, self._kernel.loops, np.zeros(0, np.uint32)
        loops.best_share(chunks, chunks, cache.norms, cache.lengths)
        loops.map_chunks(np.zeros(0, np.uint64), chunks)
        loops.rank_words(np.zeros(0, np.uint64), chunks)
        self.score([], np.zeros(0, np.int64))
        self.search([[]], [None], 1)


def _space(term: str) -> str | None:
    """Return the language's code before a term, PLAIN without one; None for a term that all languages share."""
    code = term.rpartition(":")[0]
    return code or (None if SHARED.search(term) else PLAIN)


def _lengths(path: Path) -> tuple[NDArray[Any], float]:
    """Return the chunks' lengths, (chunks,) uint16 (uint32 if one needs it), and their mean."""
    parts = [numbers(batch["length"]) for batch in batches(path, LENGTHS, ["length"])]
    lengths = np.concatenate([np.zeros(0, np.uint32), *parts])
    average = float(lengths.mean(dtype=np.float64)) if len(lengths) else 0.0
    return lengths.astype(np.uint16 if lengths.max(initial=0) < 2**16 else np.uint32), average
