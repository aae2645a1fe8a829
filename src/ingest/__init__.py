"""Write, audit, publish for search indexes: documents in, a measured and reversible index out.

with ingest.open("ingest.yaml", index="docs") as index:
    answer = index.search("how do I roll back a release", groups=["public", "staff"])
"""

from collections.abc import Mapping
from importlib import import_module
from os import PathLike
from typing import TYPE_CHECKING, Any

from ingest import errors

if TYPE_CHECKING:
    from ingest.index import Index
    from ingest.ports import Observer
    from ingest.settings import Settings
else:

    def __getattr__(name: str) -> Any:
        if name == "Index":  # only on demand: it imports pydantic, numpy and more
            return import_module("ingest.index").Index
        raise AttributeError(f"module 'ingest' has no attribute {name!r}")


__all__ = ["Index", "errors", "open"]


def open(
    settings: "str | PathLike[str] | Mapping[str, Any] | Settings" = "ingest.yaml",
    index: str | None = None,
    *,
    observer: "Observer | None" = None,
    caller: str | None = None,
) -> "Index":
    """Return an open index; as a context manager it closes everything on exit, whatever happens.

    Args:
        settings: A settings file, its content as plain values (paths are relative to the working directory),
            or loaded settings.
        index: Name of an index in the settings; may be omitted if there is only one.
        observer: Receives the progress of runs; none by default.
        caller: Who is signed in, for the records of what people decide; by default, this machine's user.

    Raises: InvalidSettings, UnknownSource, IndexUnavailable.
    """
    from ingest.index import open_index

    return open_index(settings, index, observer, caller)
