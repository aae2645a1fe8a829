"""Two rankings of the same chunks → one."""

import math
from collections.abc import Mapping, Sequence

from ingest.errors import InvalidSettings
from ingest.records import Hit


def rrf(rankings: Sequence[Sequence[Hit]], k: int = 60) -> list[Hit]:
    """Return reciprocal rank fusion of rankings, best first; equal scores in order of the chunk id.

        score(c) = Σ over the rankings that hold c:  1 / (k + rank)        rank from 1

    Args:
        rankings: Best first each; scores are not looked at. A chunk that occurs again counts at its best rank.
        k: At least 0: the larger, the less the first ranks stand out.

    Source: Cormack, Clarke & Büttcher 2009, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank
    Learning Methods", with k = 60.
    """
    if k < 0:
        raise InvalidSettings(f"fusion: k of reciprocal rank fusion must be at least 0, not {k}")
    shares: dict[str, list[float]] = {}
    for ranking in rankings:
        ranks: dict[str, int] = {}
        for rank, hit in enumerate(ranking, start=1):
            ranks.setdefault(hit.chunk_id, rank)
        for chunk, rank in ranks.items():
            shares.setdefault(chunk, []).append(1 / (k + rank))
    # fsum: the same ranks in another order of the rankings are the same score to the last bit.
    return _ranked({chunk: math.fsum(found) for chunk, found in shares.items()})


def convex(
    dense: Sequence[Hit],
    keyword: Sequence[Hit],
    dense_weight: float = 0.5,
    *,
    dense_scores: Mapping[str, float] | None = None,
    keyword_scores: Mapping[str, float] | None = None,
) -> list[Hit]:
    """Return the convex combination of two stages, best first; equal scores in order of the chunk id.

        score(c) = w · dense′(c) + (1 − w) · keyword′(c)        s′ = (s − min) / (max − min)

    Each stage is scaled by the least and the greatest score that are known of it. A chunk that a stage did not fetch
    counts there as the least, 0, unless the score is given; so scores of the whole union make the fusion exact. A
    stage in which all scores are equal counts 1 for all that it holds.

    Args:
        dense: Hits of the dense stage.
        keyword: Hits of the keyword stage.
        dense_weight: 0 to 1; 1 ranks by the dense stage alone.
        dense_scores: Scores by chunk id beyond the hits; chunks in neither list of hits are left out.
        keyword_scores: Likewise.

    Source: Bruch, Gai & Ingber 2023, "An Analysis of Fusion Functions for Hybrid Retrieval", min-max variant.
    """
    if not 0 <= dense_weight <= 1:
        raise InvalidSettings(f"fusion: dense_weight must be within 0 and 1, not {dense_weight}")
    union = {hit.chunk_id for hit in (*dense, *keyword)}
    by_dense = _scaled(dense, dense_scores or {}, union)
    by_keyword = _scaled(keyword, keyword_scores or {}, union)
    return _ranked(
        {
            chunk: dense_weight * by_dense.get(chunk, 0.0) + (1 - dense_weight) * by_keyword.get(chunk, 0.0)
            for chunk in union
        }
    )


def bounded(
    dense: Mapping[str, float], keyword: Mapping[str, float], dense_weight: float, keyword_bound: float
) -> list[Hit]:
    """Return the convex combination of scores scaled by their theoretical bounds, best first; ties by chunk id.

        score(c) = w · cos(c) + (1 − w) · keyword(c) / bound

    A bound does not depend on what else was found, so a score means the same for every question: 0 is nothing in
    common, 1 is all that a chunk can have. Cosines below 0 count as 0.

    Args:
        dense: Cosine by chunk id.
        keyword: BM25 score by chunk id. Both hold every chunk; one that is missing counts 0.
        dense_weight: w, 0 to 1.
        keyword_bound: The greatest score that any chunk can have for the question; 0 when it has no term.

    Source: Bruch, Gai & Ingber 2023, "An Analysis of Fusion Functions for Hybrid Retrieval", theoretical bounds in
    place of observed ones on both sides.
    """
    if not 0 <= dense_weight <= 1:
        raise InvalidSettings(f"fusion: dense_weight must be within 0 and 1, not {dense_weight}")
    scale = (1 - dense_weight) / keyword_bound if keyword_bound > 0 else 0.0
    return _ranked(
        {
            chunk: dense_weight * max(dense.get(chunk, 0.0), 0.0) + scale * keyword.get(chunk, 0.0)
            for chunk in dense.keys() | keyword.keys()
        }
    )


def _scaled(hits: Sequence[Hit], more: Mapping[str, float], union: set[str]) -> dict[str, float]:
    scores = {chunk: score for chunk, score in more.items() if chunk in union}
    scores |= {hit.chunk_id: hit.score for hit in reversed(hits)}  # the best rank wins
    if not scores:
        return {}
    least, greatest = min(scores.values()), max(scores.values())
    if greatest == least:
        return dict.fromkeys(scores, 1.0)
    return {chunk: (score - least) / (greatest - least) for chunk, score in scores.items()}


def _ranked(scores: Mapping[str, float]) -> list[Hit]:
    return [Hit(chunk, score) for chunk, score in sorted(scores.items(), key=lambda item: (-item[1], item[0]))]
