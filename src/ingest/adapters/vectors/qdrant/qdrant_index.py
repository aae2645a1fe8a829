"""Qdrant as the vector index, over `qdrant-client`: a server, or the embedded engine, which speaks the same protocol.

One collection per generation, with a shape chosen per index (`collection_layout`, `payloads`): by default, the dense
vector is the unnamed one and the payload is LangChain's.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from operator import methodcaller
from typing import TYPE_CHECKING, Any

import numpy as np

from ingest.adapters.vectors.qdrant import collection_layout as layout
from ingest.adapters.vectors.qdrant import requests
from ingest.adapters.vectors.qdrant.batches import Batches, point_bytes, question_bytes, slices
from ingest.adapters.vectors.qdrant.collection_layout import CollectionLayout
from ingest.adapters.vectors.qdrant.connection import Connection, ConnectionOptions, EmbeddedEngine
from ingest.adapters.vectors.qdrant.filters import qdrant_filter, sees_nothing
from ingest.errors import IndexUnavailable, SchemaMismatch
from ingest.records import (
    EVERYTHING,
    LANGCHAIN,
    AliasAction,
    Filter,
    Hit,
    LakeIdentity,
    Point,
    Shape,
    StoredPoint,
    Vectors,
)

if TYPE_CHECKING:
    from qdrant_client import QdrantClient, models


class QdrantIndex:
    """`ports.VectorIndex` over a `QdrantClient`. Thread-safe."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._call = connection.call
        self._options = connection.options
        self._batches = Batches(connection.options.request_bytes)
        self._layouts: dict[str, CollectionLayout] = {}  # a cache: looked up again before anything is refused

    @classmethod
    def connect(cls, url: str, api_key: str | None, **options: Any) -> "QdrantIndex":
        """Return the index of a server. Nothing is sent yet. `options` are fields of `ConnectionOptions`."""
        return cls(Connection(ConnectionOptions(**options), url, api_key))

    @classmethod
    def embedded(cls, engine: EmbeddedEngine, **options: Any) -> "QdrantIndex":
        """Return the index of an embedded engine, started if necessary. Raises: IndexUnavailable."""
        url, token = engine.address()
        return cls(Connection(ConnectionOptions(**options), url, token, engine))

    def __repr__(self) -> str:
        return f"QdrantIndex({self._connection.where})"

    def aliases(self) -> dict[str, str]:
        """Return alias → collection, from a single response. Raises: IndexUnavailable, AccessDenied."""
        found = self._call("read the aliases", methodcaller("get_aliases")).aliases
        return {alias.alias_name: alias.collection_name for alias in found}

    def move_aliases(self, actions: Sequence[AliasAction]) -> bool:
        """Apply actions in order in one call; False if one failed. Those before it may remain applied.

        Never retried here: after a rename whose response was lost, the second attempt would fail although the first
        succeeded. Raises: IndexUnavailable if the outcome is unknown; the caller reads the aliases again.
        """
        from qdrant_client.http.exceptions import UnexpectedResponse

        operations = [requests.alias_operation(action) for action in actions]

        def move(client: "QdrantClient") -> bool:
            try:
                return client.update_collection_aliases(operations)
            except UnexpectedResponse as error:
                if error.status_code not in requests.REFUSED_ACTION:
                    raise
            return False

        return not operations or self._connection.once("move aliases", move)

    def collections(self) -> list[str]:
        """Return the names of all collections, sorted."""
        found = self._call("list the collections", methodcaller("get_collections")).collections
        return sorted(collection.name for collection in found)

    def lake_of(self, collection: str) -> LakeIdentity | None:
        """Return the lake whose collection this is; None when it does not say so, or does not exist."""
        return layout.layout_of(collection, self._info(collection)).lake if self._exists(collection) else None

    def give(self, collection: str, lake: LakeIdentity) -> None:
        """Write down whose a collection is that does not say so. A server before 1.16 forgets it."""
        told = replace(layout.layout_of(collection, self._info(collection)), lake=lake).metadata
        self._call(f"give {collection}", methodcaller("update_collection", collection, metadata=told))

    def create_collection(
        self, collection: str, dimension: int, shape: Shape = LANGCHAIN, lake: LakeIdentity | None = None
    ) -> None:
        """Create the collection with its payload indexes, in bulk mode; parts that exist are left unchanged.

        Raises: DimensionMismatch, SchemaMismatch, ForeignIndex; IndexUnavailable, AccessDenied.
        """
        wanted = CollectionLayout(dimension, shape, lake)
        if not self._exists(collection):
            create = partial(layout.create, collection=collection, layout=wanted, quantised=self._options.quantised)
            try:
                self._call(f"create {collection}", create)
            except SchemaMismatch:
                if not self._exists(collection):  # else another writer was first, or our own response was lost
                    raise
        info = self._info(collection)
        found = self._layouts[collection] = layout.layout_of(collection, info)
        found.check(collection, wanted)
        for field, kind in layout.PAYLOAD_INDEXES.items():
            if (path := found.path(field)) not in (info.payload_schema or {}):
                index = methodcaller("create_payload_index", collection, path, field_schema=kind, wait=True)
                self._call(f"index {path} of {collection}", index)

    def drop_collection(self, collection: str) -> None:
        """Remove a collection and its aliases, if it exists."""
        self._layouts.pop(collection, None)
        self._call(f"drop {collection}", lambda client: client.delete_collection(collection))

    def upsert(self, collection: str, points: Sequence[Point]) -> None:
        """Write points and wait until they are applied; a later point with the same id replaces an earlier one.

        Raises: DimensionMismatch, SchemaMismatch, before anything is sent. After IndexUnavailable, write all again.
        """
        if not points:
            return
        found = self._layout_of(collection, np.size(points[0].vector))
        requests.check_points(collection, points, found)

        def send(some: Sequence[Point]) -> Any:
            batch = requests.points_of(some, found)
            return self._call(f"upsert into {collection}", methodcaller("upsert", collection, batch, wait=True))

        self._batches.send(points, [point_bytes(point) for point in points], self._options.write_batch, send)

    def delete(self, collection: str, ids: Sequence[str]) -> None:
        """Remove points by id and wait; on the embedded engine the removal is durable. Missing ids are fine."""
        requests.check_ids(collection, ids)
        for some in slices(ids, self._options.page):
            self._delete(collection, list(some))

    def flush(self, collection: str) -> None:
        """Return once everything written so far is applied and, on the embedded engine, would survive a power failure.

        Sends an empty removal with strong ordering, at which our engine flushes. A server's protocol has no flush: it
        waits for earlier writes, which are in the write-ahead log, and flushes by itself within seconds.
        """
        self._delete(collection, [])

    def optimise(self, collection: str) -> None:
        """Leave bulk mode, build the graph and wait until the collection is green.

        Raises: IndexUnavailable if that takes more than `optimise_seconds` or fails.
        """
        deadline = time.monotonic() + self._options.optimise_seconds
        self._set_threshold(collection)
        greens, pause = 0, 0.02
        while True:
            info = self._info(collection)
            if info.optimizer_status != "ok" or info.status == "red":
                raise IndexUnavailable(f"optimise {collection}: {info.status.value}: {info.optimizer_status}")
            greens = greens + 1 if info.status == "green" else 0
            if greens == 2:  # once is not enough: a server may answer green before it has applied the new threshold
                return
            if info.status == "grey":  # interrupted by a restart: Qdrant resumes after the next change of its settings
                self._set_threshold(collection)
            if time.monotonic() > deadline:
                after = f"after {self._options.optimise_seconds} s, not green"
                raise IndexUnavailable(f"optimise {collection}: {info.status.value} {after}")
            time.sleep(pause)
            pause = min(pause * 1.5, 1.0)

    def count(self, collection: str, filter: Filter) -> int:
        """Return the exact number of points that match."""
        if sees_nothing(filter):
            return 0
        ask = methodcaller("count", collection, count_filter=self._filter(collection, filter), exact=True)
        return int(self._call(f"count {collection}", ask).count)

    def scroll(self, collection: str, filter: Filter) -> Iterator[StoredPoint]:
        """Yield every matching point with its whole payload, in id order, one page in memory."""
        if sees_nothing(filter):
            return
        wanted = {"scroll_filter": self._filter(collection, filter), "limit": self._options.page, "with_payload": True}
        offset = None
        while True:
            ask = methodcaller("scroll", collection, offset=offset, **wanted)
            page, offset = self._call(f"scroll {collection}", ask)
            yield from (StoredPoint(str(record.id), record.payload or {}) for record in page)
            if offset is None:
                return

    def retrieve(self, collection: str, ids: Sequence[str], *, vectors: bool = False) -> dict[str, StoredPoint]:
        """Return the points that exist, by id; with their `vectors`, in full precision, if asked for."""
        requests.check_ids(collection, ids)
        known, found = self._layout_of(collection) if vectors else None, dict[str, StoredPoint]()
        for some in slices(ids, self._options.page if known is None else self._options.write_batch):
            ask = methodcaller("retrieve", collection, list(some), with_payload=True, with_vectors=vectors)
            records = self._call(f"retrieve from {collection}", ask)
            found |= {str(record.id): requests.stored_point(record, known) for record in records}
        return found

    def search(self, collection: str, vectors: Vectors, filter: Filter, limit: int) -> list[list[Hit]]:
        """Return the `limit` best hits by cosine for each row of `vectors` (n, dimension), best first.

        `collection` may be an alias, if its collections have one shape. Ties are in the engine's order.
        Raises: DimensionMismatch, SchemaMismatch, IndexUnavailable.
        """
        oversampling = self._options.oversampling if self._options.quantised else None
        return self._searched(collection, vectors, filter, requests.Search(limit, oversampling=oversampling))

    def nearest(self, collection: str, vectors: Vectors, limit: int) -> list[list[Hit]]:
        """Search all points exhaustively, in full precision: what `search` approximates."""
        return self._searched(collection, vectors, EVERYTHING, requests.Search(limit, exact=True))

    def _searched(self, collection: str, vectors: Vectors, filter: Filter, search: requests.Search) -> list[list[Hit]]:
        found = self._layout_of(collection, vectors.shape[-1])
        requests.check_questions(collection, vectors, found.dimension)
        if sees_nothing(filter) or search.limit < 1:
            return [[] for _ in vectors]
        sizes = [question_bytes(found.dimension)] * len(vectors)
        made = partial(requests.questions_of, filter=filter, layout=found, search=search)
        answers = self._asked(f"search {collection}", collection, vectors, sizes, made)
        return [requests.hits_of(collection, answer.points, found) for answer in answers]

    def _asked(self, what: str, collection: str, rows: Any, sizes: list[int], made: Callable[[Any], Any]) -> list[Any]:
        """Return the answers to the questions that `made` makes of rows, which take `sizes` bytes."""
        ask = partial(methodcaller, "query_batch_points", collection)
        answers = self._batches.send(rows, sizes, self._options.search_batch, lambda r: self._call(what, ask(made(r))))
        return [answer for some in answers for answer in some]

    def scores(self, collection: str, vectors: Vectors, ids: Sequence[Sequence[str]]) -> list[dict[str, float]]:
        """Return for each row of `vectors` the exact cosines of those of its `ids` that exist, by chunk id."""
        known = self._layout_of(collection, vectors.shape[-1])
        requests.check_questions(collection, vectors, known.dimension)
        requests.check_ids(collection, [key for wanted in ids for key in wanted])
        found: list[dict[str, float]] = [{} for _ in ids]
        rows = [row for row, wanted in enumerate(ids) if wanted]
        sizes = [question_bytes(known.dimension, len(ids[row])) for row in rows]
        made = partial(requests.scores_of, layout=known)
        answers = self._asked(f"score in {collection}", collection, [(vectors[r], ids[r]) for r in rows], sizes, made)
        for row, answer in zip(rows, answers, strict=True):
            hits = requests.hits_of(collection, answer.points, known)
            found[row] = {hit.chunk_id: hit.score for hit in hits}
        return found

    def close(self) -> None:
        """Close the connection and release the engine, which ends with its last user."""
        self._connection.close()

    def _exists(self, collection: str) -> bool:
        return self._call(f"look for {collection}", lambda client: client.collection_exists(collection))

    def _info(self, collection: str) -> "models.CollectionInfo":
        return self._call(f"look at {collection}", lambda client: client.get_collection(collection))

    def _layout_of(self, collection: str, dimension: int | None = None) -> CollectionLayout:
        """Return the collection's layout; a cached one with another dimension than wanted is read again."""
        known = self._layouts.get(collection)
        if known is None or dimension not in (None, known.dimension):
            known = self._layouts[collection] = layout.layout_of(collection, self._info(collection))
        return known

    def _filter(self, collection: str, filter: Filter) -> "models.Filter | None":
        return None if filter == EVERYTHING else qdrant_filter(filter, self._layout_of(collection))

    def _delete(self, collection: str, ids: list[str]) -> None:
        from qdrant_client import models

        points, seconds = models.PointIdsList(points=list(ids)), int(self._options.optimise_seconds)
        ordering = models.WriteOrdering.STRONG
        delete = methodcaller("delete", collection, points, wait=True, ordering=ordering, timeout=seconds)
        self._call(f"delete from {collection}", delete)

    def _set_threshold(self, collection: str) -> None:
        from qdrant_client import models

        change = models.OptimizersConfigDiff(indexing_threshold=self._options.indexing_threshold)
        leave = methodcaller("update_collection", collection, optimizers_config=change)
        self._call(f"leave bulk mode of {collection}", leave)
