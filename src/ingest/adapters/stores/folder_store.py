"""The lake in a folder. Needs a file system with hard links and atomic rename.

A value is written under a temporary name, synced, and only then renamed or linked to its own name; then the folder is
synced. So a crash leaves the old value or the new one, and temporary files that are never listed.
"""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path

from ingest.adapters.durable_files import remove_leftover, sync_folder, whole_file
from ingest.adapters.uris import local_folder
from ingest.errors import AccessDenied, DamagedFile, InvalidSettings, StoreUnavailable
from ingest.lake.keys import TEMPORARY, check_key, check_prefix

DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)
UNFIT = (errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.EOPNOTSUPP, errno.EMLINK)
ABSENT = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


class FolderStore:
    """Keys are paths below one folder. Threads and processes may share it."""

    def __init__(self, uri: str) -> None:
        self.root = local_folder(uri)
        self.uri = self.root.as_uri()
        self._durable: set[Path] = set()  # folders whose own names survive a power failure

    def get(self, key: str) -> bytes | None:
        with self._translated("read", key), suppress(*ABSENT):
            return self._path(key).read_bytes()
        return None

    def put(self, key: str, data: bytes) -> None:
        with self._written("write", key, lambda temporary: temporary.write_bytes(data)) as (temporary, path):
            temporary.replace(path)

    def put_file(self, key: str, path: Path, *, read_soon: bool = False) -> None:
        with self._written("write", key, lambda temporary: shutil.copyfile(path, temporary)) as (temporary, target):
            temporary.replace(target)

    def create(self, key: str, data: bytes) -> bool:
        with self._written("create", key, lambda temporary: temporary.write_bytes(data)) as (temporary, path):
            won = True
            try:
                os.link(temporary, path)
            except FileExistsError:
                won = path.read_bytes() == data  # a network file system may have lost the response
        return won

    def list(self, prefix: str) -> Iterator[str]:
        check_prefix(prefix)
        files: list[os.DirEntry[str]] = []
        with self._translated("list", prefix), suppress(*ABSENT), os.scandir(self.root / prefix) as entries:
            files = [entry for entry in entries if entry.is_file()]
        for entry in files:
            if entry.name.startswith(TEMPORARY):
                remove_leftover(Path(entry.path))
        yield from sorted(entry.name for entry in files if not entry.name.startswith(TEMPORARY))

    def walk(self) -> Iterator[tuple[str, int, float]]:
        folders = [str(self.root)] if self.root.exists() else []
        with self._translated("list", ""):
            for entry in chain.from_iterable(map(os.scandir, folders)):
                if entry.is_dir():
                    folders.append(entry.path)
                elif not entry.name.startswith(TEMPORARY):
                    with suppress(FileNotFoundError):  # deleted since
                        status = entry.stat()
                        yield entry.path[len(str(self.root)) + 1 :], status.st_size, status.st_mtime

    def ranged(self, key: str, size: int) -> None:
        """Return None: the value is local."""

    def check(self, token: str) -> None:
        """Do nothing: `link()` is atomic on every file system that supports it, and fails on others."""

    def delete(self, key: str) -> None:
        with self._translated("delete", key), suppress(*ABSENT):
            path = self._path(key)
            path.unlink()
            sync_folder(path.parent)

    def local_path(self, key: str, *, anew: bool = False) -> Path:
        with self._translated("look at", key):
            if (path := self._path(key)).is_file():
                return path
        raise DamagedFile(f"{self.uri}/{key}: no such value")

    def _path(self, key: str) -> Path:
        check_key(key)
        return self.root / key

    @contextmanager
    def _written(self, action: str, key: str, write: Callable[[Path], object]) -> Iterator[tuple[Path, Path]]:
        """Yield a temporary file that `write` wrote, and the path of the key, whose folder is synced afterwards."""
        path = self._path(key)
        with self._translated(action, key):
            self._make_folder(path.parent)
            with whole_file(path.parent, write) as temporary:
                yield temporary, path
                sync_folder(path.parent)  # also if another writer was first: what is read next must not vanish

    def _make_folder(self, folder: Path) -> None:
        # Each level once per process, even if it exists: another process may have created it without syncing it yet.
        if folder in self._durable and folder.is_dir():
            return
        if folder != self.root:
            self._make_folder(folder.parent)
        folder.mkdir(parents=folder == self.root, exist_ok=True)
        sync_folder(folder.parent)
        self._durable.add(folder)

    @contextmanager
    def _translated(self, action: str, key: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            told = f"{self.uri}/{key}: cannot {action}: {error.strerror}"
            if error.errno in DENIED:
                owner = "see the folder's owner, mode and mount (hard links must be allowed)"
                raise AccessDenied(f"{told}: {owner}") from error
            if error.errno in UNFIT:
                raise InvalidSettings(f"{told}: the folder cannot hold such a key (errno {error.errno})") from error
            raise StoreUnavailable(f"{told} (errno {error.errno})") from error
