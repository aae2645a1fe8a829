"""Files of local models in the lake: a release still opens when the model's folder or package is gone or replaced.

models/<fingerprint>/files/<relative path>    the files that determine vectors
models/<fingerprint>/files.json               path → SHA-256 and size, written last: without it nothing is complete
models/learned/<sha256>                       learned from judgments, for all indexes; query profiles name them
"""

import errno
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import Field

from ingest.errors import InvalidSettings, SchemaMismatch
from ingest.ids import file_sha256, sha256_hex
from ingest.lake.stored_records import checked_bytes, from_bytes
from ingest.lake.verified_files import verified_path
from ingest.ports import Store
from ingest.records import Record

MAX_FILES = 10_000
LEARNED = "models/learned/"
LIST = "files.json"


class KeptFile(Record):
    """One file of a model."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: int = Field(ge=0)


class KeptModel(Record):
    """The files of a model by their paths below its folder, separated by `/`."""

    files: dict[str, KeptFile] = Field(min_length=1, max_length=MAX_FILES)


def is_kept(store: Store, fingerprint: str) -> bool:
    """Return whether all files of a model are in the lake."""
    return store.get(_key(fingerprint, LIST)) is not None


def keep_files(store: Store, fingerprint: str, files: Mapping[str, Path]) -> None:
    """Write a model's files, by path below its folder. Raises: InvalidSettings; SchemaMismatch if one changes."""
    try:
        kept = {name: described(path) for name, path in sorted(files.items())}
        for name, path in files.items():
            store.put_file(_key(fingerprint, f"files/{name}"), path)
            if described(path) != kept[name]:
                raise SchemaMismatch(f"{path}: changed while it was copied into the lake")
    except OSError as error:
        raise InvalidSettings(f"model {fingerprint}: {error.filename} cannot be read: {error.strerror}") from error
    store.put(_key(fingerprint, LIST), checked_bytes(KeptModel(files=kept)))


def restore_files(store: Store, fingerprint: str, folder: Path) -> Path | None:
    """Return the folder with a model's files, `<folder>/<fingerprint>`; None when the lake has no such model.

    It appears complete or not at all; a complete one is not fetched again, a damaged one is replaced. Raises:
    SchemaMismatch for damaged files of the lake; InvalidSettings if `folder` cannot be written.
    """
    if (data := store.get(key := _key(fingerprint, LIST))) is None:
        return None
    kept = from_bytes(KeptModel, data, f"{store.uri}/{key}").files
    for name in kept:
        if {"", ".", ".."} & set(name.split("/")) or "\\" in name:
            raise SchemaMismatch(f"{store.uri}/{key}: {name!r} is no path below a folder")
    target = folder / fingerprint
    try:
        if not _is_whole(target, kept):
            _fetch(store, fingerprint, kept, target)
    except OSError as error:
        where = error.filename or target
        raise InvalidSettings(f"model {fingerprint}: {where} cannot be written: {error.strerror}") from error
    return target


def keep_learned(store: Store, data: bytes) -> str:
    """Write a file learned from judgments into the lake and return its SHA-256, by which a profile names it."""
    sha256 = sha256_hex(data)
    store.put(f"{LEARNED}{sha256}", data)
    return sha256


def read_learned(store: Store, sha256: str) -> bytes:
    """Return the learned file with this SHA-256. Raises: SchemaMismatch when it is missing or damaged."""
    key = f"{LEARNED}{sha256}"
    if (data := store.get(key)) is None:
        raise SchemaMismatch(f"{store.uri}/{key} is missing: a query profile names it")
    if (found := sha256_hex(data)) != sha256:
        raise SchemaMismatch(f"{store.uri}/{key}: its SHA-256 is {found}")
    return data


def described(path: Path) -> KeptFile:
    """Return the hash and the size of a file."""
    return KeptFile(sha256=file_sha256(path), bytes=path.stat().st_size)


def _fetch(store: Store, fingerprint: str, kept: Mapping[str, KeptFile], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=target.parent, ignore_cleanup_errors=True) as temporary:
        whole = Path(temporary) / "model"
        for name, file in kept.items():
            path = whole / name
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(verified_path(store, _key(fingerprint, f"files/{name}"), file.sha256), path)
        with suppress(FileNotFoundError):  # a damaged folder must go first: a rename replaces no filled folder
            target.rename(Path(temporary) / "damaged")
        try:
            whole.rename(target)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) or not _is_whole(target, kept):
                raise  # otherwise another process was first, with the same files


def _is_whole(folder: Path, kept: Mapping[str, KeptFile]) -> bool:
    """Return whether a folder has exactly these files. After a power cut it may not: copies are not synced to disk."""
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    return names == set(kept) and all(described(folder / name) == file for name, file in kept.items())


def _key(fingerprint: str, name: str) -> str:
    return f"models/{fingerprint}/{name}"
