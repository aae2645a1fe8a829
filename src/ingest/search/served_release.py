"""Which release a reader uses, and a searcher on it."""

import logging
import re
from collections.abc import Mapping
from contextlib import suppress

from ingest.errors import DamagedFile, ForeignIndex, SchemaMismatch, UnknownRelease
from ingest.lake.journal import Journal
from ingest.lake.lake import Lake
from ingest.ports import VectorIndex
from ingest.records import Claim, Hold, LakeIdentity, Manifest, QueryProfile, Release
from ingest.search.searcher import Searcher
from ingest.services import Retrieval

LOOK_BACK = 20  # releases before a damaged one, or generations, of which a sound one is looked for
log = logging.getLogger(__name__)


def fence_number(aliases: Mapping[str, str], index: str) -> int | None:
    """Return the m of the fence alias `<index>@<m>`, None without one. Raises: SchemaMismatch when there are two."""
    fences = [int(found[1]) for name in aliases if (found := re.fullmatch(rf"{re.escape(index)}@([1-9]\d*)", name))]
    if len(fences) > 1:
        raise SchemaMismatch(f"index {index}: one fence alias expected, found {sorted(fences)}")
    return fences[0] if fences else None


def named_by(releases: Journal[Release], number: int, collection: str, index: str) -> Release | None:
    """Return release `number` or the one before, whichever names the collection, or None. Stand-ins count, too."""
    for n in range(number, max(number - 2, 0), -1):
        try:
            record = releases.get(n)
        except DamagedFile:
            record = stand_in(releases, n, collection, index)
        if record is not None and record.collection == collection:
            return record
    return None


def stand_in(releases: Journal[Release], number: int, shown: str | None, index: str) -> Release:
    """Return what is known of a damaged release: what the alias shows, with the profile of the release before.

    It holds automatic promotion, as the damaged one may have done, and has no token. A first release has the only
    profile of the lake. Raises: DamagedFile when that is not known either.
    """
    before = next((record for _, record in releases.newest_first(LOOK_BACK, below=number)), None)
    kept = releases.records.store.list(f"{index}/profiles/") if before is None else ()
    profiles = {before.profile} if before is not None else {name[:64] for name in kept}
    named = _holder(releases, index, shown)
    why = f"{releases.where(number)} is damaged: its profile, and whether it held, are unknown"
    log.warning("index %s: %s; `ingest run` writes a release in its place", index, why)
    told = {"number": number, "hold": Hold(who="ingest", why=why), "why": why, "token": ""}
    if before is not None and (named is None or before.collection == shown):
        return before.model_copy(update=told)
    if named is None or shown is None or len(profiles) != 1:
        raise DamagedFile(f"{why}; bring it back from its noncurrent version or from a copy of the lake")
    told |= {"generation": named, "collection": shown, "profile": profiles.pop(), "base": number - 1 or None}
    return Release(**told, guard="", verdict=None, action="restore", who="ingest", at="")


def _holder(releases: Journal[Release], index: str, collection: str | None) -> str | None:
    """Return the newest generation that was sealed in a collection: it may be named after an earlier one."""
    claims = Journal(releases.records, f"{index}/generations/", Claim)
    for _, claim in claims.newest_first(LOOK_BACK):
        with suppress(SchemaMismatch):
            manifest = releases.records.find(Manifest, f"{claims.prefix}{claim.id}/manifest.json")
            if manifest is not None and manifest.collection == collection:
                return claim.id
    return None


def release_in_force(aliases: Mapping[str, str], releases: Journal[Release], index: str) -> Release | None:
    """Return the release that one answer of `get_aliases` shows; None if nothing serves.

    The fence `<index>@<m>` gives m: release m if its record names the collection behind `<index>`, else m − 1, which
    must. The fence's own target is never used. Raises: SchemaMismatch when neither record names that collection.
    """
    shown, fence = aliases.get(index), fence_number(aliases, index)
    if shown is None or fence is None:
        return None
    if (release := named_by(releases, fence, shown, index)) is None:
        raise SchemaMismatch(f"alias {index} shows {shown}, but neither release {fence} nor {fence - 1} names it")
    return release


def is_foreign(theirs: LakeIdentity | None, ours: LakeIdentity | None) -> bool:
    """Tell whether a collection says that it belongs to another lake."""
    return theirs is not None and (ours is None or ours.id != theirs.id)


def told_lakes(collection: str, theirs: LakeIdentity | None, ours: LakeIdentity | None) -> str:
    """Return a sentence that names both lakes, for people."""
    this = "a lake without an identity yet" if ours is None else f"lake {ours.id} ({ours.uri})"
    if theirs is not None and ours is not None and theirs.id == ours.id:
        return f"Both are of {this}: it or Qdrant was put back to an older state, or a copy of the lake was used."
    whose = "a lake that it does not name" if theirs is None else f"lake {theirs.id} ({theirs.uri})"
    return f"{collection} belongs to {whose}, this is {this}."


def serving_release(lake: Lake, vectors: VectorIndex) -> Release:
    """Return the release in force. Raises: UnknownRelease when nothing serves, ForeignIndex, SchemaMismatch."""
    aliases = vectors.aliases()
    try:
        release = release_in_force(aliases, lake.releases, lake.index)
    except SchemaMismatch as error:
        if (shown := aliases.get(lake.index)) is None:
            raise
        lakes = told_lakes(shown, vectors.lake_of(shown), lake.known_identity())
        raise ForeignIndex(f"{error}. {lakes}") from error
    if release is None:
        lost = "its aliases are lost; `ingest run`, promote or rollback restores them"
        none = "nothing serves yet; `ingest run` builds and promotes a generation"
        raise UnknownRelease(f"index {lake.index}: {lost if lake.releases.last() else none}")
    return release


def open_serving(retrieval: Retrieval, profile: QueryProfile | None = None) -> Searcher:
    """Return a searcher on the release in force, under its profile or a given one. Raises: UnknownRelease."""
    return open_release(retrieval, serving_release(retrieval.lake, retrieval.vectors), profile)


def open_release(retrieval: Retrieval, release: Release, profile: QueryProfile | None = None) -> Searcher:
    """Return a searcher on a release, under its profile or a given one. Raises: UnknownRelease, ForeignIndex."""
    lake = retrieval.lake
    manifest = lake.manifest(release.generation)
    if manifest is None:
        raise UnknownRelease(f"release {release.number} names generation {release.generation}, which has no manifest")
    theirs, ours = retrieval.vectors.lake_of(release.collection), lake.known_identity()
    if is_foreign(theirs, ours):
        raise ForeignIndex(f"release {release.number} cannot be read: {told_lakes(release.collection, theirs, ours)}")
    return Searcher(retrieval, manifest, profile or lake.profile(release.profile), release.number)
