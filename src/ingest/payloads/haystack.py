"""{"id", "content", "meta": {…}}: a Haystack `Document` as qdrant-haystack stores it.

Beside a sparse vector it finds the dense one under a fixed name only, and the sparse one too.
"""

from collections.abc import Mapping
from typing import Any

TEXT = "content"
PREFIX = "meta."
DENSE = "text-dense"
SPARSE = "text-sparse"


def build(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the payload of a chunk's fields; the document's id is the chunk's."""
    meta = {name: value for name, value in fields.items() if name != "text"}
    return {"id": fields["chunk_id"], TEXT: fields["text"], "meta": meta}


def read(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a payload."""
    return {"text": payload[TEXT], **(payload.get("meta") or {})}
