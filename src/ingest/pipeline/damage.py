"""Damaged and lost files of the lake: they count as absent, and are made again from what is upstream of them.

source → documents, texts, quarantine → chunks, dropped → attributes, vectors, duplicates, keyword.* → points
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from ingest import records
from ingest.errors import DamagedFile, SchemaMismatch
from ingest.lake.contents import contents_of
from ingest.lake.lake import Lake
from ingest.lake.stored_records import name_of
from ingest.pipeline.collection_points import rows_of
from ingest.records import Manifest, Marker, PartFile, PartKind, PlannedDocument, PlanSummary
from ingest.services import Retrieval, Services, Writer

log = logging.getLogger(__name__)

SOURCES = "the sources, where last good versions are no more"
MADE_FROM = {"documents": SOURCES, "texts": SOURCES, "quarantine": "the sources"}  # all others: its chunks
MADE_FROM |= {"chunks": "its texts", "dropped": "its texts", "attributes": "its documents and chunks"}
OF_CHUNK: tuple[PartKind, ...] = ("documents", "texts", "chunks", "attributes", "quarantine", "dropped")  # of `chunk`
TOGETHER = {"chunks": {"dropped"}, "dropped": {"chunks"}}  # one cut gives both
InTurn = Callable[[int | None], bool]  # of a shard, or of what spans all shards


@dataclass(frozen=True)
class Damage:
    """What a plan's base lacks, and how the plan makes up for it."""

    # Kinds by shard. None: over all shards; then there is another generation although no shard needs work.
    parts: Mapping[int | None, frozenset[str]] = field(default_factory=dict)
    unembedded: frozenset[int] = frozenset()  # shards with chunks whose vectors are lost
    told: tuple[str, ...] = ()  # a sentence for each: what was damaged, and what it is made from

    def left(self, shard: int, parts: Mapping[str, PartFile]) -> dict[str, PartFile]:
        """Return those of a shard's parts that can be used."""
        gone = self.parts.get(shard, frozenset())
        gone = gone.union(*(TOGETHER.get(kind, ()) for kind in gone))
        return {kind: part for kind, part in parts.items() if kind not in gone}

    def steps(self, shard: int) -> set[str]:
        """Return the steps that a shard needs because of damage."""
        gone = self.parts.get(shard, frozenset())
        steps = {"chunk"} if gone & {*OF_CHUNK} else set[str]()
        return steps | ({"keyword"} if gone else set()) | ({"embed"} if shard in self.unembedded else set())


def damaged_parts(
    lake: Lake, parts: Iterable[PartFile], writes: bool = True, in_turn: InTurn = lambda shard: True
) -> Iterator[tuple[PartFile, str]]:
    """Yield the parts that are gone or, where it is their shard's turn to be hashed, damaged, and why.

    If this `writes`, the lake gets sound local copies back.
    """
    folder = f"{lake.index}/data/"
    listed = cache(lambda: {*lake.store.list(folder)})
    for part in (file for whole in parts for file in whole.files):
        name = f"{part.sha256}.parquet"
        if not in_turn(part.shard) and name in listed():
            continue
        try:
            path = lake.part_path(part)
        except DamagedFile as error:
            yield part, str(error)
            continue
        if writes and not part.folder and name not in listed():
            lake.store.put_file(folder + name, path)


def damage_of(lake: Lake, base: Manifest, writes: bool = True, in_turn: InTurn = lambda shard: True) -> Damage:
    """Return what is damaged or gone of a generation's part files. `writes`, `in_turn`: as for `damaged_parts`."""
    kinds: defaultdict[int | None, set[str]] = defaultdict(set)
    told = []
    for part, wrong in damaged_parts(lake, base.parts, writes, in_turn):
        kinds[part.shard].add(part.kind)
        place = "all shards" if part.shard is None else f"shard {part.shard}"
        made = "all shards" if part.shard is None else MADE_FROM.get(part.kind, "its chunks")
        told.append(f"{part.kind} of {place}, made again from {made}: {wrong}")
    return Damage({shard: frozenset(found) for shard, found in kinds.items()}, told=tuple(told))


