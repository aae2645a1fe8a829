"""Collections of generations: restored from the lake, and exposed to readers by releases."""

from functools import partial

from ingest.errors import UnknownRelease
from ingest.lake.contents import Contents, contents_of
from ingest.lake.lake import Lake
from ingest.pipeline.point_maker import PointMaker, load_points, rows_of
from ingest.ports import Observer, VectorIndex
from ingest.records import EVERYTHING, BuildOptions, Manifest
from ingest.release import Releases
from ingest.services import Retrieval, Writer


def releases_of(retrieval: Retrieval, options: BuildOptions, writer: Writer) -> Releases:
    """Return the releases of the settings' index, able to restore a lost collection from the lake."""
    lake, vectors, made_by = retrieval.lake, retrieval.vectors, (writer.clock, writer.who, writer.new_token)
    restoring = partial(restore, lake, vectors, retrieval.observer, options.load_batch)
    return Releases(lake.releases, vectors, lake.index, *made_by, restoring)


def restore(lake: Lake, vectors: VectorIndex, observer: Observer, batch: int, generation: str) -> None:
    """Complete a sealed generation's collection from the lake. Quick when it is complete.

    Raises: UnknownRelease when the generation was never sealed.
    """
    manifest = lake.manifest(generation)
    if manifest is None:
        raise UnknownRelease(f"index {lake.index}: generation {generation} has no manifest")
    ensure_collection(lake, vectors, observer, batch, manifest)


def ensure_collection(lake: Lake, vectors: VectorIndex, observer: Observer, batch: int, manifest: Manifest) -> Contents:
    """Return what a sealed generation holds, with its collection created and loaded where it was not complete.

    Complete is what has enough points; the conservation check looks at each. No model is needed. `batch`: points loaded
    at once.
    """
    contents = contents_of(lake, manifest)
    expected = manifest.counts["chunks"] - manifest.counts.get("collapsed", 0)
    known = contents.collection in vectors.collections()
    if known and vectors.count(contents.collection, EVERYTHING) >= expected:
        return contents
    observer.told("restoring", contents.collection)
    vectors.create_collection(contents.collection, contents.dimension, contents.shape)
    maker = PointMaker.of(contents)
    for shard in contents.shards:
        load_points(vectors, maker, shard, rows_of(contents, shard), batch)
    vectors.optimise(contents.collection)
    return contents


def optimise(vectors: VectorIndex, contents: Contents) -> dict[str, int]:
    """Build the graph of a loaded collection, and return how many chunks it contains."""
    vectors.optimise(contents.collection)
    return {"chunks": vectors.count(contents.collection, EVERYTHING)}
