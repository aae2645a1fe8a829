"""Which earlier release a rollback brings back."""

from ingest.errors import SchemaMismatch, UnknownRelease
from ingest.lake.journal import Journal
from ingest.records import Release
from ingest.release.alias_rules import Candidate


def recorded(journal: Journal[Release], index: str, number: int) -> Release:
    """Return a release that a later one needs. Raises: SchemaMismatch when it is missing."""
    if (record := journal.get(number)) is None:
        raise SchemaMismatch(f"index {index}: {journal.where(number)} is missing; a later one needs it")
    return record


def rollback_target(journal: Journal[Release], index: str, current: Release, to: int | None) -> Release:
    """Return release `to`, or the newest one with another generation or profile than the one in force.

    Raises: UnknownRelease when there is none, SchemaMismatch when its record is missing.
    """
    if to is not None:
        if not 1 <= to <= current.number:
            raise UnknownRelease(f"index {index}: no release {to}; there are 1 to {current.number}")
        return recorded(journal, index, to)
    for number in range(_promoted(journal, index, current).number - 1, 0, -1):
        if not Candidate.of(earlier := recorded(journal, index, number)).is_in(current):
            return earlier
    raise UnknownRelease(f"index {index}: no release before {current.number} has another generation or profile")


def _promoted(journal: Journal[Release], index: str, release: Release) -> Release:
    """Return the promotion that a rollback brought back, so that a second rollback goes further back."""
    number = release.number - 1
    while release.action != "promote" and number > 0:
        if Candidate.of(earlier := recorded(journal, index, number)).is_in(release):
            release = earlier
        number -= 1
    return release
