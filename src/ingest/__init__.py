"""Write, audit, publish for search indexes: documents in, a measured and reversible index out.

with ingest.open("ingest.yaml", index="docs") as index:
    answer = index.search("how do I roll back a release", groups=["public", "staff"])
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ingest import errors

if TYPE_CHECKING:
    from ingest.index import Index, open
else:

    def __getattr__(name: str) -> Any:
        if name in ("Index", "open"):  # only on demand: it imports pydantic, numpy and more
            return getattr(import_module("ingest.index"), name)
        raise AttributeError(f"module 'ingest' has no attribute {name!r}")


__all__ = ["Index", "errors", "open"]
