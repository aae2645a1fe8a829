"""Where a document, a chunk or a point is, and why it is found or not.

Of each kept generation it reads one shard, its plan, rows of the keyword index, points; all ids only for a lost point.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import chain
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ingest import payloads
from ingest.errors import IndexUnavailable, IngestError, InvalidSettings, SchemaMismatch
from ingest.ids import containers, document_id, point_id, shard_of, uris_meant
from ingest.lake.contents import Contents
from ingest.lake.revocations import Revocations
from ingest.lake.rows import DocumentRow, Dropped, chunk_rows
from ingest.lake.shard_rows import by_kind, read_rows
from ingest.phrases import nearest
from ingest.pipeline.changes import looked_up
from ingest.pipeline.guard import carried_in
from ingest.pipeline.quarantine import accepted, failure_of
from ingest.pipeline.revoking import GONE_IN_A_ROW, every_generation
from ingest.pipeline.scope import origin_of
from ingest.pipeline.tasks import DOCUMENT_STEPS, built_contents
from ingest.quality.anchors import after_move, known_moves
from ingest.quality.evaluate import read_sets
from ingest.records import EVERYTHING, UNREAD, CarriedOrigin, Decision, DocumentRef, PartFile, Quarantined
from ingest.release.generation_states import LOOK_BACK, collections_held, decisions_of, generation_states
from ingest.services import Services

ID, POINT = "[0-9a-f]{32}", "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
GROUPED = ["group_id", "chunk_id", "representative", "collapsed"]
SECONDS = 0.5  # for which the known name nearest to an unknown one is looked for


@dataclass(frozen=True)
class ChunkPlace:
    """A chunk in one generation."""

    chunk: str
    point: str
    page: int | None
    start: int
    end: int
    heading: str
    vectors: bool | None  # whether it has a point; None: unknown
    keywords: bool  # whether keyword search may find it
    instead: str  # why it is in neither: what keeps it out, or stands for it
    unread: bool  # the model cannot read it: only its words find it


@dataclass(kw_only=True)
class HeldBy:
    """What one generation holds of a document; of its chunks only the one that was asked for, if one was."""

    generation: str
    state: str  # as `GenerationState`
    releases: list[int]  # newest first
    base: str | None = None
    planned: str | None = None  # class of the listed document that it is, or is in; deleted; None: not listed, unknown
    document: DocumentRow | None = None
    quarantined: list[Quarantined] = field(default_factory=list)  # it, and what contains it or is inside it
    carried: CarriedOrigin | None = None  # with what it stays as it is in the base
    chunks: list[ChunkPlace] = field(default_factory=list)
    fault: str = ""  # what could not be read


@dataclass(kw_only=True)
class Whereabouts:
    """Where what was asked for is, and why it is found or not."""

    asked: str
    kind: str = "unknown"  # document, chunk, point
    uri: str = ""
    listed: list[DocumentRef] = field(default_factory=list)  # by the sources, now: it or what contains it
    not_listed: dict[str, str] = field(default_factory=dict)  # why the sources in whose place it lies do not list it
    decisions: list[Decision] = field(default_factory=list)  # that revoke, narrow or accept it
    access: tuple[str, list[str]] | None = None  # tenant and groups that may see it in what serves
    questions: list[str] = field(default_factory=list)  # ids of judged ones with a place in it
    generations: list[HeldBy] = field(default_factory=list)  # newest first
    because: list[str] = field(default_factory=list)  # why it is not found; []: it is
    nearest: str | None = None  # known name, of an unknown one


class Inquiry:
    """Looks for names; what was read once is not read again."""

    def __init__(self, services: Services) -> None:
        self.services, self.lake, self.vectors = services, services.bench.lake, services.retrieval.vectors
        lake, sealed, self.sources = self.lake, every_generation(self.lake), services.bench.sources
        self.rows = cache(lambda *parts: read_rows(lake, by_kind(parts), "documents", "quarantine", "dropped"))
        self.states = {one.id: one.state for one in generation_states(lake, len(sealed) + GONE_IN_A_ROW)}
        plans = (lake.plan(name) for name, state in [*self.states.items()][:1] if state in ("building", "failed"))
        building = (built_contents(services.bench, plan, *DOCUMENT_STEPS) for plan in plans if plan is not None)
        self.kept, self.collections = [*building, *sealed.values()], list[str]()
        with suppress(IndexUnavailable):
            held = collections_held(lake, self.vectors)
            self.collections += chain.from_iterable(held.get(one.generation, ()) for one in self.kept)

    def ask(self, named: str) -> Whereabouts:
        """Return where a URI, a path, or the id of a document, a chunk or a point is."""
        meant = [uri for source in self.sources for uri in uris_meant(source.uri, named, inside=True)]
        uris = [named, *meant] if "://" in named else meant
        every = (("document", uri, "") for uri in dict.fromkeys(uris))
        if re.fullmatch(f"{ID}|{POINT}", named):
            every = (found for contents in self.kept for found in self._by_id(contents, named))
        known = (one for one in (self._about(named, *found) for found in every) if one.kind != "unknown")
        if (found := next(known, None)) is not None:
            found.because += why_not_found(found)
            return found
        places = [*(f"{one.name} ({one.uri})" for one in self.sources), *(one.generation for one in self.kept)]
        told = f"no source lists it, and no generation holds it: looked in {', '.join(places) or 'none'}"
        return Whereabouts(asked=named, because=[told], nearest=self._nearest(named, *meant))

    def _by_id(self, contents: Contents, named: str) -> Iterator[tuple[str, str, str]]:
        """Yield of what it is the id, the URI of the document, and the id of the chunk."""
        kind, sought = ("chunk", point_id(named)) if re.fullmatch(ID, named) else ("point", named)
        for told in (self._points(contents, [sought]) or {}).values():
            yield kind, told["uri"], told["chunk_id"]
        with suppress(SchemaMismatch):  # a generation that is damaged, or going
            rows = self.rows(*contents.parts(shard_of(named, len(contents.shards))).values())
            yield from (("document", u, "") for u in (*rows.documents, *rows.quarantine) if document_id(u) == named)
            if contents.collection in self.collections:
                every = self.vectors.scroll(contents.collection, replace(EVERYTHING, documents=(named,)), ("uri",))
                yield from (("document", str(point.payload["uri"]), "") for point in every)
            if (lengths := contents.keyword.get("keyword.lengths")) is None:  # it is not sealed
                return
            at = pc.index(self.lake.read(lengths, ["chunk_id"])["chunk_id"], named).as_py()
            for parts in map(contents.parts, contents.shards if at >= 0 else ()):
                if 0 <= at < parts["chunks"].rows:
                    id_ = self.lake.read(parts["chunks"], ["document_id"])["document_id"][at].as_py()
                    documents = self.rows(*parts.values()).documents.values()
                    yield from (("chunk", row.uri, named) for row in documents if row.document_id == id_)
                at -= parts["chunks"].rows

    def _points(self, contents: Contents, ids: list[str]) -> dict[str, dict[str, Any]] | None:
        """Return the fields of the sound points that are there, by id; None if that is unknown."""
        if contents.collection not in self.collections:
            return None
        found = self.vectors.retrieve(contents.collection, ids) if ids else {}
        every = {name: payloads.fields(point.payload) for name, point in found.items()}
        return {name: told for name, told in every.items() if told.keys() >= {"uri", "chunk_id", "tenant", "acl"}}

    def _about(self, named: str, kind: str, uri: str, chunk: str) -> Whereabouts:
        found, lake, above = Whereabouts(asked=named, uri=uri), self.lake, containers(uri)
        for source in (one for one in self.sources if uri.startswith(f"{one.uri}/")):
            try:
                ref, reasons = looked_up(source, above[0])
            except IngestError as error:
                ref, reasons = None, [f"{type(error).__name__}: {error}"]
            found.listed += [ref] if ref is not None else []
            found.not_listed |= {source.name: ", ".join(reasons)} if ref is None else {}
        found.generations = [self._held(contents, uri, chunk) for contents in self.kept]
        held = [one.document for one in found.generations if one.document is not None]
        failed = [row for one in found.generations for row in one.quarantined]
        outside = found.listed or any(found.not_listed.values()) or any(one.planned for one in found.generations)
        if not (held or failed or (outside and above == [uri])):
            return found
        found.kind, of = kind, next(iter([*held, *failed, *found.listed]), None)
        row = DocumentRef(uri, getattr(of, "source", ""), "", "", 0, tenant=getattr(of, "tenant", ""))
        told, listed, taken = lake.revocations.now(), document_id(above[0]), accepted(lake) if failed else {}
        revoked = (n for n, about in lake.revocations.in_force.items() if Revocations.of([about]).holds(row))
        narrowed = decisions_of(lake, "narrow") if listed in told.narrowed else []
        found.decisions += filter(None, map(lake.decisions.get, revoked))
        found.decisions += [made for made in narrowed if listed in made.about["uri"]][-1:]
        found.decisions += {taken[f].number: taken[f] for f in map(failure_of, failed) if f in taken}.values()
        for document in (one.document for one in found.generations if one.document and one.state == "serving"):
            tenant, groups = told.access(row) or (document.tenant, frozenset(document.acl))
            found.access = tenant, sorted(groups.intersection(document.acl) if tenant == document.tenant else ())
        with suppress(InvalidSettings):  # they cannot be read: `ingest doctor` says why
            moves, every = known_moves(lake), chain(*read_sets(self.services.bench.options.judged)) if held else ()
            places = ((q.query_id, after_move(gold, moves) or gold) for q in every for gold in q.gold if gold.grade)
            found.questions += dict.fromkeys(q for q, g in places if any(g.is_in(o.source, o.path) for o in held))
        return found

    def _held(self, contents: Contents, uri: str, chunk: str) -> HeldBy:
        generation, lake, above = contents.generation, self.lake, containers(uri)
        numbers = [n for n, release in lake.releases.newest_first(LOOK_BACK) if release.generation == generation]
        held = HeldBy(generation=generation, state=self.states.get(generation, "kept"), releases=numbers)
        shard = shard_of(listed := document_id(above[0]), len(contents.shards))
        try:
            held.base = lake.claim(generation).base
            if (plan := lake.plan(generation)) is not None:
                of = lake.shard_plan(generation, shard, plan.shards[shard])
                planned = (one.change for one in of.documents if one.uri == above[0])
                held.planned = next(planned, "deleted" if listed in of.deleted else None)
            rows = self.rows(*contents.parts(shard).values())
            held.quarantined = [q for q in rows.quarantine.values() if q.uri in above or uri in containers(q.uri)]
            if (document := rows.documents.get(uri)) is not None:
                held.document, by = document, ("source", "tenant", self.services.bench.options.carry_by)
                origins = carried_in(lake, manifest) if (manifest := lake.manifest(generation)) else {}
                held.carried = next(filter(None, (origins.get(origin_of(document, one)) for one in by)), None)
                every = self._chunks(contents, shard, document, rows.dropped.get(document.document_id, ()))
                held.chunks = [one for one in every if chunk in ("", one.chunk)]
        except (SchemaMismatch, KeyError) as error:
            held.fault = f"{type(error).__name__}: {error}"
        return held

    def _chunks(self, contents: Contents, shard: int, of: DocumentRow, dropped: Iterable[Dropped]) -> list[ChunkPlace]:
        """Return a document's chunks, each with the halves of the index that have it."""
        table, there = self.lake.read(contents.parts(shard)["chunks"]), set[str]()
        own = chunk_rows(table.filter(pc.equal(table["document_id"], of.document_id)))
        points = self._points(contents, [point_id(one.chunk_id) for one in own])
        if own and contents.keyword:  # it is sealed
            rows = self.lake.read(contents.parts(shard)["keyword.lengths"], ["chunk_id", "length"])
            there = {*rows.filter(pc.greater(rows["length"], 0))["chunk_id"].to_pylist()} - contents.collapsed.keys()
        instead = {one.chunk_id: f"kept out: {one.reason}" for one in dropped}
        if (part := contents.duplicates) is not None:
            instead |= self._collapsed(contents, part, of, [one.chunk_id for one in own])
        found = list[ChunkPlace]()
        for one in (*own, *dropped):
            name, point, unread = one.chunk_id, point_id(one.chunk_id), UNREAD in one.marks
            halves = None if points is None else point in points, name in there, instead.get(name, ""), unread
            found.append(ChunkPlace(name, point, one.page, one.start, one.end, " › ".join(one.heading_path), *halves))
        return found

    def _collapsed(self, contents: Contents, part: PartFile, of: DocumentRow, ids: list[str]) -> dict[str, str]:
        """Return what stands for chunks of a document: those of another that the same may see."""
        groups = self.lake.read(part, GROUPED)
        own = groups.filter(pc.and_(pc.is_in(groups["chunk_id"], pa.array(ids, pa.string())), groups["collapsed"]))
        alike = pc.and_(pc.is_in(groups["group_id"], own["group_id"].combine_chunks()), groups["representative"])
        heads = {point_id(one["chunk_id"]): one["group_id"] for one in groups.filter(alike).to_pylist()}
        points, seen_by = (self._points(contents, [*heads]) or {}).items(), (of.tenant, {*of.acl})
        same = {heads[name]: told["uri"] for name, told in points if (told["tenant"], {*told["acl"]}) == seen_by}
        return {r["chunk_id"]: f"{same.get(r['group_id'], 'another')} has the same text" for r in own.to_pylist()}

    def _nearest(self, named: str, *meant: str) -> str | None:
        """Return the known URI, or id of a chunk, that is most like an unknown name among those that begin like it."""
        now, sought, near = self.services.retrieval.monotonic, (*meant, named)[0], list[str]()
        until, begun = now() + SECONDS, re.fullmatch("[0-9a-f]{8,32}", named)
        for contents in [one for one in self.kept if one.keyword][:1]:
            if begun is not None:
                ids = self.lake.read(contents.keyword["keyword.lengths"], ["chunk_id"])["chunk_id"]
                return next(iter(ids.filter(pc.starts_with(ids, named[:8])).to_pylist()), None)
            every = (contents.parts(shard)[kind] for shard in contents.shards for kind in ("documents", "quarantine"))
            for part in (part for part in every if part.rows and now() <= until):
                uris = self.lake.read(part, ["uri"])["uri"].to_pylist()  # in order
                near += uris[max(bisect_left(uris, sought) - 1, 0) :][:2]
        return next((one for one in near if one.startswith(sought)), None) or nearest(sought, near)


