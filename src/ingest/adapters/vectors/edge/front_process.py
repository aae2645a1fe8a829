"""The process of the front, started by `engine` with a folder and its options as JSON."""

import asyncio
import json
import logging
import os
import secrets
import signal
import socket
import sys
import time
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any

import uvicorn

from ingest.adapters.vectors.edge import locks
from ingest.adapters.vectors.edge.front import Front
from ingest.adapters.vectors.edge.worker_pool import FrontOptions

LOCK_SECONDS = 2.0  # checking the lock holds it for a moment


async def until_unused(folder: Path, options: FrontOptions, ours: FileIO) -> FileIO | None:
    """Return the users' lock, to be kept to the end, once no process has held it for the grace period.

    A new user waits for the lock, finds the front gone and starts another. A front whose folder was deleted, or put
    back from a copy, ends at once: nobody can find it any more, or another front serves there.
    """
    free_since: float | None = None
    with suppress(FileNotFoundError):  # and nothing is created while the folder is being deleted
        while locks.is_at(ours, folder / locks.FRONT):
            lock = None if (folder / locks.KEEP).exists() else locks.try_lock(folder / locks.USERS, create=False)
            free_since = None if lock is None else free_since or time.monotonic()
            if free_since and time.monotonic() - free_since >= options.grace_seconds:
                return lock
            if lock is not None:
                lock.close()
            await asyncio.sleep(options.poll_seconds)
    return None


async def serve(folder: Path, options: FrontOptions, ours: FileIO) -> None:
    """Serve until a signal or until nobody uses the folder. `ours`: the lock that makes this its front."""
    token = secrets.token_urlsafe(32)
    front = Front(folder, options)
    plain: dict[str, Any] = {"http": "h11", "ws": "none", "lifespan": "off", "log_config": None, "access_log": False}
    stop = int(options.stop_seconds)
    config = uvicorn.Config(front.application(token), loop="asyncio", timeout_graceful_shutdown=stop, **plain)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # inherited; or a kept connection waits 40 ms
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        locks.write_durably(folder / locks.ENDPOINT, {"pid": os.getpid(), "url": url, "token": token})
        watch = asyncio.create_task(until_unused(folder, options, ours))
        watch.add_done_callback(lambda _: setattr(server, "should_exit", True))  # also when it failed
        try:
            await server.serve(sockets=[listener])
        finally:
            deleted = not locks.is_at(ours, folder / locks.FRONT)
            if not deleted:
                (folder / locks.ENDPOINT).unlink(missing_ok=True)
            watch.cancel()
            await front.pool.close(0 if deleted else options.stop_seconds)


def main() -> None:
    """Take the folder's lock and serve, in a detached process that holds it; end if another front has the folder."""
    folder = Path(sys.argv[1])
    options = FrontOptions(**json.loads(sys.argv[2]))
    ours = locks.wait_until(lambda: locks.try_lock(folder / locks.FRONT), LOCK_SECONDS)
    if ours is None:
        sys.exit(f"another front holds {folder}")
    if os.fork():
        os._exit(0)  # the child keeps the lock; our parent need not wait and gets no zombie
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # uvicorn raises caught signals again, before we have closed
    asyncio.run(serve(folder, options, ours))


if __name__ == "__main__":
    main()
