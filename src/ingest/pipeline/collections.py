"""Collections of generations: restored from the lake, and exposed to readers by releases."""

from collections.abc import Callable
from functools import partial

from ingest.errors import UnknownRelease
from ingest.lake.contents import Contents, contents_of
from ingest.lake.lake import Lake
from ingest.pipeline.point_maker import PointMaker, load_points, rows_of
from ingest.ports import VectorIndex
from ingest.records import EVERYTHING, BuildOptions, Manifest
from ingest.release import Ownership, Releases
from ingest.search.served_release import is_foreign
from ingest.services import Retrieval, Writer


def releases_of(retrieval: Retrieval, options: BuildOptions, writer: Writer, take_over: str | None = None) -> Releases:
    """Return the releases of the settings' index, able to restore a lost collection from the lake.

    `take_over`: why a person takes the index from another lake; without it that is refused.
    """
    lake, vectors, made_by = retrieval.lake, retrieval.vectors, (writer.clock, writer.who, writer.new_token)

    def restore(generation: str) -> None:
        """Complete a sealed generation's collection. Raises: UnknownRelease, ForeignIndex if another lake has it."""
        manifest = sealed(lake, generation)
        if take_over is not None and is_foreign(vectors.lake_of(manifest.collection), lake.known_identity()):
            # From before names told the lake. The other lake can load it again; readers of an alias on it find
            # nothing until ours is there.
            vectors.drop_collection(manifest.collection)
        opened_collection(retrieval, options.load_batch, manifest, complete=True)

    ownership = Ownership(vectors, lake.known_identity, partial(lake.identity, writer.new_token))
    return Releases(lake.releases, vectors, lake.index, *made_by, restore, take_over=take_over, ownership=ownership)


def sealed(lake: Lake, generation: str) -> Manifest:
    """Return the manifest of a generation. Raises: UnknownRelease when it was never sealed."""
    if (manifest := lake.manifest(generation)) is None:
        known = ", ".join(claim.id for _, claim in lake.claims.after(0)) or "none"
        raise UnknownRelease(f"index {lake.index}: no sealed generation {generation}; there are {known}")
    return manifest


def opened_collection(retrieval: Retrieval, batch: int, manifest: Manifest, *, complete: bool = False) -> Contents:
    """Return what a sealed generation holds, with its collection created and loaded where there was none.

    Points that an existing one lacks are left to a reconciliation; `complete`: where there are too few, all are loaded
    again. No model is needed. `batch`: points loaded at once.
    """
    vectors, observer = retrieval.vectors, retrieval.observer
    contents, expected = contents_of(retrieval.lake, manifest), expected_points(manifest)
    there = contents.collection in vectors.collections()
    create_collection(retrieval.lake, vectors, contents)  # which refuses one of another lake or shape
    if there and not (complete and vectors.count(contents.collection, EVERYTHING) < expected):
        return contents
    observer.told("restoring", contents.collection)
    maker = PointMaker.of(contents)
    with observer.step("restore", expected, "chunks"):
        for shard in contents.shards:
            rows = rows_of(contents, shard)
            load_points(vectors, maker, shard, rows, batch)
            observer.advanced("restore", len(rows), {"chunks": len(rows)})
        vectors.optimise(contents.collection)
    return contents


def expected_points(manifest: Manifest) -> int:
    """Return how many points the collection of a generation should have."""
    return manifest.counts["chunks"] - manifest.counts.get("collapsed", 0)


def create_collection(lake: Lake, vectors: VectorIndex, contents: Contents) -> None:
    """Create the collection of a generation of this lake; nothing happens when it is there.

    Raises: DimensionMismatch, SchemaMismatch, ForeignIndex when it is there otherwise.
    """
    vectors.create_collection(contents.collection, contents.dimension, contents.shape, lake.known_identity())


def optimise(vectors: VectorIndex, contents: Contents, heard: Callable[[int], None]) -> dict[str, int]:
    """Build the graph of a loaded collection, and return how many chunks it contains."""
    vectors.optimise(contents.collection, heard)
    return {"chunks": vectors.count(contents.collection, EVERYTHING)}
