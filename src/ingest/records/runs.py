"""What is recorded of a run: its frozen work, what was conserved, how long it took, what it came to."""

from dataclasses import dataclass
from operator import not_
from typing import Literal

from pydantic import ConfigDict, Field, with_config

from ingest.records.documents import DocumentRef, Quarantined
from ingest.records.generations import CarriedOrigin, PartFile, PlanSummary, Recall, Record

Change = Literal["added", "changed", "repeated", "attributes_changed", "unchanged", "known_bad", "carried", "revoked"]


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDocument(DocumentRef):
    """A document in a shard's plan, as it was listed, with its change since the base."""

    acl: tuple[str, ...]  # always told, as the tenant
    tenant: str
    change: Change


class ShardPlan(Record):
    """`generations/<id>/plan/<shard>-<hash>.json`: the frozen work of one shard."""

    shard: int
    documents: tuple[PlannedDocument, ...]  # sorted by uri
    deleted: tuple[str, ...]  # document ids
    steps: tuple[str, ...]  # of chunk, embed, load, keyword
    base_parts: tuple[PartFile, ...]  # this shard's parts in the base
    base_segments: tuple[str, ...] = ()  # this shard's embedding segments in the base
    embed_again: tuple[str, ...] = ()  # ids of listed documents whose vectors are computed again
    # Left out where they are unset, so that plans' hashes stay:
    reads_again: bool = Field(default=False, exclude_if=not_)  # nothing is adopted
    divides: int = Field(default=0, exclude_if=not_)  # into so many shards: of the base's rows those of this one count
    keeps: tuple[str, ...] = Field(default=(), exclude_if=not_)  # ids: their chunks stay as another version made them


class Conservation(Record):
    """What was listed compared with what the stores hold, recounted from the stores. No `faults`: nothing is lost."""

    listed: dict[str, int]  # by kind of change; they add up to what the sources listed
    documents: dict[str, int]  # rows in the generation, by status
    chunks: int
    points: int
    keyword_rows: int
    vectors: int
    mended: int  # points that were missing, orphaned or stale and are now repaired
    faults: tuple[str, ...]  # each names an id and the two values that disagree
    dropped: int = 0  # chunks that a source's policy keeps out
    collapsed: int = 0  # chunks that a duplicate stands for
    revoked: int = 0  # other chunks whose documents are revoked: points = keyword rows = chunks − collapsed − revoked
    marks: dict[str, int] = Field(default_factory=dict)  # chunks by mark, dropped ones too
    unread: dict[str, float] = Field(default_factory=dict)  # share of chunks' text that no token covers, by source
    languages: dict[str, int] = Field(default_factory=dict)  # chunks by language, ISO 639; und: it cannot be told
    quarantined_children: int = 0  # documents inside documents; not among the listed
    secrets: tuple[str, ...] = ()  # where chunks with secrets were dropped, the first ones: URI and characters
    vectors_compared: int = 0  # stored in the vector index and compared with the lake's; a sample, or all on demand


class Reconciliation(Record):
    """What serves, compared with the lake in full. No `faults`: all is as it should be."""

    release: int
    generation: str
    points: int  # that match
    vectors_compared: int
    mended: int  # points that were missing, orphaned, stale or with another vector, and are now repaired
    faults: tuple[str, ...]  # that are left


class Scrub(Record):
    """`scrubs/<n>.json`, create-only: whose turn among the shards of a collection is next."""

    collection: str
    at: str  # ISO 8601, UTC
    next: int  # place among the shards
    left: tuple[int, ...] = ()  # shards with faults that are left: they have their turn again
    token: str
    others: tuple["Scrub", ...] = ()  # the newest of each other collection that is there, newest first, without others


class StageFigure(Record):
    """How long a step took and how much went through it."""

    step: str
    seconds: float  # from its first task to its last: while steps overlap, also those in which it waits for others
    documents: int
    chunks: int
    documents_per_second: float
    chunks_per_second: float
    peak_memory_mb: float  # of this process, since its start


class QuarantineState(Record):
    """What a generation leaves out, documents inside documents too."""

    generation: str
    serves: bool  # False: it is newer than what serves, and was never released
    counts: dict[str, int]  # by error class
    documents: tuple[Quarantined, ...]  # by URI; in a report those that were left out last, newest first
    accepted: dict[str, str] = Field(default_factory=dict)  # by URI: who accepted that it is left out, and why


class Lease(Record):
    """`leases/builder/<n>.json`: holder "" means released."""

    holder: str
    term_seconds: float
    run: str


class RunStart(Record):
    """`history/started/<name>.json`: a run began. Without a report of that name it is at work, or was killed."""

    run: str
    index: str
    started: str  # ISO 8601, UTC
    who: str


class RunReport(Record):
    """What a run did. Kept in `history/` for people; nothing is decided from it."""

    run: str
    index: str
    started: str  # ISO 8601, UTC
    generation: str | None = None  # None: nothing serves and nothing was built
    base: str | None = None
    built: bool = False  # False: nothing changed, no generation
    resumed: bool = False
    plan: PlanSummary | None = None
    conservation: Conservation | None = None
    verdict: str | None = None  # sha256
    decision: str  # promoted, refused, waiting, unchanged; overtaken: promoted, then followed; failed, stopped
    release: int | None  # in force at the end, read back
    embedded: int = 0  # texts that went through the model
    forward_passes: int = 0
    quarantined: dict[str, int] = Field(default_factory=dict)  # by error class
    stages: tuple[StageFigure, ...] = ()
    digest: str | None = None
    recall: Recall | None = None  # of the generation's dense search, measured by this run
    serving_mended: int = 0  # points of the generation that served when the run began
    quarantined_children: dict[str, int] = Field(default_factory=dict)  # by error class; documents inside documents
    marked: dict[str, int] = Field(default_factory=dict)  # chunks of the generation by mark, dropped ones too
    dropped: dict[str, int] = Field(default_factory=dict)  # chunks that a policy keeps out, of rebuilt shards, by mark
    ended: str = ""  # ISO 8601, UTC; "" in reports of before it was kept
    error: str = ""  # what ended it early
    unsupported: dict[str, int] = Field(default_factory=dict)  # documents that no parser reads, by media type
    duplicates: dict[str, int] = Field(default_factory=dict)  # groups and chunks by kind, boilerplate, collapsed
    healed: tuple[str, ...] = ()  # files of the lake that were damaged or gone, and what they were made from
    in_quarantine: tuple[QuarantineState, ...] = ()  # at its end, also if nothing changed or it failed
    carried: tuple[CarriedOrigin, ...] = ()  # what is stale in the generation
    foreign: dict[str, float] | None = None  # share of chunks by language that the model does not read; None: unknown
