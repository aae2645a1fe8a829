"""How a collection is created, and how it is recognised: its shape is stored in the collection's own metadata.

A collection without it is from before shapes could be chosen: LangChain's payload and one unnamed vector.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest import payloads
from ingest.errors import SchemaMismatch
from ingest.records import LANGCHAIN, Shape

if TYPE_CHECKING:
    from qdrant_client import QdrantClient, models

KEY = "ingest"  # in the metadata of a collection
PAYLOAD_INDEXES = {**dict.fromkeys(("document_id", "source", "acl", "tenant"), "keyword"), "shard": "integer"}


@dataclass(frozen=True, slots=True)
class CollectionLayout:
    """A collection's dimension and shape, and the names that follow from the shape."""

    dimension: int
    shape: Shape = LANGCHAIN

    @property
    def dense(self) -> str:
        """Name of the dense vector, "" for the unnamed one."""
        return payloads.find(self.shape.payload).DENSE if self.shape.sparse else ""

    @property
    def sparse(self) -> str | None:
        """Name of the sparse vector, None without one."""
        return payloads.find(self.shape.payload).SPARSE if self.shape.sparse else None

    def path(self, field: str) -> str:
        """Return the path of a payload field."""
        return payloads.path_of(self.shape.payload, field)


def create(client: "QdrantClient", collection: str, layout: CollectionLayout, *, quantised: bool) -> bool:
    """Create the collection in bulk mode: no graph until `optimise`."""
    from qdrant_client import models

    scalar = models.ScalarQuantizationConfig(type=models.ScalarType.INT8, quantile=0.99, always_ram=True)
    dense = models.VectorParams(size=layout.dimension, distance=models.Distance.COSINE)
    more: dict[str, Any] = {}
    if layout.sparse is not None:
        more["sparse_vectors_config"] = {layout.sparse: models.SparseVectorParams(modifier=models.Modifier.IDF)}
    if layout.shape != LANGCHAIN:
        more["metadata"] = {KEY: layout.shape.record()}
    return client.create_collection(
        collection,
        vectors_config={layout.dense: dense} if layout.dense else dense,
        optimizers_config=models.OptimizersConfigDiff(indexing_threshold=0),
        quantization_config=models.ScalarQuantization(scalar=scalar) if quantised else None,
        **more,
    )


def layout_of(collection: str, info: "models.CollectionInfo") -> CollectionLayout:
    """Return the layout of an existing collection. Raises: SchemaMismatch if its vectors do not have that shape."""
    from qdrant_client import models

    told = (info.config.metadata or {}).get(KEY) or {}
    shape = Shape(told.get("payload", "langchain"), bool(told.get("sparse", False)))
    layout = CollectionLayout(0, shape)
    vectors = info.config.params.vectors
    named = vectors if isinstance(vectors, dict) else {"": vectors}
    dense = named[layout.dense] if set(named) == {layout.dense} else None
    if not isinstance(dense, models.VectorParams):
        wanted = f"one named {layout.dense}" if layout.dense else "one unnamed vector"
        raise SchemaMismatch(f"{collection} has other named vectors or none, expected {wanted}")
    sparse = info.config.params.sparse_vectors or {}
    if layout.sparse is not None and getattr(sparse.get(layout.sparse), "modifier", None) != models.Modifier.IDF:
        expected = f"expected {layout.sparse} with the modifier idf"
        raise SchemaMismatch(f"{collection}: sparse vectors {sorted(sparse)}, {expected}")
    return CollectionLayout(dense.size, shape)
