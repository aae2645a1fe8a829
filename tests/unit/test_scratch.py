"""Scratch tables: bounded memory, nothing left behind, a full disk that is said so."""

import subprocess
import sys
import tracemalloc

import pytest

from ingest.scratch import Scratch

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
    assert answer.stdout.startswith("scratch table numbers: no temporary space, see SQLITE_TMPDIR: ")


def test_nothing_is_left_in_the_folder_for_temporary_files(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("SQLITE_TMPDIR", str(tmp_path))
    with Scratch("PRAGMA cache_size=-64; " + NUMBERS) as scratch:
        scratch.insert("numbers", ((n, f"{n:0200}") for n in range(5000)), columns=2)
        assert [] == list(tmp_path.iterdir())
