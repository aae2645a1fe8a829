"""Slices of a shard: how its work is cut into tasks, and how one result is made of theirs, whose part files then go."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, pairwise

import pyarrow as pa
import pyarrow.compute as pc

from ingest.lake.lake import Lake
from ingest.lake.rows import SCHEMAS
from ingest.pipeline.changes import FETCHED
from ingest.pipeline.damage import OF_CHUNK
from ingest.pipeline.fingerprints import fingerprints
from ingest.pipeline.tasks import DOCUMENT_STEPS, Rows, ShardStep, ShardTask, Work, parts_after
from ingest.records import Marker, PartFile, PartKind, ShardPlan
from ingest.services import Services, Workbench

SLICE_DOCUMENTS = 64  # that are fetched or cut again
SLICE_BYTES = 16 * 2**20  # of those documents; a larger document has a slice of its own
SLICE_CHUNKS = 4096


def cut(bench: Workbench, work: Work, step: ShardStep) -> Iterator[tuple[ShardTask, int]]:
    """Yield the tasks of a step's slices, each with its size: documents of the step `chunk`, else chunks."""
    before = work.base.fingerprints["chunker"] if work.base is not None else ""
    recut = bool(before) and before != fingerprints(bench).chunker  # then documents that are not fetched cost time too
    for task in work.tasks(step.name):
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
            yield from ((replace(task, rows=rows), rows[1] - rows[0]) for rows in slices)


def joins(tasks: Iterable[ShardTask]) -> list[ShardTask]:
    """Return the tasks that make one result of the results of each shard's slices."""
    found: dict[ShardTask, list[Rows]] = {}
    for task in tasks:
        if task.rows is not None:
            found.setdefault(replace(task, rows=None), []).append(task.rows)
    return [replace(task, slices=tuple(rows)) for task, rows in found.items()]


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
    """Write the tables of a shard, or of a slice, as parts. Empty ones of a slice are left out."""
    folder = "" if task.rows is None else f"generations/{task.generation}/slices"
    kept = ((kind, table.combine_chunks()) for kind, table in tables.items() if len(table) or not folder)
    return tuple(lake.write_part(kind, task.shard, table, folder) for kind, table in kept)
