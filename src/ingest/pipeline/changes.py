"""What a run has to do: the listing joined with the base generation, shard by shard, in bounded memory.

The listing is spilled to a temporary SQLite file keyed by (shard, URI); each shard is then joined with the base's rows
of that shard alone, so memory holds one shard and never the corpus.
"""

import json
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import TracebackType

from ingest.ids import document_id, shard_of
from ingest.records import DocumentRef, PlannedDocument

QUIET = ("unchanged", "known_bad", "carried")  # classes that by themselves leave a shard as it is

# A scratch file: nothing of it outlives the run. The cache is 64 MiB.
PRAGMAS = "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA locking_mode=EXCLUSIVE; PRAGMA cache_size=-65536;"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a run may touch. Everything outside is carried, never deleted."""

    sources: tuple[str, ...] = ()  # names; () for all
    prefixes: tuple[str, ...] = ()  # of URIs; () for all

    def holds(self, source: str, uri: str) -> bool:
        """Tell whether a document may be touched."""
        return (not self.sources or source in self.sources) and (
            not self.prefixes or any(uri.startswith(prefix) for prefix in self.prefixes)
        )


WHOLE = Scope()
FETCHED = ("added", "changed")  # classes whose documents are read


@dataclass(frozen=True, slots=True)
class BaseDocument:
    """What the base generation holds of a document."""

    ref: DocumentRef
    attributes_digest: str
    status: str  # current or last_good
    expired: bool = False  # last_good, and kept for as long as the settings allow
    outdated: bool = False  # it, or something inside it, would not be read today as it was read


@dataclass(frozen=True, slots=True)
class KnownBad:
    """A version that failed: not tried again until it is outdated or another version is there."""

    version: str
    source: str = ""
    outdated: bool = False  # it was read otherwise than it would be today


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides between the classes of a plan."""

    scope: Scope
    carried_sources: frozenset[str] = frozenset()  # whose listing failed: carried unchanged

    def decide(self, source: str, uri: str) -> bool:
        """Tell whether a document that was not listed is gone, rather than carried."""
        return self.scope.holds(source, uri) and source not in self.carried_sources


@dataclass(frozen=True)
class ShardChanges:
    """One shard's documents by class, sorted by URI, and the ids of deleted ones.

    A last good version that was kept for long enough is deleted too, while its document stays known bad.
    """

    documents: tuple[PlannedDocument, ...]
    deleted: tuple[str, ...]
    touched: bool  # False: the base's parts hold exactly this
    counts: Counter[str] = field(default_factory=Counter)  # by class; also deleted, and listed but out of scope


