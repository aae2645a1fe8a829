"""Judges a sealed generation and puts it into force: at the end of a run, or when a person asks for it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ingest.errors import Held, IngestError, UnknownRelease, VerdictOutdated
from ingest.lake.contents import contents_of
from ingest.lake.lake import Lake
from ingest.lake.stored_records import name_of
from ingest.pipeline.guard import objections
from ingest.pipeline.recall import measure_recall
from ingest.pipeline.release_target import ReleaseTarget
from ingest.pipeline.stored_vectors import VectorSample
from ingest.ports import Observer
from ingest.quality.evaluate import evaluate
from ingest.records import BuildOptions, Manifest, QueryProfile, Release, Verdict
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
        if self.verdict is not None:
            return self.verdict.candidate
        return None if self.release is None else self.release.generation


def verdict_on(retrieval: Retrieval, options: BuildOptions, manifest: Manifest, serving: Release | None) -> Verdict:
    """Return the verdict on a sealed generation under the settings' query profile, and keep it in the lake."""
    problems = objections(retrieval.lake, options, manifest, serving)
    verdict = evaluate(retrieval, options, manifest, serving, problems)
    verdict = verdict.model_copy(update={"raised": options.raised or manifest.raised})
    retrieval.lake.write_verdict(verdict)
    retrieval.observer.told("verdict", verdict)
    return verdict


def _candidate(lake: Lake, profile: QueryProfile, manifest: Manifest, verdict: Verdict) -> Candidate:
    """Return a judged generation as it is promoted, with a query profile that the lake now keeps."""
    name = lake.write_profile(profile)
    judged = name_of(verdict), manifest.base, verdict.release or 0
    return Candidate(manifest.generation, manifest.collection, name, *judged)


def settle(
    retrieval: Retrieval,
    options: BuildOptions,
    releases: Releases,
    manifest: Manifest,
    decide: Decide,
    timed: Callable[..., Any],
) -> Outcome:
    """Judge the candidate of a run against what serves now, and put it into force on a positive verdict.

    `timed` runs a step and keeps its figures. Raises: Overtaken.
    """
    wanted = manifest.generation, name_of(options.profile)

    def judge() -> Outcome:
        serving = releases.settled()  # hours may have passed
        if serving is not None and (serving.generation, serving.profile) == wanted:
            return Outcome("unchanged", None, serving)
        verdict = timed("evaluate", verdict_on, retrieval, options, manifest, serving)
        if not verdict.positive or not decide(verdict):
            return Outcome("waiting" if verdict.positive else "refused", verdict, serving)
        chosen = retrieval, options, releases, manifest, verdict
        outcome: Outcome = timed("release", promote_automatically, *chosen)
        return outcome

    return _until_it_holds(retrieval.observer, judge)


def _until_it_holds(observer: Observer, judge: Callable[[], Outcome]) -> Outcome:
    """Judge, and judge again when another release came before the candidate was put into force."""
    for _ in range(JUDGEMENTS - 1):
        try:
            return judge()
        except VerdictOutdated as error:
            observer.told("judging_again", str(error))
    return judge()


def read_back(releases: Releases, outcome: Outcome) -> Outcome:
    """Return an outcome with the release that serves now, which may be another than it was decided on."""
    made = outcome.release
    try:
        now = releases.current()
    except IngestError as error:
        log.warning("index %s: what serves could not be read back: %s", releases.index, error)
        return outcome
    followed = made is not None and (now is None or not Candidate.of(made).is_in(now))
    decision = "overtaken" if followed and outcome.decision == "promoted" else outcome.decision
    return replace(outcome, decision=decision, release=now)


def promote_automatically(
    retrieval: Retrieval, options: BuildOptions, releases: Releases, manifest: Manifest, verdict: Verdict
) -> Outcome:
    """Promote the candidate of a run. Under a hold it waits for a person, and so does what was rolled back."""
    observer, candidate = retrieval.observer, _candidate(retrieval.lake, options.profile, manifest, verdict)
    if told := told_rollback(retrieval.lake, candidate.generation, candidate.profile):
        observer.told("held", told)
        return Outcome("waiting", verdict, releases.current())
    try:
        release = releases.promote(candidate, _reason(verdict), automatic=True)
    except Held as held:
        observer.told("held", str(held))
        return Outcome("waiting", verdict, releases.current())
    observer.told("release", release)
    return Outcome("promoted", verdict, release)


def _reason(verdict: Verdict) -> str:
    if (raised := verdict.raised) is None:
        return "positive verdict"
    return f"positive verdict, max_deleted_share raised to {raised.max_deleted_share} by {raised.who}: {raised.why}"


def evaluate_candidate(retrieval: Retrieval, options: BuildOptions, releases: Releases, named: str | None) -> Verdict:
    """Return the verdict on a sealed generation: the named one, else the one that waits, else the one that serves."""
    found = named or waiting_candidate(retrieval.lake, options.profile)
    if found is None and (serving := retrieval.lake.decision()) is not None:
        found = serving.generation
    target = ReleaseTarget(retrieval, options, VectorSample.at(releases.clock()))
    return _judged(target, releases, found, releases.current())[1]


def promote_candidate(
    retrieval: Retrieval, options: BuildOptions, releases: Releases, named: str | None, why: str | None, lift_hold: bool
) -> Outcome:
    """Judge a sealed generation, the named one or the waiting one, and promote it on a positive verdict.

    `lift_hold` ends a hold with the promotion and, if no generation is named, also without one. The points of what
    will serve are compared with the lake before and, if that takes long, after it.

    Raises: Overtaken, Held, UnknownRelease, IncompleteGeneration.
    """
    target = ReleaseTarget(retrieval, options, VectorSample.at(releases.clock()))

    def judge() -> Outcome:
        serving = releases.settled()  # not only what readers see: a verdict is compared with the newest decision
        generation = named or waiting_candidate(retrieval.lake, options.profile)
        verdict = None
        if generation is not None or not lift_hold:
            manifest, verdict = _judged(target, releases, generation, serving)
            if verdict.positive:
                candidate = _candidate(retrieval.lake, options.profile, manifest, verdict)
                release = releases.promote(candidate, why or PROMOTED, lift_hold=lift_hold)
                target.compare_the_rest()
                return read_back(releases, Outcome("promoted", verdict, release))
            if named is not None or not lift_hold:
                return Outcome("refused", verdict, None)
        if serving is not None:
            target.compare(serving.generation)
        release = releases.unhold(why or LIFTED)
        target.compare_the_rest()
        return Outcome("lifted" if verdict is None else "refused", verdict, release)

    return _until_it_holds(retrieval.observer, judge)


def _judged(
    target: ReleaseTarget, releases: Releases, generation: str | None, serving: Release | None
) -> tuple[Manifest, Verdict]:
    retrieval, lake = target.retrieval, target.retrieval.lake
    if generation is None:
        raise UnknownRelease(
            f"index {lake.index}: no sealed generation waits for promotion; a run builds one, and one that was "
            f"released before must be named, with the query profile of the settings or another. {last_rollback(lake)}"
        )
    manifest = lake.manifest(generation)
    if manifest is None:
        known = ", ".join(claim.id for _, claim in lake.claims.after(0)) or "none"
        raise UnknownRelease(f"index {lake.index}: no sealed generation {generation}; there are {known}")
    releases.restore(generation)
    target.compare(generation)
    recall = measure_recall(retrieval.vectors, contents_of(lake, manifest))
    manifest = manifest.model_copy(update={"recall": recall})  # as it is now, not as it was at the seal
    return manifest, verdict_on(retrieval, target.options, manifest, serving)
