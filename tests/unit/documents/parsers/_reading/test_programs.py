"""Programs that parsers start: what they see, what they may take, and that nothing of them stays."""

import os
import select
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.documents.parsers._reading.programs import run_program
from ingest.errors import ParserCrashed, ParserTimeout
from ingest.records import ParseLimits, ParserOptions
from tests.unit.documents.parsers.checks import raw


@pytest.fixture
def started(tmp_path):
    """Return what runs a shell script as a program and returns its exit code and words."""

    def run_script(script: str, seconds: float = 20.0) -> tuple[int, str]:
        program, folder = tmp_path / "program", tmp_path / "folder"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        folder.mkdir()
        options = ParserOptions(limits=ParseLimits(wall_seconds=seconds))
        return run_program([str(program), "given"], folder, replace(raw("", "a.doc"), options=options))

    return run_script


def ends(pid: int) -> bool:
    """Tell whether a process is gone, or goes within ten seconds."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([watched], [], [], 10)[0])
    finally:
        os.close(watched)


def test_a_program_runs_in_its_folder_and_sees_nothing_of_our_environment(started, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    code, said = started("echo $1; pwd; echo $HOME $TMPDIR; env | grep -c SECRET; exit 3")
    folder = tmp_path / "folder"
    assert (3, ["given", str(folder), f"{folder} {folder}", "0"]) == (code, said.split("\n")[:4])


def test_the_last_words_of_a_program_are_kept_and_no_more(started):
    code, said = started("yes | head -c 100000; echo the end >&2")
    assert (0, 2000, "the end") == (code, len(said), said.split("\n")[-2])


def test_a_program_that_hangs_is_a_timeout_and_is_ended_with_all_that_it_started(started, tmp_path):
    with pytest.raises(ParserTimeout, match=r"a\.doc: program took over 0\.5 s \(limits\.wall_seconds\)"):
        started("(sleep 3600 & echo $! > child; wait) & echo $! > parent; wait", seconds=0.5)
    pids = [int((tmp_path / "folder" / name).read_text()) for name in ("parent", "child")]
    assert [True, True] == [ends(pid) for pid in pids]


def test_what_a_program_leaves_running_is_ended_too(started, tmp_path):
    assert (0, "") == started("sleep 3600 & echo $! > child")
    assert ends(int((tmp_path / "folder" / "child").read_text()))


@pytest.mark.parametrize(
    ("number", "error", "message"),
    [
        (signal.SIGXCPU, ParserTimeout, "a.doc: program took over 60 s of CPU time"),
        (signal.SIGSEGV, ParserCrashed, "a.doc: program was killed by SIGSEGV"),
    ],
)
def test_a_program_that_a_signal_ended_has_a_reason(started, number, error, message):
    with pytest.raises(error, match=message):
        started(f"kill -{int(number)} $$")


def test_a_program_that_may_not_be_started_is_named(tmp_path):
    place = tmp_path / "program"
    place.write_text("")
    with pytest.raises(ParserCrashed, match="program may not be started here"):
        run_program([str(place)], Path(tmp_path), raw("", "a.doc"))
