"""A ranged file reads as the whole one, fetches each block once, and leaves nothing behind."""

import errno
import gc
import io
import itertools
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.adapters.stores.s3_store import BLOCK, RangedFile
from ingest.errors import StoreUnavailable

DATA = bytes(n * n % 251 for n in range(3 * BLOCK + 1234))


def opened(folder: Path, asked: list[tuple[int, int]], copy: io.BufferedRandom | None = None) -> RangedFile:
    def fetch(first: int, last: int) -> bytes:
        asked.append((first, last))
        return DATA[first:last]

    return RangedFile("s3://b/a", len(DATA), fetch, copy or tempfile.TemporaryFile(dir=folder))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, len(DATA) + 10), st.integers(0, 2 * BLOCK)), max_size=8))
def test_reads_are_those_of_the_whole_file_and_no_byte_is_fetched_twice(
    tmp_path: Path, reads: list[tuple[int, int]]
) -> None:
    asked: list[tuple[int, int]] = []
    with opened(tmp_path, asked) as file, io.BytesIO(DATA) as whole:
        for place, size in reads:
            assert file.seek(place) == whole.seek(place)
            assert file.read(size) == whole.read(size)
            assert file.tell() == whole.tell()
    fetched = sorted(asked)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(fetched))


def test_only_the_blocks_that_are_read_are_fetched_and_neighbours_at_once(tmp_path: Path) -> None:
    asked: list[tuple[int, int]] = []
    with opened(tmp_path, asked) as file:
        assert file.seek(-10, io.SEEK_END) == len(DATA) - 10
        assert file.read() == DATA[-10:]
        assert asked == [(3 * BLOCK, len(DATA))]
        file.seek(BLOCK - 1)
        assert file.read(2) == DATA[BLOCK - 1 : BLOCK + 1]
        assert asked[1:] == [(0, 2 * BLOCK)]
        assert list(tmp_path.iterdir()) == []  # a killed process leaves no copy


class Disk(io.FileIO):
    """A file on a disk with little room."""

    room = 100

    def write(self, data: bytes) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = super().write(data[: self.room])
        self.room -= written
        return written


def test_a_copy_that_cannot_be_written_is_told_and_what_did_not_fit_is_fetched_again(tmp_path: Path) -> None:
    asked: list[tuple[int, int]] = []
    disk = Disk(tmp_path / "copy", "w+")
    with opened(tmp_path, asked, io.BufferedRandom(disk)) as file:
        with pytest.raises(StoreUnavailable, match="s3://b/a: its copy cannot be kept: No space left on device"):
            file.read(200)
        disk.room = len(DATA)
        assert file.read(200) == DATA[:200]
    assert len(asked) == 2


def test_a_file_whose_copy_did_not_fit_is_closed_all_the_same(tmp_path: Path) -> None:
    file = opened(tmp_path, [], io.BufferedRandom(Disk(tmp_path / "copy", "w+")))
    with pytest.raises(StoreUnavailable):
        file.read(200)
    file.close()
    assert file.closed


def test_what_is_forgotten_is_fetched_anew(tmp_path: Path) -> None:
    asked: list[tuple[int, int]] = []
    with opened(tmp_path, asked) as file:
        file.read(5)
        file.forget()
        file.seek(0)
        assert file.read(5) == DATA[:5]
    assert asked == [(0, BLOCK)] * 2


def test_a_file_that_nobody_closes_leaves_no_copy_open(tmp_path: Path) -> None:
    copy = io.BufferedRandom(io.FileIO(tmp_path / "copy", "w+"))
    file = opened(tmp_path, [], copy)
    file.read(5)
    del file
    assert copy.closed


def test_a_folder_that_is_gone_is_an_error_and_leaves_nothing_to_close(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        opened(tmp_path / "gone", [])


def test_a_failed_fetch_is_told_and_tried_again_by_the_next_read(tmp_path: Path) -> None:
    answers = iter([StoreUnavailable("away"), DATA[:BLOCK]])

    def fetch(first: int, last: int) -> bytes:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with RangedFile("s3://b/a", len(DATA), fetch, tempfile.TemporaryFile(dir=tmp_path)) as file:
        with pytest.raises(StoreUnavailable, match="away"):
            file.read(5)
        assert file.read(5) == DATA[:5]


def test_a_file_that_nobody_closes_leaves_nothing_open_even_in_a_circle(tmp_path: Path) -> None:
    copy = tempfile.TemporaryFile(dir=tmp_path)  # noqa: SIM115  nobody closes it
    file = opened(tmp_path, [], copy)
    file.read(10)
    file.myself = file  # type: ignore[attr-defined]  # as an exception's traceback would hold it
    del file
    gc.collect()
    assert copy.closed
