"""{"id", "content", "meta": {…}}: a Haystack `Document` as qdrant-haystack stores it.

If there is a sparse vector, qdrant-haystack expects both vectors under fixed names.
"""

from collections.abc import Mapping
from typing import Any

TEXT = "content"
PREFIX = "meta."
DENSE = "text-dense"
SPARSE = "text-sparse"


def build(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the payload for a chunk's fields; the chunk's id becomes the Haystack document's id."""
    meta = {name: value for name, value in fields.items() if name != "text"}
    return {"id": fields["chunk_id"], TEXT: fields["text"], "meta": meta}


def read(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a payload."""
    found = payload.get("meta")
    return {"text": payload[TEXT], **(found if isinstance(found, Mapping) else {})}
