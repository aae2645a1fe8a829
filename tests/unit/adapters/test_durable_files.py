import os
from pathlib import Path

import pytest

from ingest.adapters.durable_files import BLOCK, LEFTOVER_SECONDS, copy_durably, remove_leftover, whole_file


def test_a_file_that_cannot_be_written_to_its_end_leaves_nothing(tmp_path: Path) -> None:
    def half(path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"), whole_file(tmp_path, half):
        raise AssertionError("it is not whole")
    assert [] == list(tmp_path.iterdir())


def test_a_whole_file_is_there_until_it_is_renamed(tmp_path: Path) -> None:
    with whole_file(tmp_path, lambda path: path.write_bytes(b"whole")) as temporary:
        temporary.replace(tmp_path / "name")
    assert [("name", b"whole")] == [(path.name, path.read_bytes()) for path in tmp_path.iterdir()]


def test_only_what_a_process_left_long_ago_is_removed(tmp_path: Path) -> None:
    young, old, gone = (tmp_path / name for name in ("young", "old", "gone"))
    young.touch()
    old.touch()
    os.utime(old, (0, young.stat().st_mtime - LEFTOVER_SECONDS - 1))
    for path in (young, old, gone):
        remove_leftover(path)
    assert [young] == list(tmp_path.iterdir())


@pytest.mark.parametrize("data", [b"", b"some", bytes(3 * BLOCK), bytes(BLOCK) + b"some" + bytes(2 * BLOCK + 1)])
def test_a_copy_has_the_same_bytes(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "from").write_bytes(data)
    copy_durably(str(tmp_path / "from"), str(tmp_path / "to"))
    assert data == (tmp_path / "to").read_bytes()


def test_zeros_take_no_space_in_a_copy(tmp_path: Path) -> None:
    (tmp_path / "from").write_bytes(b"some" + bytes(64 * BLOCK))
    copy_durably(str(tmp_path / "from"), str(tmp_path / "to"))
    assert (tmp_path / "to").stat().st_blocks * 512 <= 2 * BLOCK
