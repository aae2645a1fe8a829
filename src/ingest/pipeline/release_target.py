"""The target of a rollback or of a promotion by hand: its points are compared with the lake before it serves.

In full where that takes less than `rollback_seconds`; otherwise the remaining shards by their exact number of points
and a random sample of each, and in full once the aliases have moved.
"""

from dataclasses import dataclass, field

from ingest.errors import IncompleteGeneration, SchemaMismatch, TransientError
from ingest.lake.contents import contents_of
from ingest.pipeline.collections import sealed
from ingest.pipeline.inspection import Inspection
from ingest.pipeline.reconciliation import Reconciler, tell
from ingest.pipeline.stored_vectors import VectorSample
from ingest.records import BuildOptions
from ingest.services import Retrieval


@dataclass
class ReleaseTarget:
    """What is about to serve."""

    retrieval: Retrieval
    options: BuildOptions
    sample: VectorSample
    _left: Inspection | None = field(default=None, init=False)  # what is not compared in full yet

    def compare(self, generation: str) -> None:
        """Mend the points of a generation whose collection is there.

        Raises: IncompleteGeneration when some still do not match.
        """
        monotonic, lake = self.retrieval.monotonic, self.retrieval.lake
        deadline = monotonic() + self.options.rollback_seconds
        contents = contents_of(lake, sealed(lake, generation))
        found = self._reconciler.reconcile(contents, lambda: monotonic() < deadline)
        tell(self.retrieval, found, "is about to serve")
        if found.unmatched:
            raise IncompleteGeneration(f"{contents.collection}: points do not match the lake: {found.faults[0]}")
        self._left = found if found.sampled else None

    def compare_the_rest(self) -> None:
        """Compare in full what was only sampled, now that it serves. What fails is said: it changes nothing."""
        left, self._left = self._left, None
        if left is None:
            return
        observer, where = self.retrieval.observer, left.contents.collection
        observer.told("comparing", where)
        try:
            found = self._reconciler.reconcile(left.contents)
        except (SchemaMismatch, TransientError) as error:
            observer.told("reconciled", f"{where}, which serves: not compared in full, the next run does it: {error}")
            return
        wrong = f"{len(found.faults)} faults" if found.faults else "no fault"
        tell(self.retrieval, found, "serves", otherwise=f"compared in full, {wrong}")

    @property
    def _reconciler(self) -> Reconciler:
        return Reconciler(self.retrieval, self.options, self.sample)
