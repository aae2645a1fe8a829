"""Temporary files: tables that memory does not hold, and folders that are removed also after a kill.

A table is a temporary SQLite file without a name (SQLITE_TMPDIR, TMPDIR): nothing of it outlives the process. A folder
below TMPDIR is locked for as long as it is used, so the next run can tell those of killed ones and removes them.
"""

import errno
import fcntl
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from ingest.errors import LocalUnavailable

# No journal: a scratch table is never rolled back. The cache is 64 MiB, the rest is spilled.
PRAGMAS = "PRAGMA temp_store=FILE; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-65536;"
PREFIX = "ingest-scratch-"
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT)
UNLOCKED_SECONDS = 60.0  # a younger folder may belong to a process that has not locked it yet


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give a locked folder for temporary files. Raises: LocalUnavailable if there is no space, also later, inside."""
    with temporary_space(), tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as folder:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield Path(folder)
        finally:
            os.close(lock)


def sweep() -> int:
    """Remove what killed processes of this user left, and return how many folders that were. Never fails."""
    removed = 0
    with suppress(OSError):
        for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
            with suppress(OSError):
                removed += _swept(path)
    return removed


def _swept(path: Path) -> bool:
    status = path.lstat()
    if status.st_uid != os.getuid() or time.time() - status.st_ctime < UNLOCKED_SECONDS:
        return False
    lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails while its process lives
        shutil.rmtree(path)
    finally:
        os.close(lock)
    return True


@contextmanager
def temporary_space() -> Iterator[None]:
    """Translate what a full, missing or forbidden folder for temporary files raises. Raises: LocalUnavailable."""
    try:
        yield
    except sqlite3.Error as error:
        raise _no_space(str(error)) from error
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise _no_space(error.strerror or str(error)) from error


def _no_space(why: str) -> LocalUnavailable:
    try:
        folder = tempfile.gettempdir()
        told = f"{folder} ({shutil.disk_usage(folder).free // 2**20:,} MiB free)"
    except OSError:
        told = "any of the usual folders"
    limit = "or a limit on the size of files (ulimit -f)"
    return LocalUnavailable(f"no temporary space in {told}: {why}; see TMPDIR and SQLITE_TMPDIR, {limit}")


class Scratch:
    """Tables in a temporary file. Use as a context manager; after an error the content is undefined."""

    def __init__(self, tables: str) -> None:
        """Create the tables, given as SQL statements. Raises: LocalUnavailable, as every use of them does."""
        with temporary_space():
            self._db = sqlite3.connect("", isolation_level=None)
            self._db.executescript(PRAGMAS + tables)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        self._db.close()
        if isinstance(error, sqlite3.Error):
            raise _no_space(str(error)) from error

    def insert(self, table: str, rows: Iterable[tuple[Any, ...]], columns: int) -> None:
        """Append rows in one transaction. Raises: LocalUnavailable, and what `rows` raises; rows before that stay."""
        self._db.execute("BEGIN")
        try:
            self._db.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * columns)})", rows)
        except sqlite3.Error as error:
            raise _no_space(str(error)) from error
        finally:
            if self._db.in_transaction:  # a full disk ends it
                self._db.execute("COMMIT")
