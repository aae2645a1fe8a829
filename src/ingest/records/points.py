"""The nouns of points and answers: what a collection holds, what a caller may see, what a search returns."""

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]  # (n, dimension), L2-normalised


Exclusion = tuple[tuple[str, tuple[str, ...]], ...]  # (field, names): chunks of these documents, sources, tenants
PayloadProfile = Literal["langchain", "llamaindex", "haystack", "plain"]
PAYLOAD_PROFILES: tuple[PayloadProfile, ...] = get_args(PayloadProfile)


@dataclass(frozen=True, slots=True)
class Shape:
    """What the points of a collection look like to its readers. Chosen per index; a change means a new generation."""

    payload: PayloadProfile = "langchain"
    sparse: bool = False  # a sparse vector with BM25 weights beside the dense one

    def record(self) -> dict[str, Any]:
        """Return what settings and digests record: nothing for the default, which is older than the choice."""
        return {} if self == LANGCHAIN else {"payload": self.payload, "sparse": self.sparse}


LANGCHAIN = Shape()  # the default, and the shape of collections that do not record one


@dataclass(frozen=True, slots=True)
class SparseVector:
    """Weights by dimension; dimensions not listed have weight 0."""

    indices: NDArray[np.uint32]  # (n,) ascending
    values: NDArray[np.float32]  # (n,) above 0


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long the chunks of one collection are. Stored as sums, so that the lengths of shards add up."""

    chunks: int
    terms: int

    @property
    def average(self) -> float:
        """Mean number of terms per chunk; 0 without chunks."""
        return self.terms / self.chunks if self.chunks else 0.0


@dataclass(frozen=True, slots=True)
class Point:
    """A chunk as Qdrant stores it. `payload` has the shape of its collection (`payloads`)."""

    id: str
    vector: Vectors  # (dimension,)
    payload: dict[str, Any]
    sparse: SparseVector | None = None


@dataclass(frozen=True, slots=True)
class StoredPoint:
    """A point as found in the index."""

    id: str
    payload: dict[str, Any]
    vector: Vectors | None = None  # the dense one (dimension,), if vectors were asked for
    sparse: SparseVector | None = None  # likewise


@dataclass(frozen=True, slots=True)
class Filter:
    """What a caller may and wants to see. Applied inside both indexes, never to results that are already cut off.

    `acl` holds the caller's groups: a chunk is visible when its own acl has one of them. None: no limit (evaluation).
    """

    acl: tuple[str, ...] | None = ("public",)
    tenant: str | None = "public"
    sources: tuple[str, ...] = ()  # any of these, () for all
    documents: tuple[str, ...] = ()  # document ids, () for all
    shard: int | None = None
    excluded: Exclusion = ()  # that are shown to nobody


EVERYTHING = Filter(acl=None, tenant=None)


@dataclass(frozen=True, slots=True)
class Hit:
    """One chunk in a stage's ranking."""

    chunk_id: str
    score: float


@dataclass(frozen=True, slots=True)
class Result:
    """One chunk of an answer, with its origin and the scores behind its rank."""

    chunk_id: str
    document_id: str
    uri: str
    source: str
    path: str  # relative to the source's root
    title: str
    heading_path: tuple[str, ...]
    text: str
    start: int
    end: int
    scores: dict[str, float] = field(default_factory=dict)  # by stage: dense, bm25, fused; `quoted` strings
    page: int | None = None  # from 1, for documents with pages; a slide is a page
    tokens: int = 0  # of text, in tokens of the generation's model; 0: unknown
    parent: tuple[int, int] | None = None  # span of the enclosing text, if built with parents
    shard: int | None = None  # of the document's rows in the lake


@dataclass(frozen=True, slots=True)
class AliasAction:
    """One action of a list that the index applies in order, saving each, and stopping at the first that fails.

    create: `name` → collection `target`, replacing any alias of that name. rename: `name` to `target`, keeping its
    collection; fails when `name` is gone. delete: `name`; does not fail when it is missing.
    """

    kind: Literal["create", "rename", "delete"]
    name: str
    target: str = ""
