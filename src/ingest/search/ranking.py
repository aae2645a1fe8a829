"""What a question and a candidate have in common, as numbers: the blend of re-ranking, the features of confidence.

Pure and cheap. Each row depends only on the question and its own candidate, and a score means the same for every
question.
"""

from collections.abc import Callable, Sequence
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray

from ingest.errors import FatalError
from ingest.keyword.words import WORD
from ingest.ports import Reranker, Wording, WordTable
from ingest.records import Hit, Result

SHARED = ("proximity", "coverage", "context", "bigrams", "heading")
FEATURES = ("cosine", "keyword", "near", *SHARED, "length")
NEAR_WEIGHT = 1 / 16  # of `near` in `blend`
WINDOW = 20  # terms before a term that count as near
HALF_WINDOW = 16  # word pieces
SLICE = 16  # candidates that are scored between two looks at the clock
PRODUCT = 2**11  # rows times columns of a matrix product, below which OpenBLAS starts no threads

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]
TimeLimit = tuple[int, Callable[[], float]]  # milliseconds per question, 0 for no limit; a clock of seconds


def features(question: str, candidates: Sequence[Result], wording: Wording) -> Floats:
    """Return (candidates, FEATURES) float64 in input order.

        cosine     of question and chunk, 0 where negative; the next one without a score: the model cannot read it
        keyword    BM25 divided by the highest score that any chunk can have for the question
        near       Σ idf · greatest cosine to a word piece of the text / Σ idf, over the word pieces of the question,
                   within the best 2 · HALF_WINDOW consecutive word pieces
        proximity  greatest share of the question's idf within WINDOW + 1 consecutive terms
        coverage   share of the question's idf that the text holds; `context`: the text or its headings and title
        bigrams    share of the question's pairs of adjacent terms that the text holds, by the lower idf of a pair
        heading    share of the question's idf that headings and title hold
        length     ln(1 + terms)

    All but the last are 0 to 1. Without a table of word vectors, `near` is 0.

    Candidates have scores `dense` (cosine) and `bm25`, or 0; the wording is that of their generation.
    """
    if not candidates:
        return np.zeros((0, len(FEATURES)))
    headings = [" ".join((c.title, *c.heading_path)) for c in candidates]
    asked, *terms = wording.terms([question, *(c.text for c in candidates), *headings])
    texts, above = terms[: len(candidates)], terms[len(candidates) :]
    lengths = np.log1p([len(text) for text in texts])
    return np.column_stack([_signals(question, candidates, wording), _shared(asked, texts, above, wording), lengths])


def blend(question: str, candidates: Sequence[Result], wording: Wording, dense_weight: float) -> Floats:
    """Return (candidates,) float64, 0 to 17/16: w · cosine + (1 − w) · keyword + near / 16 of `features`.

    The weight was chosen on other sets than those on which it is reported (docs/retrieval.md).
    """
    return np.asarray(_signals(question, candidates, wording) @ (dense_weight, 1 - dense_weight, NEAR_WEIGHT))


def _signals(question: str, candidates: Sequence[Result], wording: Wording) -> Floats:
    """Return (candidates, 3): `cosine`, `keyword` and `near`."""
    bound = wording.bound(wording.asked([question])[0]) or np.inf
    keyword = [c.scores.get("bm25", 0.0) / bound for c in candidates]
    cosines = [max(c.scores.get("dense", share), 0.0) for c, share in zip(candidates, keyword, strict=True)]
    return np.column_stack([cosines, keyword, _near(question, [c.text for c in candidates], wording)])


def idf_of(terms: Sequence[str], wording: Wording) -> Floats:
    """Return (n,) float64: the weight of each term, also of one that no chunk holds."""
    return np.array([wording.bound([term]) for term in terms])


def _shared(asked: list[str], texts: list[list[str]], above: list[list[str]], wording: Wording) -> Floats:
    """Return (candidates, SHARED)."""
    distinct = list(dict.fromkeys(asked))
    found = np.zeros((len(texts), len(SHARED)))
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


