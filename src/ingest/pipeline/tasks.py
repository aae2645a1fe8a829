"""What the steps share: the work of a run, the task of a shard or of a slice, its input, the marker at its end.

Slices are how a shard's work is cut into tasks; one result is made of theirs, whose part files then go.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial, update_wrapper
from itertools import chain, pairwise
from typing import Any, Literal, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from ingest.errors import SchemaMismatch, VersionMismatch
from ingest.ids import collection_name
from ingest.lake.contents import Contents, contents_of
from ingest.lake.lake import Lake
from ingest.lake.rows import SCHEMAS
from ingest.lake.shard_rows import amend, by_kind
from ingest.pipeline.changes import FETCHED
from ingest.pipeline.damage import OF_CHUNK
from ingest.pipeline.fingerprints import code_version, fingerprints
from ingest.records import Manifest, Marker, PartFile, PartKind, PlanSummary, ShardPlan
from ingest.release.generation_states import sealed_manifest
from ingest.services import Services, Workbench

Rows = tuple[int, int]  # start and stop
SLICE_DOCUMENTS = 64  # that are fetched or cut again
SLICE_BYTES = 16 * 2**20  # of those documents; a larger document has a slice of its own
SLICE_CHUNKS = 4096
STAYING: tuple[PartKind, ...] = ("texts", "chunks", "attributes")  # kinds of which a base's rows may stay


@dataclass(frozen=True, slots=True)
class ShardTask:
    """One shard's part of one step, or a slice of it. Picklable and small: everything else is in the lake."""

    generation: str
    shard: int
    plan_hash: str
    run: str  # token of the run that holds the lease
    rows: Rows | None = None  # of the slice: documents of the plan for the step `chunk`, else chunks of the shard
    slices: tuple[Rows, ...] = ()  # of its shard: without rows, it joins their results
    version: str = ""  # of the driver's code: a worker of another one refuses the task; "": unknown

    @property
    def name(self) -> str:
        """The shard, and the rows of a slice."""
        return f"{self.shard}" if self.rows is None else f"{self.shard} ({self.rows[0]} to {self.rows[1]})"

    @property
    def range(self) -> slice:
        """The rows as Python slices a sequence; all of them for a whole shard."""
        return slice(*self.rows) if self.rows is not None else slice(None)

    def marker(self, step: str, counts: dict[str, int], **made: Any) -> Marker:
        """Return the marker of a finished step."""
        return Marker(step=step, shard=self.shard, plan_hash=self.plan_hash, rows=self.rows, counts=counts, **made)


@dataclass(frozen=True)
class Work:
    """A frozen plan, or the finding that there is nothing to do."""

    lake: Lake
    run: str
    summary: PlanSummary
    base: Manifest | None
    resumed: bool
    shard_plan: Callable[[int], ShardPlan]
    carry: Callable[..., None]  # raises OriginsSick if another plan can carry what turned out to be sick
    healed: tuple[str, ...] = ()  # what was damaged or gone, and what it is made from
    version: str = ""  # of this process's code

    def sealed(self) -> Manifest | None:
        """Return the generation if there is nothing to build: sealed by a run that died, or the base, unchanged."""
        return self.lake.manifest(self.summary.generation) if self.summary.needs_generation else self.base

    def tasks(self, step: str, shards: Iterable[int] | None = None) -> Iterator[ShardTask]:
        """Yield the tasks of the shards whose plan includes a step: of all, or of those that come."""
        made = partial(ShardTask, self.summary.generation, run=self.run, version=self.version)
        for shard in sorted(self._steps) if shards is None else shards:
            if step in self._steps[shard]:
                yield made(shard, self.summary.shards[shard])

    def gone(self, shard: int) -> tuple[str, ...]:
        """Return the URIs of a shard that changed or vanished between list and read."""
        marker = self.marker("chunk", shard)
        return marker.gone if marker is not None else ()

    def marker(self, step: str, shard: int) -> Marker | None:
        """Return the marker of a shard's finished step of this plan, else None."""
        if not self.summary.needs_generation or step not in self._steps[shard]:
            return None
        return self.lake.marker(self.summary.generation, step, shard, self.summary.shards[shard])

    @cached_property
    def _steps(self) -> dict[int, tuple[str, ...]]:
        return {shard: self.shard_plan(shard).steps for shard in self.summary.shards}


