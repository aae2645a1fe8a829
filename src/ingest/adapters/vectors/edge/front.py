"""The loopback HTTP front of the embedded engine: routes requests to the workers and owns the aliases.

It speaks the part of Qdrant's REST protocol that `vectors/qdrant` uses, on 127.0.0.1 only, to whoever has the token.
Bodies of point requests are handed on unopened. It ends when no process holds the users' lock any more.
"""

import asyncio
import hmac
import importlib.metadata
import json
import logging
import re
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ingest.adapters.vectors.edge import locks
from ingest.adapters.vectors.edge.alias_table import AliasRefused, AliasTable
from ingest.adapters.vectors.edge.worker_pool import Pool, Worker, WorkerBusy, WorkerDied
from ingest.records import QdrantOptions

logger = logging.getLogger(__name__)
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,199}")


@dataclass(frozen=True)
class FrontOptions:
    """Limits of the front. All times in seconds."""

    max_open: int = QdrantOptions().open_collections  # at once, a process of 100 MB and more each
    max_waiting: int = 64  # requests waiting for one collection; more are answered 429
    max_body: int = 32 * 2**20  # bytes of a request, Qdrant's own default; more are answered 413
    stop_seconds: float = 10.0  # for a worker to flush at the end, then it is killed
    poll_seconds: float = 0.5  # between two looks for users
    grace_seconds: float = 2.0  # without users before the end