def _near(question: str, texts: Sequence[str], wording: Wording) -> Floats:
    """Return (texts,), `near`.

    Source: Khattab & Zaharia 2020, "ColBERT", for the sum of greatest similarities, here over vectors without context.
    """
    found = np.zeros(len(texts))
    words, table = WORD.findall(question), wording.table
    if table is None or not words:
        return found
    pieces = table.pieces(words)
    idf = [idf_of(terms, wording).max() if terms else 0.0 for terms in wording.terms([question, *words])[1:]]
    weights = np.repeat(np.array(idf), [len(p) for p in pieces])
    every = [[*chain.from_iterable(table.pieces(WORD.findall(text)))] for text in texts]
    if not weights.sum() or not any(every):
        return found
    blocks, owners = _best_by_block(table, np.fromiter(chain.from_iterable(pieces), np.int64), every)
    beside = np.append(owners[1:] == owners[:-1], False)
    windows = np.maximum(blocks, np.where(beside, np.roll(blocks, -1, axis=1), 0.0))
    np.maximum.at(found, owners, weights @ windows / weights.sum())
    return found


def _best_by_block(table: WordTable, asked: Numbers, texts: Sequence[Sequence[int]]) -> tuple[Floats, Numbers]:
    """Return (asked, blocks), the greatest cosine of each piece to one of a block, at least 0, and each block's text.

    A block is HALF_WINDOW consecutive pieces; the last block of a text may be shorter, and an empty text has none.
    """
    sizes = np.array([len(text) for text in texts], np.int64)
    distinct, at = np.unique(np.fromiter(chain.from_iterable(texts), np.int64, int(sizes.sum())), return_inverse=True)
    likeness = _product(table.vectors[asked].astype(np.float32), table.vectors[distinct].astype(np.float32))
    counts = -(-sizes // HALF_WINDOW)
    owners = np.repeat(np.arange(len(texts)), counts)
    within = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
    starts = (np.cumsum(sizes) - sizes)[owners] + HALF_WINDOW * within
    best = np.maximum.reduceat(likeness[:, at], starts, axis=1)
    return np.maximum(best, 0.0).astype(np.float64), owners


def _product(few: NDArray[np.float32], many: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return few @ many.T in pieces so small that OpenBLAS starts no threads: they cost twice what they save."""
    size = max(1, PRODUCT // len(few))
    padded = np.pad(many, ((0, -len(many) % size), (0, 0))).reshape(-1, size, many.shape[1])
    return np.asarray(np.matmul(padded, few.T).reshape(-1, len(few))[: len(many)].T)


def reranked(
    reranker: Reranker, question: str, candidates: Sequence[Result], fused: Sequence[Hit], limit: TimeLimit
) -> list[Hit] | None:
    """Return the new ranking, best first, equal scores in fused order; None if time is over before all are scored.

    The candidates are the first of `fused`; its tail follows below the lowest new score, at the old distances.

    Raises: FatalError for a score that is not finite.
    """
    (milliseconds, monotonic), scores = limit, np.zeros(0)
    ends, size = monotonic() + milliseconds / 1000, SLICE if milliseconds else max(len(candidates), 1)
    for start in range(0, len(candidates), size):
        if start and milliseconds and monotonic() > ends:
            return None
        scores = np.append(scores, reranker.scores(question, candidates[start : start + size]))
    if len(scores) != len(candidates) or not np.isfinite(scores).all():
        raise FatalError(f"reranker: {len(candidates)} finite scores expected, found {scores.tolist()[:5]}")
    ranked = [Hit(candidates[i].chunk_id, float(scores[i])) for i in np.argsort(-scores, kind="stable")]
    if not ranked:
        return list(fused)
    last = fused[len(scores) - 1].score
    return ranked + [Hit(h.chunk_id, ranked[-1].score + h.score - last) for h in fused[len(scores) :]]
