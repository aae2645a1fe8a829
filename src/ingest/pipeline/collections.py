"""Collections of generations: made right from the lake, and shown to readers by releases."""

from functools import partial

from ingest.errors import UnknownRelease
from ingest.lake.contents import Contents, contents_of
from ingest.pipeline.point_maker import PointMaker, load_points, rows_of
from ingest.ports import VectorIndex
from ingest.records import EVERYTHING, Manifest
from ingest.release import Releases
from ingest.services import Services


def releases_of(services: Services) -> Releases:
    """Return the releases of the settings' index, able to restore a lost collection from the lake."""
    lake, restoring = services.lake, partial(restore, services)
    writer = services.clock, services.who, services.new_token
    return Releases(lake.releases, services.vectors, lake.index, *writer, restoring)


def restore(services: Services, generation: str) -> None:
    """Complete a sealed generation's collection from the lake. Quick when it is complete.

    Raises: UnknownRelease when the generation was never sealed.
    """
    manifest = services.lake.manifest(generation)
    if manifest is None:
        raise UnknownRelease(f"index {services.lake.index}: generation {generation} has no manifest")
    ensure_collection(services, manifest)


def ensure_collection(services: Services, manifest: Manifest) -> Contents:
    """Return what a sealed generation holds, with its collection created and loaded where it was not complete.

    Complete is what has enough points; the conservation check looks at each. No model is needed.
    """
    vectors, contents = services.vectors, contents_of(services.lake, manifest)
    expected = manifest.counts["chunks"] - manifest.counts.get("collapsed", 0)
    known = contents.collection in vectors.collections()
    if known and vectors.count(contents.collection, EVERYTHING) >= expected:
        return contents
    services.observer.told("restoring", contents.collection)
    vectors.create_collection(contents.collection, contents.dimension, contents.shape)
    maker = PointMaker.of(contents)
    for shard in contents.shards:
        load_points(vectors, maker, shard, rows_of(contents, shard), services.options.load_batch)
    vectors.optimise(contents.collection)
    return contents


def optimise(vectors: VectorIndex, contents: Contents) -> dict[str, int]:
    """Build the graph of a loaded collection, and return how many chunks are in it."""
    vectors.optimise(contents.collection)
    return {"chunks": vectors.count(contents.collection, EVERYTHING)}
