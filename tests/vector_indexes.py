"""Every `VectorIndex` adapter as a fixture, one in this process for tests of other things, and points to fill it."""

import os
import pickle
from collections.abc import Iterator, Sequence
from functools import cache
from threading import Lock
from typing import Any, TypeVar

import httpx
import pytest
from qdrant_client import QdrantClient, models
from qdrant_client.embed import type_inspector
from qdrant_client.embed.schema_parser import ModelSchemaParser
from qdrant_client.http.exceptions import UnexpectedResponse
from qdrant_client.local import local_collection

from ingest.adapters.vectors.edge.engine import Engine
from ingest.adapters.vectors.qdrant.connection import Connection, ConnectionOptions
from ingest.adapters.vectors.qdrant.qdrant_index import QdrantIndex
from ingest.ports import VectorIndex
from ingest_conformance.conformance import LIMITS, emptied, removed
from ingest_conformance.points import DIMENSION, point, vectors
from ingest_conformance.points import some_points as points

__all__ = ["DIMENSION", "point", "points", "vectors"]
Index = TypeVar("Index", bound=QdrantIndex)

# The emulation copies what it takes and what it gives, and each client the schemas of all requests: half of its time.
local_collection.deepcopy = lambda value: pickle.loads(pickle.dumps(value))
type_inspector.ModelSchemaParser = cache(ModelSchemaParser)


class InMemoryClient(QdrantClient):
    """The client's own emulation of a server, whose refused aliases are told as a server tells them."""

    def __init__(self) -> None:
        super().__init__(":memory:")
        self._threshold: dict[str, int] = {}
        self.indexed: dict[str, set[str]] = {}  # paths of fields by collection
        self._moving = Lock()  # the emulation is not made for threads

    def update_collection_aliases(self, change_aliases_operations: Sequence[Any], **kwargs: Any) -> bool:
        """Apply them one by one, as a server does: the emulation applies all or nothing."""
        with self._moving:
            for operation in change_aliases_operations:
                try:
                    super().update_collection_aliases([operation], **kwargs)
                except ValueError as error:
                    raise UnexpectedResponse(404, "", str(error).encode(), httpx.Headers()) from error
        return True

    def get_aliases(self, **kwargs: Any) -> Any:
        """Read them in one moment."""
        with self._moving:
            return super().get_aliases(**kwargs)

    def create_collection(self, collection_name: str, optimizers_config: Any = None, **kwargs: Any) -> bool:
        """Create it in the mode that is asked for."""
        self._threshold[collection_name] = optimizers_config.indexing_threshold
        self.indexed.pop(collection_name, None)
        return super().create_collection(collection_name, **kwargs)

    def update_collection(self, collection_name: str, optimizers_config: Any = None, **kwargs: Any) -> bool:
        """Keep the threshold, which the emulation ignores."""
        if optimizers_config is not None:
            self._threshold[collection_name] = optimizers_config.indexing_threshold
        return super().update_collection(collection_name, **kwargs)

    def get_collection(self, collection_name: str, **kwargs: Any) -> Any:
        """Tell of the threshold, and of payload indexes."""
        found = super().get_collection(collection_name, **kwargs)
        found.config.optimizer_config.indexing_threshold = self._threshold.get(collection_name)
        told = models.PayloadIndexInfo(data_type=models.PayloadSchemaType.KEYWORD, points=0)
        return found.model_copy(update={"payload_schema": dict.fromkeys(self.indexed.get(collection_name, ()), told)})

    def create_payload_index(self, collection_name: str, field_name: str, *args: Any, **kwargs: Any) -> None:
        """Note it: the emulation warns that it has none."""
        self.indexed.setdefault(collection_name, set()).add(field_name)

    def delete(self, collection_name: str, points_selector: Any, **kwargs: Any) -> Any:
        """Remove points; no ids remove nothing, where the emulation refuses."""
        return super().delete(collection_name, points_selector, **kwargs) if points_selector.points else None

    def query_batch_points(self, collection_name: str, requests: Sequence[Any], **kwargs: Any) -> Any:
        """Answer exactly: the emulation always does, and warns of parameters that say how."""
        plain = [models.QueryRequest(**{**dict(request), "params": None}) for request in requests]
        return self._client.query_batch_points(collection_name, plain, **kwargs)  # nothing is to be embedded first


class InMemoryConnection(Connection):
    """A connection to an emulation of its own."""

    def _open(self, url: str, api_key: str | None) -> QdrantClient:
        return InMemoryClient()


def in_memory_index(kind: type[Index] = QdrantIndex, **options: Any) -> Index:
    """Return an empty index in this process. `options` are fields of `ConnectionOptions`."""
    return kind(InMemoryConnection(ConnectionOptions(**options), lambda: ("memory", None)))


@pytest.fixture(scope="module", params=["in_memory", "embedded", "server"])
def vector_index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VectorIndex]:
    """One adapter per module; page and batches are small so that paging is tested."""
    limits = {**LIMITS, "first_wait_seconds": 0.01}
    if request.param == "in_memory":
        index = in_memory_index(**limits)
    elif request.param == "embedded":
        engine = Engine(tmp_path_factory.mktemp("qdrant"), poll_seconds=0.1, grace_seconds=0.3)
        index = QdrantIndex.embedded(engine, **limits)
    elif url := os.environ.get("QDRANT_URL"):
        index = QdrantIndex.connect(url, os.environ.get("QDRANT_API_KEY"), **limits)
    else:
        pytest.skip("QDRANT_URL is not set: the suite did not run on a server")
    yield index
    removed(index, f"ingest-test-{os.getpid()}")
    index.close()


@pytest.fixture
def collection(vector_index: VectorIndex) -> str:
    """A collection of DIMENSION without points and aliases. Emptied, not dropped: a worker takes a second to start."""
    name = f"ingest-test-{os.getpid()}"
    emptied(vector_index, name)
    return name
