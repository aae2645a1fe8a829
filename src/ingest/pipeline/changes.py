"""What a run has to do: the listing, sorted in a scratch table, is joined with the base; memory holds one shard.

A new parser, library or chunker version does nothing to documents that did not change, or to n a run, or to all.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain, groupby, islice
from operator import itemgetter

from ingest.errors import InvalidSettings
from ingest.ids import document_id, shard_of
from ingest.lake.revocations import Revocations
from ingest.lake.rows import DocumentRow, attributes_digest
from ingest.lake.shard_rows import ShardRows
from ingest.phrases import meant, shown
from ingest.pipeline.fingerprints import Fingerprints
from ingest.pipeline.scope import Scope
from ingest.ports import Looking, Source
from ingest.records import BuildOptions, Change, DocumentRef, Manifest, PlannedDocument, Quarantined
from ingest.scratch import Scratch

QUIET = ("unchanged", "known_bad", "carried")  # classes that do not by themselves touch a shard
OUT = ("carried", "revoked")  # classes whose documents are not looked at
FETCHED = ("added", "changed", "repeated")  # classes whose documents are read
FOLDERS = 5000  # of listed documents, among which the nearest to a mistyped prefix is looked for


@dataclass(frozen=True, slots=True)
class BaseDocument:
    """What the base holds about a document or a failed version, which is tried again if outdated or if it changes."""

    ref: DocumentRef
    attributes_digest: str
    status: str  # current, last_good or quarantined
    expired: bool = False  # last_good, and already kept for as long as the settings allow
    outdated: bool = False  # it, or something inside it, would be read differently today
    parsers: frozenset[str] = frozenset()  # names of those that read it, and what is inside it


Listed = Mapping[str, DocumentRef]  # by URI, as below
Known = Mapping[str, BaseDocument]
Names = frozenset[str]  # of sources


@dataclass(frozen=True)
class ShardChanges:
    """One shard's documents with their classes, by URI, and the ids of deleted ones, expired last good ones too."""

    documents: tuple[PlannedDocument, ...]
    deleted: tuple[str, ...]
    embed_again: tuple[str, ...]  # ids of documents whose vectors, and those of what is inside, are computed again
    touched: bool  # False: the base's parts hold exactly this
    counts: Counter[str] = field(default_factory=Counter)  # by class; also deleted, and listed but out of scope


class Listing(Scratch):
    """The listed documents, in a scratch table. Use as a context manager."""

    def __init__(self) -> None:
        super().__init__("CREATE TABLE refs (uri TEXT, ref TEXT)")

    def add(self, refs: Iterable[DocumentRef]) -> None:
        """Add a source's listing, in any order."""
        told = ((ref.uri, json.dumps({name: getattr(ref, name) for name in ref.__slots__})) for ref in refs)
        self.insert("refs", told, columns=2)

    def drop(self, source: str) -> None:
        """Forget what a source listed before it failed: a partial listing looks like deletions."""
        self._db.execute("DELETE FROM refs WHERE json_extract(ref, '$.source') = ?", (source,))

    @property
    def listed(self) -> int:
        """How many documents the sources listed; one listed by two sources counts twice."""
        return int(self._db.execute("SELECT count(*) FROM refs").fetchone()[0])

    def __len__(self) -> int:
        return int(self._db.execute("SELECT count(DISTINCT uri) FROM refs").fetchone()[0])

    def uris(self) -> Iterator[str]:
        """Yield the URIs of what the sources listed, in order; one listed by two sources twice."""
        yield from (uri for (uri,) in self._db.execute("SELECT uri FROM refs ORDER BY uri"))

    def partition(self, shards: int) -> None:
        """Assign every document to its shard; call before `shard`."""
        self._db.execute("DROP INDEX IF EXISTS by_shard")
        self._db.create_function("shard_of", 1, lambda uri: shard_of(document_id(uri), shards), deterministic=True)
        self._db.execute("CREATE INDEX by_shard ON refs (shard_of(uri), uri)")

    def shard(self, shard: int) -> Iterator[DocumentRef]:
        """Yield a shard's documents by URI. One that is listed twice keeps its first ref, and the groups of both."""
        rows = self._db.execute("SELECT uri, ref FROM refs WHERE shard_of(uri) = ? ORDER BY uri, rowid", (shard,))
        for _, same in groupby(rows, key=itemgetter(0)):
            first, *others = (json.loads(ref) for _, ref in same)
            acl = (group for group in first["acl"] if all(group in other["acl"] for other in others))
            yield DocumentRef(**{**first, "acl": tuple(acl)})


