"""Mending: points that a check found wrong are made right from the lake."""

from ingest.pipeline.conservation import Findings
from ingest.pipeline.point_faults import point_faults, stray_points
from ingest.pipeline.points import PointMaker, load_points, rows_of
from ingest.ports import VectorIndex


def mend(vectors: VectorIndex, found: Findings, size: int) -> int:
    """Make points agree with their rows, `size` in a request, and return how many did not.

    Only of shards whose rows are sound: else points would be deleted that are all that is left.
    """
    contents, mended = found.contents, 0
    maker = PointMaker.of(contents)
    for shard in found.wrong_shards:
        faults = point_faults(vectors, maker, shard, rows_of(contents, shard))
        wrong = faults.missing + faults.stale
        load_points(vectors, maker, shard, wrong, size)
        mended += len(wrong) + _delete(vectors, contents.collection, faults.orphans)
    strays = stray_points(vectors, contents) if found.strays else []
    return mended + _delete(vectors, contents.collection, strays)


def _delete(vectors: VectorIndex, collection: str, ids: list[str]) -> int:
    if ids:
        vectors.delete(collection, ids)
        vectors.flush(collection)
    return len(ids)
