"""Which release a reader uses, and a searcher on it."""

import re
from collections.abc import Mapping

from ingest.errors import SchemaMismatch, UnknownRelease
from ingest.lake.journal import Journal
from ingest.lake.lake import Lake
from ingest.ports import VectorIndex
from ingest.records import QueryProfile, Release
from ingest.search.searcher import Searcher
from ingest.services import Retrieval


def fence_number(aliases: Mapping[str, str], index: str) -> int | None:
    """Return the m of the fence alias `<index>@<m>`, None without one. Raises: SchemaMismatch when there are two."""
    fences = [int(found[1]) for name in aliases if (found := re.fullmatch(rf"{re.escape(index)}@([1-9]\d*)", name))]
    if len(fences) > 1:
        raise SchemaMismatch(f"index {index}: one fence alias expected, found {sorted(fences)}")
    return fences[0] if fences else None


def release_in_force(aliases: Mapping[str, str], releases: Journal[Release], index: str) -> Release | None:
    """Return the release that one answer of `get_aliases` shows; None if nothing serves.

    The fence `<index>@<m>` gives m: release m if its record names the collection behind `<index>`, else m − 1, which
    must. The fence's own target is never used. Raises: SchemaMismatch when neither record names that collection.
    """
    shown, fence = aliases.get(index), fence_number(aliases, index)
    if shown is None or fence is None:
        return None
    for number in (fence, fence - 1):
        record = releases.get(number) if number > 0 else None
        if record is not None and record.collection == shown:
            return record
    raise SchemaMismatch(f"alias {index} shows {shown}, but neither release {fence} nor {fence - 1} names it")


def serving_release(lake: Lake, vectors: VectorIndex) -> Release:
    """Return the release in force. Raises: UnknownRelease when nothing serves."""
    release = release_in_force(vectors.aliases(), lake.releases, lake.index)
    if release is None:
        lost = "its aliases are lost; `ingest run`, promote or rollback restores them"
        none = "nothing serves yet; `ingest run` builds and promotes a generation"
        raise UnknownRelease(f"index {lake.index}: {lost if lake.releases.last() else none}")
    return release


def open_serving(retrieval: Retrieval, profile: QueryProfile | None = None) -> Searcher:
    """Return a searcher on the release in force, under its profile or a given one. Raises: UnknownRelease."""
    return open_release(retrieval, serving_release(retrieval.lake, retrieval.vectors), profile)


def open_release(retrieval: Retrieval, release: Release, profile: QueryProfile | None = None) -> Searcher:
    """Return a searcher on a release, under its profile or a given one. Raises: UnknownRelease if it is not sealed."""
    lake = retrieval.lake
    manifest = lake.manifest(release.generation)
    if manifest is None:
        raise UnknownRelease(f"release {release.number} names generation {release.generation}, which has no manifest")
    return Searcher(retrieval, manifest, profile or lake.profile(release.profile), release.number)
