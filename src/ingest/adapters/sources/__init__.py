"""One file per scheme: places that hold documents. The file name registers the scheme.

A source module has one public function, `open_source`, as `SourceModule` describes it. Other packages register a module
under the entry-point group `ingest.sources`, named by the scheme; a module in this folder takes precedence.

A source may also have `look(uri) -> DocumentRef | None`, which returns one document as listed: `ingest preview` uses
it, and goes through the whole listing of a source without it.
"""

from collections.abc import Mapping
from typing import Any, Protocol, cast
from urllib.parse import unquote

from ingest.adapters.uris import local_folder, split_uri
from ingest.errors import UnknownSource
from ingest.ports import Source
from ingest.records import S3Options
from ingest.registry import module_named


class SourceModule(Protocol):
    """What `find` returns: a module with this function."""

    def open_source(
        self, name: str, uri: str, options: Mapping[str, Any], acl: tuple[str, ...], tenant: str, s3: S3Options
    ) -> Source:
        """Return the source; nothing is read yet. `acl` and `tenant` are put on every ref.

        `options` are its other settings; every module accepts `include`, `exclude` and `max_document_bytes`. Where they
        matter, `default_excludes` (False) and `own` (folders that hold the lake or the state) are among them.

        Raises: InvalidSettings.
        """
        ...


def find(uri: str) -> SourceModule:
    """Return the module for the scheme of `uri`; a plain path is a `file`.

    Raises: UnknownSource, which names the known schemes; also if a module of another package cannot be loaded.
    """
    scheme = scheme_of(uri)
    module = module_named(__name__, "source", scheme, UnknownSource)
    if not callable(getattr(module, "open_source", None)):
        raise UnknownSource(f"source {scheme}: {module.__name__} has no function open_source")
    return cast(SourceModule, module)


def scheme_of(uri: str) -> str:
    """Return the scheme in lower case, "file" for a plain path."""
    scheme, separator, _ = uri.partition("://")
    return scheme.lower() if separator else "file"


def overlaps(uri_a: str, uri_b: str) -> bool:
    """Return whether one place contains the other, so that a document would be listed twice.

    Folders are compared after their symbolic links are resolved on this machine. Raises: InvalidSettings.
    """
    return all(a == b for a, b in zip(_place(uri_a), _place(uri_b), strict=False))


def path_below(root: str, uri: str) -> str | None:
    """Return the path from one place to another inside it, "" for the same, None elsewhere. Raises: InvalidSettings."""
    above, place = _place(root), _place(uri)
    return "/".join(place[len(above) :]) if place[: len(above)] == above else None


def _place(uri: str) -> tuple[str, ...]:
    scheme = scheme_of(uri)
    if scheme == "s3":
        bucket, prefix = split_uri(uri)
        return ("s3", bucket, *prefix.split("/")[:-1])
    if scheme == "file":
        return ("file", *local_folder(uri).resolve().parts)
    return (scheme, *unquote(uri.partition("://")[2]).rstrip("/").split("/"))