DOCUMENT_STEPS = ("chunk", "embed")  # that write the parts with documents; the second, where the model refuses a chunk
Resource = Literal["cpu", "gpu", "io"]
ShardWork = Callable[[Services, ShardTask], Marker]
Join = Callable[[Services, ShardTask, list[Marker]], Marker]


class ShardStep:
    """A step made of its function, with the same name, also for pickle. Writes the marker, unless there is one."""

    __name__: str

    def __init__(self, work: ShardWork, name: str, resource: Resource, join: Join | None = None) -> None:
        """Take the function, what it needs most, and what joins the markers of slices; without that it is never cut."""
        self.work, self.name, self.resource, self.join = work, name, resource, join
        update_wrapper(self, work)

    def __call__(self, services: Services, task: ShardTask) -> Marker:
        """Return the marker of a shard, or of a slice, after this step."""
        lake, observer = services.bench.lake, services.retrieval.observer
        if task.version not in ("", own := code_version(fingerprints(services.bench))):
            told = f"{self.name} of shard {task.name}: the driver's code is {task.version}, this worker's {own}"
            raise VersionMismatch(f"{told}: install one version everywhere, then run again")
        done = lake.marker(task.generation, self.name, task.shard, task.plan_hash, task.rows)
        if done is not None:
            return done
        with observer.span("ingest.shard", step=self.name, generation=task.generation, shard=task.shard):
            if task.slices and task.rows is None:
                return self._joined(services, task)
            return lake.mark(task.generation, self.work(services, task))

    def _joined(self, services: Services, task: ShardTask) -> Marker:
        """Return the marker of a shard, made of those of its slices, whose part files are then no longer needed."""
        lake, named = services.bench.lake, (task.generation, self.name, task.shard, task.plan_hash)
        found = [marker for rows in task.slices if (marker := lake.marker(*named, rows)) is not None]
        assert self.join is not None
        try:
            made = self.join(services, task, found)
        except SchemaMismatch:  # a slice's part file is lost or damaged: as if there had been no slices
            made = self.work(services, replace(task, slices=()))
        joined = lake.mark(task.generation, made)
        for marker in found:
            lake.remove_slice_parts(marker)
        return joined

    def __reduce__(self) -> str:
        return self.__name__


def shard_step(name: str, resource: Resource, join: Join | None = None) -> Callable[[ShardWork], ShardStep]:
    """Make a step of a function."""
    return partial(ShardStep, name=name, resource=resource, join=join)


class Execute(Protocol):
    """Runs steps somewhere."""

    @property
    def workers(self) -> int:
        """With more than one, steps overlap."""

    def map(self, step: ShardStep, items: Iterable[ShardTask]) -> Iterator[Marker]:
        """Yield step(services, item) for each item, in completion order, with a bounded number in flight.

        A TransientError is tried once more; anything else stops the run.
        """


def parts_after(lake: Lake, task: ShardTask, *steps: str) -> dict[str, PartFile]:
    """Return the parts of a task's shard after some finished steps: those they made, else the base's."""
    plan = lake.shard_plan(task.generation, task.shard, task.plan_hash)
    parts = by_kind(plan.base_parts)
    for step in steps:
        if step in plan.steps:
            marker = lake.marker(task.generation, step, task.shard, task.plan_hash)
            parts |= by_kind(marker.parts) if marker is not None else {}
    return parts


def built_contents(bench: Workbench, summary: PlanSummary, *steps: str) -> Contents:
    """Return what the finished steps of a generation made or carried; its keyword index is not merged yet."""
    lake, model, generation, hashes = bench.lake, bench.model, summary.generation, summary.shards

    @cache
    def parts(shard: int) -> dict[str, PartFile]:
        return parts_after(lake, ShardTask(generation, shard, hashes[shard], run=""), *steps)

    @cache
    def segments(shard: int) -> tuple[str, ...]:
        plan = lake.shard_plan(generation, shard, hashes[shard])
        marker = lake.marker(generation, "embed", shard, hashes[shard]) if "embed" in plan.steps else None
        return lake.embeddings(model.fingerprint).current(marker.segments if marker else plan.base_segments)

    identity = lake.known_identity()
    assert identity is not None  # known since the run began
    name, shards = collection_name(lake.index, generation, identity.id), tuple(sorted(hashes))
    found, shape = lake.marker(generation, "duplicates", 0, "all"), bench.options.shape
    duplicates = found.parts[0] if found is not None else None  # None: that step is not done
    vectors = generation, name, model.fingerprint, model.dimension
    base = sealed_manifest(lake, summary.base)[0] if summary.base is not None else None
    epoch = base.lengths if base is not None and shape.sparse else None  # damaged: then another one begins
    made = Contents(lake, *vectors, shards, parts, segments, {}, duplicates, shape, bench.options.analyser, epoch)
    return made.following(contents_of(lake, base)) if base is not None else made


