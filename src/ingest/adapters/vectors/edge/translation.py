"""Translates Qdrant's request models into the engine's classes, and answers back. Everything else is refused.

A search is by one vector, dense or sparse, or several searches are fused. A request that the engine cannot honour must
not seem to succeed: every `unsupported` names the field.
"""

from typing import Any

import qdrant_edge as edge
from qdrant_client.http import models

COLLECTION = ("vectors", "sparse_vectors", "hnsw_config", "optimizers_config", "quantization_config", "metadata")
GRAPH = {"m": 16, "ef_construct": 100, "full_scan_threshold": 10_000}  # with Qdrant's defaults
RRF_K = 2  # Qdrant's own default
SEARCH = ("prefetch", "query", "using", "filter", "params", "score_threshold", "limit")
RETURNED = ("offset", "with_vector", "with_payload")  # of a search only
MOST_PREFETCHES = 16  # per request, including nested ones
MATCHES = (models.MatchValue, models.MatchAny, models.MatchExcept, models.MatchText)  # each has one field


class Unsupported(ValueError):
    """The embedded engine does not speak this part of Qdrant's protocol."""


def unsupported(request: Any, *supported: str) -> None:
    """Refuse a request model in which any field but the supported ones is set."""
    plain = {name: field.default for name, field in type(request).model_fields.items()}
    if extra := sorted(name for name, value in request if value not in (None, plain[name]) and name not in supported):
        raise Unsupported(f"the embedded engine does not support {type(request).__name__} with {', '.join(extra)}")


def config(request: models.CreateCollection, indexing_threads: int) -> edge.EdgeConfig:
    """Return the engine's configuration of a collection: one dense vector, named or not, and any sparse ones."""
    unsupported(request, *COLLECTION)
    graph = request.hnsw_config or models.HnswConfigDiff()
    unsupported(graph, *GRAPH, "max_indexing_threads", "on_disk")
    threads = graph.max_indexing_threads or indexing_threads
    return edge.EdgeConfig(
        vectors=_dense_params(request.vectors),
        sparse_vectors={name: _sparse_params(p) for name, p in (request.sparse_vectors or {}).items()} or None,
        hnsw_config=edge.HnswIndexConfig(**hnsw(request), max_indexing_threads=threads, on_disk=graph.on_disk),
        quantization_config=_quantization(request.quantization_config),
        optimizers=edge.EdgeOptimizersConfig(indexing_threshold=indexing_threshold(request) or None),
    )


def hnsw(request: models.CreateCollection) -> dict[str, Any]:
    """Return the parameters of a graph, with Qdrant's defaults."""
    return {name: getattr(request.hnsw_config, name, None) or default for name, default in GRAPH.items()}


def _dense_params(vectors: Any) -> Any:
    named = vectors if isinstance(vectors, dict) else {"": vectors}
    if len(named) != 1 or not all(isinstance(one, models.VectorParams) for one in named.values()):
        raise Unsupported("the embedded engine supports one dense vector per collection")
    ((name, params),) = named.items()
    unsupported(params, "size", "distance", "on_disk")
    distance = getattr(edge.Distance, params.distance.value)
    made = edge.EdgeVectorParams(size=params.size, distance=distance, on_disk=params.on_disk)
    return {name: made} if name else made


def _sparse_params(params: models.SparseVectorParams) -> edge.EdgeSparseVectorParams:
    unsupported(params, "index", "modifier")
    index = params.index or models.SparseIndexParams()
    unsupported(index, "full_scan_threshold", "on_disk")
    modifier = edge.Modifier.Idf if params.modifier == models.Modifier.IDF else None
    return edge.EdgeSparseVectorParams(
        full_scan_threshold=index.full_scan_threshold, on_disk=index.on_disk, modifier=modifier
    )


def indexing_threshold(request: models.CreateCollection) -> int:
    """Return the threshold in KB above which a graph is built, by default Qdrant's; 0 means bulk mode."""
    optimizers = request.optimizers_config or models.OptimizersConfigDiff()
    unsupported(optimizers, "indexing_threshold")
    return 10_000 if optimizers.indexing_threshold is None else optimizers.indexing_threshold


def _quantization(quantization: Any) -> edge.ScalarQuantizationConfig | None:
    if quantization is None:
        return None
    if not isinstance(quantization, models.ScalarQuantization):
        raise Unsupported("the embedded engine supports scalar quantisation only")
    int8 = quantization.scalar
    return edge.ScalarQuantizationConfig(type=edge.ScalarType.Int8, quantile=int8.quantile, always_ram=int8.always_ram)


def points(request: models.PointsList) -> list[edge.Point]:
    """Return the points to write."""
    unsupported(request, "points")
    return [edge.Point(p.id, edge_vector(p.vector), p.payload) for p in request.points]


def edge_vector(vector: Any) -> Any:
    """Return the vector, or the named ones, for the engine. Raises: Unsupported for texts, ids and multi-vectors."""
    if isinstance(vector, dict):
        return {name: edge_vector(one) for name, one in vector.items()}
    if isinstance(vector, models.SparseVector):
        return edge.SparseVector(vector.indices, vector.values)
    if isinstance(vector, list) and not any(isinstance(part, list) for part in vector):
        return vector
    raise Unsupported(f"the embedded engine supports dense and sparse vectors, not {type(vector).__name__}")


def wanted(request: models.PointRequest | models.ScrollRequest) -> dict[str, Any]:
    """Return which parts of points to return: the whole payload unless the request says otherwise."""
    payload = True if request.with_payload is None else request.with_payload
    return {"with_payload": payload_selector(payload), "with_vector": request.with_vector or False}


def payload_selector(wanted: Any) -> Any:
    """Return which parts of the payload to return: a bool, paths to include, or a selector."""
    if wanted is None or isinstance(wanted, bool):
        return bool(wanted)
    if isinstance(wanted, list):
        return wanted
    if isinstance(wanted, models.PayloadSelectorInclude):
        return edge.PayloadSelector.Include(wanted.include)
    return edge.PayloadSelector.Exclude(wanted.exclude)


def record(point: Any) -> dict[str, Any]:
    """Return a stored or scored point in Qdrant's JSON shape."""
    found = {"id": point.id, "payload": point.payload, "vector": _told(point.vector)}
    if hasattr(point, "score"):
        found |= {"version": point.version, "score": point.score}
    return found


def _told(vector: Any) -> Any:
    if isinstance(vector, dict):
        return {name: _told(one) for name, one in vector.items()}
    if isinstance(vector, edge.SparseVector):
        return {"indices": vector.indices, "values": vector.values}
    return vector


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
            return edge.Query.Nearest(edge_vector(vector), request.using or None)
        case list() | models.SparseVector():
            return edge.Query.Nearest(edge_vector(request.query), request.using or None)
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
