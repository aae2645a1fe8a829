"""The loops of which `max_score` consists: over one term's postings, for one chunk, on one heap.

Imported only when an index is opened: importing numba is slow. Compiled code is kept in numba's cache folder (beside
this file, or `NUMBA_CACHE_DIR`); if none is writable, each process compiles for itself. All functions release the GIL.
"""

import heapq
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import carray, njit, types
from numba.cpython.unsafe.numbers import trailing_zeros
from numba.extending import intrinsic

UNTOUCHED = -1.7e308
LISTED, MAPPED = 0, 1  # how a term's postings are held
HELD, COUNT, PLACES, RANKS, FREQUENCIES = range(5)  # columns of `terms`


def compiled(function: Callable[..., Any]) -> Any:
    """Return a function that is compiled at its first call or loaded from the cache folder."""
    try:
        return njit(nogil=True, cache=True, error_model="numpy")(function)
    except RuntimeError:  # no writable folder
        return njit(nogil=True, error_model="numpy")(function)


@intrinsic
def pointer(context, address):
    """Return an int64 address as a pointer."""

    def code(_context, builder, _signature, arguments):
        from numba.core import cgutils

        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(address), code


@intrinsic
def ones(context, word):
    """Return the number of set bits in a uint64."""
    return types.uint64(types.uint64), lambda _c, builder, _s, arguments: builder.ctpop(arguments[0])


@compiled
def map_chunks(words, chunks):
    """Set the bit of each chunk, (n,) uint32, in `words`, uint64."""
    for chunk in chunks:
        words[chunk >> np.uint32(6)] |= np.uint64(1) << np.uint64(chunk & np.uint32(63))


@compiled
def rank_words(words, ranks):
    """Write to `ranks`, (n,) uint32, how many bits are set before each word."""
    total = np.uint64(0)
    for i in range(len(words)):
        ranks[i] = total
        total += ones(words[i])


@compiled
def best_share(chunks, frequencies, norms, lengths):
    """Return the largest tf / (tf + norm) among postings, where norm is norms[lengths[chunk]]."""
    best = 0.0
    for i in range(len(chunks)):
        share = frequencies[i] / (frequencies[i] + norms[lengths[chunks[i]]])
        best = max(best, share)
    return best


@compiled
def frequencies_of(terms, t):
    """Return the frequencies of a term's postings, uint16, and behind them a 0."""
    return carray(pointer(terms[t, FREQUENCIES]), (terms[t, COUNT] + 1,), np.uint16)


@compiled
def first_at_least(places, low, high, chunk):
    """Return the first index in [low, high) whose value is at least `chunk`, `high` if there is none."""
    while low < high:
        middle = (low + high) >> 1
        if places[middle] < chunk:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def frequency_in(terms, t, chunk, low, high):
    """Return the frequency of term t in a chunk, 0.0 if it does not occur; its posting can only be in [low, high)."""
    if terms[t, HELD] == MAPPED:  # without branches, since most time is spent here
        word, place = chunk >> 6, np.uint64(chunk & 63)
        bits = carray(pointer(terms[t, PLACES]), (word + 1,), np.uint64)[word]
        rank = carray(pointer(terms[t, RANKS]), (word + 1,), np.uint32)[word]
        before = ones(bits & ((np.uint64(1) << place) - np.uint64(1)))
        tf = np.float64(frequencies_of(terms, t)[np.int64(rank) + np.int64(before)])  # behind the last one there is a 0
        return tf if (bits >> place) & np.uint64(1) else 0.0
    places = carray(pointer(terms[t, PLACES]), (terms[t, COUNT],), np.uint32)
    at = first_at_least(places, low, high, chunk)
    if at < high and places[at] == chunk:
        return np.float64(frequencies_of(terms, t)[at])
    return 0.0


@compiled
def offer(best, limit, score, chunk):
    """Offer a chunk to the best, a heap of at most `limit` (score, −chunk) with the worst at its root."""
    if len(best) < limit:
        heapq.heappush(best, (score, -chunk))
    elif (score, -chunk) > best[0]:
        heapq.heapreplace(best, (score, -chunk))


@compiled
def _add_one(local, frequency, weight, space, part, count):
    """Add one posting; return how many chunks of the window have been touched."""
    norms, lengths, _ = space
    _, _, base, _, sums, touched = part
    tf, before = np.float64(frequency), sums[local]
    touched[count] = local
    count += before == UNTOUCHED
    before = 0.0 if before == UNTOUCHED else before
    sums[local] = before + weight * (tf / (tf + norms[lengths[base + local]]))
    return count


@compiled
def _add_listed(places, frequencies, weight, space, part, count):
    """Add a listed term's postings in the window; return as `_add_one` does."""
    for i in range(len(places)):
        count = _add_one(np.int64(places[i]) - part[2], frequencies[i], weight, space, part, count)
    return count


@compiled
def _add_mapped(words, frequencies, weight, space, part, count):
    """Add a mapped term's postings in the window `words`, where `frequencies` begin; return as `_add_one` does."""
    rank = 0
    for w in range(len(words)):
        word = words[w]
        while word:
            local = (w << 6) + np.int64(trailing_zeros(word))
            word &= word - np.uint64(1)
            count = _add_one(local, frequencies[rank], weight, space, part, count)
            rank += 1
    return count


@compiled
def add(terms, t, weight, space, part, count):
    """Add a term's postings in the window; return how many chunks have been touched.

    `space` and `part` are as `max_score.search` makes them: (norms, lengths, allowed), and (low, high, base, end, sums,
    touched), where the postings [low, high) of a listed term are in the window.
    """
    frequencies, (low, high, base, end, _, _) = frequencies_of(terms, t), part
    if terms[t, HELD] == LISTED:
        places = carray(pointer(terms[t, PLACES]), (terms[t, COUNT],), np.uint32)[low:high]
        return _add_listed(places, frequencies[low:high], weight, space, part, count)
    first, last = base >> 6, (end + 63) >> 6
    words = carray(pointer(terms[t, PLACES]), (last,), np.uint64)[first:]
    rank = np.int64(carray(pointer(terms[t, RANKS]), (last,), np.uint32)[first])
    return _add_mapped(words, frequencies[rank:], weight, space, part, count)


@compiled
def look(terms, t, weight, space, part, count):
    """Add a term to the picked chunks of the window; arguments as for `add`."""
    norms, lengths, _ = space
    low, high, base, _, sums, picked = part
    for i in range(count):
        chunk = base + picked[i]
        tf = frequency_in(terms, t, chunk, low, high)
        share = tf / (tf + norms[lengths[chunk]])
        sums[picked[i]] += weight * share if tf > 0 else 0.0


@compiled
def keep(allowed, base, sums, picked, count, least):
    """Drop picked chunks that may not be hits, and those with sums below `least`, and clear their sums.

    `allowed` is empty if all may be hits. Returns how many chunks are left.
    """
    kept, some = 0, len(allowed) > 0
    for i in range(count):
        local = picked[i]
        score = sums[local]
        good = score >= least
        if some:
            good = good and allowed[base + local] > 0
        picked[kept] = local
        kept += good
        sums[local] = score if good else UNTOUCHED
    return kept
