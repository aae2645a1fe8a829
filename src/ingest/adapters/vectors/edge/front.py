"""The loopback HTTP front of the embedded engine: routes requests to the workers and owns the aliases.

It speaks the part of Qdrant's REST protocol that `vectors/qdrant` uses, on 127.0.0.1 only, to clients with the token.
Bodies of point requests are passed on unparsed. It ends when no process holds the users' lock any more.
"""

import asyncio
import hmac
import importlib.metadata
import json
import re
import shutil
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ingest.adapters.durable_files import sync_folder
from ingest.adapters.vectors.edge import locks
from ingest.adapters.vectors.edge.locks import read_json, write_durably
from ingest.adapters.vectors.edge.worker_pool import FrontOptions, Pool, WorkerProcess

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,199}")
ONE = "/collections/{collection}"
Handler = Callable[[Request], Awaitable[Response]]


class Front:
    """Collections, aliases and workers of one folder. A coroutine that takes a request returns its response."""

    def __init__(self, folder: Path, options: FrontOptions) -> None:
        self.collections = folder / locks.COLLECTIONS
        self.collections.mkdir(mode=0o700, exist_ok=True)
        for leftover in self.collections.glob(".*"):  # of an interrupted creation or removal
            shutil.rmtree(leftover, ignore_errors=True)
        self.options = options
        self.leaving: set[str] = set()
        self.creating = asyncio.Lock()
        self.aliases = AliasTable(folder / locks.ALIASES, self.exists)
        self.pool = Pool(self.collections, options)

    def exists(self, collection: str) -> bool:
        """Return whether a collection with this name exists."""
        named = NAME.fullmatch(collection) is not None and collection not in self.leaving
        return named and (self.collections / collection).is_dir()

    async def _root(self, request: Request) -> Response:
        """Return the protocol's version: the client compares it with its own."""
        version = importlib.metadata.version("qdrant-client")
        workers = {name: worker.process.pid for name, worker in self.pool.workers.items() if worker.alive}
        return JSONResponse({"title": "ingest embedded engine", "version": version, "workers": workers})

    async def _list(self, request: Request) -> Response:
        names = sorted(path.name for path in self.collections.iterdir() if self.exists(path.name))
        return _ok({"collections": [{"name": name} for name in names]})

    async def _tell_whether_exists(self, request: Request) -> Response:
        """Return whether a collection or an alias with this name exists."""
        return _ok({"exists": self.exists(self.aliases.resolve(_name(request)))})

    async def _create(self, request: Request) -> Response:
        name, body = _name(request), await self._body(request)
        if not NAME.fullmatch(name):
            raise HTTPException(422, f"Wrong input: collection name {name!r}: letters, digits, _ . @ - up to 200")
        async with self.creating:
            if self.exists(name) or name in self.aliases.table:
                raise HTTPException(409, f"Wrong input: Collection `{name}` already exists!")
            match json.loads(body):
                case {"metadata": {"copy_of": str(like), **told}, **more}:  # asked for, and not kept
                    body = json.dumps({**more, "metadata": told or None}).encode()
                    if self.exists(like):
                        with suppress(HTTPException):  # whatever became of its worker, what is new can begin empty
                            await self.pool.ask(like, {"do": "copy", "to": name}, body)
            answer = _ok(True) if self.exists(name) else await self.pool.ask(name, {"do": "create"}, body)
            if answer.status_code != 200:
                await self.pool.discard(name)
        return answer

    async def _drop(self, request: Request) -> Response:
        """Remove a collection and its aliases; False if there is none."""
        name = _name(request)
        async with self.creating:
            if not self.exists(name):
                return _ok(False)
            await self.aliases.forget(name)
            self.leaving.add(name)
            try:
                await self.pool.discard(name)
                rubbish = self.collections / f".old-{name}"
                (self.collections / name).rename(rubbish)
                sync_folder(self.collections)
            finally:
                self.leaving.discard(name)
            await asyncio.to_thread(shutil.rmtree, rubbish, ignore_errors=True)
        return _ok(True)

    async def _info(self, request: Request) -> Response:
        """Return CollectionInfo; while the worker builds a graph, the last known one with status yellow."""
        collection = self._target(request)
        settings = self.collections / collection / "collection.json"
        if collection not in self.pool.workers and (told := (read_json(settings) or {}).get("info")):  # it is closed
            return _ok(told)
        worker = await self.pool.get(collection)
        if worker.optimising:
            return _ok({**worker.info_before, "status": "yellow"})
        fault = worker.optimisation.result() if worker.optimisation is not None else ""
        answer = await self.pool.ask(collection, {"do": "info"})
        if answer.status_code == 200 and fault:
            result = json.loads(bytes(answer.body))["result"]
            return _ok({**result, "status": "red", "optimizer_status": {"error": fault}})
        return answer

    async def _patch(self, request: Request) -> Response:
        """Change settings; if a graph is due then, the optimisation starts and goes on after the response."""
        collection = self._target(request)
        if (worker := await self.pool.get(collection)).optimisation is not None:
            await asyncio.wait([worker.optimisation])
        answer = await self.pool.ask(collection, {"do": "change"}, await self._body(request))
        if answer.status_code == 200:
            info = json.loads(bytes((await self.pool.ask(collection, {"do": "info"})).body))["result"]
            if info["status"] == "grey":
                worker = await self.pool.get(collection)
                worker.info_before = info
                worker.optimisation = asyncio.create_task(_optimise(worker))
        return answer

    async def _read_aliases(self, request: Request) -> Response:
        table = sorted(self.aliases.table.items())
        return _ok({"aliases": [{"alias_name": name, "collection_name": target} for name, target in table]})

    async def _move_aliases(self, request: Request) -> Response:
        match json.loads(await self._body(request)):
            case {"actions": [*actions]}:
                await self.aliases.apply(actions)
                return _ok(True)
        raise HTTPException(400, "Format error in JSON body: no list of actions")

    async def _hand_on(self, do: str, request: Request) -> Response:
        head = {"do": do, "flush": request.query_params.get("ordering") == "strong"}
        body = await self._body(request)
        return await self.pool.ask(self._target(request), head, body)

    def application(self, token: str) -> Starlette:
        """Return the front as an ASGI application that accepts only requests with `token`."""

        async def guarded(answer: Handler, request: Request) -> Response:
            if not hmac.compare_digest(request.headers.get("api-key", "").encode(), token.encode()):
                raise HTTPException(401, "Unauthorized: Must provide an API key or an Authorization bearer token")
            return await answer(request)

        points = {  # handed on to the method of `Collection` that is named
            ("PUT", "/index"): "create_index",
            ("PUT", "/points"): "upsert",
            ("POST", "/points"): "retrieve",
            **{("POST", f"/points/{do}"): do for do in ("delete", "scroll", "count", "query")},
            ("POST", "/points/query/batch"): "query_batch",
        }
        handlers: dict[tuple[str, str], Handler] = {
            ("GET", "/"): self._root,
            ("GET", "/aliases"): self._read_aliases,
            ("POST", "/collections/aliases"): self._move_aliases,
            ("GET", "/collections"): self._list,
            ("GET", ONE): self._info,
            ("PUT", ONE): self._create,
            ("PATCH", ONE): self._patch,
            ("DELETE", ONE): self._drop,
            ("GET", f"{ONE}/exists"): self._tell_whether_exists,
            **{(method, ONE + path): partial(self._hand_on, do) for (method, path), do in points.items()},
        }
        routes = [Route(path, partial(guarded, act), methods=[method]) for (method, path), act in handlers.items()]
        return Starlette(routes=routes, exception_handlers={HTTPException: _refusal, json.JSONDecodeError: _refusal})

    def _target(self, request: Request) -> str:
        """Return the collection that a request names, directly or by an alias. Raises: HTTPException."""
        collection = self.aliases.resolve(_name(request))
        if not self.exists(collection):
            raise HTTPException(404, f"Not found: Collection `{_name(request)}` doesn't exist!")
        return collection

    async def _body(self, request: Request) -> bytes:
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > self.options.max_body:
                raise HTTPException(413, f"Payload error: a request has at most {self.options.max_body} bytes")
        return bytes(body)


