"""Translates Qdrant's searches and filters into the engine's. Unsupported conditions are refused, never dropped.

A search is by one vector, dense or sparse, or several searches are fused.
"""

from typing import Any

import qdrant_edge as edge
from qdrant_client.http import models

from ingest.adapters.vectors.edge.translation import Unsupported, one_vector, payload_selector, unsupported

RRF_K = 2  # Qdrant's own default
SEARCH = ("prefetch", "query", "using", "filter", "params", "score_threshold", "limit")
RETURNED = ("offset", "with_vector", "with_payload")  # of a search only
MOST_PREFETCHES = 16  # per request, including nested ones
MATCHES = (models.MatchValue, models.MatchAny, models.MatchExcept, models.MatchText)  # each has one field


def query(request: models.QueryRequest) -> edge.QueryRequest:
    """Return a search. Raises: Unsupported for what the engine would not do, or would do differently."""
    if (number := _count(request.prefetch)) > MOST_PREFETCHES:
        raise Unsupported(f"the embedded engine takes at most {MOST_PREFETCHES} prefetches, not {number}")
    payload, vector = payload_selector(request.with_payload), request.with_vector or False
    return edge.QueryRequest(offset=request.offset, with_payload=payload, with_vector=vector, **_search(request))


def _listed(given: Any) -> list[Any]:
    """Return one, several or none as a list."""
    return given if isinstance(given, list) else [] if given is None else [given]


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


def edge_filter(filter: models.Filter | None) -> Any:
    """Return the engine's filter, or None without one. Raises: Unsupported for conditions that it would not apply."""
    if filter is None:
        return None
    few = filter.min_should
    least = None if few is None else edge.MinShould(_conditions(few.conditions), few.min_count)
    groups = {name: _conditions(getattr(filter, name)) for name in ("must", "should", "must_not")}
    return edge.Filter(**groups, min_should=least)


def _conditions(conditions: Any) -> list[Any]:
    return [_condition(one) for one in _listed(conditions)]


def _condition(condition: Any) -> Any:
    match condition:
        case models.Filter():
            return edge_filter(condition)
        case models.HasIdCondition(has_id=ids):
            return edge.HasIdCondition(set(ids))
        case models.IsEmptyCondition(is_empty=field):
            return edge.IsEmptyCondition(field.key)
        case models.IsNullCondition(is_null=field):
            return edge.IsNullCondition(field.key)
        case models.FieldCondition():
            return _field_condition(condition)
    raise Unsupported(f"the embedded engine does not support the condition {type(condition).__name__}")


def _field_condition(condition: models.FieldCondition) -> edge.FieldCondition:
    """Return a condition on a field, which has exactly one test in Qdrant."""
    given = condition.model_dump(exclude_none=True)
    if set(given) not in ({"key", "match"}, {"key", "range"}):
        raise Unsupported(f"the embedded engine does not support FieldCondition with {', '.join(sorted(given))}")
    return edge.FieldCondition(condition.key, match=_match(condition.match), range=_range(condition.range))


def _match(match: Any) -> Any:
    if match is None:
        return None
    if not isinstance(match, MATCHES):
        raise Unsupported(f"the embedded engine does not support {type(match).__name__}")
    ((_, value),) = match
    return getattr(edge, type(match).__name__)(value)


def _range(span: models.Range | models.DatetimeRange | None) -> Any:
    if isinstance(span, models.DatetimeRange):
        return edge.RangeDateTime(**{name: end.isoformat() for name, end in span if end is not None})
    return None if span is None else edge.RangeFloat(gte=span.gte, gt=span.gt, lte=span.lte, lt=span.lt)
