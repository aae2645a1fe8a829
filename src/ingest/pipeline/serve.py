"""What promotion and rollback need of the story: a generation's collection complete, and a target that opens."""

from ingest.errors import SchemaMismatch, UnknownRelease
from ingest.lake.lake import Lake
from ingest.pipeline.anchors import anchored, side_of
from ingest.pipeline.duplicates import collapsed_of
from ingest.pipeline.evaluate import judged_questions, score, untimed
from ingest.pipeline.points import PointMaker, batches, rows_of
from ingest.pipeline.work import contents_of, embedding_store
from ingest.ports import Services
from ingest.records import EVERYTHING, Manifest, Release
from ingest.release import Releases
from ingest.search import Searcher, open_release

LEAST_COSINE = 0.999  # between the stored probe vector and the same question encoded now


def releases_of(services: Services) -> Releases:
    """Return the releases of the settings' index, able to restore a lost collection from the lake."""
    lake = Lake(services.store, services.options.index)
    return Releases(
        services.store, services.vectors, lake.index, services.clock, services.who, services.new_token,
        restore=lambda generation: restore(services, lake, generation),
    )  # fmt: skip


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


def check_target(services: Services, release: Release) -> None:
    """Open the target of a rollback as a reader would, before any record is written.

    Raises: UnknownReaderFormat, UnknownRelease, InvalidSettings (model not found), SchemaMismatch (the model answers
    otherwise than when the generation was sealed, or a must-pass question finds nothing).
    """
    lake = Lake(services.store, services.options.index)
    restore(services, lake, release.generation)
    searcher = open_release(services, release, untimed(lake.profile(release.profile)))
    cosine = searcher.probe_cosine()
    if cosine < LEAST_COSINE:
        raise SchemaMismatch(
            f"generation {release.generation}: its probe question now has cosine {cosine:.4f} to the stored vector, "
            f"less than {LEAST_COSINE}: this is not the model that it was built with"
        )
    _check_must_pass(services, lake, searcher)


def _check_must_pass(services: Services, lake: Lake, searcher: Searcher) -> None:
    """Ask the must-pass questions whose places the target's documents hold; younger ones say nothing about it."""
    wanted = [q for q in judged_questions(services) if q.must_pass]
    if not wanted:
        return
    newest = lake.releases.newest()
    current = lake.manifest(newest[1].generation) if newest is not None else None
    before = side_of(contents_of(lake, current), wanted) if current is not None else None
    now = side_of(contents_of(lake, searcher.manifest), wanted, before)
    asked, _, _ = anchored(wanted, now, before)
    rules = services.options.gate
    for query_id, scores in score(services, searcher, asked).items():
        if scores[rules.must_pass_metric] <= rules.must_pass_above:
            raise SchemaMismatch(
                f"generation {searcher.manifest.generation}: must-pass question {query_id} has "
                f"{rules.must_pass_metric} {scores[rules.must_pass_metric]:.3f}, not above {rules.must_pass_above}"
            )