def is_sound(lake: Lake, summary: PlanSummary, fingerprint: str) -> bool:
    """Read all that was done of a frozen plan and return whether it is whole. `fingerprint`: of the model."""
    try:
        if (manifest := lake.manifest(summary.generation)) is not None:
            parts, segments = [*manifest.parts], [*manifest.segments.values()]
        else:
            markers = [*finished(lake, summary)]
            parts, segments = [part for m in markers for part in m.parts], [m.segments for m in markers]
        if any(damaged_parts(lake, parts)):
            return False
    except SchemaMismatch:
        return False
    return not lake.embeddings(fingerprint).lost(segment for some in segments for segment in some)


def finished(lake: Lake, summary: PlanSummary) -> Iterator[Marker]:
    """Yield the markers of what is done of a frozen plan, of unfinished shards those of their slices."""
    generation = summary.generation
    for shard, plan_hash in summary.shards.items():
        for step in lake.shard_plan(generation, shard, plan_hash).steps:
            marker = lake.marker(generation, step, shard, plan_hash)
            yield from (marker,) if marker is not None else lake.finished_slices(generation, step, shard, plan_hash)
    if (marker := lake.marker(generation, "duplicates", 0, "all")) is not None:
        yield marker


def find_damage(services: Services, base: Manifest | None, follows: records.Release | None, in_turn: InTurn) -> Damage:
    """Return what a base lacks.

    `follows`: the newest release; the base is of an earlier one if that has lost its manifest. Its query profile is
    written again if it is the settings'. Files are hashed of shards that are `in_turn`.
    """
    retrieval, profile = services.retrieval, services.bench.options.profile
    lake, damage, told = retrieval.lake, Damage(), list[str]()
    if base is not None:
        damage = damage_of(lake, base, in_turn=in_turn)
        if base.model.fingerprint == retrieval.model.fingerprint:
            damage = _mend_vectors(retrieval, services.writer, base, damage, in_turn)
    if follows is not None and (base is None or base.generation != follows.generation):
        known = base.generation if base is not None else "nothing"
        told.append(f"manifest of {follows.generation}, made again as another generation from the sources and {known}")
    if follows is not None and follows.profile == name_of(profile):
        try:
            lake.profile(follows.profile)
        except DamagedFile as error:
            lake.write_named(profile)
            told.append(f"query profile, written again from the settings: {error}")
    damage = replace(damage, told=(*damage.told, *told))
    for one in damage.told:
        log.warning("index %s: %s", lake.index, one)
    return damage


def check_carried(index: str, damage: Damage, shard: int, documents: Sequence[PlannedDocument]) -> None:
    """Check that no document that this run does not read needs to be read again. Raises: DamagedFile."""
    gone = damage.parts.get(shard, frozenset())
    if gone & {"documents", "quarantine"} or ("texts" in gone and any(d.change == "carried" for d in documents)):
        told = "; ".join(damage.told)
        raise DamagedFile(
            f"index {index}: documents outside this run's scope, or of a source whose listing failed, are damaged in "
            f"the lake and must be read again: `ingest run` without options that choose documents does that. {told}"
        )


def _mend_vectors(retrieval: Retrieval, writer: Writer, base: Manifest, damage: Damage, in_turn: InTurn) -> Damage:
    """Return the damage with the shards that miss vectors of lost segments, and a sentence for each of these.

    Segments of which only the entry is lost get another. Shards that are cut again anyway are embedded then.
    """
    contents, told = contents_of(retrieval.lake, base), list[str]()
    store = retrieval.lake.embeddings(base.model.fingerprint)
    lost = store.lost(segment for shard, some in base.segments.items() if in_turn(shard) for segment in some)
    if not lost:
        return damage
    if store.index.close_gaps(writer.new_token()):
        told.append("index of embedding segments, with empty entries for lost ones")
    entered = [s for s in store.lost(lost) if store.enter(s, writer.new_token())]
    told += (f"entry of embedding segment {segment}, made again from the segment" for segment in entered)
    lost = store.lost(lost)
    store.retire(writer.new_token())
    touched = (s for s, some in base.segments.items() if {*some} & {*lost} and "chunk" not in damage.steps(s))
    every = replace(contents, duplicates=None)  # they, too, have a vector, though no point
    left = {s for s in touched if store.missing([chunk.embedding_key for chunk, _ in rows_of(every, s)])}
    if left:
        told += (f"embedding segment {one}, its vectors made again by the model ({len(left)} shards)" for one in lost)
    return replace(damage, unembedded=frozenset(left), told=(*damage.told, *told))
