"""Files of the lake that are named by their content are verified against their name before they are read."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import RawIOBase
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from ingest.bounded_cache import BoundedCache
from ingest.errors import DamagedFile, SchemaMismatch
from ingest.ids import file_sha256
from ingest.ports import Store

TRAILER = 8  # bytes at the end of a Parquet file: the length of its footer, and the magic number
REMEMBERED = 65_536  # files whose verification this process remembers

_checked: BoundedCache[tuple[str, int, int, int], str] = BoundedCache(REMEMBERED)  # path, inode, bytes, mtime → SHA-256


def verified_path(store: Store, key: str, expected: str = "") -> Path:
    """Return a local file with the `expected` SHA-256, by default that in its name. Raises: DamagedFile if none is."""
    try:
        return _verified(store, key, store.local_path(key), expected or Path(key).stem)
    except DamagedFile:
        return _verified(store, key, store.local_path(key, anew=True), expected or Path(key).stem)


def _verified(store: Store, key: str, path: Path, expected: str) -> Path:
    try:
        status = path.stat()
        seen = (str(path), status.st_ino, status.st_size, status.st_mtime_ns)
        found = _checked.get(seen) or file_sha256(path)
    except OSError as error:
        raise DamagedFile(f"{key}: cannot be read: {error}") from error
    if found != expected:
        raise DamagedFile(
            f"{store.uri}/{key}: its bytes are damaged: SHA-256 {found}, not {expected} (read from {path})"
        )
    _checked.put(seen, found)
    return path


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Translate what Arrow and the file system raise while `name` is read. Raises: SchemaMismatch."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise SchemaMismatch(f"{name}: cannot be read: {error}") from error


def footer_sha256(file: BinaryIO | RawIOBase, size: int) -> str:
    """Return the SHA-256 of a Parquet file's footer, 64 hex digits; "" when its stated length exceeds the file's."""
    file.seek(size - TRAILER)
    length = int.from_bytes((file.read(TRAILER) or b"")[:4], "little") + TRAILER
    if length > size:
        return ""
    file.seek(size - length)
    return hashlib.sha256(file.read(length) or b"").hexdigest()
