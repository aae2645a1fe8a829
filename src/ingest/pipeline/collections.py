"""Collections of generations. There is one way for one to become right: `ensure`, and `fill` for one that is lost.

They are behind the check before a seal, what serves when a run begins, what is about to serve, and `reconcile`.

Leapfrog: a build takes over the collection of a retired generation and writes only what differs since that one.
`recycled.json` says for good which generation has the collection then; its metadata, before a point changes, which it
holds. Nothing here needs a lease: whoever brings a generation back writes his release, then looks for the record, and
gives way; whoever recycles writes the record, then looks for releases and aliases, and gives way.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from typing import Any

from ingest.errors import SchemaMismatch, Tolerated, UnknownRelease
from ingest.ids import point_id
from ingest.lake.contents import ALIKE, Contents, contents_of
from ingest.lake.embedding_store import SAME
from ingest.lake.lake import Lake, claim_number
from ingest.lake.stored_records import StoredRecords
from ingest.pipeline.collection_points import CollectionPoints, PointMaker, rows_of
from ingest.pipeline.damage import damage_of
from ingest.pipeline.inspection import Inspection, keep_turn, measure_recall
from ingest.pipeline.revoking import delete_revoked
from ingest.pipeline.seal import compare_keyword
from ingest.pipeline.tasks import DOCUMENT_STEPS, ShardTask, built_contents, joined, shard_step
from ingest.ports import VectorIndex
from ingest.records import EVERYTHING, BuildOptions, Manifest, Marker, Reconciliation, Release, Retired
from ingest.release import Releases
from ingest.release.generation_states import collections_held, kept_generations
from ingest.search.served_release import is_foreign
from ingest.services import Retrieval, Services, Writer

Differing = dict[int, tuple[set[str], Sequence[str]]]  # by shard: points to write again, and to remove
log = logging.getLogger(__name__)

MOST_DELETED = 0.2  # of a collection's points, also by writing them again: a graph with more is better built afresh


def ensure(
    retrieval: Retrieval,
    options: BuildOptions,
    contents: Contents,
    in_full: Callable[[int], bool] = lambda shard: True,
    timed: Callable[..., Any] = lambda step, do, *args: do(*args),
    fresh: bool = False,
) -> Inspection:
    """Make a collection match the lake, durable and indexed, and return what was found. A lost one is loaded first.

    Some shards are compared `in_full`; after one point that is not what its digest says, all are. Raises:
    DimensionMismatch, SchemaMismatch or ForeignIndex if the collection exists, but cannot be used.
    """
    fill(retrieval, options.load_batch, contents)
    vectors, tally = retrieval.vectors, retrieval.observer.tally
    points, how = vectors.count(contents.collection, EVERYTHING), (options.load_batch, options.scrub_points_per_second)

    def look(step: str, in_full: Callable[[int], bool], mended: int = 0) -> Inspection:
        looked = Inspection(vectors, contents, in_full, fresh, *how, mended, tally(step))
        timed((step, points, "points"), looked.run)
        return looked

    found = look("check", in_full)
    if found.tampered and len(found.whole) < len(contents.shards):
        found = look("check whole points", lambda shard: True, found.mended)
    if found.mended:
        timed(("optimise", points, "points"), optimise, vectors, contents, tally("optimise").heard)
    return found


def fill(retrieval: Retrieval, batch: int, contents: Contents, least: int = 0) -> None:
    """Load a collection that is lost or has fewer than `least` points, without a model. Build a graph that is due."""
    vectors, observer, collection = retrieval.vectors, retrieval.observer, contents.collection
    lost = collection not in vectors.collections()
    unfinished = make_collection(vectors, contents)
    if lost or (least and vectors.count(collection, EVERYTHING) < least):
        observer.told("restoring", collection)
        points = CollectionPoints(vectors, PointMaker.of(contents), batch)
        with observer.step("restore", contents.points(), "chunks"):
            for shard in contents.shards:
                rows = rows_of(contents, shard)
                points.load(shard, rows)
                observer.advanced("restore", len(rows), {"chunks": len(rows)})
    elif not unfinished:
        return
    vectors.optimise(collection)


def make_collection(vectors: VectorIndex, contents: Contents, *like: str) -> bool:
    """Create the collection of a generation, as `VectorIndex` does. Raises: UnknownRelease when it was recycled."""
    named, generation, ours = contents.collection, contents.generation, contents.lake.known_identity()
    unfinished = vectors.create_collection(named, contents.dimension, contents.shape, ours, *like)
    if vectors.generation_of(named) != generation and ours is not None and not vectors.count(named, EVERYTHING):
        vectors.give(named, ours, generation)  # it was lost, and has the name of another
    contents.refuse_recycled(vectors)
    return unfinished


def optimise(vectors: VectorIndex, contents: Contents, heard: Callable[[int], None]) -> dict[str, int]:
    """Build the graph of a loaded collection, and return how many chunks it contains."""
    vectors.optimise(contents.collection, heard)
    return {"chunks": vectors.count(contents.collection, EVERYTHING)}


def mend_serving(
    retrieval: Retrieval, serving: Release | None, ensured: Callable[[Contents], Inspection]
) -> Inspection | None:
    """Return what serves after it was ensured. None when nothing serves, or its files cannot be used."""
    lake = retrieval.lake
    found = None
    with Tolerated(f"index {lake.index}: what serves could not be compared with the lake", SchemaMismatch):
        manifest = None if serving is None else lake.manifest(serving.generation)
        found = None if manifest is None else ensured(contents_of(lake, manifest))
    if found is not None:  # else the plan decides what becomes of it
        tell(retrieval, found, "serves")
    return found


def reconcile(retrieval: Retrieval, options: BuildOptions, releases: Releases) -> Reconciliation:
    """Ensure what serves, and hash its files: the whole cycle at once. Raises: UnknownRelease when nothing serves."""
    if (serving := releases.heal()) is None:
        raise UnknownRelease(f"index {releases.index}: nothing serves yet; `ingest run` builds and promotes one")
    manifest = sealed(retrieval.lake, serving.generation)
    found = ensure(retrieval, options, contents_of(retrieval.lake, manifest))
    found.fault(*(damaged := damage_of(retrieval.lake, manifest).told))
    if not damaged:  # else it may not be readable
        compare_keyword(found)
    keep_turn(releases.writer, found)
    counts = {name: found.totals[name] for name in ("points", "vectors_compared")} | {"mended": found.mended}
    return Reconciliation(release=serving.number, generation=serving.generation, **counts, faults=found.faults)


def tell(retrieval: Retrieval, found: Inspection, what: str, otherwise: str = "") -> None:
    """Say what was mended in a collection that people see, `otherwise` if nothing was, and what is still wrong."""
    told = f"{found.contents.collection}, which {what}"
    if said := f"{found.mended} points mended" if found.mended else otherwise:
        retrieval.observer.told("reconciled", f"{told}: {said}")
    if faults := found.faults:
        log.warning("%s: %d faults are left: %s", told, len(faults), "; ".join(faults[:10]))


def releases_of(retrieval: Retrieval, options: BuildOptions, writer: Writer, take_over: str | None = None) -> Releases:
    """Return the releases of the settings' index, which restore lost collections. `take_over`: see `Releases`."""
    lake, vectors = retrieval.lake, retrieval.vectors

    def restore(generation: str) -> None:
        """Complete a sealed generation's collection. Raises: UnknownRelease, ForeignIndex if another lake has it."""
        manifest = sealed(lake, generation)
        if take_over is not None and is_foreign(vectors.lake_of(manifest.collection), lake.known_identity()):
            # From before names told the lake. The other lake can load it again; readers of an alias on it find
            # nothing until ours is there.
            vectors.drop_collection(manifest.collection)
        contents = contents_of(lake, manifest)
        fill(retrieval, options.load_batch, contents, contents.points())
        delete_revoked(vectors, contents.collection, contents, lake.revocations.now())

    known, identify = lake.known_identity, partial(lake.identity, writer.new_token)
    named = lake.releases, vectors, lake.index, writer, restore, lake.is_retired
    return Releases(*named, take_over=take_over, known=known, identify=identify)


