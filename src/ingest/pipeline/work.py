"""What the steps share: the task of one shard, the rows of a shard, and what a generation holds so far."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from ingest import chunking, screening
from ingest.ids import digest_of
from ingest.lake.embeddings import EmbeddingStore
from ingest.lake.lake import Lake
from ingest.lake.tables import DocumentRow, Dropped, chunk_rows, document_rows, dropped_rows, quarantine_rows
from ingest.ports import Services
from ingest.records import LANGCHAIN, Chunk, Manifest, Marker, PartFile, PlanSummary, Quarantined, Shape, ShardPlan

Step = TypeVar("Step", bound=Callable[..., Any])


def resource(kind: str) -> Callable[[Step], Step]:
    """Mark a step with the resource that it needs most: cpu, gpu or io."""

    def mark(step: Step) -> Step:
        step.resource = kind  # type: ignore[attr-defined]
        return step

    return mark


@dataclass(frozen=True, slots=True)
class ShardTask:
    """One shard's part of one step. Picklable and small: everything else is in the lake."""

    generation: str
    shard: int
    plan_hash: str
    run: str  # token of the run that holds the lease


@dataclass(frozen=True)
class Fingerprints:
    """What results depend on besides the documents."""

    parser: str
    chunker: str  # and screening with the policies of sources: a changed policy starts from stored texts
    model: str
    refusal: str  # of the parser and its limits

    @property
    def documents(self) -> str:
        """Of parser, limits and chunker: what quarantine records."""
        return digest_of([self.refusal, self.chunker])[:16]

    def record(self) -> dict[str, str]:
        """Return them as the manifest keeps them."""
        return {"parser": self.parser, "chunker": self.chunker, "model": self.model}


def fingerprints(services: Services) -> Fingerprints:
    """Return the fingerprints of this process's code, libraries, options and model."""
    options, sandbox = services.options, services.sandbox
    cut = chunking.fingerprint(options.chunking, services.tokenizer)
    chunker = digest_of([cut, screening.fingerprint(options.screening)])
    return Fingerprints(
        sandbox.fingerprint, chunker, services.model.fingerprint,
        digest_of([sandbox.refusal_fingerprint, asdict(options.limits)]),
    )  # fmt: skip


@dataclass
class ShardRows:
    """All rows of one shard, by document. Families are looked up in rows that do not grow any more."""

    documents: dict[str, DocumentRow] = field(default_factory=dict)  # by URI
    texts: dict[str, Mapping[str, Any]] = field(default_factory=dict)  # by document id
    chunks: dict[str, list[Chunk]] = field(default_factory=dict)  # by document id
    quarantine: dict[str, Quarantined] = field(default_factory=dict)  # by URI
    dropped: dict[str, list[Dropped]] = field(default_factory=dict)  # by document id

    @cached_property
    def children(self) -> dict[str, list[DocumentRow]]:
        """The documents found directly in a document, by its id."""
        found: dict[str, list[DocumentRow]] = {}
        for row in self.documents.values():
            if row.parent:
                found.setdefault(row.parent, []).append(row)
        return found

    @cached_property
    def failures(self) -> dict[str, list[Quarantined]]:
        """The failures found directly in a document, by its id."""
        found: dict[str, list[Quarantined]] = {}
        for failure in self.quarantine.values():
            if failure.parent:
                found.setdefault(failure.parent, []).append(failure)
        return found

    def family(self, row: DocumentRow) -> Iterator[DocumentRow]:
        """Yield a document and all documents inside it, parents first."""
        yield row
        for child in self.children.get(row.document_id, ()):
            yield from self.family(child)

    def fails_otherwise(self, row: DocumentRow, fingerprint: str) -> bool:
        """Tell whether something inside a document failed under another fingerprint: it may be read now."""
        found = (f for member in self.family(row) for f in self.failures.get(member.document_id, ()))
        return any(failure.fingerprint != fingerprint for failure in found)


