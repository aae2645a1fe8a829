"""JSON and text for people."""

import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingest.cli.exit_codes import ExitCode
from ingest.cli.output import Output, printable, size, write_whole
from ingest.records import Hold


@dataclass(frozen=True)
class Pair:
    """Any dataclass."""

    path: Path
    hold: Hold | None


def test_records_dataclasses_paths_and_numbers_become_json_values(capsys: pytest.CaptureFixture[str]) -> None:
    value = {1: (Pair(Path("a/b"), Hold(who="w", why="y")), math.nan, math.inf, 0.5), "code": ExitCode.REFUSED}
    expected = {"1": [{"path": "a/b", "hold": {"who": "w", "why": "y"}}, None, None, 0.5], "code": 3}
    Output(json=True).result(value)
    assert expected == json.loads(capsys.readouterr().out)


def test_printable_keeps_one_line_without_control_characters() -> None:
    assert printable("a\n\tb\x1b[31mc\x9b\u202ed") == "a b[31mcd"
    assert printable("abcdef", 4) == "abc…"
    assert printable("abcd", 4) == "abcd"


@pytest.mark.parametrize(("count", "text"), [(0, "0 B"), (1023, "1,023 B"), (1536, "1.5 KiB"), (2**50, "1,024.0 TiB")])
def test_sizes_for_people(count: int, text: str) -> None:
    assert size(count) == text


def test_a_document_is_utf_8_whatever_the_terminal_is(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    Output(json=True).result({"text": "黑豹队"})
    assert capfdbinary.readouterr().out == '{\n  "text": "黑豹队"\n}\n'.encode()


def test_with_json_nothing_else_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(json=True)
    output.show("a line for people")
    assert capsys.readouterr().out == ""


def test_lines_for_people_are_not_markup_and_not_wrapped(capsys: pytest.CaptureFixture[str]) -> None:
    line = "[bold]x[/bold] " * 30 + "end"
    Output(json=False).show(line)
    assert capsys.readouterr().out == line + "\n"


def test_a_file_appears_whole_or_not_at_all_and_a_pipe_is_written_directly(tmp_path: Path) -> None:
    def broken() -> Iterator[str]:
        yield "one"
        raise ValueError("broke off")

    with pytest.raises(ValueError, match="broke off"):
        write_whole(tmp_path / "run", broken())
    assert [] == list(tmp_path.iterdir())
    write_whole(tmp_path / "run", ["one", "two"])
    assert "onetwo" == (tmp_path / "run").read_text()
    os.mkfifo(pipe := tmp_path / "pipe")
    reader = os.open(pipe, os.O_RDWR)
    write_whole(pipe, ["three"])
    assert b"three" == os.read(reader, 9)
    os.close(reader)
