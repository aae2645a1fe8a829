"""Documents that somebody could find now and nobody later: foreseen in a plan, then counted in the lake's files."""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from mimetypes import MimeTypes
from pathlib import PurePosixPath

from ingest.documents import media_types, parsers
from ingest.ids import containers
from ingest.lake.contents import Contents
from ingest.lake.revocations import Revocations
from ingest.lake.rows import DocumentRow
from ingest.lake.shard_rows import ShardRows, read_rows
from ingest.pipeline.damage import damaged_parts
from ingest.pipeline.quarantine import Failure, accepted, failure_of
from ingest.pipeline.scope import By, origin_of
from ingest.records import PartFile, PartKind, PlannedDocument, Quarantined, ShardPlan
from ingest.scratch import Scratch

DELETED, INSIDE = "no longer listed", "inside others"
EXPIRED, HIDDEN, BARE = "last good versions expired", "that nobody may see", "without any text to search"
SHRUNK, ALIKE = "with less than half of their text", "with the text of another one"  # drift of what is still there
KINDS: tuple[PartKind, ...] = ("documents", "quarantine")
UNKNOWN = "application/x-unknown"  # as a claim: a name without a known extension says nothing

Plans = Callable[[int], ShardPlan]  # by shard
Causes = Counter[tuple[str, str]]  # (origin, cause) → documents


@dataclass
class Balance:
    """What serves now, and what a generation holds or would hold of it. A document that moved is not lost."""

    serving: Counter[str] = field(default_factory=Counter)  # documents that sources list and that serve now, by origin
    inside: Counter[str] = field(default_factory=Counter)  # documents inside these, by origin
    lost: Causes = field(default_factory=Counter)
    moved: int = 0  # of those no longer listed
    unknown: str = ""  # the generation that serves, if nobody knows any more what it holds
    documents: int = 0  # of a generation that is built, as what follows: listed ones that serve in it
    # Held, or in quarantine although served, or of a read format:
    readable: Counter[str] = field(default_factory=Counter)
    failed: Causes = field(default_factory=Counter)  # of the readable ones: in quarantine
    newly_failed: Counter[str] = field(default_factory=Counter)  # of these: not in the base's quarantine, by origin
    listed: Counter[str] = field(default_factory=Counter)  # by origin
    gone: Counter[str] = field(default_factory=Counter)  # of these: changed or vanished before they were read
    unsupported: Counter[str] = field(default_factory=Counter)  # other documents in quarantine, by media type

    def add_unnamed(self, serving: int, lost: int, cause: str) -> None:
        """Count documents of which the lake still knows how many there were, but no longer which."""
        self.serving["unknown source"] += serving
        self.lost["unknown source", cause] += max(lost, 0)

    def lost_of(self, *left: str) -> Counter[str]:
        """Return how many documents would serve no more, by origin, those for a cause in `left` left out."""
        found = Counter[str]()
        for (origin, cause), count in self.lost.items():
            found[origin] += count if cause not in left else 0
        return found


