"""Qdrant's request models to the engine's classes and its answers back. What is not translated here is refused.

A request that the engine cannot honour must not be answered as if it could: every `unsupported` names the field.
"""

from typing import Any

import qdrant_edge as edge
from qdrant_client.http import models


class Unsupported(ValueError):
    """The embedded engine does not speak this part of Qdrant's protocol."""


def unsupported(request: Any, *supported: str) -> None:
    """Refuse a request model in which another field than the supported ones is set."""
    given = request.model_dump(exclude_none=True, exclude_defaults=True)
    if extra := sorted(set(given) - set(supported)):
        raise Unsupported(f"the embedded engine does not support {type(request).__name__} with {', '.join(extra)}")


def config(request: models.CreateCollection, indexing_threads: int) -> edge.EdgeConfig:
    """Return the engine's configuration of a collection with one unnamed dense vector."""
    unsupported(request, "vectors", "hnsw_config", "optimizers_config", "quantization_config")
    vectors = request.vectors
    if not isinstance(vectors, models.VectorParams):
        raise Unsupported("the embedded engine supports one unnamed vector per collection")
    unsupported(vectors, "size", "distance", "on_disk")
    hnsw = request.hnsw_config or models.HnswConfigDiff()
    unsupported(hnsw, "m", "ef_construct", "full_scan_threshold", "max_indexing_threads", "on_disk")
    threads = hnsw.max_indexing_threads or indexing_threads
    return edge.EdgeConfig(
        vectors=edge.EdgeVectorParams(
            size=vectors.size, distance=getattr(edge.Distance, vectors.distance.value), on_disk=vectors.on_disk
        ),
        hnsw_config=edge.HnswIndexConfig(
            m=hnsw.m or 16,
            ef_construct=hnsw.ef_construct or 100,
            full_scan_threshold=hnsw.full_scan_threshold or 10_000,
            max_indexing_threads=threads,
            on_disk=hnsw.on_disk,
        ),
        quantization_config=_quantization(request.quantization_config),
        optimizers=edge.EdgeOptimizersConfig(indexing_threshold=indexing_threshold(request) or None),
    )


def indexing_threshold(request: models.CreateCollection) -> int:
    """Return the threshold in KB above which a graph is built; 0 means bulk mode. Qdrant's default without one."""
    optimizers = request.optimizers_config or models.OptimizersConfigDiff()
    unsupported(optimizers, "indexing_threshold")
    return 10_000 if optimizers.indexing_threshold is None else optimizers.indexing_threshold


def _quantization(quantization: Any) -> edge.ScalarQuantizationConfig | None:
    if quantization is None:
        return None
    if not isinstance(quantization, models.ScalarQuantization):
        raise Unsupported("the embedded engine supports scalar quantisation only")
    scalar = quantization.scalar
    return edge.ScalarQuantizationConfig(
        type=edge.ScalarType.Int8, quantile=scalar.quantile, always_ram=scalar.always_ram
    )


def index_type(schema: Any) -> Any:
    """Return the engine's payload index type for a type given by name."""
    if not isinstance(schema, models.PayloadSchemaType):
        raise Unsupported("the embedded engine supports payload indexes by type name only")
    return getattr(edge.PayloadSchemaType, schema.value.capitalize())


def points(request: models.PointsList | models.PointsBatch) -> list[edge.Point]:
    """Return the points to write."""
    unsupported_fields(request.shard_key, request.update_filter, request.update_mode)
    if isinstance(request, models.PointsList):
        return [edge.Point(p.id, _dense(p.vector), p.payload) for p in request.points]
    batch = request.batch
    payloads: list[Any] = batch.payloads or [None] * len(batch.ids)
    rows = zip(batch.ids, batch.vectors, payloads, strict=True)
    return [edge.Point(key, _dense(vector), payload) for key, vector, payload in rows]


