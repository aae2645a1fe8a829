"""Collections of generations: restored from the lake, and exposed to readers by releases."""

from functools import partial
from typing import Any

from ingest.errors import UnknownRelease
from ingest.lake.contents import Contents, contents_of
from ingest.lake.lake import Lake
from ingest.pipeline.point_maker import PointMaker, load_points, rows_of
from ingest.ports import Observer, VectorIndex
from ingest.records import EVERYTHING, BuildOptions, Manifest
from ingest.release import Ownership, Releases
from ingest.search.served_release import is_foreign
from ingest.services import Retrieval, Writer


def releases_of(retrieval: Retrieval, options: BuildOptions, writer: Writer, take_over: str | None = None) -> Releases:
    """Return the releases of the settings' index, able to restore a lost collection from the lake.

    `take_over`: why a person takes the index from another lake; without it that is refused.
    """
    lake, vectors, made_by = retrieval.lake, retrieval.vectors, (writer.clock, writer.who, writer.new_token)
    put_back = partial(restore, lake, vectors, retrieval.observer, options.load_batch)

    def make_room(generation: str) -> None:
        drop_foreign(lake, vectors, generation)
        put_back(generation)

    restoring = put_back if take_over is None else make_room
    ownership = Ownership(vectors, lake.known_identity, partial(lake.identity, writer.new_token))
    how: dict[str, Any] = {"take_over": take_over, "ownership": ownership}
    return Releases(lake.releases, vectors, lake.index, *made_by, restoring, **how)


def drop_foreign(lake: Lake, vectors: VectorIndex, generation: str) -> None:
    """Drop another lake's collection that has the name of ours, from before names told the lake.

    The other lake can load it again; readers of an alias on it find nothing until ours is there.
    """
    manifest = lake.manifest(generation)
    if manifest is not None and is_foreign(vectors.lake_of(manifest.collection), lake.known_identity()):
        vectors.drop_collection(manifest.collection)


def restore(lake: Lake, vectors: VectorIndex, observer: Observer, batch: int, generation: str) -> None:
    """Complete a sealed generation's collection from the lake. Quick when it is complete.

    Raises: UnknownRelease when the generation was never sealed, ForeignIndex when its collection is another lake's.
    """
    manifest = lake.manifest(generation)
    if manifest is None:
        raise UnknownRelease(f"index {lake.index}: generation {generation} has no manifest")
    ensure_collection(lake, vectors, observer, batch, manifest)


def ensure_collection(lake: Lake, vectors: VectorIndex, observer: Observer, batch: int, manifest: Manifest) -> Contents:
    """Return what a sealed generation holds, with its collection created and loaded where it was not complete.

    Complete is what has enough points; a reconciliation looks at each. No model is needed. `batch`: points loaded at
    once.
    """
    contents = contents_of(lake, manifest)
    there = contents.collection in vectors.collections()
    create_collection(lake, vectors, contents)  # which refuses one that is another lake's or not of its shape
    if there and vectors.count(contents.collection, EVERYTHING) >= expected_points(manifest):
        return contents
    return _loaded(vectors, observer, batch, contents, expected_points(manifest))


def opened_collection(lake: Lake, vectors: VectorIndex, observer: Observer, batch: int, manifest: Manifest) -> Contents:
    """As `ensure_collection`, but points that an existing collection lacks are left to a reconciliation."""
    contents = contents_of(lake, manifest)
    there = contents.collection in vectors.collections()
    create_collection(lake, vectors, contents)
    return contents if there else _loaded(vectors, observer, batch, contents, expected_points(manifest))


def expected_points(manifest: Manifest) -> int:
    """Return how many points the collection of a generation should have."""
    return manifest.counts["chunks"] - manifest.counts.get("collapsed", 0)


def _loaded(vectors: VectorIndex, observer: Observer, batch: int, contents: Contents, expected: int) -> Contents:
    observer.told("restoring", contents.collection)
    maker = PointMaker.of(contents)
    with observer.step("restore", expected, "chunks"):
        for shard in contents.shards:
            rows = rows_of(contents, shard)
            load_points(vectors, maker, shard, rows, batch)
            observer.advanced("restore", len(rows), {"chunks": len(rows)})
        vectors.optimise(contents.collection)
    return contents


def create_collection(lake: Lake, vectors: VectorIndex, contents: Contents) -> None:
    """Create the collection of a generation of this lake; nothing happens when it is there.

    Raises: DimensionMismatch, SchemaMismatch, ForeignIndex when it is there otherwise.
    """
    vectors.create_collection(contents.collection, contents.dimension, contents.shape, lake.known_identity())


def optimise(vectors: VectorIndex, contents: Contents) -> dict[str, int]:
    """Build the graph of a loaded collection, and return how many chunks it contains."""
    vectors.optimise(contents.collection)
    return {"chunks": vectors.count(contents.collection, EVERYTHING)}
