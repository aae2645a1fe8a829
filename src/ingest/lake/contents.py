"""What a generation holds: its shards' part files, its keyword index, the shape of its collection."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import chain
from operator import attrgetter
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

from ingest.errors import UnknownRelease
from ingest.lake.lake import Lake
from ingest.lake.revocations import Revocations
from ingest.ports import Aliases
from ingest.records import LANGCHAIN, Lengths, Manifest, PartFile, Shape, ShardHolds

ALIKE = attrgetter("model_fingerprint", "shape", "shards")  # of what may share points
F = TypeVar("F")
Hidden = tuple[str, str, frozenset[str]]  # document id, source, the groups that still may see it


@dataclass(frozen=True)
class Contents:
    """What a generation holds, before its seal (from markers and plan) or after it (from the manifest)."""

    lake: Lake
    generation: str
    collection: str  # not always named after the generation: that of a retired one may have been taken over
    model_fingerprint: str
    dimension: int
    shards: tuple[int, ...]
    parts: Callable[[int], dict[str, PartFile]]  # of a shard, by kind
    segments: Callable[[int], tuple[str, ...]]  # embedding segments that hold a shard's vectors
    keyword: Mapping[str, PartFile]  # postings, terms, lengths over all shards
    duplicates: PartFile | None = None  # None in generations older than the search for them
    shape: Shape = LANGCHAIN
    analyser: Mapping[str, Any] = field(default_factory=dict)  # including k1 and b, on which sparse vectors depend
    epoch: Lengths | None = None  # of the generation since which sparse vectors are weighed alike
    holds: Callable[[int], ShardHolds | None] = lambda shard: None  # what a shard is known to hold

    @property
    def collapsed(self) -> Mapping[str, str]:
        """The chunks that another chunk stands for, by id with their document's: they have no point and no postings."""
        return self.lake.collapsed(self.duplicates)

    def following(self, before: "Contents") -> "Contents":
        """Return these contents; of shards that are as in others it is known what those held, but for revocations."""

        @cache
        def recollapsed() -> set[str]:
            return {document for _, document in before.collapsed.items() ^ self.collapsed.items()}

        def holds(shard: int) -> ShardHolds | None:
            if ALIKE(before) != ALIKE(self) or (parts := self.parts(shard)) != before.parts(shard):
                return None
            own = self.lake.read(parts["documents"], ["document_id"])["document_id"].to_pylist()
            return before.holds(shard) if recollapsed().isdisjoint(own) else None

        return replace(self, holds=holds)

    def refuse_recycled(self, vectors: Aliases) -> None:
        """Raise UnknownRelease when the collection says that it holds another generation by now.

        It says so before the first of its points is another: who asks after reading points has read none of those.
        """
        if (held := vectors.generation_of(self.collection)) not in ("", self.generation):
            told = f"generation {self.generation} is gone: {self.collection} was recycled and holds generation {held}"
            raise UnknownRelease(f"{told}; readers open the release in force")

    def rows(self, kind: str) -> int:
        """Return how many rows the parts of a kind hold, over all shards."""
        return sum(part.rows for shard in self.shards for name, part in self.parts(shard).items() if name == kind)

    def points(self) -> int:
        """Return how many points the collection should have now."""
        revoked = self.revoked_chunks(self.lake.revocations.now())
        return self.rows("chunks") - len(self.collapsed) - sum(1 for _ in revoked)

    def revoked(self, shard: int, told: Revocations) -> frozenset[str]:
        """Return the ids of a shard's documents that are revoked."""
        return frozenset() if told == Revocations() else told.ids(self.documents(shard))

    def documents(self, shard: int) -> Iterator[SimpleNamespace]:
        """Yield what decides who may see the documents of a shard, as attributes."""
        columns = ["document_id", "uri", "source", "tenant", "acl", "modified"]
        return (SimpleNamespace(**row) for row in self.lake.read(self.parts(shard)["documents"], columns).to_pylist())

    def revoked_chunks(self, told: Revocations) -> Iterator[str]:
        """Yield the ids of the chunks that would have points if their documents were not revoked."""
        for shard in self.shards:
            if documents := self.revoked(shard, told):
                rows = self.lake.read(self.parts(shard)["chunks"], ["chunk_id", "document_id"]).to_pylist()
                ids = (row["chunk_id"] for row in rows if row["document_id"] in documents)
                yield from (chunk for chunk in ids if chunk not in self.collapsed)

    def hidden(self, told: Revocations) -> Iterator[Hidden]:
        """Yield the documents that fewer may see than their rows say, but for what is revoked with source or tenant."""
        named = replace(told, sources=frozenset(), tenants=frozenset())
        for row in (row for shard in self.shards if told != Revocations() for row in self.documents(shard)):
            tenant, groups = told.access(row) or (row.tenant, frozenset(row.acl))
            groups = groups if tenant == row.tenant else frozenset()
            if (revoked := named.holds(row)) or not groups.issuperset(row.acl):
                yield row.document_id, row.source, frozenset() if revoked else groups

    def searched_files(self, opened: Callable[[PartFile], F]) -> tuple[F, F, Path, *tuple[F, ...]]:
        """Return postings, terms and lengths of the keyword index, then postings and terms of a small segment."""
        files = (map(opened, self.keyword[kind].files) for kind in ("keyword.postings", "keyword.terms"))
        (postings, terms), *small = zip(*files, strict=True)
        return postings, terms, self.lake.part_path(self.keyword["keyword.lengths"]), *chain.from_iterable(small)

    def all_parts(self) -> Iterator[PartFile]:
        """Yield the parts of each shard, then those that span all shards."""
        for shard in self.shards:
            yield from self.parts(shard).values()
        yield from self.keyword.values()
        if self.duplicates is not None:
            yield self.duplicates


def contents_of(lake: Lake, manifest: Manifest) -> Contents:
    """Return what a sealed generation holds."""
    parts: defaultdict[int | None, dict[str, PartFile]] = defaultdict(dict)
    for part in manifest.parts:
        parts[part.shard][part.kind] = part
    whole, model = parts.pop(None, {}), manifest.model
    shape = Shape(**{name: manifest.settings[name] for name in ("payload", "sparse") if name in manifest.settings})
    shards = tuple(sorted(shard for shard in parts if shard is not None))
    duplicates, analyser = whole.pop("duplicates", None), manifest.analyser
    vectors = manifest.generation, manifest.collection, model.fingerprint, model.dimension
    of_shard = dict(parts).__getitem__, manifest.segments.__getitem__
    known = manifest.lengths, manifest.holds.get
    return Contents(lake, *vectors, shards, *of_shard, whole, duplicates, shape, analyser, *known)
