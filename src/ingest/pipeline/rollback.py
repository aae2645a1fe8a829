"""Rollback: brings back an earlier release, after opening its generation as a reader would."""

import logging
from contextlib import suppress
from functools import partial

from ingest.errors import DamagedFile, SchemaMismatch
from ingest.lake.contents import contents_of
from ingest.pipeline.recall import measure_recall
from ingest.pipeline.release_target import ReleaseTarget
from ingest.pipeline.stored_vectors import VectorSample
from ingest.quality.anchors import anchored, side_of
from ingest.quality.evaluate import judged_questions, score, untimed
from ingest.records import BuildOptions, Release
from ingest.release import Releases
from ingest.search import Searcher, open_release
from ingest.services import Retrieval

log = logging.getLogger(__name__)

LEAST_COSINE = 0.999  # between the stored probe vector and the same question encoded now


def roll_back(retrieval: Retrieval, options: BuildOptions, releases: Releases, to: int | None, why: str) -> Release:
    """As `Releases.rollback`, after the target was opened. Raises: UnknownRelease, and what `open_target` raises."""
    target = ReleaseTarget(retrieval, options, VectorSample.at(releases.clock()))
    release = releases.rollback(to, why, partial(open_target, target, releases))
    target.compare_the_rest()
    return release


def open_target(target: ReleaseTarget, releases: Releases, release: Release) -> None:
    """Mend the target of a rollback and open it as a reader would, before any record is written.

    Raises: UnknownReaderFormat, UnknownRelease, InvalidSettings (model not found), IncompleteGeneration (points do not
    match the lake), SchemaMismatch (the model encodes differently from when the generation was sealed, or a must-pass
    question fails).
    """
    retrieval, options = target.retrieval, target.options
    releases.restore(release.generation)
    target.compare(release.generation)
    searcher = open_release(retrieval, release, untimed(retrieval.lake.profile(release.profile)))
    cosine = searcher.probe_cosine()
    if cosine < LEAST_COSINE:
        raise SchemaMismatch(
            f"generation {release.generation}: its probe question now has cosine {cosine:.4f} to the stored vector, "
            f"less than {LEAST_COSINE}: this is not the model that it was built with"
        )
    try:  # said, not refused: what serves may be worse
        recall = measure_recall(retrieval.vectors, contents_of(retrieval.lake, searcher.manifest))
        if recall is not None and recall.mean < options.gate.min_dense_recall:
            log.warning("%s: dense recall@%d is %.3f", release.collection, recall.at, recall.mean)
    except DamagedFile as error:
        log.warning("%s: its dense recall is unknown: %s", release.collection, error)
    _ask_must_pass(searcher, options)


def _ask_must_pass(searcher: Searcher, options: BuildOptions) -> None:
    """Ask the must-pass questions whose places the target's documents hold; younger ones say nothing about it."""
    wanted = [q for q in judged_questions(options.judged) if q.must_pass]
    if not wanted:
        return
    lake, rules = searcher.retrieval.lake, options.gate
    current = lake.base()
    before = None
    with suppress(DamagedFile):  # of what serves: a reason to roll back, not against it
        before = side_of(contents_of(lake, current), wanted) if current is not None else None
    now = side_of(contents_of(lake, searcher.manifest), wanted, before)
    for query_id, scores in score(searcher, anchored(wanted, now, before).live).items():
        if scores[rules.must_pass_metric] <= rules.must_pass_above:
            raise SchemaMismatch(
                f"generation {searcher.manifest.generation}: must-pass question {query_id} has "
                f"{rules.must_pass_metric} {scores[rules.must_pass_metric]:.3f}, not above {rules.must_pass_above}"
            )
