"""Translates Qdrant's request models into the engine's classes, and answers back. Everything else is refused.

Most of the engine's classes have the parameters of a model. A search is by one vector, dense or sparse, or several
searches are fused. A request that the engine cannot honour must not seem to succeed: refusals name the field.
"""

import re
from collections.abc import Callable
from datetime import datetime
from enum import Enum
from functools import cache
from inspect import signature
from typing import Any

import qdrant_edge as edge
from pydantic import BaseModel

from ingest.adapters.vectors import client_models as models

SAME = ["Filter", "MinShould", "FieldCondition", "ScrollRequest", "CountRequest", "SearchParams"]
SAME += ["QuantizationSearchParams", "ScalarQuantizationConfig"]
NAMED_ALIKE = ["MatchValue", "MatchAny", "MatchExcept", "MatchText", "IsEmptyCondition", "IsNullCondition"]
CLASSES: dict[type[BaseModel], Any] = {
    **{getattr(models, name): getattr(edge, name) for name in SAME},
    models.VectorParams: edge.EdgeVectorParams,
    models.SparseVectorParams: edge.EdgeSparseVectorParams,
    models.Range: edge.RangeFloat,
    models.DatetimeRange: edge.RangeDateTime,
}
ONE_FIELD: dict[type[BaseModel], Callable[[Any], Any]] = {
    **{getattr(models, name): getattr(edge, name) for name in NAMED_ALIKE},
    **dict.fromkeys((models.ScalarQuantization, models.PayloadField), lambda inner: inner),
    models.HasIdCondition: lambda ids: edge.HasIdCondition(set(ids)),
    models.PayloadSelectorInclude: edge.PayloadSelector.Include,
    models.PayloadSelectorExclude: edge.PayloadSelector.Exclude,
}
CHANGED = ("optimizers_config", "metadata")  # of a collection that is there
VECTORS = ("vectors", "sparse_vectors", "quantization_config")
COLLECTION = (*CHANGED, *VECTORS)
TESTED = ({"key", "match"}, {"key", "range"})  # one test of a field, in Qdrant
ONE_NODE = {"shard_number": 1, "replication_factor": 1, "write_consistency_factor": 1}
GRAPH: dict[str, Any] = {"m": 16, "ef_construct": 100, "full_scan_threshold": 10_000}  # Qdrant's defaults
RRF_K = 2  # Qdrant's own default
SEARCH = ("prefetch", "query", "using", "filter", "params", "score_threshold", "limit")
RETURNED = ("offset", "with_vector", "with_payload")  # of a search only
THRESHOLD = "indexing_threshold"
_signature = cache(signature)  # of a class of the engine: each search has several of its objects
MOST_PREFETCHES = 16  # per request, including nested ones


class Unsupported(ValueError):
    """The embedded engine does not speak this part of Qdrant's protocol."""


def said(request: BaseModel, *supported: str) -> dict[str, Any]:
    """Return the fields of a request model that are set. Raises: Unsupported if any but the supported ones is."""
    plain = {name: field.default for name, field in type(request).model_fields.items()}
    given = {name: value for name, value in request if value not in (None, plain[name])}
    if extra := ", ".join(sorted(given.keys() - {*supported})):
        raise Unsupported(f"the embedded engine does not support {type(request).__name__} with {extra}")
    return given


def translated(given: Any) -> Any:
    """Return a request model, a list of them, or a value in one, as the engine takes it. Raises: Unsupported."""
    match given:
        case [BaseModel(), *_]:
            return [translated(one) for one in given]
        case BaseModel() if made := ONE_FIELD.get(type(given)):
            ((_, value),) = given
            return made(translated(value))
        case BaseModel():
            return _same(given)
        case Enum():  # "one_bit" is OneBit
            return getattr(getattr(edge, type(given).__name__), re.sub("_(?=[A-Z])", "", given.value.title()))
    return given.isoformat() if isinstance(given, datetime) else given


