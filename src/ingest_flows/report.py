"""What people see of a run in Prefect: log lines while it runs, an artifact and a state's name at its end."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from prefect.client.schemas.objects import State
from prefect.states import Completed

from ingest.phrases import stale
from ingest.ports import Observer, Progress
from ingest.records import CarriedOrigin, Conservation, PlanSummary, Release, RunReport, Verdict

Logger = logging.Logger | logging.LoggerAdapter[Any]

LOG_SECONDS = 60.0  # at most one line about a step's progress in this time
# What a person must look at; everything else is Completed.
NAMES = {"refused": "Refused", "waiting": "Waiting", "overtaken": "Overtaken"}

SLICES = 50  # of a verdict that are shown; the lake has all of them


class LoggingObserver(Observer):
    """An observer that logs each step's start, progress and end, and every record in one bounded line.

    Attributes:
        verdict: The last one received.
        report: That of the run, also if it failed; None before its end.
        held: Why a positive candidate waits, if a hold is the reason.
    """

    def __init__(self, logger: Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self.logger, self.clock = logger, clock
        self.verdict: Verdict | None = None
        self.report: RunReport | None = None
        self.held = ""
        self._progress, self._logged = Progress("", 0, "", clock), 0.0

    def step_started(self, step: str, total: int, unit: str) -> None:
        """Log the start of a step."""
        self._progress, self._logged = Progress(step, total, unit, self.clock), self.clock()
        self.logger.info("%s: %s", step, f"{total:,} {unit} to do" if total else "started")

    def advanced(self, step: str, done: int, counts: Mapping[str, int]) -> None:
        """Count what a step processed, and log it once a minute; its shards and slices have their own task runs."""
        self._progress.advance(done, counts)
        if (now := self.clock()) - self._logged >= LOG_SECONDS:
            self._logged = now
            self.logger.info("%s: %s", step, str(self._progress))  # a handler may format it later

    def step_finished(self, step: str) -> None:
        """Log the end of a step, with counts of what it processed."""
        counts = self._progress.counts
        self.logger.info("%s: %s", step, f"done {_told(counts)}" if any(counts.values()) else "done")

    def told(self, kind: str, value: Any) -> None:
        """Log a record in one line; the report becomes the artifact."""
        match value:
            case RunReport():
                self.report = value
            case PlanSummary():
                self.logger.info(
                    "plan of %s on %s: %s; %d bytes to fetch, %d chunks to embed, %.1f GPU-minutes",
                    value.generation,
                    value.base,
                    _told(value.counts),
                    value.bytes_to_fetch,
                    value.chunks_to_embed,
                    value.gpu_minutes,
                )
                for told in stale(value.carried):
                    self.logger.warning("%s", told)
            case Conservation():
                figures = value.model_dump(include={"chunks", "points", "keyword_rows", "vectors", "mended"})
                level = logging.ERROR if value.faults else logging.INFO
                self.logger.log(level, "conservation: %s, %d faults", _told(figures), len(value.faults))
            case Verdict():
                self.verdict = value
                level = logging.INFO if value.positive else logging.WARNING
                reasons = "; ".join(value.reasons + value.warnings) or "nothing against it"
                self.logger.log(
                    level, "verdict on %s: %s: %s", value.candidate, "yes" if value.positive else "no", reasons
                )
            case Release():
                self.logger.info("release %d (%s) serves generation %s", value.number, value.action, value.generation)
            case _:
                self.held = str(value) if kind == "held" else self.held
                self.logger.warning("%s: %s", kind.replace("_", " "), value)  # restoring, waiting for a lease, held


def as_state(decision: str, message: str, result: dict[str, Any], observer: LoggingObserver) -> State[dict[str, Any]]:
    """Return the state of a flow run without an error, named so that people and automations know what to do.

    A refusal is not a failure: nothing broke, serving is unchanged, and running again would change nothing. So its type
    is Completed, its name "Refused", and its message the reasons; a candidate that awaits a person is "Waiting".
    """
    reasons = observer.verdict.reasons if observer.verdict is not None and decision == "refused" else ()
    why = "; ".join(reasons) or observer.held
    text = f"{decision}: {message}" + (f": {why}" if why else "")
    return Completed(name=NAMES.get(decision, "Completed"), message=text, data=result)


def as_markdown(report: RunReport, verdict: Verdict | None) -> str:
    """Return the run's report as Markdown: decision, reasons, and tables of conservation and duration."""
    lines = [f"# Run of `{report.index}`: {report.decision}", ""]
    lines += [f"Generation `{report.generation}`, release {report.release}, digest `{report.digest}`.", ""]
    lines += [f"- ended by: {_code(report.error)}", ""] if report.error else []
    if verdict is not None:
        lines += [f"- against: {reason}" for reason in verdict.reasons]
        lines += [f"- warning: {warning}" for warning in verdict.warnings]
        lines += ["", *_slices(verdict)]
    lines += _stale(report.carried)
    table = report.conservation
    if table is not None:
        rows = [("listed: " + k, v) for k, v in table.listed.items()]
        rows += [("generation: " + k, v) for k, v in table.documents.items()]
        rows += [(k, getattr(table, k)) for k in ("chunks", "points", "keyword_rows", "vectors", "mended")]
        rows += [(f"no parser reads: {k}", v) for k, v in report.unsupported.items()]
        lines += ["| conservation | count |", "| --- | --- |", *(f"| {k} | {v} |" for k, v in rows), ""]
    for state in report.in_quarantine:
        lines += [f"In quarantine, generation `{state.generation}`: {_told(state.counts)}."]
        told = (f"{row.uri}: {row.error}: {row.message}" for row in state.documents)
        lines += [*(f"- {_code(one)}" for one in told), ""]
    lines += ["| step | seconds | documents/s | chunks/s | peak MB |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| {s.step} | {s.seconds} | {s.documents_per_second} | {s.chunks_per_second} | {s.peak_memory_mb} |"
        for s in report.stages
    ]
    return "\n".join(lines)


