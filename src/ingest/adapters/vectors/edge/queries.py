"""Translates Qdrant's searches into the engine's: one vector, dense or sparse, or several fused searches."""

from typing import Any

import qdrant_edge as edge
from qdrant_client.http import models

from ingest.adapters.vectors.edge.conditions import edge_filter
from ingest.adapters.vectors.edge.translation import Unsupported, one_vector, payload_selector, unsupported

RRF_K = 2  # Qdrant's own default
SEARCH = ("prefetch", "query", "using", "filter", "params", "score_threshold", "limit")
RETURNED = ("offset", "with_vector", "with_payload")  # of a search only
MOST_PREFETCHES = 16  # per request, including nested ones


def query(request: models.QueryRequest) -> edge.QueryRequest:
    """Return a search. Raises: Unsupported for what the engine would not do, or would do differently."""
    if (number := _count(request.prefetch)) > MOST_PREFETCHES:
        raise Unsupported(f"the embedded engine takes at most {MOST_PREFETCHES} prefetches, not {number}")
    payload, vector = payload_selector(request.with_payload), request.with_vector or False
    return edge.QueryRequest(offset=request.offset, with_payload=payload, with_vector=vector, **_search(request))


def _listed(prefetch: Any) -> list[models.Prefetch]:
    return prefetch if isinstance(prefetch, list) else [] if prefetch is None else [prefetch]


def _count(prefetch: Any) -> int:
    return sum(1 + _count(one.prefetch) for one in _listed(prefetch))


def _search(request: models.QueryRequest | models.Prefetch) -> dict[str, Any]:
    """Return what a search and a prefetch have in common. Raises: Unsupported."""
    unsupported(request, *SEARCH, *RETURNED)
    return {
        "limit": 10 if request.limit is None else request.limit,
        "query": _scoring(request),
        "prefetches": [edge.Prefetch(**_search(one)) for one in _listed(request.prefetch)] or None,
        "filter": edge_filter(request.filter),
        "score_threshold": request.score_threshold,
        "params": _search_params(request.params),
    }


def _scoring(request: models.QueryRequest | models.Prefetch) -> Any:
    """Return what scores the points: nearness to a vector, or a fusion of the prefetches."""
    match request.query:
        case models.FusionQuery(fusion=models.Fusion.RRF):
            return edge.Fusion.Rrf(k=RRF_K)
        case models.FusionQuery(fusion=models.Fusion.DBSF):
            return edge.Fusion.Dbsf()
        case models.RrfQuery(rrf=rrf):
            return edge.Fusion.Rrf(k=RRF_K if rrf.k is None else rrf.k, weights=rrf.weights)
        case models.NearestQuery(nearest=vector, mmr=None):
            return edge.Query.Nearest(one_vector(vector), request.using or None)
        case list() | models.SparseVector():
            return edge.Query.Nearest(one_vector(request.query), request.using or None)
    raise Unsupported(f"the embedded engine does not support searches by {type(request.query).__name__}")


def _search_params(params: models.SearchParams | None) -> edge.SearchParams | None:
    if params is None:
        return None
    unsupported(params, "hnsw_ef", "exact", "quantization")
    quantization = None
    if (how := params.quantization) is not None:
        ignore, rescore, more = bool(how.ignore), how.rescore, how.oversampling
        quantization = edge.QuantizationSearchParams(ignore=ignore, rescore=rescore, oversampling=more)
    return edge.SearchParams(hnsw_ef=params.hnsw_ef, exact=bool(params.exact), quantization=quantization)
