"""How a collection is created and recognised: metadata tell shape, lake, generation; without, it is LangChain's."""

import re
from dataclasses import dataclass
from typing import Any

from ingest import payloads
from ingest.adapters.vectors import client_models as models
from ingest.errors import DimensionMismatch, ForeignIndex, SchemaMismatch
from ingest.records import LANGCHAIN, LakeIdentity, Shape

KEY = "ingest"  # in the metadata of a collection
PAYLOAD_INDEXES = {**dict.fromkeys(("document_id", "source", "acl", "tenant", "marks"), "keyword"), "shard": "integer"}


@dataclass(frozen=True, slots=True)
class CollectionLayout:
    """A collection's dimension and shape, and the names that follow from the shape."""

    dimension: int
    shape: Shape = LANGCHAIN
    lake: LakeIdentity | None = None  # whose it is; None: it is from before collections said so
    generation: str = ""  # that it holds; "": it does not say
    marked: bool = True  # whether marks are indexed; False: it is from before the model could fail to read a chunk

    @property
    def dense(self) -> str:
        """Name of the dense vector, "" for the unnamed one."""
        return str(payloads.find(self.shape.payload).DENSE) if self.shape.sparse else ""

    @property
    def sparse(self) -> str | None:
        """Name of the sparse vector, None without one."""
        return str(payloads.find(self.shape.payload).SPARSE) if self.shape.sparse else None

    @property
    def metadata(self) -> dict[str, Any]:
        """What the collection's own metadata tell of it; empty for the default shape in no known lake."""
        lake = {} if self.lake is None else {"lake": self.lake.id, "lake_uri": self.lake.uri}
        held = {"generation": self.generation} if self.generation else {}
        return {KEY: told} if (told := self.shape.record() | lake | held) else {}

    def check(self, collection: str, wanted: "CollectionLayout") -> None:
        """Raise if the collection cannot be used as `wanted`; see `ports.VectorIndex.create_collection`."""
        if self.dimension != wanted.dimension:
            raise DimensionMismatch(f"{collection} exists with dimension {self.dimension}, wanted {wanted.dimension}")
        if self.shape != wanted.shape:
            told = f"{collection} says that it has {self.shape}, wanted {wanted.shape}"
            raise SchemaMismatch(f"{told}; Qdrant before 1.16?")
        ours, theirs = wanted.lake, self.lake
        if ours is not None and theirs is not None and ours.id != theirs.id:
            told = f"{collection} belongs to lake {theirs.id} ({theirs.uri}), not to lake {ours.id} ({ours.uri})"
            raise ForeignIndex(f"{told}; nothing was written to it")


def creation(layout: CollectionLayout, *like: str) -> dict[str, Any]:
    """Return how to create a collection in bulk mode, no graph until `optimise`; our engine copies one that is `like`.

    Vectors are int8 besides float32, and rescored: it builds faster, at hardly any loss of recall.
    """
    scalar = models.ScalarQuantizationConfig(type=models.ScalarType.INT8, quantile=0.99, always_ram=True)
    dense = models.VectorParams(size=layout.dimension, distance=models.Distance.COSINE)
    idf = models.SparseVectorParams(modifier=models.Modifier.IDF)
    return {
        "vectors_config": {layout.dense: dense} if layout.dense else dense,
        "sparse_vectors_config": None if layout.sparse is None else {layout.sparse: idf},
        "optimizers_config": models.OptimizersConfigDiff(indexing_threshold=0),
        "quantization_config": models.ScalarQuantization(scalar=scalar),
        "metadata": layout.metadata | ({"copy_of": like[0]} if like else {}) or None,
    }


def layout_of(collection: str, info: "models.CollectionInfo") -> CollectionLayout:
    """Return the layout of an existing collection. Raises: SchemaMismatch if its vectors do not have that shape."""
    told = (info.config.metadata or {}).get(KEY) or {}
    shape = Shape(told.get("payload", "langchain"), bool(told.get("sparse", False)))
    lake = LakeIdentity(id=told["lake"], uri=told.get("lake_uri", "")) if "lake" in told else None
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
    after = re.findall(r"__(\d+-[0-9a-f]{8})(?:-[0-9a-f]{8})?$", collection)  # before collections said what they hold
    marked = payloads.path(shape, "marks") in (info.payload_schema or {})
    return CollectionLayout(dense.size, shape, lake, told.get("generation") or "".join(after[:1]), marked)