def cut(bench: Workbench, work: Work, step: ShardStep, shards: Iterable[int]) -> Iterator[tuple[ShardTask, int]]:
    """Yield the tasks of shards' slices, each with its size: documents of the step `chunk`, else chunks."""
    before = work.base.fingerprints["chunker"] if work.base is not None else ""
    recut = bool(before) and before != fingerprints(bench).chunker  # then documents that are not fetched cost time too
    for task in work.tasks(step.name, shards):
        if step.name == "chunk":
            plan = work.shard_plan(task.shard)
            size, edges = len(plan.documents), [0, *bounds(plan, recut), len(plan.documents)]
        else:
            made = DOCUMENT_STEPS[:1] if step.name == "embed" else DOCUMENT_STEPS
            size = parts_after(work.lake, task, *made)["chunks"].rows
            edges = [*range(0, size, SLICE_CHUNKS), size]
        slices = tuple(pairwise(edges))
        if step.join is None or len(slices) < 2 or work.marker(step.name, task.shard) is not None:
            yield task, size
        else:
            yield from ((replace(task, rows=rows, slices=slices), rows[1] - rows[0]) for rows in slices)


def bounds(plan: ShardPlan, recut: bool) -> Iterator[int]:
    """Yield where slices of a shard's documents meet."""
    documents = size = 0
    for place, document in enumerate(plan.documents):
        if not recut and document.change not in FETCHED:
            continue
        if documents and (documents == SLICE_DOCUMENTS or size + document.size > SLICE_BYTES):
            yield place
            documents = size = 0
        documents, size = documents + 1, size + document.size


def joined(_: Services, task: ShardTask, slices: Sequence[Marker]) -> Marker:
    """Return one marker for all slices of a shard: counts are added up, segments and URIs put together."""
    counts = Counter[str]()
    for marker in slices:
        counts.update(marker.counts)
    segments = dict.fromkeys(chain.from_iterable(marker.segments for marker in slices))
    gone = chain.from_iterable(marker.gone for marker in slices)
    return task.marker(slices[0].step, dict(counts), segments=tuple(segments), gone=tuple(gone))


def joined_documents(services: Services, task: ShardTask, slices: Sequence[Marker]) -> Marker:
    """Return the marker of a shard with its parts: the rows of all slices, ordered as if there had been one."""
    lake, tables = services.bench.lake, dict[PartKind, pa.Table]()
    for kind in OF_CHUNK:  # documents come first
        schema = SCHEMAS[kind]
        read = [lake.read(part).cast(schema) for marker in slices for part in marker.parts if part.kind == kind]
        rows = pa.concat_tables([schema.empty_table(), *read]).combine_chunks()
        if "uri" in schema.names:
            places = rows["uri"]
        else:
            places = pc.index_in(rows["document_id"], tables["documents"]["document_id"].combine_chunks())
        tables[kind] = rows.take(pc.sort_indices(places))  # stable: the order within a document stays
    return joined(services, task, slices).model_copy(update={"parts": written(lake, task, tables)})


def written(lake: Lake, task: ShardTask, tables: dict[PartKind, pa.Table]) -> tuple[PartFile, ...]:
    """Write the tables of a shard, or of a slice, as parts. Empty ones of a slice are left out.

    Documents without a text here have the rows of the base's parts, where these are STAYING.
    """
    if task.rows is not None:
        folder = f"generations/{task.generation}/slices"
        return tuple(lake.write_part(k, task.shard, t.combine_chunks(), folder) for k, t in tables.items() if len(t))
    base = by_kind(lake.shard_plan(task.generation, task.shard, task.plan_hash).base_parts)
    documents, made = (tables[kind]["document_id"].to_pylist() for kind in ("documents", "texts"))
    parts = list[PartFile]()
    for kind, table in tables.items():
        if kind in STAYING and len(made) < len(documents):
            parts.append(amend(lake, base[kind], table, documents, {*made}))
        else:
            parts.append(lake.write_part(kind, task.shard, table.combine_chunks()))
    return tuple(parts)