class Refused(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Front:
    """Collections, aliases and workers of one folder."""

    def __init__(self, folder: Path, options: FrontOptions) -> None:
        self.collections = folder / locks.COLLECTIONS
        self.collections.mkdir(mode=0o700, exist_ok=True)
        for leftover in self.collections.glob(".*"):  # of a creation or a removal that was cut off
            shutil.rmtree(leftover, ignore_errors=True)
        self.options = options
        self.leaving: set[str] = set()
        self.creating = asyncio.Lock()
        self.aliases = AliasTable(folder / locks.ALIASES, self.exists)
        self.pool = Pool(
            self.collections,
            max_open=options.max_open,
            max_waiting=options.max_waiting,
            grace_seconds=options.stop_seconds,
        )

    def exists(self, collection: str) -> bool:
        """Tell whether there is a collection of that name."""
        return bool(NAME.fullmatch(collection)) and collection not in self.leaving and self._path(collection).is_dir()

    def names(self) -> list[str]:
        """Return the names of all collections, sorted."""
        return sorted(path.name for path in self.collections.iterdir() if self.exists(path.name))

    def target(self, request: Request) -> str:
        """Return the collection that a request names, by its own name or by an alias. Raises: Refused."""
        name = request.path_params["collection"]
        collection = self.aliases.resolve(name)
        if not self.exists(collection):
            raise Refused(404, f"Not found: Collection `{name}` doesn't exist!")
        return collection

    async def warm(self) -> None:
        """Start the workers of what is being served, so that the first question does not wait for it."""
        for collection in sorted(set(self.aliases.all().values()))[: self.options.max_open]:
            if self.exists(collection):
                await self.pool.get(collection)

    async def create(self, name: str, body: bytes) -> Response:
        """Create a collection."""
        if not NAME.fullmatch(name):
            raise Refused(422, f"Wrong input: collection name {name!r}: letters, digits, _ . @ - up to 200")
        async with self.creating:
            if self.exists(name) or name in self.aliases.all():
                raise Refused(409, f"Wrong input: Collection `{name}` already exists!")
            answer = await self.pool.ask(name, {"do": "create"}, body)
            if answer.head["status"] != 200:
                await self.pool.discard(name)
        return _passed_on(answer.head["status"], answer.body)

    async def drop(self, name: str) -> bool:
        """Remove a collection and its aliases; False when there is none."""
        async with self.creating:
            if not self.exists(name):
                return False
            await self.aliases.forget(name)
            self.leaving.add(name)
            try:
                await self.pool.discard(name)
                rubbish = self._path(f".old-{name}")
                self._path(name).rename(rubbish)
                locks.sync_folder(self.collections)
            finally:
                self.leaving.discard(name)
            await asyncio.to_thread(shutil.rmtree, rubbish, ignore_errors=True)
        return True

    async def info(self, collection: str) -> Response:
        """Return CollectionInfo; while the worker builds a graph, the last one with status yellow."""
        worker = self.pool.find(collection)
        if worker is not None and worker.alive and worker.optimising:
            return _ok({**worker.info_before, "status": "yellow"})
        answer = await self.pool.ask(collection, {"do": "info"})
        worker = self.pool.find(collection)
        if answer.head["status"] == 200 and worker is not None and worker.optimisation_error:
            result = json.loads(answer.body)["result"]
            return _ok({**result, "status": "red", "optimizer_status": {"error": worker.optimisation_error}})
        return _passed_on(answer.head["status"], answer.body)

    async def set_threshold(self, collection: str, threshold: int) -> None:
        """Set the indexing threshold; above 0 the optimisation begins and goes on after the answer."""
        worker = await self.pool.get(collection)
        if worker.optimisation is not None:
            await asyncio.wait([worker.optimisation])
        answer = await self.pool.ask(collection, {"do": "threshold", "threshold": threshold})
        if answer.head["status"] == 200 and threshold > 0:
            info = await self.pool.ask(collection, {"do": "info"})
            worker = await self.pool.get(collection)
            worker.info_before = json.loads(info.body)["result"]
            worker.optimisation = asyncio.create_task(self._optimise(worker, collection))

    async def _optimise(self, worker: Worker, collection: str) -> None:
        worker.optimisation_error = ""
        try:
            answer = await worker.ask({"do": "optimise", "collection": collection})
        except (WorkerDied, WorkerBusy) as error:
            worker.optimisation_error = str(error)
            return
        if answer.head["status"] != 200:
            worker.optimisation_error = json.loads(answer.body)["status"]["error"]

    def _path(self, name: str) -> Path:
        return self.collections / name


def _ok(result: Any) -> Response:
    return JSONResponse({"result": result, "status": "ok", "time": 0.0})


def _refused(status: int, message: str) -> Response:
    headers = {"Retry-After": "1"} if status == 429 else None
    return JSONResponse({"status": {"error": message}, "time": 0.0, "result": None}, status, headers)


def _passed_on(status: int, body: bytes) -> Response:
    return Response(body, status, media_type="application/json")


Handler = Callable[[Front, Request], Awaitable[Response]]


async def _root(front: Front, request: Request) -> Response:
    """Name the protocol's version: the client asks for it and compares it with its own."""
    version = importlib.metadata.version("qdrant-client")
    return JSONResponse({"title": "ingest embedded engine", "version": version, "workers": front.pool.pids()})


async def _list(front: Front, request: Request) -> Response:
    return _ok({"collections": [{"name": name} for name in front.names()]})


async def _exists(front: Front, request: Request) -> Response:
    return _ok({"exists": front.exists(front.aliases.resolve(request.path_params["collection"]))})


async def _info(front: Front, request: Request) -> Response:
    return await front.info(front.target(request))


async def _create(front: Front, request: Request) -> Response:
    return await front.create(request.path_params["collection"], await _body(front, request))


async def _drop(front: Front, request: Request) -> Response:
    return _ok(await front.drop(request.path_params["collection"]))


async def _patch(front: Front, request: Request) -> Response:
    models = await asyncio.to_thread(request_models)
    change = models.UpdateCollection.model_validate_json(await _body(front, request)).model_dump(exclude_none=True)
    threshold = (change.get("optimizers_config") or {}).get("indexing_threshold")
    if threshold is None or change != {"optimizers_config": {"indexing_threshold": threshold}}:
        raise Refused(400, "Wrong input: the embedded engine changes optimizers_config.indexing_threshold only")
    await front.set_threshold(front.target(request), threshold)
    return _ok(True)


async def _get_aliases(front: Front, request: Request) -> Response:
    table = sorted(front.aliases.all().items())
    return _ok({"aliases": [{"alias_name": name, "collection_name": target} for name, target in table]})


async def _move_aliases(front: Front, request: Request) -> Response:
    models = await asyncio.to_thread(request_models)
    operation = models.ChangeAliasesOperation.model_validate_json(await _body(front, request))
    await front.aliases.apply([action.model_dump() for action in operation.actions])
    return _ok(True)


def _points(do: str) -> Handler:
    async def handler(front: Front, request: Request) -> Response:
        head = {"do": do, "flush": request.query_params.get("ordering") == "strong"}
        body = await _body(front, request)
        answer = await front.pool.ask(front.target(request), head, body)
        return _passed_on(answer.head["status"], answer.body)

    return handler


ONE = "/collections/{collection}"
ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/", _root),
    ("GET", "/aliases", _get_aliases),
    ("POST", "/collections/aliases", _move_aliases),
    ("GET", "/collections", _list),
    ("GET", ONE, _info),
    ("PUT", ONE, _create),
    ("PATCH", ONE, _patch),
    ("DELETE", ONE, _drop),
    ("GET", ONE + "/exists", _exists),
    ("PUT", ONE + "/index", _points("index")),
    ("PUT", ONE + "/points", _points("upsert")),
    ("POST", ONE + "/points", _points("retrieve")),
    ("POST", ONE + "/points/delete", _points("delete")),
    ("POST", ONE + "/points/scroll", _points("scroll")),
    ("POST", ONE + "/points/count", _points("count")),
    ("POST", ONE + "/points/query", _points("query")),
    ("POST", ONE + "/points/query/batch", _points("query_batch")),
)


async def _body(front: Front, request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > front.options.max_body:
            raise Refused(413, f"Payload error: a request has at most {front.options.max_body} bytes")
    return bytes(body)


def application(front: Front, token: str) -> Starlette:
    """Return the front as an ASGI application that answers only requests with `token`."""

    def endpoint(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            if not hmac.compare_digest(request.headers.get("api-key", "").encode(), token.encode()):
                return _refused(401, "Unauthorized: Must provide an API key or an Authorization bearer token")
            try:
                return await handler(front, request)
            except (Refused, AliasRefused) as error:
                return _refused(error.status, str(error))
            except ValidationError as error:
                return _refused(400, f"Format error in JSON body: {error}")
            except WorkerDied as error:
                return _refused(503, f"Service unavailable: {error}")
            except WorkerBusy as error:
                return _refused(429, f"Too many requests: {error}")

        return guarded

    return Starlette(routes=[Route(path, endpoint(handler), methods=[method]) for method, path, handler in ROUTES])


def request_models() -> Any:
    """Return Qdrant's request models; the first import takes more than a second."""
    from qdrant_client.http import models

    return models
