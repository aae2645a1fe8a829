"""Nouns of questions and answers: points, filters, hits, judgments, verdicts."""

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ingest.records.generations import Record

Vectors = NDArray[np.float32]  # (n, dimension), L2-normalised


PayloadProfile = Literal["langchain", "llamaindex", "haystack", "plain"]
PAYLOAD_PROFILES: tuple[PayloadProfile, ...] = get_args(PayloadProfile)


@dataclass(frozen=True, slots=True)
class Shape:
    """How the points of a collection look to whoever reads them. Chosen per index; a change is a new generation."""

    payload: PayloadProfile = "langchain"
    sparse: bool = False  # a sparse vector with BM25's weights beside the dense one

    def record(self) -> dict[str, Any]:
        """Return what settings and digests say of it: nothing for the shape of before there was a choice."""
        return {} if self == LANGCHAIN else {"payload": self.payload, "sparse": self.sparse}


LANGCHAIN = Shape()  # what a collection of before there was a choice has


@dataclass(frozen=True, slots=True)
class SparseVector:
    """Weights by dimension; a dimension that is not named has weight 0."""

    indices: NDArray[np.uint32]  # (n,) rising
    values: NDArray[np.float32]  # (n,) above 0


@dataclass(frozen=True, slots=True)
class Point:
    """A chunk as Qdrant stores it. `payload` has the shape of its collection (`payloads`)."""

    id: str
    vector: Vectors  # (dimension,)
    payload: dict[str, Any]
    sparse: SparseVector | None = None


@dataclass(frozen=True, slots=True)
class StoredPoint:
    """A point as it was found in the index."""

    id: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Filter:
    """What a caller may see and wants to see. Evaluated inside both indexes, never after the cut.

    `acl` are the caller's groups: a chunk is visible when one of them is in its own acl. None: no limit (evaluation).
    """

    acl: tuple[str, ...] | None = ("public",)
    tenant: str | None = "public"
    sources: tuple[str, ...] = ()  # any of these, () for all
    documents: tuple[str, ...] = ()  # document ids, () for all
    shard: int | None = None


EVERYTHING = Filter(acl=None, tenant=None)


@dataclass(frozen=True, slots=True)
class Hit:
    """One chunk in the ranked answer of one stage, best first."""

    chunk_id: str
    score: float


@dataclass(frozen=True, slots=True)
class Result:
    """One chunk of an answer, with where it came from and why it ranks there."""

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
    scores: dict[str, float] = field(default_factory=dict)  # by stage: dense, bm25, fused
    page: int | None = None  # from 1, of documents with pages; a slide is one
    tokens: int = 0  # of text, in the tokens of the model that the generation was built with; 0: not known
    parent: tuple[int, int] | None = None  # span of the enclosing text, where the index was built with parents
    shard: int | None = None  # of the document's rows in the lake


@dataclass(frozen=True, slots=True)
class AliasAction:
    """One action in a list that the index applies in order, each saved by itself, stopping at the first that fails.

    create: `name` → collection `target`, replacing an alias of that name. rename: `name` to `target`, keeping its
    collection, failing when `name` is gone. delete: `name`; no failure when it is missing.
    """

    kind: Literal["create", "rename", "delete"]
    name: str
    target: str = ""


@dataclass(frozen=True, slots=True)
class Gold:
    """One place that answers a question. Offsets are code points in the file that has this sha256."""

    doc: str  # path relative to the source's root
    grade: int = 1
    headings: tuple[str, ...] = ()
    spans: tuple[str, ...] = ()
    start: int | None = None
    end: int | None = None
    added: bool = False  # an alternative place with the same text
    sha256: str = ""  # of the document that was judged; "" when unknown
    source: str = ""  # name of the source; "" for any


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its judgments."""

    query_id: str
    text: str
    answerable: bool = True
    gold: tuple[Gold, ...] = ()
    slices: dict[str, str] = field(default_factory=dict)
    must_pass: bool = False


class GateRules(Record):
    """What a candidate must reach. Part of the settings, recorded with each verdict. Metrics are "stage.metric"."""

    floors: dict[str, float] = Field(default_factory=lambda: {"fused.ndcg@10": 0.2})  # least means; 0 is warned about
    metric: str = "fused.ndcg@10"  # the one compared with the serving release
    margin: float = Field(default=0.02, ge=0, le=1)  # promote iff the lower bound of the difference is at least −margin
    confidence: float = Field(default=0.95, gt=0, lt=1)  # of the two-sided interval
    min_questions: int = Field(default=20, ge=0)  # fewer are reported as too few
    max_stale_share: float = Field(default=0.2, ge=0, le=1)  # of the judged questions
    min_dense_recall: float = Field(default=0.95, ge=0, le=1)  # of approximate against exact search; 0: not looked at
    must_pass_metric: str = "fused.recall@10"
    must_pass_above: float = Field(default=0.0, ge=0, lt=1)  # each must-pass question must have more; 0: found at all
    allow_unjudged: bool = False  # True: promote without any judged question; every verdict repeats it


class PairedDifference(Record):
    """Candidate − serving over the same questions."""

    metric: str
    questions: int
    mean: float
    lower: float  # of the two-sided interval
    upper: float
    detectable: float  # smallest true difference found with 80 % power


class Verdict(Record):
    """`verdicts/<sha256>.json`: data with reasons, never an exception."""

    index: str
    candidate: str
    serving: str | None  # generation compared with
    release: int | None  # number of the release compared with
    positive: bool
    reasons: tuple[str, ...]  # against; empty when positive
    warnings: tuple[str, ...]
    questions: int
    stale: tuple[str, ...]  # query ids left out on both sides
    candidate_scores: dict[str, float]  # "stage.metric" → mean
    serving_scores: dict[str, float]
    difference: PairedDifference | None
    rules: GateRules
