"""Every `VectorIndex` adapter as a fixture, and points to fill it with."""

import os
from collections.abc import Iterator

import numpy as np
import pytest

from ingest import ids
from ingest.adapters.vectors.edge.engine import Engine
from ingest.adapters.vectors.qdrant.qdrant_index import QdrantIndex
from ingest.ports import VectorIndex
from ingest.records import EVERYTHING, AliasAction, Point

DIMENSION = 8


@pytest.fixture(scope="module", params=["in_memory", "embedded", "server"])
def vector_index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VectorIndex]:
    """One adapter per module; page and batches are small so that paging is tested."""
    limits = {"page": 7, "write_batch": 5, "search_batch": 2, "first_wait_seconds": 0.01}
    if request.param == "in_memory":
        index = QdrantIndex.connect(":memory:", None, **limits)
    elif request.param == "embedded":
        engine = Engine(tmp_path_factory.mktemp("qdrant"), poll_seconds=0.1, grace_seconds=0.3)
        index = QdrantIndex.embedded(engine, **limits)
    elif url := os.environ.get("QDRANT_URL"):
        index = QdrantIndex.connect(url, os.environ.get("QDRANT_API_KEY"), **limits)
    else:
        pytest.skip("QDRANT_URL is not set: the suite did not run on a server")
    yield index
    index.drop_collection(f"ingest-test-{os.getpid()}")
    index.close()


@pytest.fixture
def collection(vector_index: VectorIndex) -> Iterator[str]:
    """A collection of DIMENSION without points and aliases. Emptied, not dropped: a worker takes a second to start."""
    name = f"ingest-test-{os.getpid()}"
    vector_index.create_collection(name, DIMENSION)
    yield name
    if name in vector_index.collections():
        vector_index.delete(name, [stored.id for stored in vector_index.scroll(name, EVERYTHING)])
        vector_index.move_aliases([AliasAction("delete", alias) for alias in vector_index.aliases() if name in alias])


def vectors(rows: int, dimension: int = DIMENSION, seed: int = 7) -> np.ndarray:
    """Return (rows, dimension) float32, L2-normalised."""
    drawn = np.random.default_rng(seed).standard_normal((rows, dimension)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def point(number: int, vector: np.ndarray, **metadata: object) -> Point:
    """Return a point as `load_shard` writes it."""
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


def points(number: int, **metadata: object) -> list[Point]:
    """Return points 0 … number − 1 with the vectors of `vectors(number)`."""
    return [point(i, vector, **metadata) for i, vector in enumerate(vectors(number))]
