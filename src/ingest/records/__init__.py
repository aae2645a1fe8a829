"""Nouns of the whole system: frozen, without logic, known to every floor."""

from ingest.records.documents import (
    Block,
    BlockKind,
    Child,
    Chunk,
    Document,
    DocumentRef,
    Quarantined,
    RawDocument,
)
from ingest.records.generations import (
    READER_FORMAT,
    STEPS,
    Claim,
    Conservation,
    Hold,
    Lease,
    Manifest,
    Marker,
    ModelRecord,
    PartFile,
    PartKind,
    PlannedDocument,
    PlanSummary,
    Probe,
    QueryProfile,
    Record,
    Release,
    RunReport,
    SegmentEntry,
    ShardPlan,
    StageFigure,
)
from ingest.records.options import (
    BuildOptions,
    ChunkingOptions,
    DuplicateOptions,
    ParseLimits,
    ParserOptions,
    ScreeningPolicy,
)
from ingest.records.retrieval import (
    EVERYTHING,
    AliasAction,
    Filter,
    GateRules,
    Gold,
    Hit,
    PairedDifference,
    Point,
    Question,
    Result,
    StoredPoint,
    Vectors,
    Verdict,
)

__all__ = [
    "EVERYTHING", "READER_FORMAT", "STEPS", "AliasAction", "Block", "BlockKind", "BuildOptions", "Child", "Chunk",
    "ChunkingOptions", "Claim", "Conservation", "Document", "DocumentRef", "DuplicateOptions", "Filter", "GateRules",
    "Gold", "Hit", "Hold", "Lease", "Manifest", "Marker", "ModelRecord", "PairedDifference", "ParseLimits",
    "ParserOptions", "PartFile", "PartKind", "PlanSummary", "PlannedDocument", "Point", "Probe", "Quarantined",
    "QueryProfile", "Question", "RawDocument", "Record", "Release", "Result", "RunReport", "ScreeningPolicy",
    "SegmentEntry", "ShardPlan", "StageFigure", "StoredPoint", "Vectors", "Verdict",
]  # fmt: skip