def _slices(verdict: Verdict) -> list[str]:
    """Return the slices that differ from the whole as a table, those that fell first; at most `SLICES`."""
    shown = sorted((s for s in verdict.slices if s.state != "all questions"), key=lambda s: s.state != "fell")
    metric = verdict.rules.metric
    rows = [
        f"| {_inline(f'{s.name}={s.value}')} | {s.state} | {s.questions} | {_score(s.candidate_scores, metric)} "
        f"| {_score(s.serving_scores, metric)} | {_score(s.candidate_scores, 'fused.recall@10')} |"
        for s in shown[:SLICES]
    ]
    head = [f"| slice | | questions | {metric} | serving | recall@10 |", "| --- | --- | --- | --- | --- | --- |"]
    return [*head, *rows, ""] if rows else []


def _inline(text: str) -> str:
    """Return text that stays within its cell."""
    return " ".join(text.split()).replace("|", "\\|")


def _score(scores: dict[str, float], metric: str) -> str:
    return f"{scores[metric]:.4f}" if metric in scores else "–"


def plan_as_markdown(index: str, summary: PlanSummary) -> str:
    """Return a plan as Markdown: documents by class, and what they would cost."""
    lines = [f"# Plan of a run of `{index}`", "", f"On base `{summary.base}`. Nothing was built.", ""]
    lines += [f"- a run would be refused: {summary.refused}", ""] if summary.refused else []
    lines += _stale(summary.carried)
    costs = ("bytes_to_fetch", "chunks_to_embed", "tokens_to_embed", "gpu_minutes")
    rows = [*summary.counts.items(), *((name, getattr(summary, name)) for name in costs)]
    lines += ["| documents, cost | |", "| --- | --- |", *(f"| {name.replace('_', ' ')} | {n} |" for name, n in rows)]
    return "\n".join(lines)


def _stale(carried: Iterable[CarriedOrigin]) -> list[str]:
    """Return what is carried because it is sick, as a list; as code, for its reason may be hostile."""
    lines = [f"- {_code(one)}" for one in stale(carried)]
    return [*lines, ""] if lines else []


def _code(text: str) -> str:
    """Return text as code on one line, for it may be hostile."""
    return f"`{' '.join(text.split()).replace('`', chr(39))}`"


def _told(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count) or "nothing"
