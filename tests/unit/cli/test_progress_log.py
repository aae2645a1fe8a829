"""What a log gets of a run: a line a minute with rate and time left, and one at the end of a step."""

from ingest.cli.progress_log import ProgressLog
from ingest.ports import Progress


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def started(total: int) -> tuple[ProgressLog, Progress, Clock, list[str]]:
    lines, clock = list[str](), Clock()
    log, progress = ProgressLog(lines.append), Progress("embed", total, "chunks", clock)
    log.start(progress)
    return log, progress, clock, lines


def test_a_running_step_tells_rate_and_time_left() -> None:
    log, progress, clock, lines = started(12_000)
    log.tell()
    clock.now = 120.0
    progress.advance(1200, {"embedded": 300})
    log.tell()
    log.close()
    assert lines == ["embed: 0.0 s, 0/12,000 chunks", "embed: 0:02:00, 1,200/12,000 chunks, 10.0/s, 0:18:00 left"]


def test_a_step_ends_with_one_line_and_says_nothing_more() -> None:
    log, progress, clock, lines = started(0)
    clock.now = 2.0
    progress.advance(3, {"documents": 3, "skipped": 0})
    log.finish()
    log.tell()
    log.finish()
    assert lines == ["embed: 2.0 s, documents 3"]


def test_a_failed_step_leaves_no_line() -> None:
    log, _, _, lines = started(1)
    log.close()
    log.tell()
    assert lines == []
