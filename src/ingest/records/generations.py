"""The nouns of the lake, stored as JSON. A field is never renamed; `format` is the version that readers check.

Claim ──▶ PlanSummary + ShardPlan… ──▶ Marker… ──▶ Manifest        Release → generation + QueryProfile
"""

from operator import not_
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ingest.records.points import Lengths

READER_FORMAT = 1

KeywordKind = Literal["keyword.postings", "keyword.terms", "keyword.lengths"]
PartKind = Literal["documents", "texts", "chunks", "attributes", "quarantine", "dropped", "duplicates", KeywordKind]


class Record(BaseModel):
    """A stored record: frozen, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class LakeIdentity(Record):
    """`lake.json`, create-only: which lake this is. Copies, restored and moved lakes keep it; collections carry it."""

    id: str
    uri: str  # where the lake lay when this was written, for people


class PartFile(Record):
    """One immutable Parquet file `data/<sha256>.parquet`. `shard` is None for files that span all shards.

    A delta is a small file of new rows `onto` another part, perhaps a delta itself: the part is all of them together.
    """

    kind: PartKind
    shard: int | None
    rows: int  # that count; those of a delta with those of what it is put onto; of postings and terms, all
    sha256: str
    bytes: int
    deleted: tuple[str, ...] = ()  # ids of documents whose rows here no longer count beneath the delta that is onto it
    footer: str = ""  # SHA-256 of the footer if pages have checksums: the file may then be read in part
    # Left out where they are unset, so that plans' hashes stay:
    folder: str = Field(default="", exclude_if=not_)  # other than `data`
    onto: "PartFile | None" = Field(default=None, exclude_if=not_)
    dead: int = Field(default=0, exclude_if=not_)  # rows in all its files that no longer count

    @property
    def files(self) -> tuple["PartFile", ...]:
        """The part's files, the oldest first."""
        return (*(self.onto.files if self.onto is not None else ()), self)


class Claim(Record):
    """`generations/<seq>.json`: which writer builds which generation on which base."""

    id: str
    base: str | None  # the generation planned against
    settings_hash: str
    shards: int  # power of two; those of the base, unless they hold too many documents
    token: str  # of the writer


class RaisedLimit(Record):
    """A limit of the delete guard that a person raised for one run or one promotion."""

    max_deleted_share: float
    who: str
    why: str


class CarriedOrigin(Record):
    """A source, tenant ("tenant <name>") or prefix of URIs whose documents are carried from the base."""

    name: str
    since: str  # ISO 8601, UTC: the first run that carried it
    why: str


class CarriedOrigins(Record):
    """`carried/<n>.json`: what is stale in a generation, as a run found it. The newest of a generation counts."""

    generation: str
    carried: tuple[CarriedOrigin, ...]
    token: str


class PlanSummary(Record):
    """`generations/<id>/plan/summary.json`, written last: the plan is frozen."""

    generation: str
    base: str | None
    shards: dict[int, str]  # shard → hash of its plan
    counts: dict[str, int]  # documents per kind of change; listed, listed_twice, deleted
    bytes_to_fetch: int
    chunks_to_embed: int  # estimate
    tokens_to_embed: int  # estimate
    gpu_minutes: float  # estimate
    needs_generation: bool  # False: nothing changed, equal settings
    refused: str = ""  # why a run would stop before spending anything; always empty in a frozen plan
    raised: RaisedLimit | None = None  # for this run
    left_out: dict[str, int] = Field(default_factory=dict)  # by the sources' listings, by reason; a folder counts once
    divides: int = 0  # the number of shards of the base, where these became too large and this plan divides them
    carried: tuple[CarriedOrigin, ...] = ()  # by name: sick, or carried before and not looked at as a whole
    unread: dict[str, float] = Field(default_factory=dict)  # share of the base's text that no token covers, by source
    foreign: dict[str, float] | None = None  # of the base, as in RunReport
    instead_of: str = ""  # the generation whose build or verdict showed that something had to be carried


class Marker(Record):
    """`markers/<step>/<shard>-<hash>[/<start>-<stop>].json`, create-only: the first counts, later writers adopt it."""

    step: str
    shard: int
    plan_hash: str
    parts: tuple[PartFile, ...] = ()
    segments: tuple[str, ...] = ()  # embedding segments that hold this shard's vectors
    counts: dict[str, int] = Field(default_factory=dict)
    refused: dict[str, str] = Field(default_factory=dict)  # why the model gives no vector, by embedding key
    gone: tuple[str, ...] = ()  # URIs that changed or vanished between list and read
    rows: tuple[int, int] | None = None  # start and stop of a slice; None: the whole shard


class Retired(Record):
    """`retired.json`, create-only: it may not serve again, and goes after the soak; `recycled.json`: its collection."""

    who: str
    at: str  # ISO 8601, UTC
    token: str
    generation: str = Field(default="", exclude_if=lambda to: not to)  # that takes the collection; "": none