def shard_count(documents: int, most: int) -> int:
    """Return the number of shards, a power of two, that gives at most so many documents per shard on average."""
    return 1 << (max(-(-documents // most), 1) - 1).bit_length()


def base_documents(
    rows: ShardRows, prints: Fingerprints, listed: Listed, now: datetime, keep: timedelta, *, texts: bool
) -> tuple[dict[str, BaseDocument], dict[str, BaseDocument]]:
    """Return what a shard of the base holds about listed documents, and about those that failed, each by URI.

    What is `listed` would be read from there today. `keep`: how long last good versions stay. `texts`: if it has them.
    """

    def held(row: DocumentRow) -> BaseDocument:
        expired = bool(row.stale_since) and now - datetime.fromisoformat(row.stale_since) >= keep
        same = texts and rows.is_whole(row) and prints.same_family(row, rows, (listed.get(row.uri) or row).source)
        parsers = frozenset(member.parser for member in rows.family(row))
        return BaseDocument(row, row.attributes_digest, row.status, expired, not same, parsers)

    def bad(row: Quarantined) -> BaseDocument:
        ref = DocumentRef(row.uri, row.source, "", row.version, 0)
        outdated = not prints.same_failure(row, (listed.get(row.uri) or row).source)
        return BaseDocument(ref, "", "quarantined", outdated=outdated)

    documents = {row.uri: held(row) for row in rows.documents.values() if not row.parent}
    return documents, {row.uri: bad(row) for row in rows.quarantine.values() if not row.parent}


def classify(
    listed: Iterable[DocumentRef], base: Known, known_bad: Known, scope: Scope, carried: Names, told: Revocations
) -> ShardChanges:
    """Return the changes of one shard, whose documents are `listed`.

    `base` and `known_bad`, its quarantine, are by URI and without documents inside documents, which follow their
    parents. What the base has of `carried` sources, those out of scope, stays. `told`: what is revoked.
    """
    refs, told = {ref.uri: ref for ref in listed}, replace(told, narrowed={})  # people's: the others are ingested
    documents, deleted, counts, touched = list[PlannedDocument](), list[str](), Counter[str](), False
    for uri in sorted({*refs, *base, *known_bad}):
        ref, held, bad = refs.get(uri), base.get(uri), known_bad.get(uri)
        now = ref or (held or known_bad[uri]).ref
        change: Change | None = None
        gone, revoked = False, told.holds(now)
        if ref is not None and revoked:
            change, touched = "revoked", touched or bool(held or bad)
        elif not revoked and not touches(scope, carried, now, held, bad):
            counts.update(["out_of_scope"] if ref is not None else [])
            change = "carried" if held or bad else None
            now = replace(held.ref, title="") if held else now  # a title in the plan is the source's
        elif ref is None:
            touched, gone = True, held is not None
        else:
            digest = attributes_digest(ref.acl, ref.tenant, ref.source, ref.title)
            change = change_of(ref, held, bad, digest, again=scope.reads_again)
            if change == "known_bad" and held is not None:
                touched |= held.expired or held.attributes_digest != digest
                gone = held.expired
        documents += [planned(now, change)] if change else []
        deleted += [document_id(uri)] if gone else []
    counts.update((d.change for d in documents), deleted=len(deleted))
    touched |= any(d.change not in (*QUIET, *OUT) for d in documents)
    again = [document_id(d.uri) for d in documents if "embed" in scope.force and d.change not in OUT]
    return ShardChanges(tuple(documents), tuple(sorted(deleted)), tuple(again), touched, counts)


def touches(scope: Scope, carried: Names, ref: DocumentRef, *known: BaseDocument | None) -> bool:
    """Return whether a document is in the scope, as listed and as the base knows it: the groups of these may differ."""
    stays = any(one.ref.source in carried or scope.is_sick(one.ref) for one in known if one is not None)
    read = not scope.parsers or any(scope.parsers & one.parsers for one in known if one is not None)
    return read and not stays and scope.holds(ref)


def change_of(
    ref: DocumentRef, held: BaseDocument | None, bad: BaseDocument | None, digest: str, *, again: bool
) -> Change:
    """Return the class of a listed document in scope; `again`: it is read whatever happened to it."""
    failed = bad is not None and bad.ref.version == ref.version and not bad.outdated
    if held is None and not failed:
        return "added"
    if held is not None and not failed and (held.ref.version != ref.version or held.outdated):
        return "changed"
    if again:
        return "repeated"
    if failed or held is None:
        return "known_bad"
    # A last good version that the source lists again becomes current again: its row changes, its bytes do not.
    same = held.attributes_digest == digest and held.status == "current"
    return "unchanged" if same else "attributes_changed"


def planned(ref: DocumentRef, change: Change) -> PlannedDocument:
    """Return a document's entry in the plan."""
    return PlannedDocument(**{name: getattr(ref, name) for name in DocumentRef.__slots__}, change=change)


def check_sources(scope: Scope, sources: Iterable[Source]) -> None:
    """Refuse names of no source, naming the nearest. Raises: InvalidSettings."""
    known = [source.name for source in sources]
    for name in sorted(set(scope.sources) - set(known)):
        near = f"{meant(name, known)}; the settings have {', '.join(known)}"
        raise InvalidSettings(f"scope: no source is called {name!r}{near}")


def check_places(scope: Scope, sources: Iterable[Source], listing: Listing, base_uris: Iterable[str]) -> None:
    """Refuse prefixes and URIs that no document has, neither listed nor of the base. Raises: InvalidSettings."""
    left, documents = {*scope.prefixes, *scope.uris}, chain(listing.uris(), base_uris)
    while left and (uri := next(documents, "")):
        left -= {uri, *filter(uri.startswith, scope.prefixes)}
    for wrong in sorted(left):
        folders = (folder for folder, _ in groupby(f"{uri.rpartition('/')[0]}/" for uri in listing.uris()))
        near = meant(wrong, [*(source.uri for source in sources), *islice(folders, FOLDERS)])
        what = "a URI that begins with" if wrong in scope.prefixes else "the URI"
        raise InvalidSettings(f"scope: no document has {what} {shown(wrong)!r}{near}")


def looked_up(source: Source, uri: str) -> tuple[DocumentRef | None, list[str]]:
    """Return one document as listed, or None and why it is left out. Only what is `Looking` need not list the rest."""
    ref = source.look(uri) if isinstance(source, Looking) else next((r for r in source.list() if r.uri == uri), None)
    told = left_out([source]) if ref is None and isinstance(source, Looking) else {}
    return ref, [reason for reason, count in told.items() if count]


def left_out(sources: Iterable[Source]) -> dict[str, int]:
    """Return how many files were left out by the newest listings, by reason in words, sorted."""
    found = Counter[str]()
    for source in sources:
        found.update(getattr(source, "left_out", {}))
    return dict(sorted(found.items()))


def nothing_listed(sources: Iterable[Source]) -> InvalidSettings:
    """Return the error for sources without a single document, where nothing serves yet."""
    places = ", ".join(source.uri for source in sources)
    but = ", ".join(f"{reason} {count}" for reason, count in left_out(sources).items())
    told = f"{places} (left out: {but})" if but else places
    return InvalidSettings(f"no documents in {told}, and nothing serves: there is nothing to build")


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

    def kept(self, shard: int, rows: ShardRows, held: Known, listed: Listed) -> tuple[list[DocumentRow], int]:
        """Return a shard's documents that stay as an earlier version made them, and how many do not.

        The first ones in order are made anew, up to `upgrades_per_run` in all shards; the same for the same base.
        """
        older = [rows.documents[uri] for uri in sorted(held) if self._is_older(rows.documents[uri], rows, held, listed)]
        there = [row for row in older if row.status == "current" and row.uri in listed]
        same = [row.uri for row in there if listed[row.uri].version == row.version]
        if self.options.on_upgrade == "now":
            return [], len(same)
        if shard not in self.chosen:
            most = self.options.upgrades_per_run if self.options.on_upgrade == "gradual" else 0
            self.chosen[shard] = frozenset(same[: most - sum(map(len, self.chosen.values()))])
        return [row for row in older if row.uri not in self.chosen[shard]], len(self.chosen[shard])

    def _is_older(self, row: DocumentRow, rows: ShardRows, held: Known, listed: Listed) -> bool:
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
