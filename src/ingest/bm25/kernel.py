"""Compiled search: MaxScore over the query's terms. Imported when an index is opened, never before.

Compiled code is kept as `loops` says; who changes `loops` removes the kept code, for only this file's changes are seen.
"""

import numpy as np
from numba import carray

from ingest.bm25.loops import (
    COUNT,
    HELD,
    LISTED,
    PLACES,
    UNTOUCHED,
    add,
    compiled,
    first_at_least,
    frequency_in,
    keep,
    keep_allowed,
    look,
    offer,
    pointer,
)

SEEDED = 1_024  # chunks scored first, for a threshold that prunes from the first window on
SLACK = 1 + 1e-12  # sums of bounds are rounded in another order than sums of scores


@compiled
def score_chunks(terms, weights, norms, codes, chunks, sums):
    """Add to `sums`, (n,) float64, the scores of given chunks, (n,) int64, in the order of additions of `search`."""
    for i in range(len(chunks)):
        norm = norms[codes[chunks[i]]]
        for t in range(len(weights) - 1, -1, -1):
            tf = frequency_in(terms, t, chunks[i], 0, terms[t, COUNT])
            if tf > 0:
                sums[i] += weights[t] * (tf / (tf + norm))


@compiled
def seed(terms, weights, norms, codes, allowed, scores, chunks):
    """Return a score that at least len(scores) allowed chunks reach, −inf when the sample is too small to tell.

    The sample: evenly spaced postings of the listed terms with the highest bounds.
    """
    count, size, left = 0, len(scores), SEEDED
    for t in range(len(weights) - 1, -1, -1):
        if terms[t, HELD] != LISTED or left <= 0:
            break
        postings = terms[t, COUNT]
        places = carray(pointer(terms[t, PLACES]), (postings,), np.uint32)
        step = max(1, postings // left)
        for i in range(0, postings, step):
            chunk = np.int64(places[i])
            seen = len(allowed) > 0 and not allowed[chunk]
            norm, total = norms[codes[chunk]], 0.0
            for u in range(len(weights) - 1, -1, -1):
                if seen:
                    break
                tf = frequency_in(terms, u, chunk, 0, terms[u, COUNT])
                seen = tf > 0 and u > t  # the sample of a term before this one may hold it: counted once
                if tf > 0:
                    total += weights[u] * (tf / (tf + norm))
            if not seen:
                count = offer(scores, chunks, count, total, chunk)
        left -= postings // step
    return scores[0] if count == size and size > 0 else -np.inf


@compiled
def search(terms, weights, bounds, norms, codes, allowed, threshold, scores, chunks, sums, touched):
    """Fill `scores` and `chunks` with the best, in the order of a heap, and return how many there are.

    MaxScore (Turtle & Flood 1995) in windows: the terms whose bounds together stay below the worst of the best so far
    are not read; they are only looked up for chunks that the other terms leave a chance.

    Args:
        terms: (t, 6) int64: how and where each term is held, lowest bound first.
        weights: (t,) float64; `bounds` (t,) what a term adds at most, at least 0.
        norms: float64 by code; `codes` (chunks,) the code of each chunk's length.
        allowed: (chunks,) uint8, or empty for all.
        threshold: What `seed` found.
        scores: (limit,) float64 and `chunks` (limit,) int64: written.
        sums: (window,) float64 of UNTOUCHED, left so, a multiple of 64; `touched` (window + 1,) int32.
    """
    count, size, total, held = 0, len(scores), len(codes), len(weights)
    window = len(sums)
    at = np.zeros(held, np.int64)
    until = np.zeros(held, np.int64)
    below = np.zeros(held + 1)  # what the terms before this one add together at most
    for t in range(held):
        below[t + 1] = (below[t] + bounds[t]) * SLACK
    for base in range(0, total, window):
        end = min(base + window, total)
        if count == size:
            threshold = max(threshold, scores[0])
        first = 0  # of the terms that are read
        while first < held and below[first + 1] < threshold:
            first += 1
        if first == held:
            break
        for t in range(held):
            if terms[t, HELD] == LISTED:
                places = carray(pointer(terms[t, PLACES]), (terms[t, COUNT],), np.uint32)
                until[t] = first_at_least(places, at[t], terms[t, COUNT], end)
        found = 0
        for t in range(held - 1, first - 1, -1):
            found = add(terms, t, weights[t], norms, codes, at[t], until[t], base, end, sums, touched, found)
        if len(allowed) > 0:
            found = keep_allowed(allowed, base, sums, touched, found)
        for t in range(first - 1, -1, -1):
            found = keep(sums, touched, found, threshold - below[t + 1])
            look(terms, t, weights[t], norms, codes, at[t], until[t], base, sums, touched, found)
        found = keep(sums, touched, found, threshold)
        for i in range(found):
            count = offer(scores, chunks, count, sums[touched[i]], base + touched[i])
            sums[touched[i]] = UNTOUCHED
        for t in range(held):
            at[t] = until[t]
    return count
