"""The front's side of the workers: starts them, hands them requests in order, notices their death, closes idle ones."""

import asyncio
import logging
import os
import socket
import sys
from collections import deque
from pathlib import Path
from typing import Any, NamedTuple

from pydantic_core import to_json

from ingest.adapters.child_process import HEADER, Frame
from ingest.adapters.vectors.edge.alias_table import Refused

logger = logging.getLogger(__name__)


class WorkerDied(Refused):
    """The worker ended before it answered; the next request starts another, which opens the folder from its WAL."""

    def __init__(self, pid: int) -> None:
        super().__init__(503, f"Service unavailable: worker {pid} ended before it answered")


class WorkerBusy(Refused):
    """More requests wait than the limit allows."""

    def __init__(self, message: str) -> None:
        super().__init__(429, f"Too many requests: {message}")


class Answer(NamedTuple):
    """What a worker says: an HTTP status and a body in Qdrant's JSON."""

    status: int
    body: bytes


class Worker:
    """One worker process. Requests are written at once and answered in order."""

    def __init__(self, process: asyncio.subprocess.Process, connection: socket.socket, max_waiting: int) -> None:
        self.process = process
        self._connection = connection
        self._max_waiting = max_waiting
        self._waiting: deque[asyncio.Future[Answer]] = deque()
        self.optimisation: asyncio.Task[None] | None = None
        self.optimisation_error = ""
        self.info_before: dict[str, Any] = {}  # of the collection, when its optimisation began

    async def start(self) -> None:
        """Begin to listen for answers."""
        self._reader, self._writer = await asyncio.open_connection(sock=self._connection)
        self._listener = asyncio.create_task(self._listen())

    @property
    def alive(self) -> bool:
        """False as soon as the pipe broke or the process ended."""
        return not self._listener.done()

    @property
    def idle(self) -> bool:
        """True when nothing waits for an answer."""
        return not self._waiting and not self.optimising

    @property
    def optimising(self) -> bool:
        """True from the request to optimise until it is done."""
        return self.optimisation is not None and not self.optimisation.done()

    async def ask(self, head: dict[str, Any], body: bytes = b"") -> Answer:
        """Return the worker's answer. Raises: WorkerDied, WorkerBusy.

        A caller that goes away (a client that hung up) leaves its place in the order, so answers cannot be mixed up.
        """
        if not self.alive:
            raise WorkerDied(self.process.pid)
        if len(self._waiting) >= self._max_waiting:
            raise WorkerBusy(
                f"{len(self._waiting)} requests wait for this collection, the limit is {self._max_waiting}"
            )
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            self._writer.writelines(Frame(to_json(head), body).parts())
            await self._writer.drain()
        except OSError as error:
            raise WorkerDied(self.process.pid) from error
        return await future

    async def end(self, grace_seconds: float) -> None:
        """Close the pipe, at which the worker flushes and ends; kill it after `grace_seconds`, at once for 0."""
        self._writer.close()
        if grace_seconds > 0:
            try:
                await asyncio.wait_for(self.process.wait(), grace_seconds)
            except TimeoutError:
                logger.warning("worker %d did not end within %s s, killed", self.process.pid, grace_seconds)
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        self._listener.cancel()
        if self.optimisation is not None:
            await asyncio.wait([self.optimisation])

    async def _listen(self) -> None:
        try:
            while True:
                head, body = HEADER.unpack(await self._reader.readexactly(HEADER.size))
                status = int(await self._reader.readexactly(head))
                answer = Answer(status, await self._reader.readexactly(body))
                future = self._waiting.popleft()
                if not future.done():
                    future.set_result(answer)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            while self._waiting:
                future = self._waiting.popleft()
                if not future.done():
                    future.set_exception(WorkerDied(self.process.pid))


class Pool:
    """At most `max_open` workers, one per collection; the one that was idle longest makes room for another."""

    def __init__(self, folder: Path, *, max_open: int, max_waiting: int, grace_seconds: float) -> None:
        self._folder = folder
        self._max_open = max_open
        self._max_waiting = max_waiting
        self._grace_seconds = grace_seconds
        self._workers: dict[str, Worker] = {}  # least recently used first
        self._starting = asyncio.Lock()

    def find(self, collection: str) -> Worker | None:
        """Return the worker that has the collection open, if there is one."""
        return self._workers.get(collection)

    async def get(self, collection: str) -> Worker:
        """Return the collection's worker, started if need be. Raises: WorkerBusy when all are at work."""
        worker = self._workers.get(collection)
        if worker is None or not worker.alive:
            async with self._starting:
                worker = self._workers.get(collection)
                if worker is None or not worker.alive:
                    worker = await self._replace(collection, worker)
        if collection in self._workers:
            self._workers[collection] = self._workers.pop(collection)
        return worker

    async def ask(self, collection: str, head: dict[str, Any], body: bytes = b"") -> Answer:
        """Return the answer of the collection's worker. Raises: WorkerDied, WorkerBusy."""
        worker = await self.get(collection)
        return await worker.ask({**head, "collection": collection}, body)

    async def discard(self, collection: str) -> None:
        """Release a collection whose data goes away; nothing is flushed."""
        async with self._starting:
            if worker := self._workers.pop(collection, None):
                await worker.end(0)

    async def close(self) -> None:
        """End all workers."""
        async with self._starting:
            workers, self._workers = list(self._workers.values()), {}
            await asyncio.gather(*(worker.end(self._grace_seconds) for worker in workers))

    def pids(self) -> dict[str, int]:
        """Return the process of each open collection."""
        return {name: worker.process.pid for name, worker in self._workers.items() if worker.alive}

    async def _replace(self, collection: str, dead: Worker | None) -> Worker:
        if dead is not None:
            logger.warning("worker %d of %s ended, starting another", dead.process.pid, collection)
            await dead.end(self._grace_seconds)
            del self._workers[collection]
        elif len(self._workers) >= self._max_open:
            idle = next((name for name, worker in self._workers.items() if worker.idle), None)
            if idle is None:
                raise WorkerBusy(f"all {self._max_open} workers are at work")
            await self._workers.pop(idle).end(self._grace_seconds)
        self._workers[collection] = worker = await self._spawn()
        return worker

    async def _spawn(self) -> Worker:
        ours, theirs = socket.socketpair()
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "ingest.adapters.vectors.edge.worker"),
                *(str(self._folder), str(theirs.fileno()), str(os.getpid())),
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        worker = Worker(process, ours, self._max_waiting)
        await worker.start()
        return worker