def sealed(lake: Lake, generation: str) -> Manifest:
    """Return the manifest of a generation. Raises: UnknownRelease when it was never sealed, or is retired."""
    if lake.is_retired(generation):
        raise UnknownRelease(f"index {lake.index}: generation {generation} is retired; `ingest generations` lists them")
    if (manifest := lake.manifest(generation)) is None:
        known = ", ".join(claim.id for _, claim in lake.claims.after(0)) or "none"
        raise UnknownRelease(f"index {lake.index}: no sealed generation {generation}; there are {known}")
    return manifest


@shard_step("load", "io", join=joined)
def load_shard(services: Services, task: ShardTask) -> Marker:
    """Load the points of a shard, or of a slice; return its marker, a hint: the inspection looks for itself.

    Raises: LeaseLost, before a request, when another builder has taken over; TransientError, FatalError.
    """
    lake, size, vectors = services.bench.lake, services.bench.options.load_batch, services.retrieval.vectors
    plan = lake.plan(task.generation)
    assert plan is not None  # frozen before its tasks are handed out
    contents = built_contents(services.bench, plan, *DOCUMENT_STEPS, "keyword")
    rows = rows_of(contents, task.shard, task.range)
    confirm = partial(lake.confirm_lease, task.run)
    CollectionPoints(vectors, PointMaker.of(contents), size, confirm).load(task.shard, rows)
    documents = 0 if task.rows and task.rows[0] else contents.parts(task.shard)["documents"].rows
    return task.marker("load", {"documents": documents, "chunks": len(rows)})