class LossComparison(Scratch):
    """Strikes the balance shard by shard; what is revoked does not serve. Use as a context manager."""

    def __init__(self, revocations: Revocations, accepted: Container[Failure], by: By) -> None:
        super().__init__(
            "CREATE TABLE lost (content, origin TEXT, documents INTEGER, inside INTEGER); CREATE TABLE found (content);"
            "CREATE TABLE changed (origin TEXT, before TEXT, after TEXT)"
        )
        self.origin = partial(origin_of, by=by)
        self.balance, self.revocations, self.accepted = Balance(), revocations, accepted

    def settled(self) -> Balance:
        """Return the balance without what moved: each new document explains one of the same content. Call once."""
        balance = self.balance
        moved = self._db.execute(
            "SELECT origin, sum(documents), sum(inside) FROM (SELECT *, row_number() OVER "
            "(PARTITION BY content ORDER BY documents DESC, origin) AS nth FROM lost) "
            "JOIN (SELECT content, count(*) AS times FROM found GROUP BY content) USING (content) "
            "WHERE nth <= times GROUP BY origin"
        )
        for origin, documents, inside in moved:
            balance.moved += documents
            balance.lost[origin, DELETED] -= documents
            balance.lost[origin, INSIDE] -= inside
        balance.lost = +balance.lost
        alike = "SELECT origin, count(DISTINCT before) - 1 AS n FROM changed GROUP BY origin, after HAVING n > 0"
        for origin, count in self._db.execute(alike):
            balance.lost[origin, ALIKE] += count
        return balance

    def foresee(self, rows: ShardRows, plan: ShardPlan) -> None:
        """Add a shard's rows in the base, and what would become of them.

        A deletion that an added document of equal size could explain is not counted before that one was read.
        """
        deleted, planned = set(plan.deleted), {d.uri: d for d in plan.documents}
        absent = list[tuple[int, str, int, int]]()
        for uri, (row, *inside) in self._serving(rows).items():
            origin, listed, bad = self.origin(row), planned.get(uri), rows.quarantine.get(uri)
            if listed is None:
                absent.append((row.size, origin, 1, len(inside)))
                cause = DELETED
            elif row.document_id in deleted:
                cause = "" if bad is not None and failure_of(bad) in self.accepted else EXPIRED
            else:
                cause = "" if listed.acl else HIDDEN
            if cause:
                self.balance.lost[origin, cause] += 1
                self.balance.lost[origin, INSIDE] += len(inside)
        self.insert("lost", absent, 4)
        if plan.base_parts:  # without a base nothing can have moved
            self.insert("found", ((d.size,) for d in plan.documents if d.change == "added"), 1)

    def compare(self, before: ShardRows, after: ShardRows, planned: Mapping[str, PlannedDocument]) -> None:
        """Add a shard's rows in what serves and in another generation, whose plan, if known, has `planned` by URI."""
        spared = {uri for uri, failure in after.quarantine.items() if failure_of(failure) in self.accepted}
        served, serving = self._serving(before), families(after)
        gone, new = ({row.uri: row for family in all_.values() for row in family} for all_ in (served, serving))
        same = {uri for uri in gone.keys() & new.keys() if gone[uri].sha256 == new[uri].sha256}
        self.insert("found", ((row.sha256,) for uri, row in new.items() if uri not in same), 1)
        absent = list[tuple[str, str, int, int]]()
        for row in (row for u, row in gone.items() if u not in new and spared.isdisjoint(containers(u))):
            cause = _cause(row, after)
            self.balance.lost[origin := self.origin(row), cause] += 1
            if cause in (DELETED, INSIDE):
                absent.append((row.sha256, origin, int(cause == DELETED), int(cause == INSIDE)))
        self.insert("lost", absent, 4)
        both = ((old, after.documents[uri]) for uri, (old, *_) in served.items() if uri in serving and uri not in same)
        self.insert("changed", self._drifted(both), 3)
        balance = self.balance
        balance.documents += len(serving)
        readable = {uri: self.origin(row) for uri, row in after.documents.items() if not row.parent}
        for uri, failure in after.quarantine.items():
            if failure.parent or uri in spared:
                continue
            if uri in served or _is_read(failure):
                origin = readable[uri] = self.origin(planned.get(uri) or before.documents.get(uri) or failure)
                balance.failed[origin, f"in quarantine ({failure.error})"] += 1
                balance.newly_failed[origin] += uri not in before.quarantine
            else:
                told = media_types.expected(uri, UNKNOWN)
                kind = MimeTypes().guess_type(uri)[0] if told == UNKNOWN else told
                balance.unsupported[kind or PurePosixPath(uri).suffix or "without extension"] += 1
        balance.readable.update(readable.values())

    def _drifted(self, changed: Iterable[tuple[DocumentRow, DocumentRow]]) -> Iterator[tuple[str, str, str]]:
        """Count documents that lost most of their text, and yield what else changed. Another chunker is no drift."""
        for old, row in changed:
            if old.chunker_fingerprint == row.chunker_fingerprint:
                if 2 * row.chunk_count < old.chunk_count:
                    self.balance.lost[self.origin(old), SHRUNK] += 1
                else:
                    yield self.origin(old), old.sha256, row.sha256

    def _serving(self, rows: ShardRows) -> dict[str, list[DocumentRow]]:
        found = {uri: family for uri, family in families(rows).items() if not self.revocations.holds(family[0])}
        for row, *inside in found.values():
            self.balance.serving[origin := self.origin(row)] += 1
            self.balance.inside[origin] += len(inside)
        return found


def compare(before: Contents | None, after: Contents, by: By, plan: Plans | None = None) -> Balance:
    """Return what a generation's part files hold, compared with those of what serves; `plan`: that of a shard."""
    with LossComparison(after.lake.revocations.now(), accepted(after.lake), by) as comparison:
        theirs, ours = len(before.shards) if before is not None else 1, len(after.shards)
        for shard in range(most := max(theirs, ours)):  # one of both may have larger shards
            parts = before.parts(shard % theirs) if before is not None else {}
            whole: dict[str, PartFile] = {kind: parts[kind] for kind in KINDS if kind in parts}
            for part, _ in damaged_parts(after.lake, [*whole.values()], writes=False):
                del whole[part.kind]
            both = whole, after.parts(shard % ours)
            held, rows = (read_rows(after.lake, some, *KINDS, of=(shard, most)) for some in both)
            if "documents" in parts and "documents" not in whole:  # no more are left than are new to what can be read
                left = rows.documents.keys() | (rows.quarantine.keys() - held.quarantine.keys())
                lost = parts["documents"].rows * theirs // most
                comparison.balance.add_unnamed(lost, lost - len(left), "in a damaged file")
            comparison.compare(held, rows, {d.uri: d for d in plan(shard % ours).documents} if plan is not None else {})
        return comparison.settled()


def families(rows: ShardRows) -> dict[str, list[DocumentRow]]:
    """Return the listed documents that serve, by URI, each followed by the documents inside it that do."""
    found = {}
    for row in rows.documents.values():
        if not row.parent and row.acl:
            inside = [member for member in rows.family(row) if member.parent and member.chunk_count]
            if row.chunk_count or inside:
                found[row.uri] = [row, *inside]
    return found


def _cause(row: DocumentRow, after: ShardRows) -> str:
    if row.parent:
        return INSIDE
    if (held := after.documents.get(row.uri)) is not None:
        return BARE if held.acl else HIDDEN
    if (failure := after.quarantine.get(row.uri)) is not None:
        return EXPIRED if row.status == "last_good" else f"in quarantine ({failure.error})"
    return DELETED


def _is_read(failure: Quarantined) -> bool:
    """Return whether a document that never served has a format that is read, by its name or its failure."""
    unsupported = failure.error == "UnsupportedFormat"
    return (not unsupported and failure.stage != "read") or parsers.is_read(
        media_types.expected(failure.uri, UNKNOWN if unsupported else "")
    )
