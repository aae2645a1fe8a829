"""Qdrant's requests, checked and built, and the translation of its errors.

Engines accept some damage silently (NaN) and may reject a batch halfway: everything is checked before the call.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ingest import payloads
from ingest.adapters.vectors.qdrant.collection_layout import CollectionLayout
from ingest.adapters.vectors.qdrant.filters import qdrant_filter
from ingest.errors import AccessDenied, DimensionMismatch, IndexUnavailable, SchemaMismatch
from ingest.records import AliasAction, Filter, Hit, Point, SparseVector, StoredPoint, Vectors

if TYPE_CHECKING:
    from qdrant_client import models

log = logging.getLogger(__name__)

UUID = re.compile("[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
TOLD = 300  # bytes of a response in a message
TEMPORARY = frozenset({408, 429})  # and every 5xx
TOO_LARGE = 413
REFUSED_ACTION = frozenset({400, 404, 409})  # a server's responses to a failing alias action


class OversizedRequest(SchemaMismatch):
    """A request has more bytes than the server, or a proxy before it, takes."""


def check_points(collection: str, points: Sequence[Point], layout: CollectionLayout) -> None:
    """Check ids, vectors and payloads of a batch.

    Raises: DimensionMismatch, SchemaMismatch; both name the collection, the point and what does not match.
    """
    for point in points:
        where = f"{collection}: point {point.id}"
        check_ids(collection, [point.id])
        shape = np.shape(point.vector)
        if shape != (dimension := layout.dimension,):
            raise DimensionMismatch(f"{where}: vector has shape {shape}, the collection has dimension {dimension}")
        if (places := np.flatnonzero(~np.isfinite(point.vector))).size:
            place = int(places[0])
            raise SchemaMismatch(f"{where}: vector has {point.vector[place]} at {place}, expected a finite number")
        text, chunk = payloads.find(layout.shape.payload).TEXT, layout.path("chunk_id")
        if text not in point.payload or payloads.at(point.payload, chunk) is None:
            raise SchemaMismatch(f"{where}: payload lacks {text} or {chunk}, has {sorted(point.payload)}")
        if layout.sparse is not None or point.sparse is not None:
            _check_sparse(where, point, layout)


def _check_sparse(where: str, point: Point, layout: CollectionLayout) -> None:
    if layout.sparse is None or point.sparse is None:
        number = "no" if point.sparse is None else "a"
        raise SchemaMismatch(f"{where}: {number} sparse vector, the collection's is {layout.sparse}")
    indices, values = point.sparse.indices, point.sparse.values
    if (size := len(indices)) != len(values) or (np.diff(indices.astype(np.int64)) <= 0).any():
        raise SchemaMismatch(f"{where}: sparse vector of {size} dimensions, not ascending, or {len(values)} values")
    if not np.isfinite(values).all():
        raise SchemaMismatch(f"{where}: sparse vector has a value that is not finite")


def check_ids(collection: str, ids: Sequence[str]) -> None:
    """Check point ids. Raises: SchemaMismatch."""
    for key in ids:
        if not UUID.fullmatch(key):
            raise SchemaMismatch(f"{collection}: point id {key!r} is not a UUID in its usual text form")


def check_questions(collection: str, vectors: Vectors, dimension: int) -> None:
    """Check the vectors of a search, (n, dimension). Raises: DimensionMismatch, SchemaMismatch."""
    if vectors.ndim != 2 or vectors.shape[1] != dimension:
        found = f"search vectors have shape {vectors.shape}"
        raise DimensionMismatch(f"{collection}: {found}, the collection has dimension {dimension}")
    if (rows := np.flatnonzero(~np.isfinite(vectors).all(axis=1))).size:
        raise SchemaMismatch(f"{collection}: search vector {int(rows[0])} has a value that is not finite")


def points_of(points: Sequence[Point], layout: CollectionLayout) -> "list[models.PointStruct]":
    """Return points as Qdrant takes them."""
    from qdrant_client import models

    def vector(point: Point) -> Any:
        dense = np.asarray(point.vector, dtype=np.float32).tolist()
        if point.sparse is None or layout.sparse is None:
            return dense
        sparse = models.SparseVector(indices=point.sparse.indices.tolist(), values=point.sparse.values.tolist())
        return {layout.dense: dense, layout.sparse: sparse}

    return [models.PointStruct(id=point.id, vector=vector(point), payload=point.payload) for point in points]


@dataclass(frozen=True, slots=True)
class Search:
    """How to search a collection. `exact` compares every vector, in float32."""

    limit: int
    exact: bool = False
    oversampling: float | None = None  # candidates per hit to rescore in float32


def questions_of(
    vectors: Vectors, filter: Filter, layout: CollectionLayout, search: Search
) -> "list[models.QueryRequest]":
    """Return one search per row."""
    from qdrant_client import models

    params = None
    if search.exact:
        params = models.SearchParams(exact=True, quantization=models.QuantizationSearchParams(ignore=True))
    elif search.oversampling is not None:
        rescoring = models.QuantizationSearchParams(rescore=True, oversampling=search.oversampling)
        params = models.SearchParams(quantization=rescoring)
    more = {"filter": qdrant_filter(filter, layout), "limit": search.limit, "params": params}
    return [_question(vector, layout, **more) for vector in vectors]


def scores_of(asked: Sequence[tuple[Vectors, Sequence[str]]], layout: CollectionLayout) -> "list[models.QueryRequest]":
    """Return one search per vector among its points, all of which are returned."""
    from qdrant_client import models

    params = models.SearchParams(exact=True)
    among = [models.Filter(must=[models.HasIdCondition(has_id=list(wanted))]) for _, wanted in asked]
    return [
        _question(vector, layout, filter=filter, limit=len(wanted), params=params)
        for (vector, wanted), filter in zip(asked, among, strict=True)
    ]


def _question(vector: Vectors, layout: CollectionLayout, **more: Any) -> "models.QueryRequest":
    from qdrant_client import models

    wanted = [layout.path("chunk_id")]
    return models.QueryRequest(query=vector.tolist(), using=layout.dense or None, with_payload=wanted, **more)


def hits_of(collection: str, points: "Sequence[models.ScoredPoint]", layout: CollectionLayout) -> list[Hit]:
    """Return scored points as hits; one that does not name its chunk is left out, and said: a run mends it."""
    hits, path = [], layout.path("chunk_id")
    for point in points:
        chunk = payloads.at(point.payload, path)
        if isinstance(chunk, str):
            hits.append(Hit(chunk, float(point.score)))
        else:
            log.warning("%s: left out point %s, whose %s is not a text", collection, point.id, path)
    return hits


def stored_point(record: "models.Record", layout: CollectionLayout | None) -> StoredPoint:
    """Return a point as it was found; with `layout`, also its vectors, None where it has none."""
    point = StoredPoint(str(record.id), record.payload or {})
    if layout is None:
        return point
    vectors: Any = record.vector
    named = vectors if isinstance(vectors, dict) else {"": vectors}
    dense, sparse = named.get(layout.dense), named.get(layout.sparse) if layout.sparse is not None else None
    vector = None if dense is None else np.asarray(dense, np.float32)
    return replace(point, vector=vector, sparse=None if sparse is None else _ascending(sparse))


def _ascending(sparse: "models.SparseVector") -> SparseVector:
    indices, values = np.asarray(sparse.indices, np.uint32), np.asarray(sparse.values, np.float32)
    order = np.argsort(indices)
    return SparseVector(indices[order], values[order])


def alias_operation(action: AliasAction) -> Any:
    """Return an alias action as Qdrant takes it."""
    from qdrant_client import models

    name, target = action.name, action.target
    if action.kind == "create":
        return models.CreateAliasOperation(create_alias=models.CreateAlias(collection_name=target, alias_name=name))
    if action.kind == "rename":
        return models.RenameAliasOperation(rename_alias=models.RenameAlias(old_alias_name=name, new_alias_name=target))
    return models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=name))


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Translate the client's errors.

    Raises: IndexUnavailable if the same call may succeed later, AccessDenied for 401 and 403, OversizedRequest for 413,
    else SchemaMismatch.
    """
    import httpx
    from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
    from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

    try:
        yield
    except UnexpectedResponse as error:
        status = error.status_code or 0
        told = f"{what}: HTTP {status}: {error.content[:TOLD].decode(errors='replace')}"
        if status in (401, 403):
            raise AccessDenied(f"{told}; check QDRANT_API_KEY") from error
        if status in TEMPORARY or status >= 500:
            raise IndexUnavailable(told) from error
        if status == TOO_LARGE:
            limits = "max_request_size_mb of the server, client_max_body_size of a proxy"
            raise OversizedRequest(f"{told}; raise the limit on requests ({limits})") from error
        raise SchemaMismatch(told) from error
    except ResponseHandlingException as error:
        if isinstance(error.source, httpx.HTTPError | httpx.StreamError | OSError):
            raise IndexUnavailable(f"{what}: {type(error.source).__name__}: {error.source}") from error
        raise SchemaMismatch(f"{what}: the response is not Qdrant's: {type(error.source).__name__}") from error
    except ResourceExhaustedResponse as error:
        raise IndexUnavailable(f"{what}: {error}") from error
    except ValueError as error:  # the client refuses to send it
        raise SchemaMismatch(f"{what}: {error}") from error
