"""Compiled search: MaxScore over the query's terms. Imported only when an index is opened.

Compiled code is cached (`compiled_loops`). After a change there, delete the cache: numba notices only changes here.
"""

import numpy as np
from numba import carray

from ingest.keyword import compiled_loops as loops

SEEDED = 1_024  # chunks scored first, for a threshold that prunes from the first window on
SLACK = 1 + 1e-12  # sums of bounds are rounded in a different order than sums of scores


@loops.compiled
def score_chunks(terms, weights, space, chunks, sums):
    """Add the scores of `chunks`, (n,) int64, to `sums`, (n,) float64, term by term in the same order as `search`."""
    for i in range(len(chunks)):
        sums[i] += _seeded(terms, weights, space, len(weights), chunks[i])


@loops.compiled
def seed(terms, weights, space, limit):
    """Return a score that at least `limit` allowed chunks reach, −inf if the sample is too small to know one.

    The sample consists of evenly spaced postings of the listed terms with the highest bounds.
    """
    allowed, best, left = space[2], _no_hits(), SEEDED
    for t in range(len(weights) - 1, -1, -1):
        if terms[t, loops.HELD] != loops.LISTED or left <= 0:
            break
        postings = terms[t, loops.COUNT]
        places = carray(loops.pointer(terms[t, loops.PLACES]), (postings,), np.uint32)
        step = max(1, postings // left)
        for i in range(0, postings, step):
            chunk = np.int64(places[i])
            if len(allowed) == 0 or allowed[chunk]:
                total = _seeded(terms, weights, space, t, chunk)
                if total != loops.UNTOUCHED:
                    loops.offer(best, limit, total, chunk)
        left -= postings // step
    return best[0][0] if len(best) == limit else -np.inf


@loops.compiled
def _no_hits():
    """Return an empty heap of hits, from which numba learns its type."""
    return [(0.0, np.int64(0)) for _ in range(0)]


@loops.compiled
def _seeded(terms, weights, space, t, chunk):
    """Return the score of a chunk in term t's sample; UNTOUCHED if an earlier sample may hold it: each counts once."""
    norms, lengths, _ = space
    norm, total = norms[lengths[chunk]], 0.0
    for u in range(len(weights) - 1, -1, -1):
        tf = loops.frequency_in(terms, u, chunk, 0, terms[u, loops.COUNT])
        if tf > 0:
            if u > t:
                return loops.UNTOUCHED
            total += weights[u] * (tf / (tf + norm))
    return total


@loops.compiled
def search(terms, weights, bounds, space, limit, scratch):
    """Return the best hits, at most `limit`, best first: chunks, (hits,) int64, and scores, (hits,) float64.

    MaxScore (Turtle & Flood 1995) in windows: terms whose bounds add up to less than the worst of the best so far are
    not scanned; they are only looked up for chunks that can still win because of the other terms.

    Args:
        terms: (t, 5) int64: how and where each term is held, lowest bound first.
        weights: (t,) float64; `bounds` (t,): the most that a term adds, at least 0.
        space: norms, float64 by length; lengths, (chunks,); allowed, (chunks,) uint8, or empty for all.
        limit: At least 1.
        scratch: sums, (window,) float64, UNTOUCHED before and after; touched, (window + 1,) int32; 64 divides window.
    """
    threshold, best = seed(terms, weights, space, limit), _no_hits()
    first, held, window = 0, len(weights), len(scratch[0])
    at, until = np.zeros(held, np.int64), np.zeros(held, np.int64)
    below = _below(bounds)
    for base in range(0, len(space[1]), window):
        end = min(base + window, len(space[1]))
        if len(best) == limit:
            threshold = max(threshold, best[0][0])
        while first < held and below[first + 1] < threshold:  # fewer and fewer terms are scanned
            first += 1
        if first == held:
            break
        for t in range(held):  # where the window ends in the postings of each listed term
            if terms[t, loops.HELD] == loops.LISTED:
                places = carray(loops.pointer(terms[t, loops.PLACES]), (terms[t, loops.COUNT],), np.uint32)
                until[t] = loops.first_at_least(places, at[t], terms[t, loops.COUNT], end)
        _window((terms, weights, below, at, until), first, space, (base, end, threshold), (best, limit), scratch)
        at, until = until, at
    best.sort(reverse=True)
    return np.array([-place for _, place in best]), np.array([score for score, _ in best])


@loops.compiled
def _below(bounds):
    """Return the most that all terms before each one can add together, (t + 1,) float64."""
    below = np.zeros(len(bounds) + 1)
    for t in range(len(bounds)):
        below[t + 1] = (below[t] + bounds[t]) * SLACK
    return below


@loops.compiled
def _window(asked, first, space, bounds, best, scratch):
    """Score a window and offer its chunks: terms from `first` on are scanned, the others looked up."""
    terms, weights, below, at, until = asked
    base, end, threshold = bounds
    sums, touched = scratch
    found = 0
    for t in range(len(weights) - 1, first - 1, -1):
        found = loops.add(terms, t, weights[t], space, (at[t], until[t], base, end, sums, touched), found)
    for t in range(first - 1, -1, -1):
        found = loops.keep(space[2], base, sums, touched, found, threshold - below[t + 1])
        loops.look(terms, t, weights[t], space, (at[t], until[t], base, end, sums, touched), found)
    found = loops.keep(space[2], base, sums, touched, found, threshold)
    for i in range(found):
        loops.offer(best[0], best[1], sums[touched[i]], base + touched[i])
        sums[touched[i]] = loops.UNTOUCHED
