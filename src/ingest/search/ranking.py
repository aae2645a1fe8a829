"""What a question and a candidate have in common, as numbers: the features of re-ranking and confidence.

Pure and cheap. Each row depends only on the question and its own candidate, so candidates may come in slices, and a
score means the same for every question.
"""

from collections.abc import Callable, Sequence
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray

from ingest.errors import FatalError
from ingest.keyword.words import WORD
from ingest.ports import Reranker, Wording, WordTable
from ingest.records import Hit, Result

SHARED = ("proximity", "coverage", "context", "bigrams", "heading", "first")
FEATURES = ("cosine", "keyword", "maxsim", "near", "rarest", *SHARED, "length")
RISING = frozenset(FEATURES) - {"heading", "first", "length"}  # more of these never speaks against a candidate
SHARES = (1.0, 1.0, 0.5, 0.5)  # of the first four features in `blend`: three signals, MaxSim in two readings
SCALE = 10.0  # of the blend, relative to trees that are trained on top of it
WINDOW = 20  # terms before a term that count as near
RAREST = 2  # distinct weights of words that count as rare
HALF_WINDOW = 16  # word pieces

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]
TimeLimit = tuple[int, Callable[[], float]]  # milliseconds per question, 0 for no limit; a clock of seconds


def features(question: str, candidates: Sequence[Result], wording: Wording) -> Floats:
    """Return (candidates, FEATURES) float64 in input order.

        cosine     of question and chunk, 0 where negative or not scored
        keyword    BM25 divided by the highest score that any chunk can have for the question
        maxsim     Σ idf · greatest cosine to a word piece of the chunk / Σ idf, over the word pieces of the question;
                   the chunk is its text, its headings and title
        near       the same within the best 2 · HALF_WINDOW consecutive word pieces of the text
        rarest     as `maxsim`, over the question's rarest words only, each counting the same
        proximity  greatest share of the question's idf within WINDOW + 1 consecutive terms
        coverage   share of the question's idf that the text holds; `context`: the text or its headings and title
        bigrams    share of the question's pairs of adjacent terms that the text holds, by the lower idf of a pair
        heading    share of the question's idf that headings and title hold
        first      position of the first common term, 0 to 1; 1 if there is none
        length     ln(1 + terms)

    All but the last are 0 to 1. Without a table of word vectors, `maxsim`, `near` and `rarest` are 0.

    Candidates have scores `dense` (cosine) and `bm25`, or 0; the wording is that of their generation.

    Source: Khattab & Zaharia 2020, "ColBERT", for MaxSim, here over vectors without context.
    """
    found = np.zeros((len(candidates), len(FEATURES)))
    if not candidates:
        return found
    headings = [" ".join((c.title, *c.heading_path)) for c in candidates]
    asked, *terms = wording.terms([question, *(c.text for c in candidates), *headings])
    texts, above = terms[: len(candidates)], terms[len(candidates) :]
    bound = wording.bound(asked)
    found[:, 0] = [max(c.scores.get("dense", 0.0), 0.0) for c in candidates]
    found[:, 1] = [c.scores.get("bm25", 0.0) / bound if bound > 0 else 0.0 for c in candidates]
    found[:, 2:5] = _maxsim(question, candidates, headings, wording)
    found[:, 5:11] = _shared(asked, texts, above, wording)
    found[:, 11] = np.log1p([len(text) for text in texts])
    return found


def blend(found: Floats) -> Floats:
    """Return (n,) float64: cosine + keyword + (maxsim + near) / 2 of rows of `features`, 0 to 3.

    Nothing in it was fitted: three signals that are all shares of what is possible count the same (docs/retrieval.md).
    """
    return np.asarray(found[:, : len(SHARES)] @ np.array(SHARES))


def idf_of(terms: Sequence[str], wording: Wording) -> Floats:
    """Return (n,) float64: the weight of each term, also of one that no chunk holds."""
    return np.array([wording.bound([term]) for term in terms])


