"""Damaged and lost files of the lake: they count as absent, and are made again from what is upstream of them.

source → documents, texts, quarantine → chunks, dropped → attributes, vectors, duplicates, keyword.* → points
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ingest.errors import DamagedFile, SchemaMismatch
from ingest.lake.lake import Lake
from ingest.records import Manifest, Marker, PartFile, PartKind, PlanSummary

SOURCES = "the sources, where last good versions are no more"
MADE_FROM = {"documents": SOURCES, "texts": SOURCES, "quarantine": "the sources"}  # all others: its chunks
MADE_FROM |= {"chunks": "its texts", "dropped": "its texts", "attributes": "its documents and chunks"}
OF_CHUNK: tuple[PartKind, ...] = ("documents", "texts", "chunks", "attributes", "quarantine", "dropped")  # of `chunk`
TOGETHER = {"chunks": {"dropped"}, "dropped": {"chunks"}}  # one cut gives both


@dataclass(frozen=True)
class Damage:
    """What a plan's base lacks, and how the plan makes up for it."""

    parts: Mapping[int | None, frozenset[str]] = field(default_factory=dict)  # kinds by shard; None: over all shards
    unembedded: frozenset[int] = frozenset()  # shards with chunks whose vectors are lost
    rebuilds: bool = False  # whether there must be another generation although no shard needs work
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


def damaged_parts(lake: Lake, parts: Iterable[PartFile], writes: bool = True) -> Iterator[tuple[PartFile, str]]:
    """Yield the parts that are gone or damaged, and why. If this `writes`, the lake gets sound local copies back."""
    listed, folder = None, f"{lake.index}/data/"
    for part in parts:
        try:
            path = lake.part_path(part)
        except DamagedFile as error:
            yield part, str(error)
            continue
        if part.folder or not writes:
            continue
        listed = listed if listed is not None else set(lake.store.list(folder))
        if (name := f"{part.sha256}.parquet") not in listed:
            lake.store.put_file(folder + name, path)


def damage_of(lake: Lake, base: Manifest, writes: bool = True) -> Damage:
    """Return what is damaged or gone of a generation's part files. `writes`: as for `damaged_parts`."""
    kinds: defaultdict[int | None, set[str]] = defaultdict(set)
    told = []
    for part, wrong in damaged_parts(lake, base.parts, writes):
        kinds[part.shard].add(part.kind)
        place = "all shards" if part.shard is None else f"shard {part.shard}"
        made = "all shards" if part.shard is None else MADE_FROM.get(part.kind, "its chunks")
        told.append(f"{part.kind} of {place}, made again from {made}: {wrong}")
    return Damage({shard: frozenset(found) for shard, found in kinds.items()}, rebuilds=None in kinds, told=tuple(told))


def is_sound(lake: Lake, summary: PlanSummary, fingerprint: str) -> bool:
    """Read all that was done of a frozen plan and return whether it is whole. `fingerprint`: of the model."""
    try:
        if (manifest := lake.manifest(summary.generation)) is not None:
            parts, segments = [*manifest.parts], [*manifest.segments.values()]
        else:
            markers = [*_markers(lake, summary)]
            parts, segments = [part for m in markers for part in m.parts], [m.segments for m in markers]
        if any(damaged_parts(lake, parts)):
            return False
    except SchemaMismatch:
        return False
    return not lake.embeddings(fingerprint).lost(segment for some in segments for segment in some)


def _markers(lake: Lake, summary: PlanSummary) -> Iterator[Marker]:
    generation = summary.generation
    for shard, plan_hash in summary.shards.items():
        for step in lake.shard_plan(generation, shard, plan_hash).steps:
            marker = lake.marker(generation, step, shard, plan_hash)
            yield from (marker,) if marker is not None else lake.finished_slices(generation, step, shard, plan_hash)
    if (marker := lake.marker(generation, "duplicates", 0, "all")) is not None:
        yield marker
