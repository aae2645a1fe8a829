"""Points of a collection are made to match the rows of the lake: before anything is built on it, and before it serves.

Only in shards whose rows are sound: otherwise the only remaining copy might be deleted.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ingest.errors import SchemaMismatch, UnknownRelease
from ingest.lake.contents import Contents
from ingest.pipeline.collections import opened_collection, sealed
from ingest.pipeline.inspection import Inspection
from ingest.pipeline.point_faults import point_faults, stray_points
from ingest.pipeline.point_maker import PointMaker, load_points, rows_of
from ingest.pipeline.stored_vectors import EVERY_VECTOR, VectorSample
from ingest.ports import Tally, VectorIndex
from ingest.records import BuildOptions, Manifest, Release, Verification
from ingest.release import Releases
from ingest.services import Retrieval

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reconciler:
    """Compares collections with the lake and mends them."""

    retrieval: Retrieval
    options: BuildOptions
    sample: VectorSample  # of vectors to compare
    timed: Callable[..., Any] = lambda step, do, *args, **named: do(*args, **named)

    def reconcile(self, contents: Contents, in_time: Callable[[], bool] = lambda: True) -> Inspection:
        """Mend the points that do not match, and return what a look at all of them found then.

        One wrong vector in the sample, and all are compared. `in_time`: see `Inspection`.
        """

        def look(step: str, sample: VectorSample, mended: int = 0) -> Inspection:
            tally, points = self.retrieval.observer.tally(step), contents.rows("chunks") - len(contents.collapsed)
            looked = Inspection(self.retrieval.vectors, contents, sample, in_time, mended, tally)
            self.timed((step, points, "points"), looked.run)
            return looked

        found = look("check", self.sample)
        if found.replaced and found.sample != EVERY_VECTOR:
            found = look("check vectors", EVERY_VECTOR)
        if found.wrong or found.strays:
            mended = self.timed("mend", mend, self.retrieval.vectors, found, self.options.load_batch)
            found = look("check again", found.sample, mended)
        return found

    def opened(self, manifest: Manifest) -> Contents:
        """Return what a sealed generation holds; a lost collection is loaded again."""
        return opened_collection(self.retrieval, self.options.load_batch, manifest)

    def reconcile_serving(self, serving: Release | None) -> Inspection | None:
        """Reconcile what serves, whatever is built next. None when nothing serves, or its files cannot be used."""
        lake = self.retrieval.lake
        try:
            manifest = None if serving is None else lake.manifest(serving.generation)
            if manifest is None:
                return None
            found = self.reconcile(self.opened(manifest))
        except SchemaMismatch as error:  # what becomes of it is decided by the plan
            log.warning("index %s: what serves could not be compared with the lake: %s", lake.index, error)
            return None
        tell(self.retrieval, found, "serves")
        return found


def verify_serving(retrieval: Retrieval, options: BuildOptions, releases: Releases) -> Verification:
    """Reconcile what serves with every vector compared. Raises: UnknownRelease when nothing serves."""
    if (serving := releases.heal()) is None:
        told = "nothing serves yet; `ingest run` builds and promotes a generation"
        raise UnknownRelease(f"index {releases.index}: {told}")
    reconciler = Reconciler(retrieval, options, EVERY_VECTOR)
    found = reconciler.reconcile(reconciler.opened(sealed(retrieval.lake, serving.generation)))
    return Verification(
        release=serving.number,
        generation=serving.generation,
        points=found.totals["points"],
        vectors_compared=found.totals["vectors_compared"],
        mended=found.mended,
        faults=found.faults,
    )


def tell(retrieval: Retrieval, found: Inspection, what: str, otherwise: str = "") -> None:
    """Say what was mended in a collection that people see, `otherwise` if nothing was, and what is still wrong."""
    told = f"{found.contents.collection}, which {what}"
    if said := f"{found.mended} points mended" if found.mended else otherwise:
        retrieval.observer.told("reconciled", f"{told}: {said}")
    if faults := found.faults:
        log.warning("%s: %d faults are left: %s", told, len(faults), "; ".join(faults[:10]))


def mend(vectors: VectorIndex, found: Inspection, size: int) -> int:
    """Make points match their rows, `size` per request, and return how many did not match."""
    contents, mended = found.contents, 0
    maker = PointMaker.of(contents)
    for shard in found.wrong:
        faults = point_faults(vectors, maker, shard, rows_of(contents, shard), found.sample, Tally())
        load_points(vectors, maker, shard, faults.wrong, size)
        mended += len(faults.wrong) + _delete(vectors, contents.collection, faults.orphans)
    if found.strays:
        mended += _delete(vectors, contents.collection, stray_points(vectors, contents))
    vectors.optimise(contents.collection)  # a load that was cut short left it without a graph
    return mended


def _delete(vectors: VectorIndex, collection: str, ids: list[str]) -> int:
    if ids:
        vectors.delete(collection, ids)
        vectors.flush(collection)
    return len(ids)