def _shared(asked: list[str], texts: list[list[str]], above: list[list[str]], wording: Wording) -> Floats:
    """Return (candidates, SHARED)."""
    distinct = list(dict.fromkeys(asked))
    found = np.zeros((len(texts), 6))
    found[:, 5] = 1.0
    if not distinct:
        return found
    idf = idf_of(distinct, wording)
    total = idf.sum() or 1.0  # Okapi: a term in half of the chunks has no weight
    number = {term: i for i, term in enumerate(distinct)}
    rows, places, numbers = _matches(texts, number)
    held = _held(rows, numbers, len(texts), len(distinct))
    heads = _held(*_matches(above, number)[::2], len(texts), len(distinct))
    found[:, 0] = _proximity(rows, places, numbers, idf, len(texts)) / total
    found[:, 1], found[:, 2], found[:, 4] = held @ idf / total, (held | heads) @ idf / total, heads @ idf / total
    found[:, 3] = _bigrams((rows, places, numbers), [number[term] for term in asked], idf, len(texts))
    lengths = np.array([len(text) for text in texts])
    firsts, at = np.unique(rows, return_index=True)
    found[firsts, 5] = places[at] / (lengths[firsts] + 1)
    return found


def _matches(texts: list[list[str]], number: dict[str, int]) -> tuple[Numbers, Numbers, Numbers]:
    """Return text, position and number of each term that the question shares, in order of text and position."""
    lengths = np.array([len(text) for text in texts], np.int64)
    every = np.fromiter((number.get(term, -1) for term in chain.from_iterable(texts)), np.int64, int(lengths.sum()))
    common = np.flatnonzero(every >= 0)
    ends = np.cumsum(lengths)
    rows = np.searchsorted(ends, common, side="right")
    return rows, common - (ends - lengths)[rows], every[common]


def _held(rows: Numbers, numbers: Numbers, texts: int, terms: int) -> NDArray[np.bool_]:
    held = np.zeros((texts, terms), np.bool_)
    held[rows, numbers] = True
    return held


def _proximity(rows: Numbers, places: Numbers, numbers: Numbers, idf: Floats, texts: int) -> Floats:
    """Return for each text the greatest total idf of distinct terms within WINDOW terms before one of its terms."""
    best = np.zeros(texts)
    if not len(rows):
        return best
    apart = rows * (int(places.max()) + WINDOW + 1) + places  # one line of positions, texts further apart than WINDOW
    last = np.full((len(rows), len(idf)), -WINDOW - 1, np.int64)
    last[np.arange(len(rows)), numbers] = apart
    near = np.maximum.accumulate(last, axis=0) >= (apart - WINDOW)[:, None]
    np.maximum.at(best, rows, near @ idf)
    return best


def _bigrams(matches: tuple[Numbers, Numbers, Numbers], asked: list[int], idf: Floats, texts: int) -> Floats:
    rows, places, numbers = matches
    pairs = sorted(set(pairwise(asked)))
    if not pairs:
        return np.zeros(texts)
    weights = np.array([min(idf[a], idf[b]) for a, b in pairs])
    codes = np.array([a * len(idf) + b for a, b in pairs])
    beside = np.flatnonzero((rows[1:] == rows[:-1]) & (places[1:] == places[:-1] + 1))
    code = numbers[beside] * len(idf) + numbers[beside + 1]
    at = np.minimum(np.searchsorted(codes, code), len(codes) - 1)
    wanted = codes[at] == code
    held = _held(rows[beside[wanted]], at[wanted], texts, len(pairs))
    return np.asarray(held @ weights / (weights.sum() or 1.0))