def unsupported_fields(*values: Any) -> None:
    """Refuse conditional and sharded writes."""
    if any(value is not None for value in values):
        raise Unsupported("the embedded engine supports no conditional writes and no shard keys")


def _dense(vector: Any) -> list[float]:
    if isinstance(vector, list):
        return vector
    raise Unsupported(f"the embedded engine supports one unnamed dense vector, not {type(vector).__name__}")


def query(request: models.QueryRequest) -> edge.QueryRequest:
    """Return a search by one dense vector."""
    unsupported(
        request, "query", "filter", "params", "score_threshold", "limit", "offset", "with_vector", "with_payload"
    )
    nearest = request.query.nearest if isinstance(request.query, models.NearestQuery) else request.query
    return edge.QueryRequest(
        limit=10 if request.limit is None else request.limit,
        offset=request.offset,
        query=edge.Query.Nearest(_dense(nearest)),
        filter=filter_or_none(request.filter),
        with_payload=payload_selector(request.with_payload),
        with_vector=bool(request.with_vector),
        score_threshold=request.score_threshold,
        params=_search_params(request.params),
    )


def _search_params(params: models.SearchParams | None) -> edge.SearchParams | None:
    if params is None:
        return None
    unsupported(params, "hnsw_ef", "exact", "quantization")
    rescoring = params.quantization
    quantization = None
    if rescoring is not None:
        quantization = edge.QuantizationSearchParams(
            ignore=bool(rescoring.ignore), rescore=rescoring.rescore, oversampling=rescoring.oversampling
        )
    return edge.SearchParams(hnsw_ef=params.hnsw_ef, exact=bool(params.exact), quantization=quantization)


def payload_selector(wanted: Any) -> Any:
    """Return what of the payload is answered: a bool, or the paths to include."""
    if wanted is None or isinstance(wanted, bool):
        return bool(wanted)
    if isinstance(wanted, list):
        return wanted
    if isinstance(wanted, models.PayloadSelectorInclude):
        return edge.PayloadSelector.Include(wanted.include)
    return edge.PayloadSelector.Exclude(wanted.exclude)


def filter_or_none(filter: models.Filter | None) -> edge.Filter | None:
    """Return the engine's filter, None for none."""
    return None if filter is None else required_filter(filter)


def required_filter(filter: models.Filter) -> edge.Filter:
    """Return the engine's filter. Raises: Unsupported for conditions that it would not apply."""
    if filter.min_should is not None:
        raise Unsupported("the embedded engine does not support min_should")
    return edge.Filter(
        must=_conditions(filter.must), should=_conditions(filter.should), must_not=_conditions(filter.must_not)
    )


def _conditions(conditions: Any) -> list[Any] | None:
    if conditions is None:
        return None
    return [_condition(one) for one in (conditions if isinstance(conditions, list) else [conditions])]


def _condition(condition: Any) -> Any:
    match condition:
        case models.Filter():
            return required_filter(condition)
        case models.HasIdCondition(has_id=ids):
            return edge.HasIdCondition(set(ids))
        case models.FieldCondition(key=key, match=models.MatchValue(value=value)):
            return edge.FieldCondition(key, match=edge.MatchValue(value))
        case models.FieldCondition(key=key, match=models.MatchAny(any=values)):
            return edge.FieldCondition(key, match=edge.MatchAny(values))
        case models.FieldCondition(key=key, range=models.Range() as span):
            return edge.FieldCondition(key, range=edge.RangeFloat(gte=span.gte, gt=span.gt, lte=span.lte, lt=span.lt))
    raise Unsupported(f"the embedded engine does not support the condition {type(condition).__name__}")


def record(point: Any) -> dict[str, Any]:
    """Return a stored or scored point in Qdrant's JSON shape."""
    found = {"id": _id(point.id), "payload": point.payload, "vector": point.vector}
    if hasattr(point, "score"):
        found |= {"version": point.version, "score": point.score}
    return found


def _id(key: Any) -> int | str:
    return key if isinstance(key, int) else str(key)
