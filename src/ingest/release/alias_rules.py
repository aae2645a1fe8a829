"""What a release names, which is in force or brought back, and the alias call that moves to it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

from ingest.errors import SchemaMismatch, UnknownRelease
from ingest.ids import fence_name
from ingest.lake.journal import Journal
from ingest.records import AliasAction, Hold, Release
from ingest.search.served_release import fence_number, release_in_force

WAY_OUT = (
    "Point `lake` or QDRANT_URL at what belongs together; or stop the other lake's runs and take the index over for "
    "this lake: `ingest run --take-over --why …`"
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a release names, and the generation against which it was planned."""

    generation: str
    collection: str
    profile: str  # sha256
    verdict: str | None = None  # sha256
    base: str | None = None  # generation; None: built on nothing
    compared: int | None = None  # release that the verdict was compared with, 0 for none; None: not judged

    def promoted(self, why: str) -> Release:
        """Return the release that promotes it, without number, guard and writer."""
        named = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "base"}
        unset = {"number": 0, "base": None, "guard": "", "who": "", "token": "", "at": ""}
        return Release(**named, **unset, action="promote", why=why, hold=None)


def again(release: Release, action: str, why: str, hold: Hold | None) -> Release:
    """Return a draft of a release that names what an earlier one names, unjudged."""
    return release.model_copy(update={"action": action, "why": why, "hold": hold, "compared": None})


def shows_same(one: Candidate | Release, other: Release) -> bool:
    """Return whether both name the same generation and query profile."""
    return (one.generation, one.profile) == (other.generation, other.profile)


def read_release(aliases: Mapping[str, str], releases: Journal[Release], index: str) -> Release | None:
    """Return the release in force by the reader's rule, None when nothing serves.

    `aliases` is one answer, read before the records. The fence's own target is never used.
    Raises: SchemaMismatch when alias, fence and records contradict each other.
    """
    if fence_number(aliases, index) is None and index in aliases:
        raise SchemaMismatch(f"alias {index} shows {aliases[index]}, but no fence {index}@<n> is there: heal the index")
    return release_in_force(aliases, releases, index)


def recorded(journal: Journal[Release], index: str, number: int) -> Release:
    """Return a release that a later one needs. Raises: SchemaMismatch when it is missing."""
    if (record := journal.get(number)) is None:
        raise SchemaMismatch(f"index {index}: {journal.where(number)} is missing; a later one needs it")
    return record


def rollback_target(journal: Journal[Release], index: str, current: Release, to: int | None) -> Release:
    """Return release `to`, else the newest of another target than now. Raises: UnknownRelease, SchemaMismatch."""
    if to is not None:
        if not 1 <= to <= current.number:
            raise UnknownRelease(f"index {index}: no release {to}; there are 1 to {current.number}")
        return recorded(journal, index, to)
    for earlier in _before(journal, _promoted(journal, current)):
        if not shows_same(earlier, current):
            return earlier
    raise UnknownRelease(f"index {index}: no release before {current.number} has another generation or profile")


def _promoted(journal: Journal[Release], release: Release) -> Release:
    """Return the promotion that a rollback brought back, so that a second rollback goes further back."""
    for earlier in _before(journal, release):
        if release.action == "promote":
            break
        if shows_same(earlier, release):
            release = earlier
    return release


def _before(journal: Journal[Release], release: Release) -> Iterator[Release]:
    """Yield the sound releases before one, newest first."""
    return (record for _, record in journal.newest_first(release.number, below=release.number))


def release_actions(index: str, release: Release, guard: str) -> list[AliasAction]:
    """Return the alias call that moves to a release. It fails without changing anything when `guard` is gone."""
    fence = fence_name(index, release.number)
    shown = [AliasAction("create", name, release.collection) for name in (fence, index)]
    return [AliasAction("rename", guard, fence), *shown]


def take_over_actions(index: str, release: Release, fence: int | None) -> list[AliasAction]:
    """Return the alias call that moves to a release with a guard of its own, away from another lake's fence.

    It fails before it changes anything when that fence is gone. The new fence shows the new collection from its first
    moment on, so whose it is can be told after every action.
    """
    if fence is None:
        return release_actions(index, release, release.guard)
    taken = f"{index}.taken-{release.token}"
    first, last = AliasAction("rename", fence_name(index, fence), taken), AliasAction("delete", taken)
    return [first, *release_actions(index, release, release.guard), last]
