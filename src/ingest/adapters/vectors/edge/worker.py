"""A worker process: holds one open collection and answers the front's messages one after the other.

It is a process because every call of the engine holds the GIL: while one collection builds its graph, the workers of
the others go on answering. It ends when the front does, however that ends.
"""

import ctypes
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json
from qdrant_client.http import models

from ingest.adapters.vectors.edge import frames
from ingest.adapters.vectors.edge.collection import Collection

logger = logging.getLogger(__name__)
PR_SET_PDEATHSIG = 1


class Worker:
    """The one collection that this process has open, from its first request on."""

    def __init__(self, collections: Path) -> None:
        self._folder = collections
        self._collection: Collection | None = None

    def answer(self, request: frames.Frame) -> frames.Frame:
        """Return the answer to one request, errors included, in Qdrant's shape."""
        try:
            result = self._do(request)
        except (ValidationError, ValueError, TypeError) as error:
            return _refusal(400, f"Wrong input: {error}")
        except Exception as error:
            if type(error) is Exception:  # edge has no class of its own for what it refuses
                return _refusal(400, f"Wrong input: {error}")
            logger.exception("worker failed to %s in %s", request.head["do"], request.head["collection"])
            return _refusal(500, f"Service internal error: {type(error).__name__}: {error}")
        return frames.Frame({"status": 200}, to_json({"result": result, "status": "ok", "time": 0.0}))

    def close(self) -> None:
        """Close the collection."""
        if self._collection is not None:
            self._collection.close()

    def _do(self, request: frames.Frame) -> Any:
        folder, do = self._folder / request.head["collection"], request.head["do"]
        if do == "create":
            self._collection = Collection.create(folder, models.CreateCollection.model_validate_json(request.body))
            return True
        if self._collection is None:
            self._collection = Collection(folder)
        return ACTIONS[do](self._collection, request)


def _upsert(collection: Collection, request: frames.Frame) -> Any:
    points: Any = TypeAdapter(models.PointsList | models.PointsBatch).validate_json(request.body)
    collection.upsert(points, flush=request.head["flush"])
    return {"operation_id": 0, "status": "completed"}


def _delete(collection: Collection, request: frames.Frame) -> Any:
    selector: Any = TypeAdapter(models.PointIdsList | models.FilterSelector).validate_json(request.body)
    collection.delete(selector, flush=request.head["flush"])
    return {"operation_id": 0, "status": "completed"}


def _index(collection: Collection, request: frames.Frame) -> Any:
    collection.create_index(models.CreateFieldIndex.model_validate_json(request.body))
    return {"operation_id": 0, "status": "completed"}


def _query(collection: Collection, request: frames.Frame) -> Any:
    batch = models.QueryRequestBatch(searches=[models.QueryRequest.model_validate_json(request.body)])
    return collection.query_batch(batch)[0]


def _threshold(collection: Collection, request: frames.Frame) -> Any:
    collection.set_threshold(request.head["threshold"])
    return True


def _optimise(collection: Collection, request: frames.Frame) -> Any:
    collection.optimise()
    return True


ACTIONS: dict[str, Callable[[Collection, frames.Frame], Any]] = {
    "info": lambda collection, _: collection.info(),
    "index": _index,
    "upsert": _upsert,
    "delete": _delete,
    "threshold": _threshold,
    "optimise": _optimise,
    "query": _query,
    "query_batch": lambda c, r: c.query_batch(models.QueryRequestBatch.model_validate_json(r.body)),
    "scroll": lambda c, r: c.scroll(models.ScrollRequest.model_validate_json(r.body)),
    "retrieve": lambda c, r: c.retrieve(models.PointRequest.model_validate_json(r.body)),
    "count": lambda c, r: c.count(models.CountRequest.model_validate_json(r.body)),
}


def _refusal(status: int, message: str) -> frames.Frame:
    return frames.Frame({"status": status}, to_json({"status": {"error": message}, "time": 0.0, "result": None}))


def _end_with(front: int) -> None:
    """Have the kernel kill this process when the front dies: a graph being built does not look at the pipe."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != front:
        sys.exit(0)


def main() -> None:
    """Serve until the front closes its end. Arguments: folder of collections, socket's descriptor, front's pid."""
    folder, descriptor, front = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    _end_with(front)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s worker %(process)d %(message)s")
    worker = Worker(folder)
    with socket.socket(fileno=descriptor) as connection:
        while (request := frames.receive(connection)) is not None:
            connection.sendall(worker.answer(request).encode())
    worker.close()


if __name__ == "__main__":
    main()
