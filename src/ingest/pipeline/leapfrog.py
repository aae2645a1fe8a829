"""Leapfrog: a build takes over the collection of a retired generation and writes only what differs since that one.

`recycled.json` says for good which generation has the collection then; its metadata, before a point changes, which it
holds. Nothing here needs a lease: whoever brings a generation back writes his release, then looks for the record, and
gives way; whoever recycles writes the record, then looks for releases and aliases, and gives way.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from operator import attrgetter

from ingest.errors import SchemaMismatch
from ingest.lake.contents import Contents, contents_of
from ingest.lake.lake import Lake, claim_number
from ingest.pipeline.collection_points import CollectionPoints, PointMaker, rows_of
from ingest.pipeline.inspection import measure_recall
from ingest.records import EVERYTHING, BuildOptions, Manifest, Retired
from ingest.release import Releases
from ingest.release.generation_states import collections_held
from ingest.services import Retrieval

ALIKE = attrgetter("model_fingerprint", "shape", "shards")
MOST_DELETED = 0.2  # of a collection's points, also by writing them again: a graph with more is better built afresh


def given_to(lake: Lake, releases: Releases, generation: str, wanted: str = "") -> str:
    """Write down, unless somebody did, to which generation a retired one's collection goes; return to which it does."""
    key, told = lake.key(generation, "recycled"), {"who": releases.who, "at": releases.clock().isoformat()}
    if (gone := lake.records.find(Retired, key)) is None:
        gone = Retired(generation=wanted, token=releases.new_token(), **told)
        if not lake.records.create(key, gone):
            gone = lake.records.read(Retired, key)
    return gone.generation


def recycle(lake: Lake, releases: Releases, retired: Manifest, to: str) -> bool:
    """Give a retired generation's collection to another, whose points may follow; False: it cannot be had."""
    vectors, ours, collection = releases.aliases, lake.known_identity(), retired.collection
    if ours is None or given_to(lake, releases, retired.generation, to) != to:
        return False
    serving = releases.heal()  # no older alias call can arrive any more: its guard is gone
    if serving is None or serving.generation == retired.generation or collection in vectors.aliases().values():
        return False
    vectors.give(collection, ours, to)
    return vectors.generation_of(collection) == to  # a server that keeps no metadata cannot tell readers


def spares(lake: Lake, releases: Releases, soak_hours: float) -> Iterator[Manifest]:
    """Yield the retired generations whose soaked collection may be recycled, oldest first."""
    held, since = collections_held(lake, releases.aliases), releases.clock() - timedelta(hours=soak_hours)
    for generation in sorted(held.keys() - {""}, key=claim_number):
        with suppress(SchemaMismatch):  # damaged: the sweep removes it
            mark = lake.records.find(Retired, lake.key(generation, "retired"))
            manifest = lake.manifest(generation) if mark and datetime.fromisoformat(mark.at) <= since else None
            if manifest is not None and manifest.collection in held[generation]:
                yield manifest


def moved(retrieval: Retrieval, options: BuildOptions, releases: Releases, contents: Contents, run: str) -> Contents:
    """Return contents in a collection that was taken over, with their points; as they are: load them into a fresh one.

    That of a run that stopped, or else the oldest that has the same model, shape and number of shards and loses at most
    MOST_DELETED of its points. Afterwards its recall must not be below the floor. `run` holds the builder's lease.
    """
    held, vectors = collections_held(contents.lake, retrieval.vectors).get(contents.generation, ()), retrieval.vectors
    if contents.collection in held:  # begun afresh
        return contents
    found = replace(contents, collection=held[0]) if held else _taken(retrieval, options, releases, contents, run)
    if found is not contents:
        vectors.optimise(found.collection)
        recall = measure_recall(vectors, found)
        found = found if recall is None or recall.mean >= options.gate.min_dense_recall else contents
    return found


def _taken(retrieval: Retrieval, options: BuildOptions, releases: Releases, contents: Contents, run: str) -> Contents:
    lake, vectors, confirm = contents.lake, retrieval.vectors, contents.lake.lease_watch(run).confirm
    for manifest in spares(lake, releases, options.retire.soak_hours):
        before, after = contents_of(lake, manifest), replace(contents, collection=manifest.collection)
        if ALIKE(before) != ALIKE(after):
            continue
        points, found = CollectionPoints(vectors, PointMaker.of(after), options.load_batch, confirm), {}
        left = MOST_DELETED * vectors.count(manifest.collection, EVERYTHING)
        for shard in after.shards:
            whole = not {*before.segments(shard)} <= {*after.segments(shard)}  # or other vectors
            one = found[shard] = points.faults(shard, rows_of(after, shard), whole=whole)
            left -= len(one) - [what for _, what in one.wrong].count("is lost")
            if left < 0:
                break
        if left >= 0 and recycle(lake, releases, manifest, contents.generation):
            differ = sum(map(len, found.values()))
            retrieval.observer.told("recycling", f"{manifest.collection}: {differ} points differ")
            for shard, one in found.items():
                points.mend(shard, one.wrong, one.orphans)
            return after
    return contents