def read_rows(lake: Lake, parts: Mapping[str, PartFile]) -> ShardRows:
    """Return the rows that a shard's parts hold; empty for a shard that has none yet."""
    rows = ShardRows()
    if "documents" in parts:
        rows.documents = {d.uri: d for d in document_rows(lake.read(parts["documents"]))}
        rows.texts = {row["document_id"]: row for row in lake.read(parts["texts"]).to_pylist()}
        for chunk in chunk_rows(lake.read(parts["chunks"])):
            rows.chunks.setdefault(chunk.document_id, []).append(chunk)
        rows.quarantine = {q.uri: q for q in quarantine_rows(lake.read(parts["quarantine"]))}
    if "dropped" in parts:  # generations of before screening have none
        for dropped in dropped_rows(lake.read(parts["dropped"])):
            rows.dropped.setdefault(dropped.chunk.document_id, []).append(dropped)
    return rows


def by_kind(parts: tuple[PartFile, ...]) -> dict[str, PartFile]:
    """Return a shard's parts by kind."""
    return {part.kind: part for part in parts}


def embedding_store(services: Services, fingerprint: str) -> EmbeddingStore:
    """Return the store of embeddings of a model, one for all steps of this process: its index is read once."""
    return services.keep(
        f"embeddings of {fingerprint}", lambda: EmbeddingStore(services.store, fingerprint, services.new_token)
    )


@dataclass(frozen=True)
class Contents:
    """What a generation holds, before its seal (from markers and plan) or after it (from the manifest)."""

    lake: Lake
    collection: str
    model_fingerprint: str
    dimension: int
    shards: tuple[int, ...]
    parts: Callable[[int], dict[str, PartFile]]  # of a shard, by kind
    keyword: Mapping[str, PartFile]  # postings, terms, lengths over all shards
    duplicates: PartFile | None = None  # None in generations of before they were looked for
    shape: Shape = LANGCHAIN
    analyser: Mapping[str, Any] = field(default_factory=dict)  # with k1 and b, which sparse vectors depend on

    def all_parts(self) -> Iterator[PartFile]:
        """Yield the parts of all shards, then those over all shards."""
        for shard in self.shards:
            yield from self.parts(shard).values()
        yield from self.keyword.values()
        if self.duplicates is not None:
            yield self.duplicates


def contents_of(lake: Lake, manifest: Manifest) -> Contents:
    """Return what a sealed generation holds."""
    parts: dict[int, dict[str, PartFile]] = {}
    keyword: dict[str, PartFile] = {}
    for part in manifest.parts:
        if part.shard is None:
            keyword[part.kind] = part
        else:
            parts.setdefault(part.shard, {})[part.kind] = part
    return Contents(
        lake, manifest.collection, manifest.model.fingerprint, manifest.model.dimension, tuple(sorted(parts)),
        lambda shard: parts[shard], keyword, keyword.pop("duplicates", None), shape_of(manifest), manifest.analyser,
    )  # fmt: skip


def shape_of(manifest: Manifest) -> Shape:
    """Return the shape of a generation's collection."""
    return Shape(**{name: manifest.settings[name] for name in ("payload", "sparse") if name in manifest.settings})


def shard_parts(lake: Lake, summary: PlanSummary, shard: int) -> dict[str, PartFile]:
    """Return a shard's parts in a generation that is being built: made by its steps, else carried from the base."""
    return task_parts(lake, ShardTask(summary.generation, shard, summary.shards[shard], run=""))


def task_parts(lake: Lake, task: ShardTask) -> dict[str, PartFile]:
    """Return the parts of a task's shard, as `shard_parts` does."""
    plan = plan_of(lake, task)
    parts = by_kind(plan.base_parts)
    for step in ("chunk", "keyword"):
        if step in plan.steps:
            marker = lake.marker(task.generation, step, task.shard, task.plan_hash)
            parts |= by_kind(marker.parts) if marker is not None else {}
    return parts


def finished(services: Services, task: ShardTask, step: str) -> Marker | None:
    """Return the marker of a step that was finished before, in this run or in one that died."""
    return Lake(services.store, services.options.index).marker(task.generation, step, task.shard, task.plan_hash)


def plan_of(lake: Lake, task: ShardTask) -> ShardPlan:
    """Return the frozen plan of a task's shard."""
    return lake.shard_plan(task.generation, task.shard, task.plan_hash)
