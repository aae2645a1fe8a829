"""The artifacts of a run in Prefect's UI: kept up to date from its first minute, each kind under its own key."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import httpx
from prefect.artifacts import create_markdown_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactUpdate
from prefect.exceptions import PrefectException
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.settings import PREFECT_UI_URL
from prefect.utilities.urls import url_for

from ingest.lake.lake import Lake
from ingest.records import Conservation, PlanSummary, RunReport, Verdict
from ingest_flows import markdown
from ingest_flows.plots import history_plot, verdict_plot
from ingest_flows.report import Logger, LoggingObserver

KINDS = ("plan", "progress", "conservation", "verdict")  # beside the artifact of the whole run
CUT_SHORT = ("failed", "stopped")  # decisions: nothing was built that a plot could show
UNREACHABLE = (httpx.HTTPError, PrefectException)


def linked(key: str) -> str:
    """Return the key of an artifact as a link to its newest one, where the address of the UI is known."""
    address = PREFECT_UI_URL.value()
    return f"[`{key}`]({address}/artifacts/key/{key})" if address else f"`{key}`"


def leave(index: str, kind: str, lines: Sequence[str]) -> UUID | None:
    """Leave lines of Markdown as the newest artifact of a kind of an index, and return its id.

    A server that does not take it costs that one alone, and a line in the log: what was done stays done, and the lake
    is the ledger. The result is None then.
    """
    identity = flow_run.get_id()
    url = url_for("flow-run", identity) if identity is not None else None
    front = [f"[{flow_run.get_name()}]({url})", ""] if url else []
    try:
        made: UUID = create_markdown_artifact("\n".join([*front, *lines]), key=f"{index}-{kind}")  # type: ignore[assignment]
    except UNREACHABLE as error:
        get_run_logger().warning("no artifact %s-%s: %s", index, kind, error)
        return None
    return made


def leave_verdict(lake: Lake, verdict: Verdict) -> None:
    """Leave a verdict as the newest one of its index, with its plot."""
    leave(lake.index, "verdict", [*markdown.verdict_lines(verdict), *verdict_plot(lake, verdict, get_run_logger())])


class RunObserver(LoggingObserver):
    """Also keeps artifacts of a run up to date: progress, plan, conservation, verdict, and at its end the report."""

    def __init__(self, logger: Logger, lake: Lake, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(logger, clock)
        self.lake, self.index = lake, lake.index
        self._steps: dict[str, str] = {}  # that began, with what is known of them
        self._page: UUID | None = None  # the artifact that shows them

    def step_started(self, step: str, total: int, unit: str) -> None:
        """Show a step as begun."""
        super().step_started(step, total, unit)
        self._show(step, f"{total:,} {unit} to do" if total else "under way")

    def advanced(self, step: str, done: int, counts: Mapping[str, int]) -> None:
        """Show a step's progress whenever it is logged."""
        before = self._logged.get(step)
        super().advanced(step, done, counts)
        if self._logged.get(step) != before:
            self._show(step, str(self._running[step]))

    def step_finished(self, step: str) -> None:
        """Show a step as done, with counts of what it processed."""
        super().step_finished(step)
        self._show(step, self.done(step))

    def told(self, kind: str, value: Any) -> None:
        """Leave a record as an artifact."""
        super().told(kind, value)
        match value:
            case PlanSummary():
                leave(self.index, "plan", [markdown.plan_as_markdown(self.index, value, built=True)])
            case Conservation():
                faults = markdown.listed("faults", value.faults)
                leave(self.index, "conservation", [*markdown.conservation_lines(value, {}), *faults])
            case Verdict():
                leave_verdict(self.lake, value)
            case RunReport():
                beside = ", ".join(linked(f"{self.index}-{kind}") for kind in KINDS)
                plot = history_plot(self.lake, self.logger) if value.decision not in CUT_SHORT else ()
                lines = [markdown.as_markdown(value, self.verdict), *plot, "", f"Beside this: {beside}."]
                leave(self.index, "run", lines)

    def _show(self, step: str, told: str) -> None:
        """Update the artifact of the progress, or make it."""
        self._steps[step] = told
        lines = [
            f"# Progress of a run of `{self.index}`",
            "",
            *markdown.table(("step", "progress"), self._steps.items()),
        ]
        if self._page is None:
            self._page = leave(self.index, "progress", lines)
            return
        try:
            with get_client(sync_client=True) as client:
                client.update_artifact(self._page, ArtifactUpdate(data="\n".join(lines)))
        except UNREACHABLE as error:
            self.logger.warning("the artifact of the progress stays as it was: %s", error)
