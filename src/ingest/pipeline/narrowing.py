"""What sources take back: fewer may see a document, or it is gone. No generation shows it to others any more.

Once a listing is complete and the delete guard has passed, until the source shows as much again, or no generation more.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, cast

from ingest.errors import SchemaMismatch
from ingest.ids import containers, document_id, shard_of
from ingest.lake.contents import Contents
from ingest.lake.lake import Lake
from ingest.lake.revocations import GONE, MOST_EXCLUDED, Access, Revocations
from ingest.pipeline.revoking import every_generation
from ingest.pipeline.scope import Scope
from ingest.records import REVOKES, Revokes, ShardPlan
from ingest.release.generation_states import decide
from ingest.services import Workbench, Writer

WHY = {"narrow": "fewer may see them at their source, or it deleted them", "widen": "no generation shows more any more"}


@dataclass
class Narrowing:
    """Compares what the kept generations show with a complete listing."""

    lake: Lake
    told: Revocations  # before anything was listed
    kept: Collection[Contents]
    policies: Mapping[str, Revokes]  # by source
    _wanted: dict[str, Access | None] = field(default_factory=dict)  # by document id
    _whole: bool = True  # every generation could be read

    def look(self, plan: ShardPlan, shards: int, base: Iterable[Any], scope: Scope) -> None:
        """Add the documents of a shard, those that are listed and the rows of the base; `scope`: without the sick."""
        listed, read = {document.uri: document for document in plan.documents}, {p.sha256 for p in plan.base_parts}
        for row in (row for row in chain(base, self._held(plan.shard, shards, read)) if "#" not in row.uri):
            now, id_ = listed.get(row.uri), row.document_id
            before, policy = self.told.narrowed.get(id_), self.policies.get(now.source if now else row.source)
            policy = policy if scope.holds(cast(Any, now or row)) else None
            if policy is None:
                self._wanted[id_] = before
            elif now is None:
                self._wanted[id_] = GONE if "deleted" in policy else before
            elif "narrowed" in policy and (now.tenant != row.tenant or not {*row.acl} <= {*now.acl}):
                self._wanted[id_] = now.tenant, frozenset(now.acl)
            else:
                self._wanted.setdefault(id_, None)

    def _held(self, shard: int, shards: int, read: set[str]) -> Iterator[Any]:
        """Yield the rows of a shard's documents in all generations, of each part file once, of none that is read."""
        for contents in self.kept:
            alike = min(shards, len(contents.shards))  # another number of shards: they hold more, or less
            parts = {contents.parts(n)["documents"].sha256: n for n in contents.shards if (n - shard) % alike == 0}
            for part in parts.keys() - read:
                try:
                    rows = contents.documents(parts[part])
                    yield from (r for r in rows if shard_of(document_id(containers(r.uri)[0]), shards) == shard)
                except SchemaMismatch:
                    self._whole = False
            read |= parts.keys()

    def write(self, writer: Writer, *, widens: bool) -> int:
        """Write down what is narrower, with `widens` what is wider too, not over later records; return of how many."""
        now, changes = self.lake.revocations.now().narrowed, defaultdict[Access | None, list[str]](list)
        for id_ in sorted(self._wanted.keys() | (self.told.narrowed.keys() if self._whole else ())):
            before, wanted = self.told.narrowed.get(id_), self._wanted.get(id_)
            if not widens and before is not None:
                wanted = before if wanted is None or before == GONE else (wanted[0], wanted[1] & before[1])
            if wanted != before == now.get(id_):
                changes[wanted].append(id_)
        for access, ids in changes.items():
            told = {} if access in (None, GONE) else {"tenant": access[:1], "acl": sorted(access[1])}
            kind = "widen" if access is None else "narrow"
            for first in range(0, len(ids), MOST_EXCLUDED):
                decide(self.lake, writer, kind, WHY[kind], {"uri": ids[first : first + MOST_EXCLUDED], **told})
        return sum(map(len, changes.values()))


def narrowing_of(bench: Workbench, told: Revocations, scope: Scope) -> Narrowing:
    """Return what compares every generation with the sources; within a smaller scope, with none."""
    limits = scope.sources, scope.prefixes, scope.uris, scope.modified_since, scope.modified_until, scope.errors
    policies = {one.name: bench.options.revokes.get(one.name, REVOKES) for one in bench.sources if not any(limits)}
    return Narrowing(bench.lake, told, dict(every_generation(bench.lake)).values(), policies)
