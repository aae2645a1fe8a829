"""One collection of the embedded engine, a folder with an `EdgeShard` and a few settings, and its worker process.

<collections>/<name>/shard/             WAL, segments, payload indexes
<collections>/<name>/collection.json    the CreateCollection request, indexing threshold, whether a graph is due; and,
                                        unless it is open, what it tells, so that nobody opens it to ask

The worker is a process because every call of the engine holds the GIL: while one collection builds its graph, the
workers of the others keep answering.
"""

import logging
import os
import shutil
import signal
import sys
import time
from contextlib import suppress
from functools import cache, cached_property
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, get_type_hints

import qdrant_edge as edge
from pydantic import TypeAdapter
from pydantic_core import to_json

from ingest.adapters.durable_files import copy_durably, sync_folder
from ingest.adapters.vectors import client_models as models
from ingest.adapters.vectors.edge import translation as translate
from ingest.adapters.vectors.edge.locks import read_json, write_durably
from ingest.process_guard import end_with

INDEXING_THREADS = min(os.cpu_count() or 1, 8)  # per optimisation; more would slow the workers that answer
DONE = {"operation_id": 0, "status": "completed"}
RELEASE_SECONDS = 10.0  # for the kernel to end the previous worker
logger = logging.getLogger(__name__)


class CannotOpen(RuntimeError):
    """The files of a collection are locked by another process, or damaged."""


class Collection:
    """An open collection. One process may have it open; every call holds the GIL until it is done."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        settings = read_json(folder / "collection.json")
        self._request = models.CreateCollection.model_validate(settings["create"])
        self._graph_due: bool = settings["graph_due"]
        self._shard = self._load(self._request)
        self._save(self._request, self._graph_due)

    @classmethod
    def create(cls, folder: Path, request: models.CreateCollection, like: Path | None = None) -> "Collection":
        """Create a collection that appears whole or not at all, empty or with a copy of a closed shard."""
        unfinished = folder.with_name(f".new-{folder.name}")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        if like is None:
            (unfinished / "shard").mkdir()
            shard = edge.EdgeShard.create(str(unfinished / "shard"), translate.config(request, INDEXING_THREADS))
            shard.flush()
            shard.close()
        else:
            shutil.copytree(like, unfinished / "shard", copy_function=copy_durably)
            for path in unfinished.rglob("*/"):
                sync_folder(path)
        _save(unfinished, request, graph_due=False)
        unfinished.rename(folder)
        sync_folder(folder.parent)
        return cls(folder)

    def flush(self) -> None:
        """Make everything written durable."""
        self._shard.flush()

    def close(self) -> None:
        """Flush and release the folder."""
        self._shard.flush()
        _save(self._folder, self._request, self._graph_due, info=self.info())  # before another process can open it
        self._shard.close()

    def info(self) -> dict[str, Any]:
        """Return Qdrant's CollectionInfo. Status grey: an optimisation was interrupted; a PATCH restarts it."""
        info, request = self._shard.info(), self._request.model_dump(mode="json", exclude_none=True)
        told = {"default_segment_number": 0, "flush_interval_sec": 0}
        return {
            "status": "grey" if self._graph_due else "green",
            "optimizer_status": "ok",
            **{name: getattr(info, name) for name in ("points_count", "indexed_vectors_count", "segments_count")},
            "payload_schema": {name: translate.told_index(index) for name, index in info.payload_schema.items()},
            "config": {
                "params": {**translate.ONE_NODE, **{name: request.get(name) for name in ("vectors", "sparse_vectors")}},
                "hnsw_config": translate.GRAPH,
                "optimizer_config": {**told, "indexing_threshold": translate.indexing_threshold(self._request)},
                "quantization_config": request.get("quantization_config"),
                "metadata": request.get("metadata"),
            },
        }

    def create_index(self, request: models.CreateFieldIndex) -> dict[str, Any]:
        """Index a payload field, durably, unless it is indexed in that way already."""
        schema = translate.translated(request.field_schema)
        self._shard.update(edge.UpdateOperation.create_field_index(request.field_name, schema))
        self._shard.flush()
        return DONE

    def upsert(self, request: models.PointsList) -> dict[str, Any]:
        """Write points. A failing call may have written some of them: write them again with the same ids."""
        if points := translate.points(request):
            self._shard.update(edge.UpdateOperation.upsert_points(points))
        return DONE

    def delete(self, request: models.PointIdsList | models.FilterSelector) -> dict[str, Any]:
        """Remove points by id or by filter; no ids remove nothing."""
        translate.said(request, "points", "filter")
        if isinstance(request, models.FilterSelector):
            self._shard.update(edge.UpdateOperation.delete_points_by_filter(translate.translated(request.filter)))
        elif request.points:
            self._shard.update(edge.UpdateOperation.delete_points(list(request.points)))
        return DONE

    def retrieve(self, request: models.PointRequest) -> list[dict[str, Any]]:
        """Return the points that exist; the whole payload unless the request says otherwise."""
        payload = True if request.with_payload is None else translate.translated(request.with_payload)
        found = self._shard.retrieve(list(request.ids), payload, request.with_vector or False)
        return [translate.record(point) for point in found]

    def scroll(self, request: models.ScrollRequest) -> dict[str, Any]:
        """Return one page in id order and the id at which the next one starts."""
        limit = 10 if request.limit is None else request.limit
        whole = True if request.with_payload is None else request.with_payload
        wanted = request.model_copy(update={"limit": limit, "with_payload": whole})
        found, following = self._shard.scroll(translate.translated(wanted))
        return {"points": [translate.record(point) for point in found], "next_page_offset": following}

    def count(self, request: models.CountRequest) -> dict[str, int]:
        return {"count": self._shard.count(translate.translated(request))}

    def query(self, request: models.QueryRequest) -> dict[str, Any]:
        return self.query_batch(models.QueryRequestBatch(searches=[request]))[0]

    def query_batch(self, request: models.QueryRequestBatch) -> list[dict[str, Any]]:
        batch = edge.QueryBatchRequest([translate.query(one) for one in request.searches])
        return [{"points": [translate.record(hit) for hit in hits]} for hits in self._shard.query_batch(batch)]

    def change(self, request: models.UpdateCollection) -> bool:
        """Merge metadata into those of the collection, durably, or set its threshold for the next optimisation."""
        changed, due = translate.changed(self._request, request), self._graph_due
        if request.optimizers_config is not None:
            due = translate.indexing_threshold(changed) > 0  # else bulk mode
            if changed.optimizers_config != self._request.optimizers_config:
                self.close()
                self._shard = self._load(changed)
        self._save(changed, due)
        return True

    def optimise(self) -> None:
        """Build what the threshold asks for and make it durable; takes seconds to minutes."""
        self._shard.optimize()
        self._shard.flush()
        self._save(self._request, graph_due=False)

    def copy(self, folder: Path, request: models.CreateCollection) -> bool:
        """Create a collection with points and graph of this one; not where that would keep vectors in another way."""
        fits = not self._graph_due and all(getattr(self._request, n) == getattr(request, n) for n in translate.VECTORS)
        if fits:
            self.close()
            try:
                Collection.create(folder, request, self._folder / "shard").close()
            finally:
                self._shard = self._load(self._request)
                self._save(self._request, self._graph_due)
        return fits

    def _load(self, request: models.CreateCollection) -> edge.EdgeShard:
        """Open the shard. Raises: CannotOpen, after giving a killed process time to release the files."""
        path, config = str(self._folder / "shard"), translate.config(request, INDEXING_THREADS)
        deadline = time.monotonic() + RELEASE_SECONDS
        while True:
            try:
                return edge.EdgeShard.load(path, config)
            except Exception as error:  # edge has no exception class of its own
                if "WouldBlock" not in str(error) or time.monotonic() > deadline:
                    raise CannotOpen(str(error)) from error
            time.sleep(0.05)

    def _save(self, request: models.CreateCollection, graph_due: bool) -> None:
        _save(self._folder, request, graph_due)
        self._request, self._graph_due = request, graph_due