def _same(given: BaseModel) -> Any:
    """Return the engine's object that has the parameters of a model."""
    if (kind := CLASSES.get(type(given))) is None:
        raise Unsupported(f"the embedded engine does not support {type(given).__name__}")
    values = said(given, *_signature(kind).parameters)
    match given:
        case models.Filter():
            values |= {name: _listed(values[name]) for name in values.keys() & {"must", "should", "must_not"}}
        case models.FieldCondition() if values.keys() not in TESTED:
            raise Unsupported(f"the embedded engine does not support FieldCondition with {', '.join(sorted(values))}")
    return kind(**{name: translated(value) for name, value in values.items()})


def config(request: models.CreateCollection, indexing_threads: int) -> edge.EdgeConfig:
    """Return the engine's configuration of a collection: one dense vector, named or not, and any sparse ones."""
    said(request, *COLLECTION)
    dense: Any = request.vectors
    named = dense if isinstance(dense, dict) else {"": dense}
    if len(named) != 1 or not all(isinstance(one, models.VectorParams) for one in named.values()):
        raise Unsupported("the embedded engine supports one dense vector per collection")
    made = {name: translated(params) for name, params in named.items()}
    return edge.EdgeConfig(
        vectors=made.get("", made),
        sparse_vectors={name: translated(params) for name, params in (request.sparse_vectors or {}).items()} or None,
        hnsw_config=edge.HnswIndexConfig(**GRAPH, max_indexing_threads=indexing_threads),
        quantization_config=translated(request.quantization_config),
        optimizers=edge.EdgeOptimizersConfig(indexing_threshold=indexing_threshold(request) or None),
    )


def changed(made: models.CreateCollection, request: models.UpdateCollection) -> models.CreateCollection:
    """Return the request that would have made a collection as it is to be. Raises: Unsupported."""
    change = said(request, *CHANGED)
    return made.model_copy(update={**change, "metadata": {**(made.metadata or {}), **(request.metadata or {})} or None})


def told_index(index: Any) -> dict[str, Any]:
    """Return Qdrant's PayloadIndexInfo."""
    return {"data_type": str(index.data_type).rpartition(".")[2].lower(), "points": index.points}


def indexing_threshold(request: models.CreateCollection) -> int:
    """Return the threshold in KB above which a graph is built, by default Qdrant's; 0 means bulk mode."""
    told: int = said(request.optimizers_config or models.OptimizersConfigDiff(), THRESHOLD).get(THRESHOLD, 10_000)
    return told


def points(request: models.PointsList) -> list[edge.Point]:
    """Return the points to write."""
    said(request, "points")
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
    payload, vector = translated(request.with_payload) or False, request.with_vector or False
    return edge.QueryRequest(offset=request.offset, with_payload=payload, with_vector=vector, **_search(request))


def _listed(given: Any) -> list[Any]:
    """Return one, several or none as a list."""
    return given if isinstance(given, list) else [] if given is None else [given]


def _count(prefetch: Any) -> int:
    return sum(1 + _count(one.prefetch) for one in _listed(prefetch))


def _search(request: models.QueryRequest | models.Prefetch) -> dict[str, Any]:
    """Return what a search and a prefetch have in common. Raises: Unsupported."""
    said(request, *SEARCH, *RETURNED)
    return {
        "limit": 10 if request.limit is None else request.limit,
        "query": _scoring(request),
        "prefetches": [edge.Prefetch(**_search(one)) for one in _listed(request.prefetch)] or None,
        "filter": translated(request.filter),
        "score_threshold": request.score_threshold,
        "params": translated(request.params),
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
        case ((list() | models.SparseVector()) as vector) | models.NearestQuery(nearest=vector, mmr=None):
            return edge.Query.Nearest(edge_vector(vector), request.using or None)
    raise Unsupported(f"the embedded engine does not support searches by {type(request.query).__name__}")
