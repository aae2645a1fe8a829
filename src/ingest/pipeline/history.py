"""The history of runs: a record at the start of each, and a report at its end, whatever the end."""

import logging
from collections.abc import Callable
from datetime import datetime

from ingest.errors import IngestError
from ingest.lake.lake import Lake
from ingest.records import Release, RunReport, RunStart
from ingest.services import Writer

log = logging.getLogger(__name__)


def kept_in_history(
    lake: Lake, start: RunStart, writer: Writer, serving: Callable[[], Release | None], run: Callable[[], RunReport]
) -> RunReport:
    """Return the report of a run, with the moment of its end. For people: what cannot be written changes nothing."""
    name = f"{datetime.fromisoformat(start.started):%Y%m%dT%H%M%S.%f}-{start.run[:8]}"

    def end(report: RunReport) -> RunReport:
        report = report.model_copy(update={"ended": writer.clock().isoformat()})
        _keep(lake, name, report)
        return report

    _keep(lake, f"started/{name}", start)
    try:
        return end(run())
    except BaseException as error:
        end(_cut_short(start, serving, error))
        raise


def _cut_short(start: RunStart, serving: Callable[[], Release | None], error: BaseException) -> RunReport:
    """Return the report of a run that an error or a person ended."""
    stopped = not isinstance(error, Exception)
    try:
        release = serving()
    except IngestError:
        release = None
    return RunReport(
        **start.model_dump(include={"run", "index", "started"}),
        **dict.fromkeys(("generation", "base", "plan", "conservation", "verdict", "digest")),
        built=False,
        resumed=False,
        decision="stopped" if stopped else "failed",
        release=release.number if release is not None else None,
        embedded=0,
        forward_passes=0,
        quarantined={},
        stages=(),
        # Of errors that are not ours only the class: their words may hold anything.
        error=f"{type(error).__name__}: {error}" if isinstance(error, IngestError) else type(error).__name__,
    )


def _keep(lake: Lake, name: str, record: RunStart | RunReport) -> None:
    try:
        lake.write_history(name, record)
    except (IngestError, OSError) as error:
        log.warning("index %s: the history of this run is not complete: %s", lake.index, error)