async def _optimise(worker: WorkerProcess) -> str:
    try:
        answer = await worker.ask({"do": "optimise"})
    except HTTPException as error:
        return error.detail
    return "" if answer.status_code == 200 else str(json.loads(bytes(answer.body))["status"]["error"])


def _name(request: Request) -> str:
    return str(request.path_params["collection"])


def _ok(result: Any) -> Response:
    return JSONResponse({"result": result, "status": "ok", "time": 0.0})


def _refusal(request: Request, error: Exception) -> Response:
    status, message = 400, f"Format error in JSON body: {error}"
    if isinstance(error, HTTPException):
        status, message = error.status_code, error.detail
    headers = {"Retry-After": "1"} if status == 429 else None
    return JSONResponse({"status": {"error": message}, "time": 0.0, "result": None}, status, headers)


class AliasTable:
    """Alias → collection, kept in one file. Only the front's event loop uses it."""

    def __init__(self, path: Path, collection_exists: Callable[[str], bool]) -> None:
        self._path = path
        self._exists = collection_exists
        self.table: dict[str, str] = read_json(path) or {}  # replaced as a whole, never changed
        self._lock = asyncio.Lock()

    def resolve(self, name: str) -> str:
        """Return the collection behind an alias, or `name` itself if it is not an alias."""
        return self.table.get(name, name)

    async def apply(self, actions: list[dict[str, Any]]) -> None:
        """Apply Qdrant's alias operations in order. Raises: HTTPException, at the first that fails."""
        async with self._lock:
            for action in actions:
                await self._save(self._after(action))

    async def forget(self, collection: str) -> None:
        """Remove every alias of a collection that is being dropped, in one write."""
        async with self._lock:
            left = {name: target for name, target in self.table.items() if target != collection}
            if left != self.table:
                await self._save(left)

    def _after(self, action: dict[str, Any]) -> dict[str, str]:
        table = dict(self.table)
        match action:
            case {"create_alias": {"alias_name": name, "collection_name": target}}:
                if not self._exists(target):
                    raise HTTPException(404, f"Not found: Collection `{target}` doesn't exist!")
                if self._exists(name):
                    raise HTTPException(409, f"Wrong input: Collection `{name}` already exists!")
                table[name] = target
            case {"rename_alias": {"old_alias_name": old, "new_alias_name": new}}:
                if old not in table:
                    raise HTTPException(404, f"Not found: Alias {old} does not exist!")
                table[new] = table.pop(old)
            case {"delete_alias": {"alias_name": name}}:
                table.pop(name, None)
            case _:
                raise HTTPException(400, f"Format error in JSON body: no action on an alias: {sorted(action)}")
        return table

    async def _save(self, table: dict[str, str]) -> None:
        await asyncio.to_thread(write_durably, self._path, table)
        self.table = table
