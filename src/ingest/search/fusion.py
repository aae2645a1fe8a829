"""Two rankings of the same chunks → one."""

import math
from collections.abc import Collection, Mapping, Sequence

from ingest.records import Hit


def rrf(rankings: Sequence[Sequence[Hit]], k: int = 60, unread: Collection[str] = ()) -> list[Hit]:
    """Return the reciprocal rank fusion of rankings, best first; equal scores are ordered by chunk id.

        score(c) = Σ over the rankings that hold c:  1 / (k + rank)        rank from 1

    Scores are ignored; a repeated chunk counts at its best rank. The larger k ≥ 0, the less the first ranks stand out.
    The share of an `unread` chunk counts for every ranking: what the model cannot read must not rank below the rest.

    Source: Cormack, Clarke & Büttcher 2009, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank
    Learning Methods", with k = 60.
    """
    shares: dict[str, list[float]] = {}
    for ranking in rankings:
        ranks = {hit.chunk_id: rank for rank, hit in reversed([*enumerate(ranking, start=1)])}  # the best rank wins
        for chunk, rank in ranks.items():
            shares.setdefault(chunk, []).append(1 / (k + rank))
    # fsum: the order of the rankings does not change the score, down to the last bit.
    times = {chunk: len(rankings) for chunk in unread}
    return _ranked({chunk: math.fsum(found) * times.get(chunk, 1) for chunk, found in shares.items()})


def convex(
    dense: Mapping[str, float], keyword: Mapping[str, float], dense_weight: float, keyword_bound: float
) -> list[Hit]:
    """Return the convex combination of scores scaled by their theoretical bounds, best first; ties by chunk id.

        score(c) = w · cos(c) + (1 − w) · keyword(c) / bound

    A bound does not depend on what else was found, so a score means the same for every question: 0 is nothing in
    common, 1 is the most that is possible. Cosines below 0 count as 0.

    Cosines and BM25 scores are given by chunk id; a missing BM25 score counts as 0. Without a cosine, the keyword score
    alone counts: what the model cannot read must not rank below all that it can. The bound is the highest score that
    any chunk can have for the question; 0 if it has no term.

    Source: Bruch, Gai & Ingber 2023, "An Analysis of Fusion Functions for Hybrid Retrieval", with theoretical bounds
    instead of observed ones on both sides.
    """
    bound = keyword_bound if keyword_bound > 0 else math.inf
    alone = {chunk: score / bound for chunk, score in keyword.items() if chunk not in dense}
    cosines, other = alone | {chunk: max(score, 0.0) for chunk, score in dense.items()}, (1 - dense_weight) / bound
    return _ranked({c: dense_weight * cosine + other * keyword.get(c, 0.0) for c, cosine in cosines.items()})


def _ranked(scores: Mapping[str, float]) -> list[Hit]:
    return [Hit(chunk, score) for chunk, score in sorted(scores.items(), key=lambda item: (-item[1], item[0]))]
