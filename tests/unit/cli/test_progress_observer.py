"""What people see of a run, on a terminal and elsewhere."""

from io import StringIO

from rich.console import Console

from ingest.cli.output import Output
from ingest.cli.progress_observer import ProgressObserver
from tests.records import release


class TerminalOutput(Output):
    """An output whose stderr is a terminal."""

    def __init__(self, json: bool) -> None:
        super().__init__(json)
        self.messages = Console(file=StringIO(), force_terminal=True, width=100, highlight=False)

    @property
    def seen(self) -> str:
        file = self.messages.file
        assert isinstance(file, StringIO)
        return file.getvalue()

    @property
    def bars(self) -> int:
        """How many bars are drawn now: each hides the cursor, and its end shows it."""
        return self.seen.count("\x1b[?25l") - self.seen.count("\x1b[?25h")


def test_a_finished_step_leaves_one_line_with_its_counts() -> None:
    output = TerminalOutput(json=True)
    watcher = ProgressObserver(output)
    watcher.step_started("chunk", 1500, "documents")
    watcher.advanced("chunk", 1200, {"documents": 1200, "chunks": 7})
    watcher.advanced("chunk", 300, {"documents": 300, "skipped": 0})
    watcher.step_finished("chunk")
    last = output.seen.splitlines()[-1]
    assert "chunk: 0.0 s, documents 1,500, chunks 7" in last
    assert "1,500/1,500 documents" in output.seen


def test_the_bar_counts_chunks_and_tells_the_rate_and_what_is_left() -> None:
    output, seconds = TerminalOutput(json=True), [0.0]
    watcher = ProgressObserver(output, lambda: seconds[0])
    watcher.step_started("embed", 11_092, "chunks")
    seconds[0] = 10.0
    watcher.advanced("embed", 1234, {})
    watcher.close()
    assert "1,234/11,092 chunks, 123.4/s, 0:01:20 left" in output.seen


def test_a_bar_that_a_failed_step_left_gives_the_cursor_back() -> None:
    output = TerminalOutput(json=True)
    watcher = ProgressObserver(output)
    watcher.step_started("embed", 10, "chunks")
    assert output.bars == 1
    watcher.close()
    watcher.close()
    assert output.bars == 0


def test_steps_that_overlap_have_bars_beside_each_other_and_the_last_one_gives_the_cursor_back() -> None:
    output = TerminalOutput(json=True)
    watcher = ProgressObserver(output)
    watcher.step_started("embed", 0, "chunks")
    watcher.step_started("chunk", 8, "documents")
    watcher.advanced("chunk", 8, {"documents": 8})
    watcher.advanced("embed", 3, {"chunks": 3})
    watcher.step_finished("chunk")
    assert 1 == output.bars
    watcher.step_started("plan", 0, "")  # embed has failed
    watcher.step_finished("plan")
    assert 0 == output.bars
    assert "chunk: 0.0 s, documents 8" in output.seen
    assert "embed: 0.0 s" not in output.seen
    assert "3 chunks" in output.seen


def test_steps_that_overlap_are_told_one_after_the_other() -> None:
    watcher, clock, lines = started(0)
    watcher.step_started("chunk", 8, "documents")
    clock.now = 2.0
    watcher.advanced("chunk", 4, {})
    watcher.tell()
    assert lines == ["embed: 2.0 s", "chunk: 2.0 s, 4/8 documents, 2.0/s, 0:00:02 left"]
    watcher.close()


def test_a_step_that_advances_after_it_was_closed_does_no_harm() -> None:
    watcher = ProgressObserver(TerminalOutput(json=True))
    watcher.advanced("load", 1, {"points": 1})
    watcher.step_finished("load")
    assert watcher.output.messages.file.tell() == 0


def test_what_makes_people_wait_is_told() -> None:
    output = TerminalOutput(json=True)
    ProgressObserver(output).told("restoring", "docs__0001-a")
    ProgressObserver(output).told("copied", "docs__0001-a: 4 points differ")
    ProgressObserver(output).told("waiting_for_lease", "night@shift")
    ProgressObserver(output).told("something_new", object())
    assert output.seen.splitlines() == [
        "Loading collection docs__0001-a from the lake.",
        "The new collection began as a copy of docs__0001-a: 4 points differ.",
        "Waiting for the lease of another builder: night@shift.",
    ]


def test_a_table_in_the_middle_of_a_step_takes_the_bar_off_the_screen() -> None:
    output = TerminalOutput(json=False)
    bars: list[int] = []
    output.show = lambda _: bars.append(output.bars)  # type: ignore[method-assign]
    tables = ProgressObserver(output)
    tables.step_started("seal", 0, "")
    tables.told("release", release())
    assert (bars, output.bars) == ([0], 1)
    tables.close()
    assert output.bars == 0


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Log(Output):
    """An output whose stderr is no terminal; it keeps the lines."""

    def __init__(self) -> None:
        super().__init__(json=True)
        self.messages, self.lines = Console(file=StringIO()), list[str]()

    def note(self, text: str) -> None:
        self.lines.append(text)


def started(total: int) -> tuple[ProgressObserver, Clock, list[str]]:
    log, clock = Log(), Clock()
    watcher = ProgressObserver(log, clock)
    watcher.step_started("embed", total, "chunks")
    return watcher, clock, log.lines


def test_a_running_step_tells_rate_and_time_left() -> None:
    watcher, clock, lines = started(12_000)
    watcher.tell()
    clock.now = 120.0
    watcher.advanced("embed", 1200, {"embedded": 300})
    watcher.tell()
    watcher.close()
    assert lines == ["embed: 0.0 s, 0/12,000 chunks", "embed: 0:02:00, 1,200/12,000 chunks, 10.0/s, 0:18:00 left"]


def test_a_step_ends_with_one_line_and_says_nothing_more() -> None:
    watcher, clock, lines = started(0)
    clock.now = 2.0
    watcher.advanced("embed", 3, {"documents": 3, "skipped": 0})
    watcher.step_finished("embed")
    watcher.tell()
    watcher.step_finished("embed")
    assert lines == ["embed: 2.0 s, documents 3"]


def test_a_failed_step_leaves_no_line() -> None:
    watcher, _, lines = started(1)
    watcher.close()
    watcher.tell()
    assert lines == []