class Listing:
    """The listed documents, spilled to disk. Use as a context manager."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="ingest-listing-")
        self._db = sqlite3.connect(Path(self._folder.name) / "listing.sqlite", isolation_level=None)
        self._db.executescript(PRAGMAS)
        self._db.execute("CREATE TABLE refs (uri TEXT PRIMARY KEY, shard INTEGER, ref TEXT) WITHOUT ROWID")
        self.listed = 0
        self.listed_twice = 0

    def __enter__(self) -> "Listing":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()
        self._folder.cleanup()

    def add(self, refs: Iterable[DocumentRef]) -> None:
        """Add a source's listing. A URI listed before keeps its first ref, with the groups that both allow."""
        for ref in refs:
            self.listed += 1
            row = self._db.execute("SELECT ref FROM refs WHERE uri = ?", (ref.uri,)).fetchone()
            if row is None:
                self._db.execute("INSERT INTO refs VALUES (?, 0, ?)", (ref.uri, _to_json(ref)))
                continue
            self.listed_twice += 1
            first = _from_json(row[0])
            both = tuple(group for group in first.acl if group in ref.acl)
            self._db.execute("UPDATE refs SET ref = ? WHERE uri = ?", (_to_json(replace(first, acl=both)), ref.uri))

    def drop(self, source: str) -> None:
        """Forget what a source listed before it failed: half a listing looks like deletions."""
        where = "json_extract(ref, '$.source') = ?"
        dropped = self._db.execute(f"SELECT count(*) FROM refs WHERE {where}", (source,)).fetchone()[0]
        self._db.execute(f"DELETE FROM refs WHERE {where}", (source,))
        self.listed -= int(dropped)

    def __len__(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM refs").fetchone()[0])

    def partition(self, shards: int) -> None:
        """Give every document its shard; call once, before `shard`."""
        self._db.create_function("shard_of", 1, lambda uri: shard_of(document_id(uri), shards), deterministic=True)
        self._db.execute("UPDATE refs SET shard = shard_of(uri)")
        self._db.execute("CREATE INDEX by_shard ON refs (shard, uri)")

    def shard(self, shard: int) -> Iterator[DocumentRef]:
        """Yield the documents of a shard, sorted by URI."""
        for (ref,) in self._db.execute("SELECT ref FROM refs WHERE shard = ? ORDER BY uri", (shard,)):
            yield _from_json(ref)


def shard_count(documents: int, documents_per_shard: int) -> int:
    """Return the number of shards for a first plan: the power of two that gives about the wanted size, at least 1."""
    shards = 1
    while shards * documents_per_shard < documents:
        shards *= 2
    return shards


def classify(
    listed: Iterable[DocumentRef],
    base: Mapping[str, BaseDocument],
    known_bad: Mapping[str, KnownBad],
    digest: Mapping[str, str],
    rules: Rules,
) -> ShardChanges:
    """Return the changes of one shard.

    Args:
        listed: The shard's documents, sorted by URI.
        base: What the base holds in this shard, by URI. Documents inside documents are left out of both: no source
            lists them, they follow their parents.
        known_bad: The base's quarantine in this shard, by URI.
        digest: Attributes digest of every listed URI.
        rules: What may be touched.
    """
    documents, deleted, counts = list[PlannedDocument](), list[str](), Counter[str]()
    touched, seen = False, set[str]()
    for ref in listed:
        seen.add(ref.uri)
        held, bad = base.get(ref.uri), known_bad.get(ref.uri)
        if not rules.scope.holds(ref.source, ref.uri):
            counts["out_of_scope"] += 1
            documents += [planned(held.ref if held else ref, "carried")] if held or bad else []
            continue
        change = change_of(ref, held, bad, digest[ref.uri])
        documents.append(planned(ref, change))
        if change == "known_bad" and held is not None:
            touched |= held.expired or held.attributes_digest != digest[ref.uri]
            deleted += [document_id(ref.uri)] if held.expired else []
    for ref, there in _unlisted(base, known_bad, seen):
        vanished = rules.decide(ref.source, ref.uri)
        documents += [] if vanished else [planned(ref, "carried")]
        deleted += [document_id(ref.uri)] if vanished and there else []
        touched |= vanished
    counts.update(d.change for d in documents)
    counts["deleted"] = len(deleted)
    touched |= any(d.change not in QUIET for d in documents)
    return ShardChanges(tuple(sorted(documents, key=lambda d: d.uri)), tuple(sorted(deleted)), touched, counts)


def _unlisted(
    base: Mapping[str, BaseDocument], known_bad: Mapping[str, KnownBad], seen: set[str]
) -> Iterator[tuple[DocumentRef, bool]]:
    """Yield what the base knows and no source listed, and whether the base holds it rather than its failure alone."""
    for uri, held in base.items():
        if uri not in seen:
            yield held.ref, True
    for uri, bad in known_bad.items():
        if uri not in seen and uri not in base:
            yield DocumentRef(uri=uri, source=bad.source, path="", version=bad.version, size=0), False


def change_of(ref: DocumentRef, held: BaseDocument | None, bad: KnownBad | None, digest: str) -> str:
    """Return the class of a listed document in scope."""
    if bad is not None and bad.version == ref.version and not bad.outdated:
        return "known_bad"
    if held is None:
        return "added"
    if held.ref.version != ref.version or held.outdated:
        return "changed"
    # A last good version that the source shows again is current again: its row changes, its bytes do not.
    same = held.attributes_digest == digest and held.status == "current"
    return "unchanged" if same else "attributes_changed"


def planned(ref: DocumentRef, change: str) -> PlannedDocument:
    """Return a document's entry in the plan."""
    return PlannedDocument.model_validate({**asdict(ref), "change": change})


def ref_of(document: PlannedDocument) -> DocumentRef:
    """Return what a source needs to read a planned document."""
    return DocumentRef(**document.model_dump(exclude={"change"}))


def _to_json(ref: DocumentRef) -> str:
    return json.dumps(asdict(ref))


def _from_json(text: str) -> DocumentRef:
    values = json.loads(text)
    return DocumentRef(**{**values, "acl": tuple(values["acl"])})
