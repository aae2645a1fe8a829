"""What a generation holds: its shards' part files, its keyword index, the shape of its collection."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ingest.lake.lake import Lake
from ingest.records import LANGCHAIN, Manifest, PartFile, Shape


@dataclass(frozen=True)
class Contents:
    """What a generation holds, before its seal (from markers and plan) or after it (from the manifest)."""

    lake: Lake
    collection: str
    model_fingerprint: str
    dimension: int
    shards: tuple[int, ...]
    parts: Callable[[int], dict[str, PartFile]]  # of a shard, by kind
    segments: Callable[[int], tuple[str, ...]]  # embedding segments that hold a shard's vectors
    keyword: Mapping[str, PartFile]  # postings, terms, lengths over all shards
    duplicates: PartFile | None = None  # None in generations older than the search for them
    shape: Shape = LANGCHAIN
    analyser: Mapping[str, Any] = field(default_factory=dict)  # including k1 and b, on which sparse vectors depend

    @property
    def collapsed(self) -> frozenset[str]:
        """The ids of the chunks that another chunk stands for: they have no point and no postings."""
        return self.lake.collapsed(self.duplicates)

    def rows(self, kind: str) -> int:
        """Return how many rows the parts of a kind hold, over all shards."""
        return sum(part.rows for shard in self.shards for name, part in self.parts(shard).items() if name == kind)

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
    vectors = manifest.collection, model.fingerprint, model.dimension
    of_shard = dict(parts).__getitem__, manifest.segments.__getitem__
    return Contents(lake, *vectors, shards, *of_shard, whole, duplicates, shape, analyser)
