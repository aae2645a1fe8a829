"""Decoded postings of query terms, kept in bounded memory."""

import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.bounded_cache import BoundedCache
from ingest.errors import InvalidSettings
from ingest.keyword.row_groups import RowGroups

MAPPED_FROM = 32  # a term in more than 1 of 32 chunks is a bitmap: about as small as a list, and faster to look up
COLUMNS = 6  # numbers by which the compiled loops find a term's postings
OVERHEAD = 400  # bytes of the objects around a term's arrays


@dataclass(frozen=True, slots=True)
class Postings:
    """A term's postings as the compiled loops read them, in three arrays: places, ranks and frequencies.

    Listed: places are the chunks, uint32, ascending, and ranks are empty. Mapped: places are a bitmap over all chunks,
    uint64, and ranks, uint32, count the bits before each word. Frequencies are uint8, or uint32 if any is above 255.
    """

    frequency: int  # number of postings: chunks that hold the term
    share: float  # the largest tf / (tf + norm)
    arrays: tuple[NDArray[Any], ...]
    row: NDArray[np.int64]  # (COLUMNS,) numbers by which the compiled loops find them


@dataclass
class PostingsCache:
    """Term → its postings; the least recently used are dropped first. Threads may share it."""

    terms: RowGroups
    postings: RowGroups
    norms: NDArray[np.float64]  # k1 · (1 − b + b · length / average), by code
    codes: NDArray[Any]  # (chunks,) code of each chunk's length
    limit: int  # bytes
    held: BoundedCache[str, tuple[Postings | None]] = field(init=False)  # None for terms that no chunk holds
    _decoding: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise InvalidSettings(f"keyword index: cache_bytes must be at least 1, not {self.limit}")
        self.held = BoundedCache(self.limit)

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

        if (place := self.terms.find(term)) is None:
            return None
        first, frequency = self.terms.row(place, ("first", "document_frequency"))
        pieces, norms, codes = list(self.postings.rows(first, first + frequency)), self.norms, self.codes
        share = max(loops.best_share(chunks, frequencies, norms, codes) for chunks, frequencies in pieces)
        wide = any(int(frequencies.max()) > 255 for _, frequencies in pieces)
        kept = np.zeros(frequency + 1, np.uint32 if wide else np.uint8)  # loops without branches read the last 0
        np.concatenate([frequencies for _, frequencies in pieces], out=kept[:-1], casting="unsafe")
        if frequency * MAPPED_FROM > len(codes):
            kind, places = loops.MAPPED, np.zeros(-(-len(codes) // 64), np.uint64)
            for chunks, _ in pieces:
                loops.map_chunks(places, chunks)
            ranks = np.empty(len(places), np.uint32)
            loops.rank_words(places, ranks)
        else:
            kind, ranks = loops.LISTED, np.zeros(0, np.uint32)
            places = np.concatenate([chunks for chunks, _ in pieces])
        row = np.array([kind, frequency, places.ctypes.data, ranks.ctypes.data, kept.ctypes.data, wide], np.int64)
        return Postings(frequency, share, (places, ranks, kept), row)
