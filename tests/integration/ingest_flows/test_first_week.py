"""The guide to the first week is true: its files, its commands and what they print, from an empty folder to a nightly.

The page's own Prefect server is not started: the one of these tests stands for it.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prefect.settings import get_current_settings
from typer.testing import CliRunner

from ingest.cli.main import app

PAGE = Path(__file__).parents[3] / "docs" / "first-week.md"
FILES = ("markdown", "yaml", "jsonl")
BLOCK = re.compile(r"^```(?P<kind>\w+)(?: (?P<name>\S+))?\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"^\$ (?P<line>.*)\n(?P<printed>(?:(?!\$ ).*\n)*)", re.MULTILINE)
ANYTHING = "…"


def pattern(printed: str) -> str:
    """Return what a command has to print, as a regular expression: `…` stands for any lines, or for any text in one."""
    told = {line: ".*?".join(map(re.escape, line.split(ANYTHING))) + r" *\n" for line in printed.splitlines()}
    return "".join((told | {ANYTHING: r"(?:.*\n)*?"})[line] for line in printed.splitlines()) + r"\Z"


@pytest.fixture
def done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """Return what runs a command line in an empty folder and returns what it printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", str(tmp_path))
    runner = CliRunner(env={"COLUMNS": "200"})

    def run(line: str) -> str:
        words = shlex.split(os.path.expandvars(line))
        if words[0] == "ingest":
            return runner.invoke(app, words[1:]).output
        named = dict(word.split("=") for word in words[: next(i for i, word in enumerate(words) if "=" not in word)])
        program, *rest = words[len(named) :]
        command = [sys.executable, *(rest if program == "python" else ("-m", program, *rest))]
        server = get_current_settings().to_environment_variables(exclude_unset=True)
        told = subprocess.run(
            command, env={**os.environ, **server, **named}, capture_output=True, text=True, check=True
        )
        return told.stdout

    yield run
    runner.invoke(app, ["qdrant", "stop", "--force"])


def test_the_first_week_leads_from_an_empty_folder_to_a_nightly_run_with_a_verdict(done: Callable[[str], str]) -> None:
    ran = 0
    for block in BLOCK.finditer(PAGE.read_text(encoding="utf-8")):
        if block["kind"] in FILES:
            Path(block["name"]).parent.mkdir(exist_ok=True)
            Path(block["name"]).write_text(block["text"], encoding="utf-8")
        for command in COMMAND.finditer(block["text"]) if block["kind"] == "console" else ():
            said = done(command["line"])
            assert re.match(pattern(command["printed"]), said), f"$ {command['line']}\n{said}"
            ran += 1
    assert 16 == ran
