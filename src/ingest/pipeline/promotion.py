"""Judges a sealed generation and puts it into force: at the end of a run, or when a person asks for it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ingest.errors import Held, IngestError, UnknownRelease, VerdictOutdated
from ingest.lake.contents import contents_of
from ingest.lake.stored_records import name_of
from ingest.phrases import stale
from ingest.pipeline.collections import sealed
from ingest.pipeline.guard import objections
from ingest.pipeline.inspection import measure_recall
from ingest.pipeline.release_target import ReleaseTarget
from ingest.quality.evaluate import evaluate
from ingest.records import BuildOptions, Manifest, Release, Verdict
from ingest.release import Candidate, Releases
from ingest.release.generation_states import last_rollback, told_rollback, waiting_candidate
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


@dataclass(frozen=True)
class Promotion:
    """Judges the sealed generations of an index and puts them into force."""

    retrieval: Retrieval
    options: BuildOptions
    releases: Releases

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
        target = ReleaseTarget(self.retrieval, self.options, self.releases)
        return self._judged(target, found or (decision.generation if decision is not None else None), serving)[1]

    def promote(self, named: str | None, why: str | None, lift_hold: bool) -> Outcome:
        """Judge a sealed generation, the named one or the waiting one, and promote it on a positive verdict.

        `lift_hold` ends a hold with it and, if none is named, also without. Raises: Overtaken, Held, UnknownRelease.
        """
        retrieval, releases = self.retrieval, self.releases
        target = ReleaseTarget(retrieval, self.options, releases)

        def judge() -> Outcome:
            serving, _ = releases.settled()  # not only what readers see: a verdict is compared with the newest decision
            generation = named or waiting_candidate(retrieval.lake, self.options.profile)
            verdict = None
            if generation is not None or not lift_hold:
                manifest, verdict = self._judged(target, generation, serving)
                if verdict.positive:
                    release = releases.promote(self._candidate(manifest, verdict), why or PROMOTED, lift_hold=lift_hold)
                    target.compare_the_rest()
                    return self.read_back(Outcome("promoted", verdict, release))
                if named is not None or not lift_hold:
                    return Outcome("refused", verdict, None)
            if serving is not None:
                target.compare(serving.generation)
            release = releases.unhold(why or LIFTED)
            target.compare_the_rest()
            return Outcome("lifted" if verdict is None else "refused", verdict, release)

        return self._until_it_holds(judge)

    def read_back(self, outcome: Outcome) -> Outcome:
        """Return an outcome with the release that serves now, which may be another than it was decided on."""
        made = outcome.release
        try:
            now = self.releases.current()
        except IngestError as error:
            log.warning("index %s: what serves could not be read back: %s", self.releases.index, error)
            return outcome
        followed = made is not None and (now is None or not Candidate.of(made).is_in(now))
        decision = "overtaken" if followed and outcome.decision == "promoted" else outcome.decision
        return replace(outcome, decision=decision, release=now)

    def _until_it_holds(self, judge: Callable[[], Outcome]) -> Outcome:
        """Judge, and judge again when another release came before the candidate was put into force."""
        for _ in range(JUDGEMENTS - 1):
            try:
                return judge()
            except VerdictOutdated as error:
                self.retrieval.observer.told("judging_again", str(error))
        return judge()

    def _judged(
        self, target: ReleaseTarget, generation: str | None, serving: Release | None
    ) -> tuple[Manifest, Verdict]:
        lake = self.retrieval.lake
        if generation is None:
            told = "no sealed generation waits for promotion; a run builds one, and what was released is named"
            raise UnknownRelease(f"index {lake.index}: {told}. {last_rollback(lake)}")
        manifest = sealed(lake, generation)
        self.releases.restore(generation)
        target.compare(generation)
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
        retrieval.lake.write_verdict(verdict)
        retrieval.observer.told("verdict", verdict)
        return verdict

    def _candidate(self, manifest: Manifest, verdict: Verdict) -> Candidate:
        name = self.retrieval.lake.write_profile(self.options.profile)
        judged = name_of(verdict), manifest.base, verdict.release or 0
        return Candidate(manifest.generation, manifest.collection, name, *judged)

    def _promote_automatically(self, manifest: Manifest, verdict: Verdict) -> Outcome:
        """Promote the candidate of a run. Under a hold it waits for a person, and so does what was rolled back."""
        observer, candidate = self.retrieval.observer, self._candidate(manifest, verdict)
        held = told_rollback(self.retrieval.lake, candidate.generation, candidate.profile)
        raised, why = verdict.raised, "positive verdict"
        if raised is not None:
            why += f", max_deleted_share raised to {raised.max_deleted_share} by {raised.who}: {raised.why}"
        if not held:
            try:
                release = self.releases.promote(candidate, why, automatic=True)
            except Held as error:
                held = str(error)
            else:
                observer.told("release", release)
                return Outcome("promoted", verdict, release)
        observer.told("held", held)
        return Outcome("waiting", verdict, self.releases.current())
