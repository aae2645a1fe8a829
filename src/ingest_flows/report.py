"""What people see of a run in Prefect while it goes on, and the name of its last state."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from prefect.client.schemas.objects import State
from prefect.states import Completed

from ingest.phrases import stale
from ingest.ports import Observer, Progress
from ingest.records import Conservation, PlanSummary, Release, RunReport, Verdict

Logger = logging.Logger | logging.LoggerAdapter[Any]

LOG_SECONDS = 60.0  # at most one line about a step's progress in this time
# What a person must look at; everything else is Completed.
# Limits that the guard compares what was read with, and what of.
LIMITS = {
    "max_deleted_share": "gone",
    "max_quarantined_share": "newly in quarantine",
    "max_changed_during_run_share": "changed meanwhile",
}
SAID = {  # of steps that count nothing
    "model": "the lake has the files of the model",
    "recall": "too few chunks to measure it",
    "release": "nothing was put into force",
}
NAMES = {"refused": "Refused", "waiting": "Waiting", "overtaken": "Overtaken"}


class LoggingObserver(Observer):
    """An observer that logs each step's start, progress and end, and every record in one bounded line.

    Attributes:
        verdict: The last one received.
        report: That of the run, also if it failed; None before its end.
        held: Why a positive candidate waits, if a hold is the reason.
        limits: Those of `LIMITS`, by name, as they are for this run.
    """

    def __init__(self, logger: Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self.logger, self.clock = logger, clock
        self.verdict: Verdict | None = None
        self.report: RunReport | None = None
        self.held = ""
        self.limits: dict[str, float] = {}
        self._said = ""  # what became of the step under way
        self._running: dict[str, Progress] = {}  # steps: several overlap
        self._logged: dict[str, float] = {}  # when

    def step_started(self, step: str, total: int, unit: str) -> None:
        """Log the start of a step."""
        self._running[step], self._logged[step] = Progress(step, total, unit, self.clock), self.clock()
        self._said = SAID.get(step, "")
        self.logger.info("%s: %s", step, f"{total:,} {unit} to do" if total else "started")

    def advanced(self, step: str, done: int, counts: Mapping[str, int]) -> None:
        """Count what a step processed, and log it once a minute; its shards and slices have their own task runs."""
        if step not in self._running:
            return
        self._running[step].advance(done, counts)
        told = str(self._running[step])  # now: a handler may format it later
        if told and (now := self.clock()) - self._logged[step] >= LOG_SECONDS:
            self._logged[step] = now
            self.logger.info("%s: %s", step, told)

    def step_finished(self, step: str) -> None:
        """Log the end of a step, with counts of what it processed."""
        self.logger.info("%s: %s", step, self.done(step))

    def done(self, step: str) -> str:
        """Return what a step that ends has done, in a few words."""
        progress = self._running[step]
        counts = progress.counts
        if progress.step == "guard":
            limits = ", ".join(f"{share:.0%} {LIMITS[name]} ({name})" for name, share in self.limits.items())
            told = f"{counts['documents']:,} documents would serve, {counts['lost']:,} of the base would not any more"
            return f"{told}; within the limits: {limits}" if limits else told
        if progress.step == "seal":
            return f"{counts['chunks']:,} chunks compared, of {counts['documents']:,} documents"
        if any(progress.counts.values()):
            return f"done {told_counts(progress.counts)}"
        if progress.done and progress.unit:
            return f"done {progress.done:,} {progress.unit}"
        return self._said or "done"

    def told(self, kind: str, value: Any) -> None:
        """Log a record in one line; the report becomes the artifact."""
        match value:
            case RunReport():
                self.report = value
            case PlanSummary():
                if value.raised is not None and self.limits:
                    share = max(self.limits["max_deleted_share"], value.raised.max_deleted_share)
                    self.limits["max_deleted_share"] = share
                self.logger.info(
                    "plan of %s on %s: %s; %d bytes to fetch, %d chunks to embed, %.1f GPU-minutes",
                    value.generation,
                    value.base,
                    told_counts(value.counts),
                    value.bytes_to_fetch,
                    value.chunks_to_embed,
                    value.gpu_minutes,
                )
                for told in stale(value.carried):
                    self.logger.warning("%s", told)
            case Conservation():
                figures = value.model_dump(include={"chunks", "points", "keyword_rows", "vectors", "mended"})
                level = logging.ERROR if value.faults else logging.INFO
                self.logger.log(level, "conservation: %s, %d faults", told_counts(figures), len(value.faults))
            case Verdict():
                self.verdict = value
                level = logging.INFO if value.positive else logging.WARNING
                reasons = "; ".join(value.reasons + value.warnings) or "nothing against it"
                self.logger.log(
                    level, "verdict on %s: %s: %s", value.candidate, "yes" if value.positive else "no", reasons
                )
            case Release():
                self._said = f"release {value.number} serves generation {value.generation}"
                self.logger.info("release %d (%s) serves generation %s", value.number, value.action, value.generation)
            case _:
                if kind == "held":
                    self.held, self._said = str(value), f"none, {value}"
                self.logger.warning("%s: %s", kind.replace("_", " "), value)  # restoring, waiting for a lease, held


def as_state(
    decision: str, message: str, result: dict[str, Any], observer: LoggingObserver, name: str = ""
) -> State[dict[str, Any]]:
    """Return the state of a flow run without an error, named so that people and automations know what to do.

    A refusal is not a failure: nothing broke, serving is unchanged, and running again would change nothing. So its type
    is Completed, its name "Refused", and its message the reasons; a candidate that awaits a person is "Waiting".
    """
    reasons = observer.verdict.reasons if observer.verdict is not None and decision == "refused" else ()
    why = "; ".join(reasons) or observer.held
    text = f"{decision}: {message}" + (f": {why}" if why else "")
    return Completed(name=name or NAMES.get(decision, "Completed"), message=text, data=result)


def told_counts(counts: Mapping[str, int]) -> str:
    """Return counts as words, without those that are 0."""
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count) or "nothing"
