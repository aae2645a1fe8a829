"""Records with every field filled, of which a test names those that matter to it."""

from typing import Any

from ingest.lake.rows import DocumentRow
from ingest.records import Release


def release(number: int = 1, collection: str = "docs__0001-a", **changes: Any) -> Release:
    """Return a promotion to a collection, without verdict and hold."""
    values: dict[str, Any] = {
        "number": number,
        "generation": "0001-a",
        "collection": collection,
        "profile": "p",
        "base": None,
        "guard": "g",
        "verdict": None,
        "action": "promote",
        "who": "w",
        "why": "y",
        "hold": None,
        "token": f"t{number}",
        "at": "2026-01-01T00:00:00+00:00",
    }
    return Release(**(values | changes))


def document_row(**changes: Any) -> DocumentRow:
    """Return the row of a public Markdown page of one chunk, without fingerprints."""
    values: dict[str, Any] = {
        "document_id": "d1",
        "uri": "file:///a.md",
        "source": "docs",
        "path": "a.md",
        "version": "1",
        "size": 1,
        "modified": "",
        "sha256": "",
        "media_type": "text/markdown",
        "parser": "markdown",
        "title": "",
        "language": "",
        "parent": "",
        "acl": ("public",),
        "tenant": "public",
        "attributes_digest": "",
        "parser_fingerprint": "",
        "chunker_fingerprint": "",
        "status": "current",
        "stale_since": "",
        "chunk_count": 1,
        "chunk_digest": "",
    }
    return DocumentRow(**(values | changes))
