"""The target of a rollback or promotion by hand: points are compared with the lake before it serves, the rest after."""

import logging
from contextlib import suppress
from dataclasses import dataclass, field

from ingest.errors import DamagedFile, IncompleteGeneration, IngestError, SchemaMismatch
from ingest.lake.contents import Contents, contents_of
from ingest.pipeline.collections import ensure, sealed, tell
from ingest.pipeline.embed import LEAST_COSINE
from ingest.pipeline.inspection import measure_recall
from ingest.quality.anchors import anchored, side_of
from ingest.quality.evaluate import judged_questions, score, untimed
from ingest.records import BuildOptions, Release
from ingest.release import Releases
from ingest.search import Searcher, open_release
from ingest.services import Retrieval

log = logging.getLogger(__name__)


@dataclass
class ReleaseTarget:
    """What is about to serve."""

    retrieval: Retrieval
    options: BuildOptions
    releases: Releases
    _left: Contents | None = field(default=None, init=False)  # what is not compared in full yet

    def compare(self, generation: str) -> None:
        """Mend the points of a generation whose collection is there. Raises: IncompleteGeneration when that fails."""
        monotonic, lake = self.retrieval.monotonic, self.retrieval.lake
        deadline = monotonic() + self.options.rollback_seconds
        contents = contents_of(lake, sealed(lake, generation))
        options = self.options.model_copy(update={"scrub_points_per_second": 0})
        found = ensure(self.retrieval, options, contents, lambda shard: monotonic() < deadline)
        tell(self.retrieval, found, "is about to serve")
        if found.unmatched:
            raise IncompleteGeneration(f"{contents.collection}: points do not match the lake: {found.faults[0]}")
        self._left = None if len(found.whole) == len(contents.shards) else contents

    def compare_the_rest(self) -> None:
        """Compare every point whole if some were only counted, now that it serves. A failure is said, no more."""
        left, self._left = self._left, None
        if left is None:
            return
        observer, where = self.retrieval.observer, left.collection
        observer.told("comparing", where)
        try:
            found = ensure(self.retrieval, self.options, left)
        except IngestError as error:
            observer.told("reconciled", f"{where}, which serves: not compared in full, the next run does it: {error}")
            return
        wrong = f"{len(found.faults)} faults" if found.faults else "no fault"
        tell(self.retrieval, found, "serves", otherwise=f"compared in full, {wrong}")

    def open(self, release: Release) -> None:
        """Mend the target of a rollback and open it as a reader would, before any record is written.

        Raises: UnknownReaderFormat, UnknownRelease, InvalidSettings (model not found), IncompleteGeneration (points do
        not match the lake), SchemaMismatch (the model encodes differently from when the generation was sealed, or a
        must-pass question fails).
        """
        retrieval, options = self.retrieval, self.options
        self.releases.restore(release.generation)
        self.compare(release.generation)
        searcher = open_release(retrieval, release, untimed(retrieval.lake.profile(release.profile)))
        cosine = searcher.probe_cosine()
        if cosine < LEAST_COSINE:
            raise SchemaMismatch(
                f"generation {release.generation}: its probe question now has cosine {cosine:.4f} to the stored "
                f"vector, less than {LEAST_COSINE}: this is not the model that it was built with"
            )
        try:  # said, not refused: what serves may be worse
            recall = measure_recall(retrieval.vectors, contents_of(retrieval.lake, searcher.manifest))
            if recall is not None and recall.mean < options.gate.min_dense_recall:
                log.warning("%s: dense recall@%d is %.3f", release.collection, recall.at, recall.mean)
        except DamagedFile as error:
            log.warning("%s: its dense recall is unknown: %s", release.collection, error)
        _ask_must_pass(searcher, options)


def roll_back(retrieval: Retrieval, options: BuildOptions, releases: Releases, to: int | None, why: str) -> Release:
    """As `Releases.rollback`, after the target was opened. Raises: UnknownRelease, and what opening it raises."""
    target = ReleaseTarget(retrieval, options, releases)
    release = releases.rollback(to, why, target.open)
    target.compare_the_rest()
    return release


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
