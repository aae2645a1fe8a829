"""What promotion and rollback need of the story: a generation's collection complete, and a target that opens."""

from ingest.errors import UnknownRelease
from ingest.lake.contents import contents_of
from ingest.lake.lake import Lake
from ingest.pipeline.find_duplicates import collapsed_of
from ingest.pipeline.points import PointMaker, batches, rows_of
from ingest.pipeline.tasks import embedding_store
from ingest.ports import Services
from ingest.records import EVERYTHING, Manifest
from ingest.release import Releases


def releases_of(services: Services) -> Releases:
    """Return the releases of the settings' index, able to restore a lost collection from the lake."""
    lake = Lake(services.store, services.options.index)
    return Releases(
        services.store,
        services.vectors,
        lake.index,
        services.clock,
        services.who,
        services.new_token,
        restore=lambda generation: restore(services, lake, generation),
    )


def restore(services: Services, lake: Lake, generation: str) -> None:
    """Complete a sealed generation's collection from the lake. Quick when it is complete.

    Raises: UnknownRelease when the generation was never sealed.
    """
    manifest = lake.manifest(generation)
    if manifest is None:
        raise UnknownRelease(f"index {lake.index}: generation {generation} has no manifest")
    ensure_collection(services, lake, manifest)


def ensure_collection(services: Services, lake: Lake, manifest: Manifest) -> None:
    """Create and load a sealed generation's collection when it is missing or has too few points. No model is needed."""
    vectors, contents = services.vectors, contents_of(lake, manifest)
    known = contents.collection in vectors.collections()
    expected = manifest.counts["chunks"] - manifest.counts.get("collapsed", 0)
    if known and vectors.count(contents.collection, EVERYTHING) >= expected:
        return
    services.observer.told("restoring", contents.collection)
    vectors.create_collection(contents.collection, contents.dimension, contents.shape)
    maker = PointMaker.of(services, contents, embedding_store(services, contents.model_fingerprint))
    collapsed = collapsed_of(services, lake, contents.duplicates)
    for shard in contents.shards:
        for batch in batches(rows_of(lake, contents.parts(shard), collapsed), services.options.load_batch):
            vectors.upsert(contents.collection, maker.points(batch, shard))
    vectors.flush(contents.collection)
    vectors.optimise(contents.collection)
