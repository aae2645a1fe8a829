"""The application: help, global options, signals, documentation, and what importing it costs."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import ingest.cli.main
from ingest.cli.exit_codes import ExitCode
from tests.integration.cli.conftest import Lab

PAGE = Path(__file__).parents[3] / "docs" / "command-line.md"
HEAVY = (
    "torch",
    "boto3",
    "botocore",
    "pyarrow",
    "qdrant_client",
    "prefect",
    "sentence_transformers",
    "transformers",
    "unstructured",
    "pydantic",
    "pydantic_settings",
    "numpy",
    "scipy",
    "ingest.wiring.service_opening",
    "ingest.pipeline",
)


def commands() -> Iterator[tuple[str, Any]]:
    """Yield each command with its full name."""
    stack = [("ingest", get_command(ingest.cli.main.app))]
    while stack:
        name, command = stack.pop()
        inner = getattr(command, "commands", None)
        if inner is None:
            yield name, command
        else:
            stack += [(f"{name} {word}", sub) for word, sub in inner.items()]


def sections(page: str) -> dict[str, str]:
    """Return the text under each heading of level 2, by heading."""
    parts = re.split(r"^## (.*)$", page, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def undocumented(page: str) -> list[str]:
    """Return what the page lacks: commands without a section, options that neither it nor the global section names."""
    found = sections(page)
    lacks = []
    for name, command in commands():
        section = found.get(f"`{name}`")
        if section is None:
            lacks.append(name)
            continue
        options = [o for p in command.params for o in p.opts if o.startswith("--") and o != "--help"]
        lacks += [f"{name} {o}" for o in options if f"`{o}" not in section + found["Global options"]]
    return lacks


def test_every_command_and_option_is_documented() -> None:
    assert undocumented(PAGE.read_text()) == []


def test_a_missing_section_and_a_missing_option_are_noticed() -> None:
    page = PAGE.read_text().replace("## `ingest plan`", "## Plan").replace("`--why TEXT`", "")
    whys = ("quarantine accept", "pin", "revoke", "rollback", "promote", "run")
    lacking = (*(f"{name} --why" for name in whys), "plan")
    assert undocumented(page) == [f"ingest {told}" for told in lacking]


def test_every_exit_code_is_documented_and_in_each_help(lab: Lab) -> None:
    table = sections(PAGE.read_text())["Exit codes"]
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)] == [int(c) for c in ExitCode]
    for name, _ in commands():
        out = lab(*name.split()[1:], "--help").out
        assert [code for code in ExitCode if code.meaning not in out] == [], name


def test_importing_the_command_line_imports_nothing_heavy() -> None:
    code = f"import sys, ingest.cli.main; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"


def test_help_and_version_answer_without_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lab: Lab) -> None:
    (lab.folder / "ingest.yaml").unlink()
    assert lab("--help").code == 0
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", lab("--version").out)


@pytest.mark.parametrize("where", ["before", "after"])
def test_global_options_are_accepted_before_and_after_the_command(served: Lab, where: str) -> None:
    options = ["-f", str(served.folder / "ingest.yaml"), "--index", "docs", "--json"]
    answer = served(*options, "status") if where == "before" else served("status", *options)
    assert (answer.code, answer.document["index"]) == (0, "docs")


def test_an_unknown_index_is_named_with_the_known_ones(served: Lab) -> None:
    answer = served("--index", "dosc", "status")
    assert answer.code == 4
    assert "no index 'dosc' in the settings; there are: docs" in answer.err


def test_missing_settings_are_an_error_document_with_json(lab: Lab) -> None:
    answer = lab("status", "-f", "other.yaml", "--json")
    assert (answer.code, answer.document["error"]["class"]) == (4, "InvalidSettings")
    assert "other.yaml" in answer.document["error"]["message"]


WAITS = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever started the tests may ignore it
import ingest.index
from ingest.cli.main import main

def wait(*_):
    print("ready", flush=True)
    while True:
        signal.pause()

ingest.index.open_services = wait
main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_a_real_process_with_130_and_no_traceback(lab: Lab, number: signal.Signals) -> None:
    arguments = [sys.executable, "-c", WAITS, "run"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err.startswith("Stopped. `ingest run` resumes where this one stopped")
    assert "Traceback" not in err
