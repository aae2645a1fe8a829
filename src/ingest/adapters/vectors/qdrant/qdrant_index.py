"""Qdrant as the vector index, over `qdrant-client`: a server, or the embedded engine, which speaks the same protocol.

One collection per generation, with a shape chosen per index (`collection_layout`, `payloads`): by default, the dense
vector is the unnamed one and the payload is LangChain's.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from ingest import payloads
from ingest.adapters.vectors import client_models as models
from ingest.adapters.vectors.qdrant import collection_layout as layout
from ingest.adapters.vectors.qdrant import requests
from ingest.adapters.vectors.qdrant.connection import Connection, ConnectionOptions, RejectedRequest
from ingest.errors import IndexUnavailable, SchemaMismatch
from ingest.records import LANGCHAIN, AliasAction, Filter, Hit, LakeIdentity, Point, Shape, StoredPoint, Vectors


class QdrantIndex:
    """`ports.VectorIndex` over a `QdrantClient`. Thread-safe."""

    def __init__(self, connection: Connection, copies: bool = False) -> None:
        self._connection, self._copies = connection, copies  # our engine copies; a server would only note of what
        self._call = connection.call
        self._options = connection.options
        self._batches = requests.Batches(connection.options.request_bytes)
        self._layouts: dict[str, layout.CollectionLayout] = {}  # a cache: looked up again before anything is refused

    @classmethod
    def connect(cls, url: str, api_key: str | None, **options: Any) -> "QdrantIndex":
        """Return the index of a server. Nothing is sent yet. `options` are fields of `ConnectionOptions`."""
        return cls(Connection(ConnectionOptions(**options), lambda: (url, api_key)))

    @classmethod
    def embedded(cls, engine: Any, **options: Any) -> "QdrantIndex":
        """Return the index of an `edge.engine.Engine`, started if necessary. Raises: IndexUnavailable."""
        return cls(Connection(ConnectionOptions(**options), engine.address, engine.close), copies=True)

    def __repr__(self) -> str:
        return f"QdrantIndex({self._connection})"

    def aliases(self) -> dict[str, str]:
        found = self._call("read the aliases", "get_aliases").aliases
        return {alias.alias_name: alias.collection_name for alias in found}

    def move_aliases(self, actions: Sequence[AliasAction]) -> bool:
        # Never retried here: after a rename that worked but whose response was lost, a second attempt would fail.
        operations = [requests.alias_operation(action) for action in actions]
        try:
            return (
                not operations or self._connection.once("move aliases", "update_collection_aliases", operations) is True
            )
        except RejectedRequest:
            return False

    def collections(self) -> list[str]:
        found = self._call("list the collections", "get_collections").collections
        return sorted(collection.name for collection in found)

    def lake_of(self, collection: str) -> LakeIdentity | None:
        return self._look(collection).lake if self._exists(collection) else None

    def generation_of(self, collection: str) -> str:
        return self._look(collection).generation

    def give(self, collection: str, lake: LakeIdentity, generation: str = "") -> None:
        found = self._look(collection)
        told = replace(found, lake=lake, generation=generation or found.generation).metadata
        self._call(f"give {collection}", "update_collection", collection, metadata=told)

    def create_collection(
        self, collection: str, dimension: int, shape: Shape = LANGCHAIN, lake: LakeIdentity | None = None, *like: str
    ) -> bool:
        wanted = layout.CollectionLayout(dimension, shape, lake)
        if not self._exists(collection):
            how = layout.creation(wanted, *(like if self._copies else ()))
            try:
                self._call(f"create {collection}", "create_collection", collection, **how)
            except SchemaMismatch:
                if not self._exists(collection):  # else another writer was first, or our own response was lost
                    raise
        info = self._info(collection)
        found = layout.layout_of(collection, info)
        found.check(collection, wanted)
        for field, kind in layout.PAYLOAD_INDEXES.items():
            if (path := payloads.path(found.shape, field)) not in (info.payload_schema or {}):
                what = f"index {path} of {collection}"
                self._call(what, "create_payload_index", collection, path, field_schema=kind, wait=True)
        self._layouts[collection] = replace(found, marked=True)
        return info.config.optimizer_config.indexing_threshold == 0 or info.status == "grey"

    def drop_collection(self, collection: str) -> None:
        self._layouts.pop(collection, None)
        self._call(f"drop {collection}", "delete_collection", collection)

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
            return self._call(f"upsert into {collection}", "upsert", collection, batch, wait=True)

        self._batches.send(points, [requests.point_bytes(point) for point in points], self._options.write_batch, send)

    def delete(self, collection: str, ids: Sequence[str]) -> None:
        requests.check_ids(collection, ids)
        self._batches.send(ids, [requests.ID_BYTES] * len(ids), self._options.page, partial(self._delete, collection))

    def flush(self, collection: str) -> None:
        # An empty removal with strong ordering: our engine flushes then. A server, whose protocol has no flush, waits
        # for earlier writes, which are in its write-ahead log, and flushes by itself within seconds.
        self._delete(collection, [])

    def optimise(self, collection: str, heard: Callable[[int], None] = lambda _: None) -> None:
        """Leave bulk mode, build the graph and wait until the collection is green; see `ports.VectorIndex`.

        Raises: IndexUnavailable if that takes more than `optimise_seconds` or fails.
        """
        deadline = time.monotonic() + self._options.optimise_seconds
        self._set_threshold(collection)
        greens, pause = 0, 0.013
        while True:
            info = self._info(collection)
            if info.optimizer_status != "ok" or info.status == "red":
                raise IndexUnavailable(f"optimise {collection}: {info.status.value}: {info.optimizer_status}")
            heard(min(info.indexed_vectors_count or 0, info.points_count or 0))
            greens = greens + 1 if info.status == "green" else 0
            if greens == 2:  # once is not enough: a server may answer green before it has applied the new threshold
                return
            if info.status == "grey":  # interrupted by a restart: Qdrant resumes after the next change of its settings
                self._set_threshold(collection)
            if time.monotonic() > deadline:
                after = f"after {self._options.optimise_seconds} s, not green"
                raise IndexUnavailable(f"optimise {collection}: {info.status.value} {after}")
            time.sleep(pause := min(pause * 1.5, 1.0))

    def count(self, collection: str, filter: Filter) -> int:
        if requests.sees_nothing(filter):
            return 0
        counted = self._filter(collection, filter)
        return int(self._call(f"count {collection}", "count", collection, count_filter=counted, exact=True).count)

    def scroll(self, collection: str, filter: Filter, fields: Sequence[str] = ()) -> Iterator[StoredPoint]:
        if requests.sees_nothing(filter):
            return
        paths = {field: payloads.path(self._layout_of(collection).shape, field) for field in fields}
        wanted = {"scroll_filter": self._filter(collection, filter), "with_payload": [*paths.values()] or True}
        ask = partial(self._call, f"scroll {collection}", "scroll", collection, limit=self._options.page, **wanted)
        offset = None
        while True:
            page, offset = ask(offset=offset)
            for record in page:
                told = {field: payloads.at(record.payload, path) for field, path in paths.items()}
                yield StoredPoint(str(record.id), told or record.payload or {})
            if offset is None:
                return

    def retrieve(self, collection: str, ids: Sequence[str], *, vectors: bool = False) -> dict[str, StoredPoint]:
        requests.check_ids(collection, ids)
        known = self._layout_of(collection) if vectors else None

        def ask(some: Sequence[str]) -> list[StoredPoint]:  # at once: a client's vectors take eight times the memory
            wanted = {"with_payload": True, "with_vectors": vectors}
            found = self._call(f"retrieve from {collection}", "retrieve", collection, some, **wanted)
            return [requests.stored_point(record, known) for record in found]

        most = self._options.page if known is None else self._options.write_batch
        pages = self._batches.send(ids, [requests.ID_BYTES] * len(ids), most, ask)
        return {point.id: point for page in pages for point in page}

    def search(self, collection: str, vectors: Vectors, filter: Filter, limit: int) -> list[list[Hit]]:
        """As the port. `collection` may be an alias, if its collections have one shape. Ties: the engine's order."""
        rescoring = models.QuantizationSearchParams(rescore=True, oversampling=self._options.oversampling)
        among = self._filter(collection, filter), 0 if requests.sees_nothing(filter) else limit
        params = models.SearchParams(quantization=rescoring)
        return self._asked(f"search {collection}", collection, vectors, [among] * len(vectors), params)

    def nearest(self, collection: str, vectors: Vectors, limit: int) -> list[list[Hit]]:
        params = models.SearchParams(exact=True, quantization=models.QuantizationSearchParams(ignore=True))
        return self._asked(f"search {collection}", collection, vectors, [(None, limit)] * len(vectors), params)

    def scores(self, collection: str, vectors: Vectors, ids: Sequence[Sequence[str]]) -> list[dict[str, float]]:
        requests.check_ids(collection, [key for wanted in ids for key in wanted])
        among = [(models.Filter(must=[models.HasIdCondition(has_id=list(wanted))]), len(wanted)) for wanted in ids]
        params = models.SearchParams(exact=True)
        found = self._asked(f"score in {collection}", collection, vectors, among, params)
        return [{hit.chunk_id: hit.score for hit in hits} for hits in found]

    def close(self) -> None:
        self._connection.close()

    def _asked(
        self, what: str, collection: str, vectors: Vectors, among: Sequence[tuple[Any, int]], params: Any
    ) -> list[list[Hit]]:
        """Return the hits of each row of `vectors`; `among` has the filter and limit of each; 0 gives none."""
        known = self._layout_of(collection, vectors.shape[-1])
        requests.check_questions(collection, vectors, known.dimension)
        among = requests.among_read(among, known)
        rows = [row for row, (_, limit) in enumerate(among) if limit > 0]
        how = {"with_payload": [payloads.path(known.shape, "chunk_id")], "params": params, "using": known.dense or None}

        def ask(some: Sequence[int]) -> Any:
            asked = ((vectors[row].tolist(), *among[row]) for row in some)
            batch = [
                models.QueryRequest(query=query, filter=filter, limit=limit, **how) for query, filter, limit in asked
            ]
            return self._call(what, "query_batch_points", collection, batch)

        filters = {id(filter): filter for filter, _ in among}  # they may name many points
        told = {one: len(filter.model_dump_json()) if filter else 0 for one, filter in filters.items()}
        size = requests.QUESTION_BYTES + requests.NUMBER_BYTES * known.dimension
        sizes = [size + told[id(among[row][0])] for row in rows]
        answers = chain.from_iterable(self._batches.send(rows, sizes, self._options.search_batch, ask))
        hits = {row: requests.hits_of(collection, one.points, known) for row, one in zip(rows, answers, strict=True)}
        return [hits.get(row, []) for row in range(len(among))]

    def _exists(self, collection: str) -> bool:
        return bool(self._call(f"look for {collection}", "collection_exists", collection))

    def _info(self, collection: str) -> "models.CollectionInfo":
        found: models.CollectionInfo = self._call(f"look at {collection}", "get_collection", collection)
        return found

    def _layout_of(self, collection: str, dimension: int | None = None) -> layout.CollectionLayout:
        """Return the collection's layout; a cached one with another dimension than wanted is read again."""
        known = self._layouts.get(collection)
        return self._look(collection) if known is None or dimension not in (None, known.dimension) else known

    def _look(self, collection: str) -> layout.CollectionLayout:
        found = self._layouts[collection] = layout.layout_of(collection, self._info(collection))
        return found

    def _filter(self, collection: str, filter: Filter) -> "models.Filter | None":
        return requests.qdrant_filter(filter, lambda field: payloads.path(self._layout_of(collection).shape, field))

    def _delete(self, collection: str, ids: Sequence[str]) -> None:
        points, seconds = models.PointIdsList(points=list(ids)), int(self._options.optimise_seconds)
        how = {"wait": True, "ordering": models.WriteOrdering.STRONG, "timeout": seconds}
        self._call(f"delete from {collection}", "delete", collection, points, **how)

    def _set_threshold(self, collection: str) -> None:
        change = models.OptimizersConfigDiff(indexing_threshold=self._options.indexing_threshold)
        what = f"leave bulk mode of {collection}"
        self._call(what, "update_collection", collection, optimizers_config=change)
