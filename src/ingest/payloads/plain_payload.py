"""{"text", "chunk_id", "uri", …}: all fields at the top level, for the plain Qdrant client."""

from collections.abc import Mapping
from typing import Any

TEXT = "text"
PREFIX = ""
DENSE = ""
SPARSE = "bm25"


def build(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the payload for a chunk's fields."""
    return dict(fields)


def read(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a payload."""
    return dict(payload)
