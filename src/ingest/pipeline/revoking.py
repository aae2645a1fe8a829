"""Revoking: what nobody may find any more, in every generation that is kept, whatever the gate says.

First the record, which every reader looks for at each search; then the points of all collections. A promotion deletes
points before its own record. So wherever one dies no reader shows what is revoked, and the next run deletes the rest.

Narrowing: what sources take back. Fewer may see a document, or it is gone; no generation shows it to others any more,
once a listing is complete and the delete guard has passed, until the source shows as much again, or no generation more.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from sys import maxsize
from types import SimpleNamespace
from typing import Any

from ingest import errors
from ingest.ids import containers, document_id, point_id, shard_of
from ingest.lake.contents import Contents, contents_of
from ingest.lake.lake import Lake
from ingest.lake.revocations import GONE, MOST_EXCLUDED, About, Access, Revocations
from ingest.pipeline.scope import Scope, within
from ingest.ports import VectorIndex
from ingest.records import EVERYTHING, REVOKES, Decision, DocumentRef, Revokes, ShardPlan
from ingest.release.generation_states import collections_held, decide, decisions_of, last_claim, sealed_manifest
from ingest.services import Retrieval, Workbench, Writer

GONE_IN_A_ROW = 8  # generations, after which older ones are taken to be gone, too
WHY = {"narrow": "fewer may see them at their source, or it deleted them", "widen": "no generation shows more any more"}


@dataclass(frozen=True)
class Revoked:
    """A decision to revoke, and how many documents of each sealed generation it names."""

    decision: Decision
    documents: dict[str, int]


def revoke(retrieval: Retrieval, writer: Writer, why: str, wanted: About) -> Revoked:
    """Revoke documents by URI or id, prefix, source and tenant, until a person lifts it.

    Raises: InvalidSettings (nothing named, or over MOST_EXCLUDED one by one); IndexUnavailable: in force, points left.
    """
    about = {kind: names for kind, names in wanted.items() if names}
    if not about or not all(name.strip() for names in about.values() for name in names):
        raise errors.InvalidSettings("revoke: name documents by URI, prefix, source or tenant; none may be empty")
    lake, told, named, found = retrieval.lake, retrieval.lake.revocations, Revocations.of([about]), dict[str, int]()
    told.now()
    together = Revocations.of([*told.in_force.values(), about])
    for generation, contents in every_generation(lake).items():
        with suppress(errors.SchemaMismatch, errors.StoreUnavailable):  # damaged: the decision does not need it
            found[generation] = sum(len(contents.revoked(shard, named)) for shard in contents.shards)
            if (most := sum(1 for *_, groups in contents.hidden(together) if not groups)) > MOST_EXCLUDED:
                each = f"{most} documents of generation {generation} would be excluded one by one, at most"
                raise errors.InvalidSettings(f"revoke: {each} {MOST_EXCLUDED} can be; revoke their source or tenant")
    decision = decide(lake, writer, "revoke", why, about)
    try:
        delete_all_revoked(retrieval)
    except errors.IngestError as error:
        done = f"decision {decision.number} revokes them, and no reader shows them"
        raise errors.IndexUnavailable(f"{done}; the next run deletes the points that are left: {error}") from error
    return Revoked(decision, found)


def delete_all_revoked(retrieval: Retrieval) -> Revocations:
    """Delete the points of what is revoked from all collections of this lake that exist; return what is revoked."""
    lake, vectors = retrieval.lake, retrieval.vectors
    told = lake.revocations.now()
    for generation, held in collections_held(lake, vectors).items() if told != Revocations() else ():
        manifest = sealed_manifest(lake, generation)[0]
        contents = contents_of(lake, manifest) if manifest is not None else None
        for collection in held:
            is_there = contents is not None and contents.collection == collection
            delete_revoked(vectors, collection, contents if is_there else None, told)
    return told


def delete_revoked(vectors: VectorIndex, collection: str, contents: Contents | None, told: Revocations) -> None:
    """Delete the points of what is revoked. Where files cannot tell (unsealed, damaged), the collection is read."""
    found: list[str] | None = None
    with suppress(errors.SchemaMismatch):
        found = [point_id(chunk) for chunk in contents.revoked_chunks(told)] if contents is not None else None
    if found is None:
        every = vectors.scroll(collection, EVERYTHING, ("uri", "source", "tenant"))
        named = ((p.id, {name: str(value or "") for name, value in p.payload.items()}) for p in every)
        found = [id_ for id_, fields in named if told.holds(SimpleNamespace(**fields))]
    if found:
        vectors.delete(collection, found)
        vectors.flush(collection)


def every_generation(lake: Lake) -> dict[str, Contents]:
    """Return what every sealed generation holds, newest first, then what was pinned.

    Claims and releases stay for good, generations do not: each is followed back until GONE_IN_A_ROW of its generations
    are gone. Retirement keeps no older ones but those that a person pinned. Raises: SchemaMismatch for lost decisions.
    """
    claimed = (claim.id for _, claim in lake.claims.newest_first(maxsize, below=last_claim(lake) + 1))
    decision = lake.decision()
    newest = decision.number if decision is not None else 0
    released = (release.generation for _, release in lake.releases.newest_first(maxsize, below=newest + 1))
    pinned = (name for made in decisions_of(lake, "pin") for name in made.about["generation"])
    found = dict[str, Contents | None]()  # None: it is gone
    for generations, limit in (claimed, GONE_IN_A_ROW), (released, GONE_IN_A_ROW), (pinned, maxsize):
        gone = 0
        for generation in generations:
            if generation not in found:
                manifest = sealed_manifest(lake, generation)[0]
                found[generation] = contents_of(lake, manifest) if manifest is not None else None
            gone = 0 if found[generation] is not None else gone + 1
            if gone == limit:
                break
    return {generation: contents for generation, contents in found.items() if contents is not None}


@dataclass
class Narrowing:
    """Compares what the kept generations show with a complete listing."""

    lake: Lake
    told: Revocations  # before anything was listed
    kept: Collection[Contents]
    policies: Mapping[str, Revokes]  # by source
    _wanted: dict[str, Access | None] = field(default_factory=dict)  # by document id
    _kept: set[str] = field(default_factory=set)  # of these, what a sick source may hold too: never widened
    _whole: bool = True  # every generation could be read

    def look(
        self, plan: ShardPlan, shards: int, base: Iterable[Any], scope: Scope, refs: Mapping[str, DocumentRef]
    ) -> None:
        """Add a shard's documents: `refs`, as listed, by URI, and the rows of the base; `scope`: without the sick."""
        carried, read = {d.uri for d in plan.documents if d.change == "carried"}, {p.sha256 for p in plan.base_parts}
        for row in (row for row in chain(base, self._held(plan.shard, shards, read)) if "#" not in row.uri):
            now, id_ = refs.get(row.uri), row.document_id
            before, policy = self.told.narrowed.get(id_), self.policies.get(now.source if now else row.source)
            if row.uri in carried or not (scope.holds(row) and scope.holds(now or row)):
                self._kept.add(id_)
                # A source that answers still takes groups away, but no document from the tenant of a sick one.
                moved = now is not None and scope.is_sick(row) and now.tenant != row.tenant
                policy = None if now is None or moved or scope.is_sick(now) else policy
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
                except errors.SchemaMismatch:
                    self._whole = False
            read |= parts.keys()

    def write(self, writer: Writer, *, widens: bool) -> int:
        """Write down what is narrower, with `widens` what is wider too, not over later records; return of how many."""
        now, changes = self.lake.revocations.now().narrowed, defaultdict[Access | None, list[str]](list)
        for id_ in sorted(self._wanted.keys() | (self.told.narrowed.keys() if self._whole else ())):
            before, wanted = self.told.narrowed.get(id_), self._wanted.get(id_)
            if (not widens or id_ in self._kept) and before is not None:
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
    limits = scope.sources, *within(scope)
    policies = {one.name: bench.options.revokes.get(one.name, REVOKES) for one in bench.sources if not any(limits)}
    return Narrowing(bench.lake, told, every_generation(bench.lake).values(), policies)