def given_to(lake: Lake, releases: Releases, generation: str, wanted: str = "") -> str:
    """Write down, unless somebody did, to which generation a retired one's collection goes; return to which it does."""
    key = lake.key(generation, "recycled")
    if (gone := lake.records.find(Retired, key)) is None:
        gone = Retired(generation=wanted, **releases.writer.signed())
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


def spares(lake: Lake, releases: Releases, options: BuildOptions) -> Iterator[Manifest]:
    """Yield the retired generations whose soaked collection may be recycled, oldest first; none that is to stay."""
    held, rules = collections_held(lake, releases.aliases), options.retire
    since = releases.writer.clock() - timedelta(hours=rules.soak_hours)
    kept, marks = {*held}, StoredRecords(lake.store)  # without a cache: a mark may have been taken away
    with suppress(SchemaMismatch):  # a pin cannot be read: all stay
        kept = kept_generations(lake, rules.keep, options.profile) if rules.keep else kept
    for generation in sorted(held.keys() - kept - {""}, key=claim_number):
        with suppress(SchemaMismatch):  # damaged: the sweep removes it
            mark = marks.find(Retired, lake.key(generation, "retired"))
            manifest = lake.manifest(generation) if mark and datetime.fromisoformat(mark.at) <= since else None
            if manifest is not None and manifest.collection in held[generation]:
                yield manifest


def moved(retrieval: Retrieval, options: BuildOptions, releases: Releases, contents: Contents, run: str) -> Contents:
    """Return contents in a collection that was taken over, with their points; as they are: load them into a fresh one.

    That of a run that stopped, or else the oldest that has the same model, shape and number of shards and loses at most
    MOST_DELETED of its points, or a copy of such a base's, where the engine makes one. Afterwards its recall must not
    be below the floor. `run` holds the builder's lease.
    """
    held, vectors = collections_held(contents.lake, retrieval.vectors).get(contents.generation, ()), retrieval.vectors
    if contents.collection in held:  # begun afresh
        return contents
    found = replace(contents, collection=held[0]) if held else _taken(retrieval, options, releases, contents, run)
    if found is not contents:
        vectors.optimise(found.collection)
        recall = measure_recall(vectors, found)
        if recall is not None and recall.mean < options.gate.min_dense_recall:
            if found.collection == contents.collection:  # the copy
                contents.lake.confirm_lease(run)
                vectors.drop_collection(found.collection)
            return contents
    return found


def _taken(retrieval: Retrieval, options: BuildOptions, releases: Releases, contents: Contents, run: str) -> Contents:
    lake, vectors, confirm = contents.lake, retrieval.vectors, partial(contents.lake.confirm_lease, run)
    held, base = collections_held(lake, vectors), lake.base()
    for manifest in chain(spares(lake, releases, options), filter(None, [base])):
        before, copied = contents_of(lake, manifest), manifest is base
        if ALIKE(before) != ALIKE(contents) or manifest.collection not in held.get(manifest.generation, ()):
            continue
        after = replace(contents, collection=(contents if copied else before).collection)
        if copied:
            make_collection(vectors, after, before.collection)
        points = CollectionPoints(vectors, PointMaker.of(after), options.load_batch, confirm)
        count = vectors.count(after.collection, EVERYTHING)
        found = _differing(points, before, MOST_DELETED * count) if count else None
        if found is not None and (copied or recycle(lake, releases, manifest, contents.generation)):
            differ = sum(len(wrong) + len(orphans) for wrong, orphans in found.values())
            retrieval.observer.told("copied" if copied else "recycling", f"{before.collection}: {differ} points differ")
            for shard, (wrong, orphans) in found.items():
                rows = [row for row in rows_of(after, shard) if point_id(row[0].chunk_id) in wrong] if wrong else ()
                points.mend(shard, points.maker.wanted(rows, shard), orphans)
            return after
        if copied and count:
            confirm()
            vectors.drop_collection(after.collection)
    return contents


def _differing(points: CollectionPoints, before: Contents, left: float) -> Differing | None:
    """Return by shard which points of other contents to write again, and to remove; None if more than are `left`."""
    found, after = Differing(), points.maker.contents
    alike = points.maker.lengths == before.epoch == after.epoch  # sparse vectors are weighed alike
    store = points.maker.embeddings
    added = {one.segment for one in store.index.live if not one.replaces or one.again == SAME}
    for shard in after.shards:
        olds, news = {*store.current(before.segments(shard))}, {*after.segments(shard)}
        whole = not olds <= news <= olds | added  # or vectors may be others
        if alike and not whole and (known := after.holds(shard)) and known == before.holds(shard):
            continue
        one = points.faults(shard, rows_of(after, shard), whole=whole)
        found[shard] = {wanted.id for wanted, _ in one.wrong}, one.orphans
        left -= len(one) - [what for _, what in one.wrong].count("is lost")
        if left < 0:
            return None
    return found