class ModelRecord(Record):
    """Everything needed to open the same embedder again."""

    kind: str  # module in embedders/
    name: str  # name or folder
    fingerprint: str  # weights, prompt, pooling, normalisation, maximum length
    dimension: int
    max_tokens: int
    options: dict[str, Any] = Field(default_factory=dict)
    languages: tuple[str, ...] = ()  # that it reads, by its files; (): they do not say


class Probe(Record):
    """A question and its vector: a reader whose model encodes it differently must not serve this generation."""

    question: str
    vector: tuple[float, ...]


class Recall(Record):
    """Recall of approximate against exact dense search, measured with the generation's own vectors as questions."""

    at: int  # neighbours compared, excluding the question's own chunk
    questions: int
    mean: float  # 0 to 1
    least: float  # the lowest of any question


class ShardHolds(Record):
    """What a shard was found to hold when it was compared in full."""

    points: str  # set hash (`ids.set_hash`) of "<id> <digest>"
    marks: dict[str, int]  # chunks by mark, dropped ones too
    unread: dict[str, tuple[int, int]] = Field(default_factory=dict)  # characters of chunks by source: unread, all


class Manifest(Record):
    """`generations/<id>/manifest.json`, written last: the generation is sealed."""

    format: int = READER_FORMAT
    index: str
    generation: str
    base: str | None
    collection: str
    shards: int
    parts: tuple[PartFile, ...]
    segments: dict[int, tuple[str, ...]]  # shard → embedding segments
    counts: dict[str, int]
    settings: dict[str, Any]  # those that affect results
    settings_hash: str
    fingerprints: dict[str, str]  # chunker, model; each document's row holds its parser's
    analyser: dict[str, Any]
    model: ModelRecord
    probe: Probe
    digest: str  # over sorted logical rows
    lengths: Lengths | None = None  # by which sparse vectors are weighed; None: without them, or by its own
    recall: Recall | None = None  # of the dense search; None: too few chunks, or sealed before recall was measured
    max_unread_share: float = 1.0  # of questions' letters, too: above, dense search finds nothing; 1: it always does
    raised: RaisedLimit | None = None  # for the run that sealed it
    carried: tuple[CarriedOrigin, ...] = ()  # what is stale in it, by name
    holds: dict[int, ShardHolds] = Field(default_factory=dict)  # by shard; none if sealed before they were recorded
    languages: dict[str, int] = Field(default_factory=dict)  # chunks by language, as in Conservation


class QueryProfile(Record):
    """`profiles/<sha256>.json`: all query-side settings that need no rebuild."""

    fusion: Literal["convex", "rrf"] = "convex"
    dense_weight: float = 0.5  # convex only, 0 to 1
    rrf_k: int = 60
    depth: int = 100  # results fetched from each stage
    reranker: str = "none"  # module of rerankers/
    reranker_model: str = ""  # cross_encoder: name or folder
    rerank_depth: int = Field(default=50, ge=1, le=1000)  # best fused results that are rescored
    rerank_milliseconds: int = Field(default=0, ge=0)  # per question; beyond it the fused order stands; 0: no limit
    calibration: str = Field(default="", pattern="^([0-9a-f]{64})?$")  # its SHA-256 in the lake; "": none
    analyser: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _by_shares(cls, values: Any) -> Any:
        """Read what says how scores are normalised, as earlier profiles do: all are answered by shares of bounds."""
        gone = "normalisation"
        return {name: values[name] for name in values if name != gone} if isinstance(values, dict) else values


class Hold(Record):
    """Who switched automatic promotion off, and why."""

    who: str
    why: str


class Release(Record):
    """`releases/<n>.json`, create-only: the decision. The alias follows it."""

    number: int
    generation: str
    collection: str
    profile: str  # sha256
    base: int | None  # number of the release it follows
    guard: str  # alias that must exist to be renamed to `<index>@<number>`
    verdict: str | None  # sha256, names verdicts/<sha256>.json
    action: Literal["promote", "rollback", "unhold", "restore", "take-over"]
    who: str
    why: str
    hold: Hold | None
    token: str
    at: str  # ISO 8601, UTC
    compared: int | None = None  # release that the verdict was compared with; 0: none served; None: not a judged one


class Decision(Record):
    """`decisions/<n>.json`, create-only: what a person decided. Holds and their lifting are releases, in their journal.

    `about`: names by what they are: uri (or document id), prefix (of URIs), source, tenant, generation, decision, …
    By a source's policy: narrow, which names the tenant and acl that still see documents (none: gone), until widen.
    """

    number: int
    kind: Literal["revoke", "unrevoke", "accept", "pin", "unpin", "decline", "override", "raised", "narrow", "widen"]
    about: dict[str, tuple[str, ...]]
    who: str
    identified: bool  # True: `who` is signed in at the caller; False: only this machine's user
    why: str
    at: str  # ISO 8601, UTC
    until: str = ""  # when it ends by itself, ISO 8601, UTC; "": when it is lifted
    token: str
