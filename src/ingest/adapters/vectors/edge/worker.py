"""A worker process: holds one open collection and answers the front's messages one after another.

It is a process because every call of the engine holds the GIL: while one collection builds its graph, the workers of
the others keep answering. It ends when the front does, for whatever reason.
"""

import logging
import signal
import sys
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import TypeAdapter
from pydantic_core import from_json, to_json
from qdrant_client.http import models

from ingest.adapters.child_pipe import ChildPipe, Frame, end_with
from ingest.adapters.vectors.edge.collection import Collection

logger = logging.getLogger(__name__)


class Worker:
    """The one collection that this process has open, starting with its first request."""

    def __init__(self, collections: Path) -> None:
        self._folder = collections
        self._collection: Collection | None = None

    def answer(self, request: Frame) -> Frame:
        """Return the answer to one request, even for errors: the HTTP status, and a body in Qdrant's shape."""
        head = from_json(request.head)
        try:
            result = self._do(head, request.body)
        except Exception as error:
            status, told = 400, f"Wrong input: {error}"
            # edge has no exception class of its own for invalid requests
            if not isinstance(error, ValueError | TypeError) and type(error) is not Exception:
                logger.exception("worker failed to %s in %s", head["do"], head["collection"])
                status, told = 500, f"Service internal error: {type(error).__name__}: {error}"
            return Frame(b"%d" % status, to_json({"status": {"error": told}, "time": 0.0, "result": None}))
        return Frame(b"200", to_json({"result": result, "status": "ok", "time": 0.0}))

    def close(self) -> None:
        if self._collection is not None:
            self._collection.close()

    def _do(self, head: dict[str, Any], body: Any) -> Any:
        folder = self._folder / head["collection"]
        if head["do"] == "create":
            self._collection = Collection.create(folder, models.CreateCollection.model_validate_json(body))
            return True
        if self._collection is None:
            self._collection = Collection(folder)
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
    """Serve until the front closes its end. Arguments: folder of collections, socket's descriptor, front's pid."""
    folder, descriptor, front = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    end_with(front)  # while building a graph, it does not read the pipe
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s worker %(process)d %(message)s")
    worker, pipe = Worker(folder), ChildPipe(descriptor)
    while (request := pipe.receive()) is not None:
        pipe.send(worker.answer(request))
    worker.close()


if __name__ == "__main__":
    main()
