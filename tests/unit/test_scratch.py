"""Scratch tables: bounded memory, nothing left behind, a full disk that is said so."""

import errno
import os
import subprocess
import sys
import tempfile
import tracemalloc

import pytest

from ingest.errors import LocalUnavailable
from ingest.scratch import Scratch, scratch_folder, sweep

NUMBERS = "CREATE TABLE numbers (n INTEGER, name TEXT)"


def test_rows_before_an_error_of_their_giver_stay() -> None:
    def rows():
        yield 1, "one"
        raise ValueError("broke off")

    with Scratch(NUMBERS) as scratch:
        with pytest.raises(ValueError, match="broke off"):
            scratch.insert("numbers", rows(), columns=2)
        scratch.insert("numbers", [(2, "two")], columns=2)
        assert [(1, "one"), (2, "two")] == scratch._db.execute("SELECT * FROM numbers").fetchall()


def test_memory_does_not_grow_with_the_rows() -> None:
    """Python's own part; SQLite's is bounded by its page cache."""

    def peak(rows: int) -> int:
        tracemalloc.start()
        with Scratch(NUMBERS) as scratch:
            scratch.insert("numbers", ((n, f"{n:09}") for n in range(rows)), columns=2)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(100)  # what is loaded once
    assert peak(20_000) < peak(2_000) + 100_000


FULL_DISK = """
import resource, signal
from ingest.errors import TransientError
from ingest.scratch import Scratch

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
with Scratch("PRAGMA cache_size=-64; CREATE TABLE numbers (n INTEGER, name TEXT)") as scratch:
    try:
        scratch.insert("numbers", ((n, f"{n:0200}") for n in range(5000)), columns=2)
    except TransientError as error:
        print(error)
"""


def test_a_full_temporary_space_is_said_so() -> None:
    answer = subprocess.run([sys.executable, "-c", FULL_DISK], capture_output=True, text=True, check=True)
    assert answer.stdout.startswith("no temporary space in /")
    assert "see TMPDIR and SQLITE_TMPDIR" in answer.stdout


def test_nothing_is_left_in_the_folder_for_temporary_files(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("SQLITE_TMPDIR", str(tmp_path))
    with Scratch("PRAGMA cache_size=-64; " + NUMBERS) as scratch:
        scratch.insert("numbers", ((n, f"{n:0200}") for n in range(5000)), columns=2)
        assert [] == list(tmp_path.iterdir())


FULL_FOLDER = """
import resource
from ingest.errors import LocalUnavailable
from ingest.scratch import scratch_folder

resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    with scratch_folder() as folder:
        (folder / "x").write_bytes(b"x" * 5000)
except LocalUnavailable as error:
    print(error)
"""


def test_a_limit_on_the_size_of_files_is_said_so() -> None:
    answer = subprocess.run([sys.executable, "-c", FULL_FOLDER], capture_output=True, text=True, check=True)
    assert "File too large; see TMPDIR and SQLITE_TMPDIR, or a limit on the size of files (ulimit -f)" in answer.stdout


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_folder_is_said_so_and_removed(tmp_path, monkeypatch, code) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    told = rf"no temporary space in {tmp_path} \([\d,]+ MiB free\): "
    with pytest.raises(LocalUnavailable, match=told), scratch_folder():
        raise OSError(code, os.strerror(code))
    assert [] == list(tmp_path.iterdir())


def test_a_folder_that_is_missing_is_said_so(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    told = "no temporary space in any of the usual folders"
    with pytest.raises(LocalUnavailable, match=told), scratch_folder():
        pass


def test_another_error_stays_what_it_is(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(ConnectionResetError), scratch_folder():
        raise ConnectionResetError(errno.ECONNRESET, "reset")


def test_what_a_killed_process_left_is_swept_and_what_a_living_one_uses_stays(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr("ingest.scratch.UNLOCKED_SECONDS", 0.0)
    killed = "import os; from ingest.scratch import scratch_folder; f = scratch_folder(); f.__enter__(); os._exit(9)"
    subprocess.run([sys.executable, "-c", killed], env={**os.environ, "TMPDIR": str(tmp_path)}, check=False)
    (tmp_path / "somebody-elses").mkdir()
    assert 2 == len(list(tmp_path.iterdir()))
    with scratch_folder() as used:
        assert 1 == sweep()
        assert {used, tmp_path / "somebody-elses"} == set(tmp_path.iterdir())


def test_a_sweep_never_fails(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    assert 0 == sweep()
