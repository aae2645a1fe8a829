"""The front's side of the workers: starts them, sends them requests in order, detects their death, ends idle ones."""

import asyncio
import logging
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

from ingest.records import QdrantOptions

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FrontOptions:
    """Limits of the front and its workers. Times in seconds."""

    max_open: int = QdrantOptions().open_collections  # at once, each a process
    max_waiting: int = 64  # requests waiting for one collection; further ones get 429
    max_body: int = 32 * 2**20  # bytes of a request, Qdrant's own default; larger ones get 413
    stop_seconds: float = 10.0  # for a worker to flush at the end, then it is killed
    poll_seconds: float = 0.5  # between two checks for users
    grace_seconds: float = 2.0  # without users before the end


class WorkerProcess:
    """One worker process, and the thread that asks it one request after another."""

    def __init__(self, process: subprocess.Popen[bytes], pipe: Connection, max_waiting: int) -> None:
        self.process, self._pipe = process, pipe
        self._waiting, self._max_waiting = 0, max_waiting
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="worker")
        self.optimisation: asyncio.Task[str] | None = None  # its result is what went wrong, "" for nothing
        self.info_before: dict[str, Any] = {}  # of the collection, at the start of its optimisation

    @property
    def alive(self) -> bool:
        """False once the pipe is broken or the process has ended."""
        return not self._pipe.closed and self.process.poll() is None

    @property
    def idle(self) -> bool:
        """True if nothing is waiting for an answer."""
        return not self._waiting and not self.optimising

    @property
    def optimising(self) -> bool:
        """True from the request to optimise until it is done."""
        return self.optimisation is not None and not self.optimisation.done()

    async def ask(self, head: dict[str, Any], body: bytes = b"") -> Response:
        """Return the worker's answer. Raises: HTTPException, 503 if the worker ends before it, 429 if too many wait.

        The request after a 503 starts another worker, which opens the folder from its WAL.
        Answers cannot be mixed up by a cancelled caller (a client that hung up): what has begun is done to its end.
        """
        if not self.alive:
            raise self._died()
        if (number := self._waiting) >= (limit := self._max_waiting):
            told = f"{number} requests wait for this collection, the limit is {limit}"
            raise HTTPException(429, f"Too many requests: {told}")
        self._waiting += 1
        try:
            status, answer = await asyncio.get_running_loop().run_in_executor(self._thread, self._asked, head, body)
            return Response(answer, status, media_type="application/json")
        except (EOFError, OSError) as error:
            raise self._died() from error
        finally:
            self._waiting -= 1

    def _asked(self, *request: Any) -> tuple[int, bytes]:
        try:
            self._pipe.send(request)
            answer: tuple[int, bytes] = self._pipe.recv()
            return answer
        except (EOFError, OSError):
            self._pipe.close()
            raise

    async def end(self, grace_seconds: float) -> None:
        """Have the worker flush and end after what it was asked; kill it after `grace_seconds`, at once if 0."""
        ended = asyncio.get_running_loop().run_in_executor(self._thread, self._ended)
        if grace_seconds > 0 and not (await asyncio.wait([ended], timeout=grace_seconds))[0]:
            logger.warning("worker %d did not end within %s s, killed", self.process.pid, grace_seconds)
        self.process.kill()
        await ended
        self._thread.shutdown()
        if self.optimisation is not None:
            await asyncio.wait([self.optimisation])

    def _ended(self) -> None:
        self._pipe.close()
        self.process.wait()

    def _died(self) -> HTTPException:
        return HTTPException(503, f"Service unavailable: worker {self.process.pid} ended before it answered")


class Pool:
    """At most `max_open` workers, one per collection; the least recently used idle one makes room for another."""

    def __init__(self, folder: Path, options: FrontOptions) -> None:
        self._folder, self._options = folder, options
        self.workers: dict[str, WorkerProcess] = {}  # by the collection that they have open, least recently used first
        self._starting = asyncio.Lock()

    async def get(self, collection: str) -> WorkerProcess:
        """Return the collection's worker, started if necessary. Raises: HTTPException if all are busy."""
        worker = self.workers.get(collection)
        if worker is None or not worker.alive:
            async with self._starting:
                worker = self.workers.get(collection)
                if worker is None or not worker.alive:
                    worker = await self._replace(collection, worker)
        self.workers[collection] = self.workers.pop(collection)
        return worker

    async def ask(self, collection: str, head: dict[str, Any], body: bytes = b"") -> Response:
        """Return the answer of the collection's worker. Raises: HTTPException."""
        return await (await self.get(collection)).ask(head, body)

    async def discard(self, collection: str) -> None:
        """Release a collection that is being dropped; nothing is flushed."""
        async with self._starting:
            if worker := self.workers.pop(collection, None):
                await worker.end(0)

    async def close(self, grace_seconds: float) -> None:
        """End all workers; for 0 seconds without a flush."""
        async with self._starting:
            workers, self.workers = list(self.workers.values()), {}
            await asyncio.gather(*(worker.end(grace_seconds) for worker in workers))

    async def _replace(self, collection: str, dead: WorkerProcess | None) -> WorkerProcess:
        if dead is not None:
            logger.warning("worker %d of %s ended, starting another", dead.process.pid, collection)
            await dead.end(self._options.stop_seconds)
            del self.workers[collection]
        elif len(self.workers) >= self._options.max_open:
            idle = next((name for name, worker in self.workers.items() if worker.idle), None)
            if idle is None:
                raise HTTPException(429, f"Too many requests: all {self._options.max_open} workers are busy")
            await self.workers.pop(idle).end(self._options.stop_seconds)
        self.workers[collection] = worker = self._spawn(collection)
        return worker

    def _spawn(self, collection: str) -> WorkerProcess:
        ours, theirs = Pipe()
        with theirs:
            arguments, descriptors = (self._folder / collection, theirs.fileno(), os.getpid()), [theirs.fileno()]
            command = (sys.executable, "-P", "-m", "ingest.adapters.vectors.edge.collection", *map(str, arguments))
            try:
                process = subprocess.Popen(command, pass_fds=descriptors, stdin=subprocess.DEVNULL)
            except OSError:
                ours.close()
                raise
        return WorkerProcess(process, ours, self._options.max_waiting)
