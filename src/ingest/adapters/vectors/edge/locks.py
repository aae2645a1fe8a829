"""Files and locks by which processes find the embedded engine of a folder, and it notices that nobody uses it.

    <folder>/start.lock      held while a process finds or starts the engine
    <folder>/front.lock      held by the front as long as it lives: free means no engine, despite endpoint.json
    <folder>/users.lock      shared by every process that uses the engine; the front ends once it can lock it alone
    <folder>/endpoint.json   0600: pid, URL and token of the front
    <folder>/keep            if it exists, the engine stays without users
    <folder>/aliases.json    <folder>/collections/<name>/   <folder>/engine.log, engine.log.1

The kernel drops a lock when its holder dies, SIGKILL included. `flock` needs a local file system.
"""

import fcntl
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any, TypeVar

from ingest.adapters.durable_files import sync_folder

T = TypeVar("T")
START, FRONT, USERS = "start.lock", "front.lock", "users.lock"
ENDPOINT, KEEP, ALIASES, COLLECTIONS, LOG = "endpoint.json", "keep", "aliases.json", "collections", "engine.log"


def try_lock(path: Path, *, shared: bool = False, create: bool = True) -> FileIO | None:
    """Take the lock on `path` at once, or return None if another process holds a conflicting one.

    It is held until the file is closed, or the process dies.
    """
    file = FileIO(path, "r+", opener=lambda name, flags: os.open(name, flags | (os.O_CREAT if create else 0), 0o600))
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def is_at(lock: FileIO, path: Path) -> bool:
    """Return whether `path` still is the file that is locked, rather than gone or another one."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(lock.fileno()), path.stat())
    return False


def is_locked(path: Path) -> bool:
    """Return whether a process holds the lock on `path`, shared or exclusive."""
    if lock := try_lock(path):
        lock.close()
    return lock is None


def wait_until(found: Callable[[], T | None], timeout_seconds: float, interval_seconds: float = 0.02) -> T | None:
    """Return the value of `found()` as soon as it is truthy, None after `timeout_seconds`."""
    deadline = time.monotonic() + timeout_seconds
    while not (value := found()):
        if time.monotonic() >= deadline:
            return None
        time.sleep(interval_seconds)
    return value


def write_durably(path: Path, value: Any) -> None:
    """Write `value` as JSON so that the file appears whole or not at all and survives a power failure. Mode 0600."""
    temporary = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(json.dumps(value, sort_keys=True).encode())
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def read_json(path: Path) -> Any:
    """Return the JSON value in `path`, or None if there is no such file."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
