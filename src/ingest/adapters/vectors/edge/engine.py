"""Finds or starts the embedded engine of a folder, and releases it.

The engine lives as long as a process that uses it: each holds a shared file lock, which the kernel drops on SIGKILL.
"""

import http.client
import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ingest.adapters.vectors.edge import locks
from ingest.errors import IndexUnavailable
from ingest.extras import require

LIBRARIES = ("qdrant-edge-py", "starlette", "uvicorn", "httpx", "psutil")
START_SECONDS = 60.0  # the imports of a cold start take seconds on a slow machine
STOP_SECONDS = 30.0


@dataclass(frozen=True)
class EngineStatus:
    """Status of a folder's engine, for people. `in_use`: a process uses it; `kept`: it stays even without one."""

    folder: Path
    running: bool
    pid: int | None
    url: str | None
    in_use: bool
    kept: bool
    collections: tuple[str, ...]


class Engine:
    """The engine of a folder as an address: it is found, started and restarted automatically."""

    def __init__(self, folder: Path, *, start_seconds: float = START_SECONDS, **options: Any) -> None:
        """Store the folder and `options`, fields of `FrontOptions`. Raises: InvalidSettings without its libraries."""
        require("without qdrant.url or QDRANT_URL, the embedded engine", "ingest[embedded]", *LIBRARIES)
        self.folder = folder
        self._start_seconds, self._options = start_seconds, options
        self._held = ExitStack()  # the lock that tells the engine of its user

    def address(self) -> tuple[str, str]:
        """Return URL and token of the running engine, started if none runs; it stays at least until `close`.

        Raises: IndexUnavailable if it does not answer within `start_seconds`.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder, seconds = self.folder.resolve(), self._start_seconds
        with ExitStack() as held:
            held.enter_context(closing(_lock(folder / locks.USERS, seconds, shared=True)))
            with closing(_lock(folder / locks.START, seconds)):
                found = _await_answer(folder, seconds) or _start(folder, seconds, self._options)
            self.close()
            self._held = held.pop_all()
        return found["url"], found["token"]

    def close(self) -> None:
        """Release the engine, which ends with its last user."""
        self._held.close()


def start(folder: Path, **options: Any) -> EngineStatus:
    """Start the engine, which then outlives its last user, until `stop`. `options` as for `Engine`."""
    with closing(Engine(folder, **options)) as engine:
        engine.address()
        (folder / locks.KEEP).touch(mode=0o600)
        return status(folder)


def stop(folder: Path, *, force: bool = False) -> EngineStatus:
    """End the engine if no process uses it, or in any case with `force`; the data stays.

    Without `force`, an engine in use keeps running and ends with its last user. Raises: IndexUnavailable if it does
    not end within STOP_SECONDS.
    """
    if not folder.is_dir():
        return status(folder)
    (folder / locks.KEEP).unlink(missing_ok=True)
    with closing(_lock(folder / locks.START, STOP_SECONDS)):
        pid = (found := status(folder)).pid  # of the front: it runs, and wrote the file itself
        if pid is not None and (force or not found.in_use):
            os.kill(pid, signal.SIGTERM)
            if not locks.wait_until(lambda: not locks.is_locked(folder / locks.FRONT), STOP_SECONDS):
                raise IndexUnavailable(f"the engine of {folder} (process {pid}) did not end in {STOP_SECONDS} s")
    return status(folder)


def status(folder: Path) -> EngineStatus:
    """Return the status of the engine of `folder`; starts nothing."""
    if not folder.is_dir():
        return EngineStatus(folder, False, None, None, False, False, ())
    running = locks.is_locked(folder / locks.FRONT)
    found = (locks.read_json(folder / locks.ENDPOINT) if running else None) or {}
    in_use, kept = locks.is_locked(folder / locks.USERS), (folder / locks.KEEP).exists()
    names = sorted(path.name for path in (folder / locks.COLLECTIONS).glob("[!.]*"))
    return EngineStatus(folder, running, found.get("pid"), found.get("url"), in_use, kept, tuple(names))


def _lock(path: Path, timeout_seconds: float, shared: bool = False) -> FileIO:
    if lock := locks.wait_until(lambda: locks.try_lock(path, shared=shared), timeout_seconds):
        return lock
    raise IndexUnavailable(f"{path} was held by another process for {timeout_seconds} s")


def _await_answer(folder: Path, timeout_seconds: float) -> dict[str, Any] | None:
    """Return the front once it answers, None if there is none. Raises: IndexUnavailable if it is stuck."""

    def look() -> list[dict[str, Any] | None]:
        if not locks.is_locked(folder / locks.FRONT):  # the endpoint may name one that was killed
            return [None]
        found = locks.read_json(folder / locks.ENDPOINT)
        return [found] if found is not None and _answers(found) else []

    if answered := locks.wait_until(look, timeout_seconds, 0.05):
        return answered[0]
    log = folder / locks.LOG
    raise IndexUnavailable(f"the engine of {folder} is running but did not answer for {timeout_seconds} s; see {log}")


def _answers(found: dict[str, Any]) -> bool:
    connection = http.client.HTTPConnection(urlsplit(found["url"]).netloc, timeout=5.0)
    with closing(connection), suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/", headers={"api-key": found["token"]})
        return connection.getresponse().status == http.client.OK
    return False


def _start(folder: Path, start_seconds: float, options: dict[str, Any]) -> dict[str, Any]:
    (folder / locks.ENDPOINT).unlink(missing_ok=True)  # left by a killed front
    log = folder / locks.LOG
    if log.exists():
        log.replace(log.with_name(f"{log.name}.1"))
    # `-P`: a file in the working directory must not shadow a library.
    front = [sys.executable, "-P", "-m", "ingest.adapters.vectors.edge.front_process", str(folder), json.dumps(options)]
    try:
        with log.open("wb") as output:
            streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
            # Its own session: the terminal's Ctrl-C is not for it. Unchecked: what counts is that a front answers.
            subprocess.run(front, **streams, start_new_session=True, timeout=start_seconds, check=False)
    except subprocess.TimeoutExpired as error:
        raise IndexUnavailable(f"the engine of {folder} did not start in {start_seconds} s; see {log}") from error
    if found := _await_answer(folder, start_seconds):
        return found
    tail = log.read_text(errors="replace")[-500:].strip()
    raise IndexUnavailable(f"the engine of {folder} ended during its start; {log} ends with: {tail}")
