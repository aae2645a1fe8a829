"""The history of runs: a record at the start of each, and a report at its end, whatever the end."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from ingest.errors import IngestError
from ingest.lake.lake import Lake
from ingest.records import Release, RunReport, RunStart

log = logging.getLogger(__name__)


@dataclass
class RunHistory:
    """A context manager around a run. For people: what cannot be written is logged and changes nothing."""

    lake: Lake
    start: RunStart
    clock: Callable[[], datetime]
    serving: Callable[[], Release | None]
    _ended: bool = field(default=False, init=False)

    @property
    def name(self) -> str:
        """Under which the lake keeps start and report."""
        return f"{datetime.fromisoformat(self.start.started):%Y%m%dT%H%M%S.%f}-{self.start.run[:8]}"

    def __enter__(self) -> "RunHistory":
        self._keep(f"started/{self.name}", self.start)
        return self

    def end(self, report: RunReport) -> RunReport:
        """Keep the report of a run that came to its end, and return it with the moment."""
        report = report.model_copy(update={"ended": self.clock().isoformat()})
        self._ended = self._keep(self.name, report)
        return report

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if error is not None and not self._ended:
            self.end(self._cut_short(error))

    def _cut_short(self, error: BaseException) -> RunReport:
        """Return the report of a run that an error or a person ended."""
        stopped = not isinstance(error, Exception)
        try:
            serving = self.serving()
        except IngestError:
            serving = None
        return RunReport(
            **self.start.model_dump(include={"run", "index", "started"}),
            **dict.fromkeys(("generation", "base", "plan", "conservation", "verdict", "digest")),
            built=False,
            resumed=False,
            decision="stopped" if stopped else "failed",
            release=serving.number if serving is not None else None,
            embedded=0,
            forward_passes=0,
            quarantined={},
            stages=(),
            # Of errors that are not ours only the class: their words may hold anything.
            error=f"{type(error).__name__}: {error}" if isinstance(error, IngestError) else type(error).__name__,
        )

    def _keep(self, name: str, record: RunStart | RunReport) -> bool:
        try:
            self.lake.write_history(name, record)
        except (IngestError, OSError) as error:
            log.warning("index %s: the history of this run is not complete: %s", self.lake.index, error)
            return False
        return True
