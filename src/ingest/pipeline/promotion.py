"""Judges a sealed generation and puts it into force: at the end of a run, or when a person asks for it.

Points of what a rollback or a promotion by hand brings back are compared with the lake before it serves, others after.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from ingest import errors
from ingest.lake.contents import Contents, contents_of
from ingest.lake.stored_records import name_of
from ingest.phrases import stale
from ingest.pipeline.collection_points import LEAST_COSINE
from ingest.pipeline.collections import ensure, sealed, tell
from ingest.pipeline.guard import objections
from ingest.pipeline.inspection import measure_recall
from ingest.quality.anchors import anchored, side_of
from ingest.quality.evaluate import evaluate, read_sets, score, untimed
from ingest.quality.judged_sets import scored_questions
from ingest.records import BuildOptions, Manifest, Release, Verdict
from ingest.release import Candidate, Releases
from ingest.release.alias_rules import shows_same
from ingest.release.generation_states import last_rollback, told_rollback, waiting_candidate
from ingest.search import Searcher, open_release
from ingest.services import Retrieval

log = logging.getLogger(__name__)

JUDGEMENTS = 3  # of one candidate, when other releases come in between
PROMOTED, LIFTED = "promoted by hand", "hold lifted by hand"  # reasons recorded if a person gives none
Decide = Callable[[Verdict], bool]  # True: promote; False: leave it to a person


@dataclass(frozen=True)
class Outcome:
    """What became of a candidate."""

    decision: str  # promoted, refused, waiting, unchanged; lifted: only the hold; overtaken: promoted, then followed
    verdict: Verdict | None  # None: nothing was judged
    release: Release | None  # in force

    @property
    def generation(self) -> str | None:
        """The generation that was judged, or else the release's."""
        release = self.release.generation if self.release is not None else None
        return release if self.verdict is None else self.verdict.candidate


