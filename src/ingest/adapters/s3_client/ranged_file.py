"""An immutable object as a file that fetches only what is read."""

import io
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from ingest.errors import StoreUnavailable

BLOCK = 2**18  # smallest number of bytes fetched: a request costs more than these


class RangedFile(io.RawIOBase):
    """A seekable file over `fetch`, one thread at a time. Each block is fetched once and kept on disk until `close`.

    The copy has no name in the folder, so it vanishes with the process. Reads raise what `fetch` raises, and
    StoreUnavailable if the copy cannot be written or read.
    """

    _copy: IO[bytes] | None = None

    def __init__(self, name: str, size: int, fetch: Callable[[int, int], bytes], folder: Path) -> None:
        """Fetch nothing yet. fetch(first, last) returns exactly the bytes [first, last), or raises."""
        super().__init__()
        self.name, self.size = name, size
        self._fetch = fetch
        self._copy = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  (closed by close)
        self._held = bytearray(-(-size // BLOCK))  # 1 for each block that the copy holds
        self._place = 0

    def readable(self) -> bool:
        return True

    seekable = readable

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self.size}[whence]
        return self._place

    def readinto(self, buffer: Any) -> int:
        wanted = memoryview(buffer).cast("B")
        last = min(self._place + len(wanted), self.size)
        if last <= self._place:
            return 0
        try:
            self._complete(self._place // BLOCK, -(-last // BLOCK))
            data = os.pread(self._file, last - self._place, self._place)
        except OSError as error:
            raise StoreUnavailable(f"{self.name}: its copy cannot be kept: {error.strerror}") from error
        wanted[: len(data)] = data
        self._place += len(data)
        return len(data)

    def forget(self) -> None:
        """Drop all blocks, so that reads fetch them again: they may have been damaged in transit."""
        self._held = bytearray(len(self._held))

    def close(self) -> None:
        if self._copy is not None:
            self._copy.close()
        super().close()

    @property
    def _file(self) -> int:
        if self._copy is None or self._copy.closed:
            raise ValueError(f"{self.name}: closed")
        return self._copy.fileno()

    def _complete(self, block: int, end: int) -> None:
        """Fetch the missing ones of some blocks, adjacent ones in one request."""
        while (block := self._held.find(0, block, end)) >= 0:
            held = self._held.find(1, block, end)
            after = end if held < 0 else held
            data = self._fetch(block * BLOCK, min(after * BLOCK, self.size))
            written = 0
            while written < len(data):  # a full disk first takes a part
                written += os.pwrite(self._file, data[written:], block * BLOCK + written)
            self._held[block:after] = b"\1" * (after - block)
