"""{"page_content": text, "metadata": {…}}: what langchain-qdrant reads with its defaults."""

from collections.abc import Mapping
from typing import Any

TEXT = "page_content"
PREFIX = "metadata."
DENSE = ""
SPARSE = "bm25"


def build(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the payload for a chunk's fields."""
    return {TEXT: fields["text"], "metadata": {name: value for name, value in fields.items() if name != "text"}}


def read(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a payload."""
    found = payload.get("metadata")
    return {"text": payload[TEXT], **(found if isinstance(found, Mapping) else {})}
