"""The content of a release, the reader's rule, and the one alias call that moves to a release. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

from ingest.errors import SchemaMismatch
from ingest.lake.journal import Journal
from ingest.records import AliasAction, Hold, Release
from ingest.search.served_release import fence_number, release_in_force


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a release names, and the generation against which it was planned."""

    generation: str
    collection: str
    profile: str  # sha256
    verdict: str | None = None  # sha256
    base: str | None = None  # generation; None: built on nothing

    @classmethod
    def of(cls, release: Release) -> Self:
        """Return what a release names."""
        return cls(release.generation, release.collection, release.profile, release.verdict)

    def is_in(self, release: Release) -> bool:
        """Return whether the release names this generation and query profile."""
        return (self.generation, self.profile) == (release.generation, release.profile)


@dataclass(frozen=True, slots=True)
class Decision:
    """The content of the next record."""

    target: Candidate
    action: Literal["promote", "rollback", "unhold", "restore"]
    why: str
    hold: Hold | None = None


def fence_name(index: str, number: int) -> str:
    """Return the fence alias of a release; it is also the guard of the release after it."""
    return f"{index}@{number}"


def read_release(aliases: Mapping[str, str], releases: Journal[Release], index: str) -> Release | None:
    """Return the release in force by the reader's rule, None when nothing serves.

    `aliases` is one answer, read before the records. The fence's own target is never used.
    Raises: SchemaMismatch when alias, fence and records contradict each other.
    """
    if fence_number(aliases, index) is None and index in aliases:
        raise SchemaMismatch(f"alias {index} shows {aliases[index]}, but no fence {index}@<n> is there: heal the index")
    return release_in_force(aliases, releases, index)


def release_actions(index: str, release: Release, guard: str) -> list[AliasAction]:
    """Return the alias call that moves to a release. It fails without changing anything when `guard` is gone."""
    fence = fence_name(index, release.number)
    shown = [AliasAction("create", name, release.collection) for name in (fence, index)]
    return [AliasAction("rename", guard, fence), *shown]