def _maxsim(question: str, candidates: Sequence[Result], headings: Sequence[str], wording: Wording) -> Floats:
    """Return (candidates, 3): `maxsim`, `near` and `rarest`."""
    found = np.zeros((len(candidates), 3))
    words = WORD.findall(question)
    table = wording.table
    if table is None or not words:
        return found
    pieces = table.pieces(words)
    rarest = [idf_of(terms, wording).max() if terms else 0.0 for terms in wording.terms(words)]  # 0: a word of no term
    weights = np.repeat(np.array(rarest), [len(p) for p in pieces])
    every = [[*chain.from_iterable(table.pieces(WORD.findall(t)))] for t in (*(c.text for c in candidates), *headings)]
    if not weights.sum() or not any(every):
        return found
    blocks, owners = _best_by_block(table, np.fromiter(chain.from_iterable(pieces), np.int64), every)
    best = np.zeros((len(weights), len(every)))
    np.maximum.at(best.T, owners, blocks.T)
    whole = np.maximum(best[:, : len(candidates)], best[:, len(candidates) :])
    rare = weights >= np.unique(weights)[-RAREST:][0]
    found[:, 0], found[:, 2] = weights @ whole / weights.sum(), whole[rare].mean(axis=0)
    beside = np.append(owners[1:] == owners[:-1], False)
    windows = np.maximum(blocks, np.where(beside, np.roll(blocks, -1, axis=1), 0.0))
    inside = owners < len(candidates)
    np.maximum.at(found[:, 1], owners[inside], weights @ windows[:, inside] / weights.sum())
    return found


def _best_by_block(table: WordTable, asked: Numbers, texts: Sequence[Sequence[int]]) -> tuple[Floats, Numbers]:
    """Return (asked, blocks), the greatest cosine of each piece to one of a block, at least 0, and each block's text.

    A block is HALF_WINDOW consecutive pieces; the last block of a text may be shorter, and an empty text has none.
    """
    sizes = np.array([len(text) for text in texts], np.int64)
    distinct, at = np.unique(np.fromiter(chain.from_iterable(texts), np.int64, int(sizes.sum())), return_inverse=True)
    likeness = table.vectors[asked].astype(np.float32) @ table.vectors[distinct].astype(np.float32).T
    counts = -(-sizes // HALF_WINDOW)
    owners = np.repeat(np.arange(len(texts)), counts)
    within = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
    starts = (np.cumsum(sizes) - sizes)[owners] + HALF_WINDOW * within
    best = np.maximum.reduceat(likeness[:, at], starts, axis=1)
    return np.maximum(best, 0.0).astype(np.float64), owners


def reranked(
    reranker: Reranker, limit: TimeLimit, question: str, candidates: Sequence[Result], fused: Sequence[Hit]
) -> list[Hit] | None:
    """Return the new ranking, best first, equal scores in fused order; None if there is not enough time.

    Candidates are scored in slices of the re-ranker's size. After each slice, the time for all of them is extrapolated;
    above the limit, scoring stops. A finished ranking counts, however long it took. The candidates are the first of
    `fused`; its tail follows below the lowest new score, at the old distances.

    Raises: FatalError for a score that is not finite.
    """
    (milliseconds, monotonic), scores = limit, list[float]()
    started = monotonic()
    while len(scores) < len(candidates):
        part = candidates[len(scores) : len(scores) + reranker.slice]
        found = reranker.scores(question, part)
        if len(found) != len(part) or not np.isfinite(found).all():
            raise FatalError(f"reranker: {len(part)} finite scores expected, found {found.tolist()[:5]}")
        scores += found.tolist()
        spent = (monotonic() - started) * 1000
        if 0 < milliseconds < spent * len(candidates) / len(scores) and len(scores) < len(candidates):
            return None
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    ranked = [Hit(candidates[i].chunk_id, scores[i]) for i in order]
    if not ranked:
        return list(fused)
    last = fused[len(scores) - 1].score
    return ranked + [Hit(h.chunk_id, ranked[-1].score + h.score - last) for h in fused[len(scores) :]]
