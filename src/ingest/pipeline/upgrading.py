"""What a new parser, library or chunker version does to documents that did not change: nothing, n a run, or all."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ingest.lake.rows import DocumentRow
from ingest.lake.shard_rows import ShardRows
from ingest.pipeline.changes import BaseDocument
from ingest.pipeline.fingerprints import Fingerprints
from ingest.records import BuildOptions, DocumentRef, Manifest


@dataclass(frozen=True)
class Upgrades:
    """The documents of a base that another version of our code would make otherwise, under the same options."""

    base: Manifest | None
    options: BuildOptions
    prints: Fingerprints
    chosen: dict[int, frozenset[str]] = field(default_factory=dict)  # URIs that a gradual run makes anew, by shard

    @property
    def newer_chunker(self) -> bool:
        """Whether the chunker differs, though its options and the sources' policies do not."""
        told = self.base.fingerprints if self.base is not None else self.prints.record()
        same_options = told.get("options", self.prints.cutting) == self.prints.cutting
        return told["chunker"] != self.prints.chunker and same_options

    def kept(
        self, shard: int, rows: ShardRows, held: Mapping[str, BaseDocument], listed: Mapping[str, DocumentRef]
    ) -> tuple[list[DocumentRow], int]:
        """Return a shard's documents that stay as an earlier version made them, and how many do not.

        The first ones in order are made anew, up to `upgrades_per_run` in all shards; the same for the same base.
        """
        older = [rows.documents[uri] for uri in sorted(held) if self._is_older(rows.documents[uri], rows, held, listed)]
        now = {ref.uri: ref.version for ref in listed.values()}
        same = [row.uri for row in older if row.status == "current" and now.get(row.uri) == row.version]
        if self.options.on_upgrade == "now":
            return [], len(same)
        if shard not in self.chosen:
            most = self.options.upgrades_per_run if self.options.on_upgrade == "gradual" else 0
            self.chosen[shard] = frozenset(same[: most - sum(map(len, self.chosen.values()))])
        return [row for row in older if row.uri not in self.chosen[shard]], len(self.chosen[shard])

    def _is_older(
        self, row: DocumentRow, rows: ShardRows, held: Mapping[str, BaseDocument], listed: Mapping[str, DocumentRef]
    ) -> bool:
        """Tell whether nothing but a version of our code speaks against a document's text, or its chunks."""
        if not held[row.uri].outdated:
            return self.newer_chunker and any(m.chunker_fingerprint != self.prints.chunker for m in rows.family(row))
        moved = row.uri in listed and listed[row.uri].source != row.source
        assert self.base is not None  # it has documents
        recorded = (settings.get("sources", ()) for settings in (self.base.settings, self.options.settings))
        then, now = (
            [(s.get("parsing"), s.get("default_excludes")) for s in sources if s["name"] == row.source]
            for sources in recorded
        )
        return not moved and rows.is_whole(row) and then == now
