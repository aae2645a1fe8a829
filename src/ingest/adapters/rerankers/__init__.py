"""One file per kind of re-ranker: a question and its candidates in, scores out. The file name registers the kind.

Each module has `open_reranker(profile, wording)`. `LIBRARIES` and `EXTRA` name optional libraries and the extra that
provides them.
"""

from typing import Any

from ingest.registry import module_named

EARLIER = {"learned": "blend"}  # names in the profiles of earlier releases


def find(kind: str) -> Any:
    """Return the module of a kind. Raises: InvalidSettings when there is none."""
    return module_named(__name__, "reranker", EARLIER.get(kind, kind))