def _save(folder: Path, request: models.CreateCollection, graph_due: bool, **more: Any) -> None:
    settings = {"create": request.model_dump(mode="json", exclude_none=True), "graph_due": graph_due, **more}
    write_durably(folder / "collection.json", settings)


class Worker:
    """Answers requests about the one collection that this process may open, which the first request opens or makes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def _collection(self) -> Collection:
        return Collection(self._folder)

    def answer(self, head: dict[str, Any], body: bytes) -> tuple[int, bytes]:
        """Return the answer to one request, even for errors: the HTTP status, and a body in Qdrant's shape."""
        try:
            return 200, to_json({"result": self._do(head, body), "status": "ok", "time": 0.0})
        except Exception as error:
            if isinstance(error, CannotOpen):  # again, after a change or a copy: the next request tries once more
                vars(self).pop("_collection", None)
            status, told = 400, f"Wrong input: {error}"
            # edge has no exception class of its own for invalid requests
            if not isinstance(error, ValueError | TypeError) and type(error) is not Exception:
                logger.exception("worker failed to %s in %s", head["do"], self._folder.name)
                status, told = 500, f"Service internal error: {type(error).__name__}: {error}"
            return status, to_json({"status": {"error": told}, "time": 0.0, "result": None})

    def close(self) -> None:
        if "_collection" in vars(self):
            self._collection.close()

    def _do(self, head: dict[str, Any], body: bytes) -> Any:
        if head["do"] == "create":
            self._collection = Collection.create(self._folder, models.CreateCollection.model_validate_json(body))
            return True
        if head["do"] == "copy":
            like = models.CreateCollection.model_validate_json(body)
            return self._collection.copy(self._folder.with_name(head["to"]), like)
        act, reader = getattr(self._collection, head["do"]), _reader(head["do"])
        result = act() if reader is None else act(reader.validate_json(body))
        if head.get("flush"):
            self._collection.flush()
        return result


@cache
def _reader(do: str) -> TypeAdapter[Any] | None:
    """Return what reads and checks the request that a method of `Collection` takes, None if it takes none."""
    *taken, _ = get_type_hints(getattr(Collection, do)).values()
    return TypeAdapter(*taken) if taken else None


def main() -> None:
    """Serve until the front closes its end. Arguments: the collection's folder, socket's descriptor, front's pid."""
    folder, descriptor, front = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    end_with(front)  # while building a graph, it does not read the pipe
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s worker %(process)d %(message)s")
    worker, pipe = Worker(folder), Connection(descriptor)
    with suppress(EOFError):
        while True:
            pipe.send(worker.answer(*pipe.recv()))
    worker.close()


if __name__ == "__main__":
    main()
