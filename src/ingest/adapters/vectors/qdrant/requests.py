"""Qdrant's requests, checked, built and cut into batches, and what it answers.

Filters say who may see which point; Qdrant evaluates them inside its search. Engines accept some damage silently (NaN)
and may reject a batch halfway: everything is checked before the call.
"""

import json
import logging
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from ingest import payloads
from ingest.adapters.vectors import client_models as models
from ingest.adapters.vectors.qdrant.collection_layout import CollectionLayout
from ingest.adapters.vectors.qdrant.connection import OversizedRequest
from ingest.errors import DimensionMismatch, SchemaMismatch
from ingest.records import UNREAD, AliasAction, Filter, Hit, Point, SparseVector, StoredPoint, Vectors

log = logging.getLogger(__name__)

Sent = TypeVar("Sent")
Response = TypeVar("Response")
NUMBER_BYTES = 24  # of a float32 written as JSON, at most
ID_BYTES = 40  # of a point's id with its quotes
POINT_BYTES = 200  # of a point beside its payload and numbers: its id, names, brackets
QUESTION_BYTES = 1000  # of a question beside its numbers and its filter: what is wanted
UUID = re.compile("[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


def check_points(collection: str, points: Sequence[Point], layout: CollectionLayout) -> None:
    """Check points. Raises: DimensionMismatch, SchemaMismatch; they name collection, point and what does not match."""
    for point in points:
        where = f"{collection}: point {point.id}"
        check_ids(collection, [point.id])
        shape = np.shape(point.vector)
        if shape != (dimension := layout.dimension,):
            raise DimensionMismatch(f"{where}: vector has shape {shape}, the collection has dimension {dimension}")
        if (places := np.flatnonzero(~np.isfinite(point.vector))).size:
            place = int(places[0])
            raise SchemaMismatch(f"{where}: vector has {point.vector[place]} at {place}, expected a finite number")
        text, chunk = payloads.find(layout.shape.payload).TEXT, payloads.path(layout.shape, "chunk_id")
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

    def vector(point: Point) -> Any:
        dense = np.asarray(point.vector, dtype=np.float32).tolist()
        if point.sparse is None or layout.sparse is None:
            return dense
        sparse = models.SparseVector(indices=point.sparse.indices.tolist(), values=point.sparse.values.tolist())
        return {layout.dense: dense, layout.sparse: sparse}

    return [models.PointStruct(id=point.id, vector=vector(point), payload=point.payload) for point in points]


def hits_of(collection: str, points: "Sequence[models.ScoredPoint]", layout: CollectionLayout) -> list[Hit]:
    """Return scored points as hits; one that does not name its chunk is left out, and said: a run mends it."""
    hits, path = [], payloads.path(layout.shape, "chunk_id")
    for point in points:
        chunk = payloads.at(point.payload, path)
        if isinstance(chunk, str):
            hits.append(Hit(chunk, float(point.score)))
        else:
            log.warning("%s: left out point %s, whose %s is not a text", collection, point.id, path)
    return hits


def stored_point(record: "models.Record", layout: CollectionLayout | None) -> StoredPoint:
    """Return a point as it was found; with `layout`, also its vectors, None where it has none."""
    key, payload = str(record.id), record.payload or {}
    if layout is None:
        return StoredPoint(key, payload)
    vectors: Any = record.vector
    named = vectors if isinstance(vectors, dict) else {"": vectors}
    dense, sparse = named.get(layout.dense), named.get(layout.sparse)
    vector = None if dense is None else np.asarray(dense, np.float32)
    if sparse is None:
        return StoredPoint(key, payload, vector)
    indices, values = np.asarray(sparse.indices, np.uint32), np.asarray(sparse.values, np.float32)
    ascending = np.argsort(indices)
    return StoredPoint(key, payload, vector, SparseVector(indices[ascending], values[ascending]))


def alias_operation(action: AliasAction) -> Any:
    """Return an alias action as Qdrant takes it."""
    name, target = action.name, action.target
    if action.kind == "create":
        return models.CreateAliasOperation(create_alias=models.CreateAlias(collection_name=target, alias_name=name))
    if action.kind == "rename":
        return models.RenameAliasOperation(rename_alias=models.RenameAlias(old_alias_name=name, new_alias_name=target))
    return models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=name))


def sees_nothing(filter: Filter) -> bool:
    """Return whether the caller has no groups: no chunk is visible then, and engines differ on "any of none"."""
    return filter.acl is not None and not filter.acl


def qdrant_filter(filter: Filter, path: Callable[[str], str]) -> "models.Filter | None":
    """Return Qdrant's form of a filter, or None if it has no conditions. `path` of a field: where payloads have it."""
    fields: dict[str, Any] = {
        "tenant": filter.tenant,
        "acl": filter.acl,
        "source": filter.sources or None,
        "document_id": filter.documents or None,
        "shard": filter.shard,
    }
    matches: list[tuple[str, Any]] = [
        (field, models.MatchValue(value=value) if isinstance(value, str | int) else models.MatchAny(any=list(value)))
        for field, value in fields.items()
        if value is not None
    ]
    matches += [(field, models.MatchExcept(**{"except": list(names)})) for field, names in filter.excluded]
    must: list[models.Condition] = [models.FieldCondition(key=path(field), match=match) for field, match in matches]
    return models.Filter(must=must) if must else None


def among_read(among: Sequence[tuple[Any, int]], layout: CollectionLayout) -> Sequence[tuple[Any, int]]:
    """Return filters and limits with the condition that the model could read the chunk; the same filter once."""
    unread = models.FieldCondition(key=payloads.path(layout.shape, "marks"), match=models.MatchValue(value=UNREAD))
    made = {id(f): models.Filter(must=f.must if f else None, must_not=[unread]) for f, _ in among}
    return [(made[id(filter)], limit) for filter, limit in among] if layout.marked else among


class Batches:
    """Sends rows in order, in requests of `most_bytes`, and of less after one was too large. Threads may share it."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes

    def send(
        self, rows: Sequence[Sent], sizes: Sequence[int], most: int, send: Callable[[Sequence[Sent]], Response]
    ) -> list[Response]:
        """Return the answers to all requests, of `most` rows each at most; `sizes` are the rows' bytes.

        A row that is too large by itself is sent alone. Raises: OversizedRequest if it is refused; what `send` raises.
        """
        answers, first = list[Response](), 0
        while first < len(rows):
            last, size = first + 1, sizes[first]
            while last < min(len(rows), first + most) and size + sizes[last] <= self.most_bytes:
                size += sizes[last]
                last += 1
            try:
                answers.append(send(rows[first:last]))
            except OversizedRequest:
                if last == first + 1:
                    raise
                self.most_bytes = min(self.most_bytes, size) // 2
                continue
            first = last
        return answers


def point_bytes(point: Point) -> int:
    """Return about how many bytes a point takes in a request, rather too many."""
    numbers = len(point.vector) + (0 if point.sparse is None else 2 * len(point.sparse.indices))
    return len(json.dumps(point.payload)) + NUMBER_BYTES * numbers + POINT_BYTES
