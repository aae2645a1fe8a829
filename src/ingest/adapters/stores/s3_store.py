"""The lake under an `s3://` prefix. Needs an endpoint that honours `If-None-Match: *`; `check` verifies it."""

import io
import os
import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from ingest.adapters.durable_files import remove_leftover, whole_file
from ingest.adapters.s3_client import Bucket, Unmet
from ingest.adapters.uris import encode, split_uri
from ingest.errors import DamagedFile, InvalidSettings, StoreUnavailable
from ingest.ids import sha256_hex
from ingest.lake.keys import TEMPORARY, check_key, check_prefix
from ingest.records import S3Options

IN_USE_SECONDS = 300.0  # a copy handed out since then may not be open yet: it is not evicted
BLOCK = 2**18  # smallest number of bytes of a range: a request costs more than these


class S3Store:
    """Keys are objects below one prefix. Threads and processes may share it."""

    def __init__(self, uri: str, options: S3Options, cache_folder: Path, cache_bytes: int, ranges_above: int) -> None:
        bucket, self.prefix = split_uri(uri)
        self.uri = f"s3://{bucket}/{encode(self.prefix)}".rstrip("/")
        self.bucket = Bucket(bucket, options, StoreUnavailable)
        self.cache = FileCache(cache_folder, cache_bytes)
        self.ranges_above = ranges_above

    def get(self, key: str) -> bytes | None:
        return self.bucket.get(self._key(key))

    def put(self, key: str, data: bytes) -> None:
        self.bucket.put(self._key(key), data)

    def put_file(self, key: str, path: Path, *, read_soon: bool = False) -> None:
        self.bucket.upload(self._key(key), path)
        if read_soon:
            self.cache.path(self._cached(key), lambda copy: shutil.copyfile(path, copy), anew=True)

    def create(self, key: str, data: bytes) -> bool:
        for _ in range(self.bucket.options.attempts):
            try:
                self.bucket.put(self._key(key), data, IfNoneMatch="*")
            except Unmet:  # another writer was first, or our own response was lost
                if (held := self.get(key)) is not None:
                    return held == data
            else:
                return True
        told = f"{self.bucket.endpoint} answers that there is such a value, and that there is none"
        raise StoreUnavailable(f"{self.uri}/{key}: cannot create: {told}")

    def list(self, prefix: str) -> Iterator[str]:
        check_prefix(prefix)
        root = self.prefix + prefix
        keys = (item["Key"] for item in self.bucket.objects(root, "/"))
        names = (key.removeprefix(root) for key in keys if key != root)
        # S3 lists in this order; directory buckets do not, and their names must fit in memory.
        yield from sorted(names) if self.bucket.is_directory_bucket else names

    def walk(self) -> Iterator[tuple[str, int, float]]:
        for item in self.bucket.objects(self.prefix):
            yield item["Key"].removeprefix(self.prefix), item["Size"], item["LastModified"].timestamp()

    def delete(self, key: str) -> None:
        self.bucket.delete(self._key(key))  # a versioned bucket keeps it as an older version

    def local_path(self, key: str, *, anew: bool = False) -> Path:
        """Return a local copy of an immutable value, fetched once, or `anew`; open it within `IN_USE_SECONDS`."""
        name = self._key(key)

        def fetch(path: Path) -> None:
            with path.open("wb") as copy:
                if self.bucket.copy(name, copy) is None:
                    raise DamagedFile(f"{self.uri}/{key}: no such value")

        return self.cache.path(self._cached(key), fetch, anew=anew)

    def ranged(self, key: str, size: int) -> "RangedFile | None":
        name = self._key(key)
        if size <= self.ranges_above or self.cache.file(self._cached(key)).exists():
            return None

        def fetch(first: int, last: int) -> bytes:
            data = self.bucket.get_range(name, first, last, size)
            if data is None or len(data) != last - first:
                raise DamagedFile(f"{self.uri}/{key}: no such value of {size} bytes")
            return data

        try:
            self.cache.folder.mkdir(parents=True, exist_ok=True)
            return RangedFile(f"{self.uri}/{key}", size, fetch, tempfile.TemporaryFile(dir=self.cache.folder))
        except OSError as error:
            raise StoreUnavailable(f"cache {self.cache.folder}: cannot hold a copy: {error.strerror}") from error

    def check(self, token: str) -> None:
        key = f"checks/{token}"
        try:
            answers = self.create(key, b"first"), self.create(key, b"second"), self.get(key)
        finally:
            self.delete(key)
        if answers != (True, False, b"first"):
            raise InvalidSettings(f"{self.uri}: {self.bucket.endpoint} ignores If-None-Match, which a lake needs")

    def _cached(self, key: str) -> str:
        return f"{self.bucket.endpoint} {self.uri}/{key}"

    def _key(self, key: str) -> str:
        check_key(key)
        return self.prefix + key


