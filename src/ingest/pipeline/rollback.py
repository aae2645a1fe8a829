"""What a rollback needs: a target that opens as a reader would open it."""

from ingest.errors import SchemaMismatch
from ingest.lake.contents import contents_of
from ingest.lake.lake import Lake
from ingest.pipeline.collections import restore
from ingest.ports import Services
from ingest.quality.anchors import anchored, side_of
from ingest.quality.evaluate import judged_questions, score, untimed
from ingest.records import Release
from ingest.search import Searcher, open_release

LEAST_COSINE = 0.999  # between the stored probe vector and the same question encoded now


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