@dataclass
class Promotion:
    """Judges the sealed generations of an index, puts them into force, and brings earlier ones back.

    Points of what is about to serve are compared with the lake before it does: in full for `rollback_seconds`; the
    other shards by their numbers, and in full once the aliases have moved.
    """

    retrieval: Retrieval
    options: BuildOptions
    releases: Releases
    _left: Contents | None = field(default=None, init=False)  # what is not compared in full yet

    def settle(self, manifest: Manifest, decide: Decide, timed: Callable[..., Any]) -> Outcome:
        """Judge a run's candidate against what serves now, and promote it on a positive verdict. Raises: Overtaken."""
        wanted = manifest.generation, name_of(self.options.profile)

        def judge() -> Outcome:
            serving, _ = self.releases.settled()  # hours may have passed
            if serving is not None and (serving.generation, serving.profile) == wanted:
                return Outcome("unchanged", None, serving)
            verdict = timed("evaluate", self._verdict, manifest, serving)
            if not verdict.positive or not decide(verdict):
                return Outcome("waiting" if verdict.positive else "refused", verdict, serving)
            outcome: Outcome = timed("release", self._promote_automatically, manifest, verdict)
            return outcome

        return self._until_it_holds(judge)

    def evaluate(self, named: str | None) -> Verdict:
        """Return the verdict on a sealed generation: the named one, else the one that waits, else what serves."""
        found, serving = named or waiting_candidate(self.retrieval.lake, self.options.profile), self.releases.current()
        decision = self.retrieval.lake.decision()
        return self._judged(found or (decision.generation if decision is not None else None), serving)[1]

    def promote(self, named: str | None, why: str | None, lift_hold: bool) -> Outcome:
        """Judge a sealed generation, the named one or the waiting one, and promote it on a positive verdict.

        `lift_hold` ends a hold with the promotion and, if no generation is named, also without one.
        Raises: Overtaken, Held, UnknownRelease, IncompleteGeneration.
        """
        retrieval, releases = self.retrieval, self.releases

        def judge() -> Outcome:
            serving, _ = releases.settled()  # not only what readers see: a verdict is compared with the newest decision
            generation = named or waiting_candidate(retrieval.lake, self.options.profile)
            verdict = None
            if generation is not None or not lift_hold:
                manifest, verdict = self._judged(generation, serving)
                if verdict.positive:
                    release = releases.promote(self._candidate(manifest, verdict), why or PROMOTED, lift_hold=lift_hold)
                    self._compare_the_rest()
                    return self.read_back(Outcome("promoted", verdict, release))
                if named is not None or not lift_hold:
                    return Outcome("refused", verdict, None)
            if serving is not None:
                self._compare(serving.generation)
            release = releases.unhold(why or LIFTED)
            self._compare_the_rest()
            return Outcome("lifted" if verdict is None else "refused", verdict, release)

        return self._until_it_holds(judge)

    def roll_back(self, to: int | None, why: str) -> Release:
        """As `Releases.rollback`, after the target was opened. Raises: UnknownRelease, and what opening it raises."""
        release = self.releases.rollback(to, why, self.open)
        self._compare_the_rest()
        return release

    def read_back(self, outcome: Outcome) -> Outcome:
        """Return an outcome with the release that serves now, which may be another than it was decided on."""
        made = outcome.release
        with errors.Tolerated(f"index {self.releases.index}: what serves could not be read back"):
            now = self.releases.current()
            followed = made is not None and (now is None or not shows_same(made, now))
            decision = "overtaken" if followed and outcome.decision == "promoted" else outcome.decision
            return replace(outcome, decision=decision, release=now)
        return outcome

    def _until_it_holds(self, judge: Callable[[], Outcome]) -> Outcome:
        """Judge, and judge again when another release came before the candidate was put into force."""
        for _ in range(JUDGEMENTS - 1):
            try:
                return judge()
            except errors.VerdictOutdated as error:
                self.retrieval.observer.told("judging_again", str(error))
        return judge()

    def _judged(self, generation: str | None, serving: Release | None) -> tuple[Manifest, Verdict]:
        lake = self.retrieval.lake
        if generation is None:
            told = "no sealed generation waits for promotion; a run builds one, and what was released is named"
            raise errors.UnknownRelease(f"index {lake.index}: {told}. {last_rollback(lake)}")
        manifest = sealed(lake, generation)
        self.releases.restore(generation)
        self._compare(generation)
        recall = measure_recall(self.retrieval.vectors, contents_of(lake, manifest))
        manifest = manifest.model_copy(update={"recall": recall})  # as it is now, not as it was at the seal
        return manifest, self._verdict(manifest, serving)

    def _verdict(self, manifest: Manifest, serving: Release | None) -> Verdict:
        """Return the verdict on a sealed generation under the settings' query profile, and keep it in the lake."""
        retrieval, options = self.retrieval, self.options
        problems = objections(retrieval.lake, options, manifest, serving)
        verdict = evaluate(retrieval, options, manifest, serving, problems)
        warnings = (*verdict.warnings, *(f"{told}." for told in stale(manifest.carried)))
        told = {"raised": options.raised or manifest.raised, "carried": manifest.carried, "warnings": warnings}
        verdict = verdict.model_copy(update=told)
        retrieval.lake.write_named(verdict)
        retrieval.observer.told("verdict", verdict)
        return verdict

    def _candidate(self, manifest: Manifest, verdict: Verdict) -> Candidate:
        name = self.retrieval.lake.write_named(self.options.profile)
        judged = name_of(verdict), manifest.base, verdict.release or 0
        return Candidate(manifest.generation, manifest.collection, name, *judged)

    def _promote_automatically(self, manifest: Manifest, verdict: Verdict) -> Outcome:
        """Promote the candidate of a run. Under a hold it waits for a person, and so does what was rolled back."""
        observer, candidate = self.retrieval.observer, self._candidate(manifest, verdict)
        raised, why = verdict.raised, "positive verdict"
        if raised is not None:
            why += f", max_deleted_share raised to {raised.max_deleted_share} by {raised.who}: {raised.why}"
        try:
            if back := told_rollback(self.retrieval.lake, candidate.generation, candidate.profile):
                raise errors.Held(back)
            release = self.releases.promote(candidate, why, automatic=True)
        except errors.Held as error:
            observer.told("held", str(error))
            return Outcome("waiting", verdict, self.releases.current())
        observer.told("release", release)
        return Outcome("promoted", verdict, release)

    def _compare(self, generation: str) -> None:
        """Mend the points of a generation whose collection is there. Raises: IncompleteGeneration when that fails."""
        monotonic, lake = self.retrieval.monotonic, self.retrieval.lake
        deadline = monotonic() + self.options.rollback_seconds
        contents = contents_of(lake, sealed(lake, generation))
        options = self.options.model_copy(update={"scrub_points_per_second": 0})
        found = ensure(self.retrieval, options, contents, lambda shard: monotonic() < deadline)
        tell(self.retrieval, found, "is about to serve")
        if found.unmatched:
            raise errors.IncompleteGeneration(f"{contents.collection}: points do not match the lake: {found.faults[0]}")
        self._left = None if len(found.whole) == len(contents.shards) else contents

    def _compare_the_rest(self) -> None:
        """Compare every point whole if some were only counted, now that it serves. Failures are told, not raised."""
        left, self._left = self._left, None
        if left is None:
            return
        observer, where = self.retrieval.observer, left.collection
        observer.told("comparing", where)
        try:
            found = ensure(self.retrieval, self.options, left)
        except errors.IngestError as error:
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
        self._compare(release.generation)
        searcher = open_release(retrieval, release, untimed(retrieval.lake.profile(release.profile)))
        cosine = searcher.probe_cosine()
        if cosine < LEAST_COSINE:
            raise errors.SchemaMismatch(
                f"generation {release.generation}: its probe question now has cosine {cosine:.4f} to the stored "
                f"vector, less than {LEAST_COSINE}: this is not the model that it was built with"
            )
        # Said, not refused: what serves may be worse.
        with errors.Tolerated(f"{release.collection}: its dense recall is unknown", errors.DamagedFile):
            recall = measure_recall(retrieval.vectors, contents_of(retrieval.lake, searcher.manifest))
            if recall is not None and recall.mean < options.gate.min_dense_recall:
                log.warning("%s: dense recall@%d is %.3f", release.collection, recall.at, recall.mean)
        _ask_must_pass(searcher, options)


def _ask_must_pass(searcher: Searcher, options: BuildOptions) -> None:
    """Ask the must-pass questions whose places the target's documents hold; younger ones say nothing about it."""
    wanted = [q for q in scored_questions(read_sets(options.judged)).every if q.must_pass and q.answerable]
    if not wanted:
        return
    lake, rules = searcher.retrieval.lake, options.gate
    current = lake.base()
    before = None
    with suppress(errors.DamagedFile):  # of what serves: a reason to roll back, not against it
        before = side_of(contents_of(lake, current), wanted) if current is not None else None
    now = side_of(contents_of(lake, searcher.manifest), wanted, before)
    for query_id, scores in score(searcher, anchored(wanted, now, before).live).items():
        if scores[rules.must_pass_metric] <= rules.must_pass_above:
            raise errors.SchemaMismatch(
                f"generation {searcher.manifest.generation}: must-pass question {query_id} has "
                f"{rules.must_pass_metric} {scores[rules.must_pass_metric]:.3f}, not above {rules.must_pass_above}"
            )
