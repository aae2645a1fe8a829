"""Files that appear whole or not at all, and whose names survive a power failure."""

import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ingest.lake.keys import TEMPORARY

BLOCK = 2**16  # bytes
LEFTOVER_SECONDS = 24 * 3600.0  # an older temporary file belongs to a process that died


@contextmanager
def whole_file(folder: Path, write: Callable[[Path], object]) -> Iterator[Path]:
    """Yield a temporary file with what `write` writes to it, on the disk, to be renamed or linked; then remove it."""
    temporary = folder / f"{TEMPORARY}{secrets.token_hex(12)}"
    try:
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def remove_leftover(temporary: Path) -> None:
    """Remove a temporary file of a process that died. One that is not ours, or gone, is no fault."""
    with suppress(OSError):
        if time.time() - temporary.stat().st_mtime > LEFTOVER_SECONDS:
            temporary.unlink()


def copy_durably(source: str, target: str) -> None:
    """Copy a file to the disk without its blocks of zeros, which take no space there."""
    with Path(source).open("rb") as file, Path(target).open("wb") as copy:
        while block := file.read(BLOCK):
            copy.seek(len(block), os.SEEK_CUR) if block == bytes(len(block)) else copy.write(block)
        copy.truncate()
        os.fsync(copy.fileno())


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
