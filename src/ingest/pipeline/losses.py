"""Documents that serve now and would serve no more: foreseen in a plan, then counted in the lake's part files.

A document serves if somebody may see a chunk of it, or of a document inside it.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from mimetypes import MimeTypes
from pathlib import PurePosixPath
from typing import Any

from ingest.documents import media_types, parsers
from ingest.errors import DamagedFile
from ingest.ids import document_id
from ingest.lake.contents import Contents
from ingest.pipeline.changes import BaseDocument
from ingest.records import Quarantined, ShardPlan
from ingest.scratch import Scratch

DELETED, INSIDE = "no longer listed", "inside others"
EXPIRED, HIDDEN, BARE = "last good versions expired", "that nobody may see", "without any text to search"
COLUMNS = ["document_id", "uri", "source", "sha256", "parent", "acl", "status", "chunk_count"]
UNKNOWN = "application/x-unknown"  # as a claim: a name without a known extension says nothing

Values = dict[str, Any]
Causes = Counter[tuple[str, str]]  # (source, cause) → documents


@dataclass
class Losses:
    """How many documents serve now, and how many of them would serve no more. A document that moved is not lost."""

    serving: int = 0  # documents that sources list
    inside: int = 0  # documents inside these
    lost: Causes = field(default_factory=Counter)
    moved: int = 0  # of those no longer listed

    def add_unnamed(self, serving: int, lost: int, cause: str) -> None:
        """Count documents of which the lake still knows how many there were, but no longer which."""
        self.serving += serving
        self.lost["unknown source", cause] += max(lost, 0)

    @property
    def lost_inside(self) -> int:
        """How many documents inside others would serve no more."""
        return sum(n for (_, cause), n in self.lost.items() if cause == INSIDE)

    @property
    def lost_listed(self) -> int:
        """How many documents that sources list would serve no more."""
        return self.lost.total() - self.lost_inside


@dataclass
class Balance:
    """What a generation holds, compared with the one that serves."""

    losses: Losses = field(default_factory=Losses)
    documents: int = 0  # listed ones that serve in the new generation
    readable: int = 0  # listed ones that are held, or in quarantine although they served or their format is read
    failed: Causes = field(default_factory=Counter)  # of the readable ones: in quarantine
    unsupported: Counter[str] = field(default_factory=Counter)  # other documents in quarantine, by media type


class _Moves(Scratch):
    """What is no longer at its place and what is new at another, by content."""

    def __init__(self) -> None:
        super().__init__(
            "CREATE TABLE lost (content, source TEXT, documents INTEGER, inside INTEGER); CREATE TABLE found (content)"
        )
        self._losses = Losses()

    def losses(self) -> Losses:
        """Return the losses without what moved: each new document explains one of the same content. Call once."""
        losses = self._losses
        moved = self._db.execute(
            "SELECT source, sum(documents), sum(inside) FROM (SELECT *, row_number() OVER "
            "(PARTITION BY content ORDER BY documents DESC, source) AS nth FROM lost) "
            "JOIN (SELECT content, count(*) AS times FROM found GROUP BY content) USING (content) "
            "WHERE nth <= times GROUP BY source"
        )
        for source, documents, inside in moved:
            losses.moved += documents
            losses.lost[source, DELETED] -= documents
            losses.lost[source, INSIDE] -= inside
        losses.lost = +losses.lost
        return losses


class Foresight(_Moves):
    """What a plan knows about losses, shard by shard. Use as a context manager.

    A deletion that an added document of equal size could explain is pending, not counted: whether it moved is known
    once the added one was read.
    """

    def add(self, held: Mapping[str, BaseDocument], plan: ShardPlan) -> None:
        """Add a shard: what the base holds, and what would become of it."""
        deleted, planned = set(plan.deleted), {d.uri: d for d in plan.documents}
        serving = {uri: document for uri, document in held.items() if document.serves}
        self._losses.serving += len(serving)
        self._losses.inside += sum(document.inside for document in serving.values())
        absent = list[tuple[int, str, int, int]]()
        for uri, document in serving.items():
            listed, source = planned.get(uri), document.ref.source
            if listed is None:
                absent.append((document.ref.size, source, 1, document.inside))
                cause = DELETED
            elif document_id(uri) in deleted:
                cause = EXPIRED
            elif listed.acl:
                continue
            else:
                cause = HIDDEN
            self._losses.lost[source, cause] += 1
            self._losses.lost[source, INSIDE] += document.inside
        self.insert("lost", absent, 4)
        if plan.base_parts:  # without a base nothing can have moved
            self.insert("found", ((d.size,) for d in plan.documents if d.change == "added"), 1)


def compare(before: Contents | None, after: Contents) -> Balance:
    """Return what the part files of a generation hold, compared with those of the one that serves, if any."""
    with _Comparison() as comparison:
        for shard in after.shards:
            comparison.add(_Shard(before, shard, serves=True), _Shard(after, shard))
        comparison.losses()
        return comparison.balance


@dataclass(frozen=True)
class _Shard:
    contents: Contents | None
    shard: int
    serves: bool = False  # of a damaged part only the number of rows is known then

    @cached_property
    def rows(self) -> dict[str, Values]:
        """The rows of all documents, by URI."""
        return {row["uri"]: row for row in self._read("documents", COLUMNS)}

    @cached_property
    def serving(self) -> dict[str, Values]:
        """The rows of those that serve, by URI."""
        by_id, found = {row["document_id"]: row for row in self.rows.values()}, dict[str, Values]()
        for row in self.rows.values():
            if row["chunk_count"] and row["acl"]:
                top = found[row["uri"]] = row
                while (parent := by_id.get(top["parent"])) is not None:
                    top = parent
                found[top["uri"]] = top
        return found

    @cached_property
    def failures(self) -> dict[str, Quarantined]:
        """What is in quarantine, by URI."""
        return {row["uri"]: Quarantined(**row) for row in self._read("quarantine")}

    def _read(self, kind: str, columns: list[str] | None = None) -> list[Values]:
        parts = self.contents.parts(self.shard) if self.contents is not None else {}
        if self.contents is None or kind not in parts:
            return []
        try:
            rows: list[Values] = self.contents.lake.read(parts[kind], columns).to_pylist()
        except DamagedFile:
            if self.serves:
                return []
            raise
        return rows


class _Comparison(_Moves):
    def __init__(self) -> None:
        super().__init__()
        self.balance = Balance(self._losses)

    def add(self, before: _Shard, after: _Shard) -> None:
        losses = self._losses
        listed = sum(not row["parent"] for row in before.serving.values())
        losses.serving += listed
        losses.inside += len(before.serving) - listed
        held = before.contents.parts(before.shard).get("documents") if before.contents is not None else None
        if held is not None and not before.rows:
            left = after.rows.keys() | (after.failures.keys() - before.failures.keys())
            losses.add_unnamed(held.rows, held.rows - len(left), "in a damaged file")
        absent = list[tuple[str, str, int, int]]()
        for uri in before.serving.keys() - after.serving.keys():
            row = before.serving[uri]
            cause = _cause(row, after)
            losses.lost[row["source"], cause] += 1
            if cause in (DELETED, INSIDE):
                absent.append((row["sha256"], row["source"], int(cause == DELETED), int(cause == INSIDE)))
        self.insert("lost", absent, 4)
        if before.contents is not None:
            same = {(uri, row["sha256"]) for uri, row in before.serving.items()}
            there = ((uri, row["sha256"]) for uri, row in after.serving.items())
            self.insert("found", ((sha256,) for uri, sha256 in there if (uri, sha256) not in same), 1)
        self._quarantine(before, after)

    def _quarantine(self, before: _Shard, after: _Shard) -> None:
        balance = self.balance
        balance.documents += sum(not row["parent"] for row in after.serving.values())
        readable = {uri for uri, row in after.rows.items() if not row["parent"]}
        for uri, failure in after.failures.items():
            if failure.parent:
                continue
            if uri in before.serving or _is_read(failure):
                readable.add(uri)
                balance.failed[failure.source, f"in quarantine ({failure.error})"] += 1
            else:
                balance.unsupported[_type_of(uri)] += 1
        balance.readable += len(readable)


def _cause(row: Values, after: _Shard) -> str:
    """Return why a document that serves would serve no more."""
    if row["parent"]:
        return INSIDE
    if (held := after.rows.get(row["uri"])) is not None:
        return BARE if held["acl"] else HIDDEN
    if (failure := after.failures.get(row["uri"])) is not None:
        return EXPIRED if row["status"] == "last_good" else f"in quarantine ({failure.error})"
    return DELETED


def _is_read(failure: Quarantined) -> bool:
    """Return whether the format of a document that never served is one that is read, as far as its name tells.

    What failed in a parser has such a format.
    """
    unsupported = failure.error == "UnsupportedFormat"
    if not unsupported and failure.stage != "read":
        return True
    return parsers.is_read(media_types.expected(failure.uri, UNKNOWN if unsupported else ""))


def _type_of(uri: str) -> str:
    """Return the media type that a name tells, or else its extension."""
    known = media_types.expected(uri, UNKNOWN)
    if known != UNKNOWN:
        return known
    return MimeTypes().guess_type(uri)[0] or PurePosixPath(uri).suffix or "without extension"
