"""What people see of a run in Prefect: log lines while it goes on, one artifact at its end."""

import logging
from collections.abc import MutableMapping
from typing import Any

from ingest.records import Conservation, RunReport, Verdict

Logger = logging.Logger | logging.LoggerAdapter[Any]


class LoggingObserver:
    """An observer that logs each step once, and every record in one line."""

    def __init__(self, logger: Logger) -> None:
        self.logger = logger
        self._seen: MutableMapping[str, int] = {}

    def step_started(self, step: str, total: int) -> None:
        """Log that a step begins."""
        self._seen[step] = 0
        self.logger.info("%s: %d to do", step, total)

    def advanced(self, step: str, counts: dict[str, int]) -> None:
        """Count what a step did."""
        self._seen[step] = self._seen.get(step, 0) + 1

    def step_finished(self, step: str) -> None:
        """Log that a step ended."""
        self.logger.info("%s: done, %d reports", step, self._seen.get(step, 0))

    def told(self, kind: str, value: Any) -> None:
        """Log a record in one line."""
        if isinstance(value, Conservation):
            self.logger.info("conservation: %s", value.model_dump(exclude={"faults"}))
        elif isinstance(value, Verdict):
            reasons = "; ".join(value.reasons) or "no reason against"
            self.logger.info("verdict on %s: %s (%s)", value.candidate, value.positive, reasons)
        elif kind != "report":
            self.logger.info("%s: %s", kind, value)


def as_markdown(report: RunReport) -> str:
    """Return the run's report as Markdown tables."""
    lines = [f"# Run of `{report.index}`: {report.decision}", ""]
    lines += [f"Generation `{report.generation}`, release {report.release}, digest `{report.digest}`.", ""]
    if report.conservation is not None:
        rows = [("listed: " + k, v) for k, v in report.conservation.listed.items()]
        rows += [("generation: " + k, v) for k, v in report.conservation.documents.items()]
        rows += [
            (k, getattr(report.conservation, k)) for k in ("chunks", "points", "keyword_rows", "vectors", "mended")
        ]
        lines += ["| conservation | count |", "| --- | --- |", *(f"| {k} | {v} |" for k, v in rows), ""]
    lines += ["| step | seconds | documents/s | chunks/s | peak MB |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| {s.step} | {s.seconds} | {s.documents_per_second} | {s.chunks_per_second} | {s.peak_memory_mb} |"
        for s in report.stages
    ]
    return "\n".join(lines)
