"""One file per kind of store for the lake."""

from pathlib import Path

from ingest.adapters.stores.folder_store import FolderStore
from ingest.adapters.stores.s3_store import S3Store
from ingest.errors import InvalidSettings
from ingest.ports import Store
from ingest.records import S3Options


def open_store(uri: str, s3: S3Options, cache_folder: Path, cache_bytes: int, ranges_above: int) -> Store:
    """Return the store at `uri`: `s3://bucket/prefix`, `file:///folder` or a plain path. Nothing is read yet.

    For S3 only: `cache_folder` keeps copies of immutable values, for all processes, up to `cache_bytes`; the least
    recently used go first. Values of more than `ranges_above` bytes can be read in parts (`Store.ranged`).

    Raises: InvalidSettings.
    """
    scheme, separator, _ = uri.partition("://")
    if not separator or scheme.lower() == "file":
        return FolderStore(uri)
    if scheme.lower() == "s3":
        return S3Store(uri, s3, cache_folder, cache_bytes, ranges_above)
    raise InvalidSettings(f"a lake cannot be kept at scheme {scheme!r}; known are file and s3")
