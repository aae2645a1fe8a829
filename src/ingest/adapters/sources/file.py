"""Documents in a folder: `file:///absolute/folder` or a plain path.

Every regular file below the folder is included unless the selection leaves it out; `left_out` counts those. The folder
itself may be a symbolic link, but links below it are never followed: their targets inside the folder are listed by
their own names, and what is outside must not be read. A document is pinned by its modification and change times and its
size; two writes of equal size within one tick of the kernel's clock (4 ms) cannot be distinguished.
"""

import errno
import os
import stat
from collections import Counter
from collections.abc import Iterator, Mapping, MutableSequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from ingest.adapters.selection import LINKS, SIDECAR, SIDECAR_BYTES, SPECIAL, Selection
from ingest.adapters.uris import decode, encode, local_folder
from ingest.errors import AccessDenied, InvalidSettings, SourceUnavailable, UnknownSource
from ingest.ports import Source
from ingest.records import DocumentRef, RawDocument, S3Options

ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP)  # gone, or something else in its place
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # a FIFO put in its place must not block


def open_source(
    name: str, uri: str, options: Mapping[str, Any], acl: tuple[str, ...], tenant: str, s3: S3Options
) -> Source:
    """Return the source, see `ingest.adapters.sources.SourceModule`; `s3` is not used."""
    chosen = Selection.of(name, options, acl, tenant)
    if chosen.acl_from == "tags":
        raise InvalidSettings(f"source {name}: acl_from: files have no tags; sidecar files or prefixes tell it")
    return FileSource(name, uri, chosen)


class FileSource:
    """A folder and everything below it."""

    def __init__(self, name: str, uri: str, chosen: Selection) -> None:
        self.name = name
        self.root = local_folder(uri)
        self._start = os.fsencode(self.root).rstrip(b"/") + b"/"  # of the absolute paths of all documents
        self.uri = f"file://{encode(self._start.rstrip(b'/'))}"
        self.selection = chosen
        self.left_out = Counter[str]()  # by the newest listing or look, by reason; a folder counts once

    def list(self) -> Iterator[DocumentRef]:
        self.left_out.clear()
        return self.selection.refs(self._found(), self.left_out, self._sidecar)

    def look(self, uri: str) -> DocumentRef | None:
        """Raises: InvalidSettings, UnknownSource, AccessDenied, SourceUnavailable."""
        self.left_out.clear()
        path = decode(uri.removeprefix("file://"))
        with self._translated(uri):
            self._look_at_root()
        with self._opened(uri) as file:
            if file is None:
                named = Path(os.fsdecode(path))
                below = (place for place in (named, *named.parents) if self.root in place.parents)
                self.left_out[LINKS] += any(map(Path.is_symlink, below))  # it leads over one
                return None
            found = self._as_found(path, os.fstat(file.fileno()))
        return next(self.selection.refs([found], self.left_out, self._sidecar), None)

    def _sidecar(self, row: DocumentRef) -> bytes | None:
        with self._opened(f"{row.uri}{SIDECAR}") as file:
            return None if file is None else file.read(SIDECAR_BYTES)

    def read(self, ref: DocumentRef) -> RawDocument | None:
        """Raises: OversizedDocument before anything is read; SourceUnavailable when the whole folder is gone."""
        self.selection.check_size(ref, ref.size)
        with self._opened(ref.uri) as file:
            if file is None and not self.root.is_dir():
                raise SourceUnavailable(f"{self.uri}: the folder is gone since it was listed")
            if file is None or _version(os.fstat(file.fileno())) != ref.version:
                return None
            data = file.read(ref.size + 1)
            unchanged = _version(os.fstat(file.fileno())) == ref.version and len(data) == ref.size
        return RawDocument(ref, data) if unchanged else None

    @contextmanager
    def _opened(self, uri: str) -> Iterator[BinaryIO | None]:
        """Yield a document's open file, None if it is gone or no file. Links put there since are not followed."""
        parts, file = decode(uri.removeprefix(f"{self.uri}/")).split(b"/"), None
        if not uri.startswith(f"{self.uri}/") or not {b"", b".", b".."}.isdisjoint(parts):
            raise InvalidSettings(f"source {self.name}: {uri} is not under {self.uri}")
        with self._translated(uri), ExitStack() as stack:
            try:
                stack.callback(os.close, folder := os.open(self.root, FOLDER))
                for part in parts[:-1]:
                    stack.callback(os.close, folder := os.open(part, FOLDER | os.O_NOFOLLOW, dir_fd=folder))
                if stat.S_ISREG(os.stat(parts[-1], dir_fd=folder, follow_symlinks=False).st_mode):
                    found = os.open(parts[-1], FILE, dir_fd=folder)
                    file = stack.enter_context(os.fdopen(found, "rb"))
            except OSError as error:
                if error.errno not in ABSENT:
                    raise
            yield file if file is not None and stat.S_ISREG(os.fstat(file.fileno()).st_mode) else None

    def _found(self) -> Iterator[DocumentRef]:
        with self._translated(self.uri):
            before = self._look_at_root()
            folders = [os.fsencode(self.root)]
            while folders:
                yield from self._found_in(folders.pop(), folders)
            if self._look_at_root() != before:  # if it was unmounted meanwhile, everything would look deleted
                raise SourceUnavailable(f"{self.uri}: the folder was replaced during the listing")

    def _found_in(self, folder: bytes, folders: MutableSequence[bytes]) -> Iterator[DocumentRef]:
        """Yield the files of one folder and add the folders in it that are wanted to `folders`."""
        try:
            entries = os.scandir(folder)
        except (FileNotFoundError, NotADirectoryError):  # deleted since its parent was read
            return
        with entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if reason := self.selection.why_not(f"{self._below(entry.path)}/"):
                        self.left_out[reason] += 1
                    else:
                        folders.append(entry.path)
                    continue
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if stat.S_ISREG(status.st_mode):
                    yield self._as_found(entry.path, status)
                else:
                    kind = LINKS if stat.S_ISLNK(status.st_mode) else SPECIAL
                    self.left_out[self.selection.why_not(self._below(entry.path)) or kind] += 1

    def _as_found(self, path: bytes, status: os.stat_result) -> DocumentRef:
        uri, modified = f"file://{encode(path)}", _modified(status)
        return DocumentRef(uri, self.name, self._below(path), _version(status), status.st_size, modified)

    def _below(self, path: bytes) -> str:
        return path[len(self._start) :].decode(errors="backslashreplace")

    def _look_at_root(self) -> tuple[int, int]:
        try:
            status = self.root.stat()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise UnknownSource(f"source {self.name}: no folder at {self.uri}") from error
        if not stat.S_ISDIR(status.st_mode):
            raise UnknownSource(f"source {self.name}: {self.uri} is not a folder")
        return status.st_dev, status.st_ino

    @contextmanager
    def _translated(self, where: str) -> Iterator[None]:
        try:
            yield
        except PermissionError as error:
            raise AccessDenied(f"{where}: this user may not read {error.filename!r}") from error
        except OSError as error:
            raise SourceUnavailable(f"{where}: {error.strerror} (errno {error.errno})") from error


def _version(status: os.stat_result) -> str:
    # ctime cannot be set back, so a replaced file with a copied mtime and equal size still counts as changed.
    return f"{status.st_mtime_ns}-{status.st_ctime_ns}-{status.st_size}"


def _modified(status: os.stat_result) -> str:
    try:
        return datetime.fromtimestamp(status.st_mtime, UTC).isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):  # a time that datetime cannot represent
        return ""
