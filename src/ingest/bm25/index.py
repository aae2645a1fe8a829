"""Searches of a merged keyword index. Nothing is held for all postings; four bytes are held for each chunk."""

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ingest.bm25.groups import Groups, RowsById, open_groups
from ingest.bm25.schemas import LENGTHS, POSTINGS, TERMS, batches, numbers, open_parquet
from ingest.bm25.scoring import Best, idf, weights
from ingest.errors import InvalidSettings, SchemaMismatch
from ingest.records import Hit

WINDOW = 2**20  # chunks scored at a time: one float64 each, for each thread that searches


@dataclass(frozen=True, slots=True)
class _Term:
    first: int  # row of its first posting
    frequency: int  # its postings: chunks that hold it
    times: int  # its occurrences in the query
    weight: float  # idf, times these


class KeywordIndex:
    """BM25 with Lucene's idf over the three files of `merge`. Safe to share between threads.

        score(q, c) = Σ over the terms of q, repeats counted:  idf · tf / (tf + k1 · (1 − b + b · length / average))
        idf = ln(1 + (n − df + 0.5) / (df + 0.5))

    Source: Kamphuis et al. 2020, "Which BM25 Do You Mean?", variant "Lucene (accurate)". Without the factor k1 + 1,
    which changes no ranking.
    """

    def __init__(self, files: "_Files", k1: float, b: float) -> None:
        if k1 < 0 or not 0 <= b <= 1:
            raise InvalidSettings(f"keyword index: k1 must be at least 0 and b within 0 and 1, not {k1} and {b}")
        self._files, self.k1, self.b = files, k1, b
        self.chunks = len(files.lengths)
        self._average = float(files.lengths.mean(dtype=np.float64)) if self.chunks else 0.0
        self._scratch = threading.local()

    @classmethod
    def open(
        cls, postings: Path, terms: Path, lengths: Path, k1: float = 1.2, b: float = 0.75, cached: int = 256
    ) -> Self:
        """Open an index: reads footers and lengths, no postings.

        Args:
            postings: As `merge` wrote it, likewise `terms` and `lengths`.
            terms: Sorted by UTF-8.
            lengths: Row = ordinal of the chunk.
            k1: At least 0: how soon more occurrences stop to count.
            b: 0 to 1: how much long chunks are discounted.
            cached: Row groups kept decoded, of postings (half a megabyte each), and as many of terms and of ids.

        Raises: SchemaMismatch when a file is damaged or they do not belong together; InvalidSettings for k1, b.
        """
        return cls(_Files.open(postings, terms, lengths, cached), k1, b)

    def search(
        self, queries: Sequence[Sequence[str]], masks: Sequence[NDArray[np.bool_] | None], limit: int
    ) -> list[list[Hit]]:
        """Return for each query up to `limit` hits, best first, equal scores in order of the ordinal.

        A chunk that holds no term of the query is never a hit.

        Args:
            queries: Terms, as the analyser gave them; a repeated one counts each time, an unknown one not at all.
            masks: One a query: (chunks,) by ordinal, True where a chunk may be a hit; None for all. Applied before
                the cut; lengths and frequencies are those of the whole index.
            limit: At least 1.
        """
        if limit < 1:
            raise InvalidSettings(f"keyword index: limit must be at least 1, not {limit}")
        hits = []
        for query, mask in zip(queries, masks, strict=True):
            if mask is not None and len(mask) != self.chunks:
                raise SchemaMismatch(f"keyword index: a mask of {len(mask)} for {self.chunks} chunks")
            ordinals, scores = self._best(self._terms(query), mask, limit)
            ids = self._files.ids.take("chunk_id", ordinals)
            hits.append([Hit(i, s) for i, s in zip(ids, scores.tolist(), strict=True)])
        return hits

    def score(self, query: Sequence[str], ordinals: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the scores of given chunks, (n,) float64, in the order of `ordinals`; 0 where no term is held."""
        order = np.argsort(ordinals, kind="stable")
        wanted = ordinals[order]
        if len(wanted) and not 0 <= wanted[0] <= wanted[-1] < self.chunks:
            raise SchemaMismatch(f"keyword index: ordinals {wanted[0]} to {wanted[-1]}, there are {self.chunks} chunks")
        sums = np.zeros(len(wanted))
        for term in self._terms(query):
            for chunks, frequencies in self._postings(term):
                left, right = np.searchsorted(wanted, [chunks[0], chunks[-1] + 1])
                at = np.searchsorted(chunks, wanted[left:right])
                held = chunks[at] == wanted[left:right]
                at = at[held]
                sums[left:right][held] += self._weights(term, chunks[at], frequencies[at])
        scores = np.empty(len(wanted))
        scores[order] = sums
        return scores

    def scores(self, query: Sequence[str], chunk_ids: Sequence[str]) -> dict[str, float]:
        """Return the score of each given chunk that is in the index, by id; 0 where no term is held."""
        if not chunk_ids:
            return {}
        ordinals = self.ordinals(chunk_ids)
        known = ordinals >= 0
        found = self.score(query, ordinals[known]).tolist()
        return dict(zip((c for c, there in zip(chunk_ids, known, strict=True) if there), found, strict=True))

    def bound(self, query: Sequence[str]) -> float:
        """Return what the score of every chunk stays below: the sum of idf, unknown terms and repeats included."""
        known = self._terms(query)
        unknown = len(query) - sum(term.times for term in known)
        return sum(term.weight for term in known) + unknown * idf(0, self.chunks)

    def ordinals(self, chunk_ids: Sequence[str]) -> NDArray[np.int64]:
        """Return the ordinal of each chunk, (n,) int64, −1 for an unknown one.

        The first call reads all ids and keeps twelve bytes a chunk.
        """
        return self._files.by_id.find(chunk_ids)

    def close(self) -> None:
        """Let go of the files."""
        self._files.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def _terms(self, query: Sequence[str]) -> list[_Term]:
        """Return the known terms in one order for all orders of the query, so that sums are equal to the last bit."""
        if isinstance(query, str):
            raise TypeError(f"a query is a sequence of terms, not the text {query!r}")
        found = []
        for term, times in sorted(Counter(query).items()):
            if (row := self._files.terms.find("term", term)) is not None:
                first, frequency = self._files.terms.row(row, ("first", "document_frequency"))
                found.append(_Term(first, frequency, times, times * idf(frequency, self.chunks)))
        return found

    def _postings(self, term: _Term, start: int = 0) -> Iterator[tuple[NDArray[np.uint32], NDArray[np.uint32]]]:
        """Yield (chunks, frequencies) of a term from its posting `start` on, a row group at a time."""
        yield from self._files.postings.rows(term.first + start, term.first + term.frequency)

    def _weights(self, term: _Term, chunks: NDArray[np.uint32], frequencies: NDArray[np.uint32]) -> NDArray[np.float64]:
        relative = self._files.lengths[chunks] / self._average
        return term.weight * weights(frequencies, relative, self.k1, self.b)

    def _best(
        self, terms: Sequence[_Term], mask: NDArray[np.bool_] | None, limit: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        best = Best(limit)
        sums = self._zeros()
        at = [0] * len(terms)
        for start in range(0, self.chunks, WINDOW):
            touched = []
            for i, term in enumerate(terms):
                for chunks, frequencies in self._until(term, at, i, start + WINDOW):
                    local = chunks.astype(np.int64) - start
                    touched.append(local[sums[local] == 0.0])  # every weight is above 0: untouched until now
                    sums[local] += self._weights(term, chunks, frequencies)
            if touched:
                window = np.concatenate(touched)
                allowed = window if mask is None else window[mask[window + start]]
                best.add(allowed + start, sums[allowed])
                sums[window] = 0.0
        return best.sorted()

    def _until(
        self, term: _Term, at: list[int], i: int, end: int
    ) -> Iterator[tuple[NDArray[np.uint32], NDArray[np.uint32]]]:
        """Yield the postings of term `i` before ordinal `end`, from posting at[i] on, and move at[i] behind them."""
        for chunks, frequencies in self._postings(term, at[i]):
            cut = len(chunks) if chunks[-1] < end else int(np.searchsorted(chunks, end))
            at[i] += cut
            if cut:
                yield chunks[:cut], frequencies[:cut]
            if cut < len(chunks):
                return

    def _zeros(self) -> NDArray[np.float64]:
        """Return this thread's array of zeros; who writes into it leaves it as it was."""
        zeros: NDArray[np.float64] | None = getattr(self._scratch, "zeros", None)
        if zeros is None:
            zeros = self._scratch.zeros = np.zeros(min(WINDOW, self.chunks))
        return zeros


@dataclass(frozen=True)
class _Files:
    postings: Groups
    terms: Groups
    ids: Groups
    lengths: NDArray[np.uint32]
    by_id: RowsById

    @classmethod
    def open(cls, postings: Path, terms: Path, lengths: Path, cached: int) -> Self:
        with open_parquet(lengths, LENGTHS) as file:
            parts = [numbers(batch["length"]) for batch in batches(file, lengths, ["length"])]
        ids = open_groups(lengths, LENGTHS, cached)
        files = cls(
            open_groups(postings, POSTINGS, cached), open_groups(terms, TERMS, cached), ids,
            np.concatenate([np.zeros(0, np.uint32), *parts]), RowsById(ids),
        )  # fmt: skip
        counted = 0
        if files.terms.count:
            first, frequency = files.terms.row(files.terms.count - 1, ("first", "document_frequency"))
            counted = first + frequency
        if counted != files.postings.count:
            files.close()
            raise SchemaMismatch(f"{terms} counts {counted} postings, {postings} has {files.postings.count}")
        return files

    def close(self) -> None:
        for groups in (self.postings, self.terms, self.ids):
            groups.close()
