"""Two rankings of the same chunks → one."""

import math
from collections.abc import Mapping, Sequence

from ingest.errors import InvalidSettings
from ingest.records import Hit


def rrf(rankings: Sequence[Sequence[Hit]], k: int = 60) -> list[Hit]:
    """Return the reciprocal rank fusion of rankings, best first; equal scores are ordered by chunk id.

        score(c) = Σ over the rankings that hold c:  1 / (k + rank)        rank from 1

    Args:
        rankings: Each best first; scores are ignored. A repeated chunk counts at its best rank.
        k: At least 0; the larger it is, the less the first ranks stand out.

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
    # fsum: the order of the rankings does not change the score, down to the last bit.
    return _ranked({chunk: math.fsum(found) for chunk, found in shares.items()})


def convex(
    dense: Sequence[Hit],
    keyword: Sequence[Hit],
    dense_weight: float = 0.5,
    *,
    dense_scores: Mapping[str, float] | None = None,
    keyword_scores: Mapping[str, float] | None = None,
) -> list[Hit]:
    """Return the convex combination of two stages, best first; equal scores are ordered by chunk id.

        score(c) = w · dense′(c) + (1 − w) · keyword′(c)        s′ = (s − min) / (max − min)

    Each stage is scaled by its lowest and highest known score. A chunk that a stage did not fetch counts as its
    lowest, 0, unless its score is given; so the scores of the whole union make the fusion exact. If all scores of a
    stage are equal, each of its chunks counts 1.

    Args:
        dense: Hits of the dense stage.
        keyword: Hits of the keyword stage.
        dense_weight: 0 to 1; 1 ranks by the dense stage alone.
        dense_scores: Scores by chunk id beyond the hits; chunks in neither list of hits are left out.
        keyword_scores: The same for the keyword stage.

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
    common, 1 is the most that is possible. Cosines below 0 count as 0.

    Args:
        dense: Cosine by chunk id.
        keyword: BM25 score by chunk id. Both hold every chunk; a missing one counts as 0.
        dense_weight: w, 0 to 1.
        keyword_bound: The highest score that any chunk can have for the question; 0 if it has no term.

    Source: Bruch, Gai & Ingber 2023, "An Analysis of Fusion Functions for Hybrid Retrieval", with theoretical bounds
    instead of observed ones on both sides.
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