def why_not_found(found: Whereabouts) -> Iterator[str]:
    """Yield why what was asked for is not found in what serves; nothing if it is."""
    against = (one for one in found.decisions if one.kind != "accept" and not one.about.get("acl"))
    yield from (f"decision {one.number} of {one.at} {one.kind}s it ({one.who}: {one.why})" for one in against)
    if (held := next((one for one in found.generations if one.state == "serving"), None)) is None:
        yield "nothing serves"
    elif held.document is None:
        above = (row for row in held.quarantined if row.uri in containers(found.uri))
        yield from (f"{row.uri} is in quarantine: {row.error} in {row.stage}: {row.message}" for row in above)
        yield from (f"source {name} does not list it: {why}" for name, why in found.not_listed.items() if why)
        others = ", ".join(f"{one.generation} ({one.state})" for one in found.generations if one.document is not None)
        yield f"generation {held.generation}, which serves, does not hold it{f'; {others} does' if others else ''}"
    else:
        live = [one for one in held.chunks if not one.instead]
        yield from ["no group may see it"] if found.access is not None and not found.access[1] else []
        yield from sorted({one.instead for one in held.chunks}) if not live else []
        yield from [] if held.chunks else [f"generation {held.generation}, which serves, has no such text in it"]
        if live and all(one.unread for one in live):
            yield "not by its meaning, which the model cannot read; its words find it"
        halves = ("vectors", "keywords") if live else ()
        yield from (f"it is not among the {h}" for h in halves if all(getattr(one, h) is False for one in live))
    yield from [held.fault] if held is not None and held.fault else []