class FileCache:
    """Files in one folder, at most `limit` bytes but for what is in use; the least recently used go first."""

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder = folder
        self.limit = limit

    def path(self, name: str, fetch: Callable[[Path], object], *, anew: bool = False) -> Path:
        """Return the file for `name`; `fetch` writes a missing one, or replaces it `anew`. Raises: StoreUnavailable."""
        path = self.file(name)
        try:
            with suppress(FileNotFoundError):
                if not anew:
                    # Used now. Its modification time stays: by it, readers recognise a file that they have verified.
                    os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
                    return path
            self.folder.mkdir(parents=True, exist_ok=True)
            with whole_file(self.folder, fetch) as temporary:  # a power failure must not leave a name without the bytes
                temporary.replace(path)
            self._shrink()
        except OSError as error:
            raise StoreUnavailable(f"cache {self.folder}: cannot hold a copy: {error.strerror}") from error
        return path

    def file(self, name: str) -> Path:
        """Return where the file for `name` is, or would be; it has the suffix of its name."""
        return self.folder / f"{sha256_hex(name.encode())}{Path(name).suffix}"

    def _shrink(self) -> None:
        now = time.time()
        copies = []
        for path in self.folder.iterdir():
            if path.name.startswith(TEMPORARY):
                remove_leftover(path)
                continue
            with suppress(FileNotFoundError):  # another process tidies too
                status = path.stat()
                copies.append((status.st_atime, status.st_size, path))
        excess = sum(size for _, size, _ in copies) - self.limit
        for used, size, path in sorted(copies):
            if excess <= 0 or now - used <= IN_USE_SECONDS:
                return
            with suppress(FileNotFoundError):
                if path.stat().st_atime == used:  # not handed out in the meantime
                    path.unlink()
            excess -= size


class RangedFile(io.RawIOBase):
    """A seekable file over `fetch`, for one thread. Keeps blocks in an unnamed file. Raises as `fetch` does."""

    def __init__(self, name: str, size: int, fetch: Callable[[int, int], bytes], copy: io.BufferedRandom) -> None:
        """Fetch nothing yet. fetch(first, last) returns exactly the bytes [first, last), or raises."""
        super().__init__()
        self.name, self.size = name, size
        self._fetch, self._copy = fetch, copy
        self._release = weakref.finalize(self, copy.close)  # also of one that nobody closes
        self._held = bytearray(-(-size // BLOCK))  # 1 for each block that the copy holds
        self._place = 0

    def readable(self) -> bool:
        return True

    seekable = readable

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self.size}[whence]
        return self._place

    def readinto(self, buffer: Any) -> int:
        if self.closed:
            raise ValueError(f"{self.name} is closed")
        wanted = memoryview(buffer).cast("B")
        last = min(self._place + len(wanted), self.size)
        if last <= self._place:
            return 0
        try:
            self._complete(self._place // BLOCK, -(-last // BLOCK))
            self._copy.seek(self._place)
            count = self._copy.readinto(wanted[: last - self._place])
        except OSError as error:
            raise StoreUnavailable(f"{self.name}: its copy cannot be kept: {error.strerror}") from error
        self._place += count
        return count

    def forget(self) -> None:
        """Drop all blocks, so that reads fetch them again: they may have been damaged in transit."""
        self._held = bytearray(len(self._held))

    def close(self) -> None:
        with suppress(OSError):  # of blocks that did not fit on the disk
            self._release()
        super().close()

    def _complete(self, block: int, end: int) -> None:
        """Fetch the missing ones of some blocks, adjacent ones in one request."""
        while (block := self._held.find(0, block, end)) >= 0:
            held = self._held.find(1, block, end)
            after = end if held < 0 else held
            data = self._fetch(block * BLOCK, min(after * BLOCK, self.size))
            self._copy.seek(block * BLOCK)
            self._copy.write(data)
            self._copy.flush()  # if the disk is full, the copy does not hold these blocks
            self._held[block:after] = b"\1" * (after - block)
