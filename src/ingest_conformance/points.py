"""Points and vectors that checks write, the same on every call."""

from typing import Any

import numpy as np

from ingest import ids
from ingest.records import Point, Vectors

DIMENSION = 8


def vectors(rows: int, dimension: int = DIMENSION, seed: int = 7) -> Vectors:
    """Return (rows, dimension) float32, L2-normalised."""
    drawn = np.random.default_rng(seed).standard_normal((rows, dimension)).astype(np.float32)
    found: Vectors = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return found


def point(number: int, vector: Vectors, **metadata: Any) -> Point:
    """Return a point as a run writes it. `vector`: (dimension,); `metadata`: other fields than the usual ones."""
    chunk = f"{number:032x}"
    fields = {
        "chunk_id": chunk,
        "document_id": f"document-{number // 10}",
        "heading_path": ["Guide", f"Section {number}"],
        "start": number,
        "end": number + 10,
        "source": "docs",
        "acl": ["public"],
        "tenant": "public",
        "digest": f"digest-{number}",
        "uri": f"file:///docs/{number}.md",
        "path": f"{number}.md",
        "title": f"Page {number}",
        "shard": number % 4,
        **metadata,
    }
    return Point(ids.point_id(chunk), vector, {"page_content": f"Text {number}: naïve café ✓", "metadata": fields})


def some_points(number: int, **metadata: Any) -> list[Point]:
    """Return points 0 … number − 1 with the vectors of `vectors(number)`."""
    return [point(i, vector, **metadata) for i, vector in enumerate(vectors(number))]
