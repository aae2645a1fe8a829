"""The command lines of README and guides are understood by the real ones, and their first steps run as they stand."""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer import Exit
from typer.exceptions import TyperException
from typer.main import get_command
from typer.testing import CliRunner

from benchmarks.fuzzing.binary_seeds import pdf
from ingest.cli.exit_codes import ExitCode
from ingest.cli.main import app

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "benchmarks" / "README.md"])
FENCED = re.compile(r"^```(?P<label>[^\n]*)\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`(ingest\s[^`]+)`")
CONTINUED = re.compile(r"\s*\\\n\s*")
EXPLAINED = re.compile(r"\s{3,}.*|\s+#.*")  # what a block says about a line, behind it
SHELL = ("", "sh")
HASHING = {"kind": "hashing", "name": "hashing"}
# Laid over the settings that `ingest init` writes: a model that need not be opened, and no judged questions.
TRIAL = {"INGEST_INDEXES__docs__MODEL": json.dumps(HASHING), "INGEST_INDEXES__docs__GATE__ALLOW_UNJUDGED": "true"}


def lines(text: str, program: str) -> list[str]:
    """Return the lines of a text's shell blocks that start a program, without what is said about them."""
    shell = (block["code"] for block in FENCED.finditer(text) if block["label"] in SHELL)
    blocks = [CONTINUED.sub(" ", code).splitlines() for code in shell]
    return [EXPLAINED.sub("", line) for block in blocks for line in block if line.startswith(f"{program} ")]


def mentions(text: str) -> list[str]:
    """Return the commands that stand within sentences, on one line; brackets of what may be left out are taken off."""
    prose = FENCED.sub("", text)
    return [re.sub(r"[\[\]]", "", " ".join(found.split())) for found in INLINE.findall(prose)]


def parsed(line: str) -> str:
    """Parse a command line as `ingest` does, without running it; return what is wrong with it, "" for nothing."""
    command: Any = get_command(app)
    name, *words = shlex.split(line)
    try:
        while command is not None:
            context = command.make_context(name, list(words))
            rest = [*context._protected_args, *context.args]
            inner = hasattr(command, "commands")
            name, command, words = command.resolve_command(context, rest) if inner else (None, None, [])
    except Exit:  # of --help
        pass
    except TyperException as error:
        return f"{line}: {type(error).__name__}: {error}"
    return ""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with the files that examples name."""
    monkeypatch.chdir(tmp_path)
    for name in ("questions.jsonl", "judged.jsonl"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_command_lines_of_a_page_are_understood(page: Path, folder: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert [fault for line in lines(text, "ingest") if (fault := parsed(line))] == []
    named = [line.replace(" COMMAND", " status") for line in mentions(text)]
    # A sentence may name a command or an option without what it needs.
    faults = [fault for line in named if (fault := parsed(line))]
    assert [fault for fault in faults if not re.search("MissingParameter|requires an argument", fault)] == []


def test_an_unknown_command_and_an_unknown_option_are_noticed() -> None:
    page = "```sh\ningest plann    # what a run would do\n```\n\nThen `ingest\npromote --force`."
    assert (["ingest plann"], ["ingest promote --force"]) == (lines(page, "ingest"), mentions(page))
    assert parsed("ingest plann").startswith("ingest plann: UsageError: No such command 'plann'.")
    assert parsed("ingest promote --force").startswith("ingest promote --force: NoSuchOption: ")


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_the_targets_of_make_that_pages_name_are_there() -> None:
    texts = {page.name: page.read_text(encoding="utf-8") for page in PAGES}
    named = {line for text in texts.values() for line in [*lines(text, "make"), *re.findall(r"`(make\s[^`…]+)`", text)]}
    asked = [["make", "--dry-run", "--silent", *shlex.split(line)[1:]] for line in sorted(named)]
    ran = [subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False) for words in asked]
    assert [answer.stderr for answer in ran if answer.returncode] == []
    assert len(ran) > 10


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """Return what runs a command line of `ingest`, which must do its work, and returns what it printed."""
    for name, value in TRIAL.items():
        monkeypatch.setenv(name, value)
    runner = CliRunner()

    def done(line: str) -> str:
        answer = runner.invoke(app, shlex.split(line)[1:])
        assert answer.exit_code == ExitCode.DONE, f"{line}\n{answer.output}"
        return answer.stdout

    yield done
    runner.invoke(app, ["qdrant", "stop", "--force"])


def test_the_quickstart_leads_from_an_empty_folder_to_an_answer(folder: Path, run: Callable[[str], str]) -> None:
    (folder / "documents").mkdir()
    (folder / "documents" / "leave.md").write_text("# Leave\n\nFive days of leave are carried over to the next year.\n")
    page = (ROOT / "docs" / "quickstart.md").read_text(encoding="utf-8")
    said = {line: run(line) for line in lines(page, "ingest")}
    assert ["--help", "init", "plan", "run", "search"] == [line.split()[1] for line in said]
    assert "documents/leave.md" in list(said.values())[-1]


def test_the_commands_of_the_readme_run_in_their_order(folder: Path, run: Callable[[str], str]) -> None:
    animals = ("zebra", "quokka", "tapir", "okapi", "gnu", "ibex", "lynx", "stoat")
    pages = [f"{one}{other}" for one in animals for other in animals if one < other]
    (folder / "documents").mkdir()
    for name in pages:
        (folder / "documents" / f"{name}.md").write_text(f"# The {name}\n\nWhere the {name} sleeps is not known.\n")
    judged = [{"query_id": name, "text": name, "gold": [{"doc": f"{name}.md", "spans": [name]}]} for name in pages]
    unknown = [{"query_id": f"no-{name}", "text": f"price of {name[::-1]}", "answerable": False} for name in pages]
    (folder / "judged.jsonl").write_text("\n".join(map(json.dumps, [*judged, *unknown])))
    for place in (folder, folder / "documents"):
        (place / "handbook.pdf").write_bytes(pdf())
    run("ingest init")
    settings = folder / "ingest.yaml"
    settings.write_text(settings.read_text().replace("# judged:", "judged:"))
    run("ingest run")
    (folder / "documents" / "new.md").write_text("# New\n\nA page of the second edition.\n")
    commands = lines((ROOT / "README.md").read_text(encoding="utf-8"), "ingest")
    said = {line: run(line) for line in commands if line != "ingest deploy"}  # that one needs a Prefect server
    assert {"preview", "plan", "run", "search", "status", "rollback"} <= {line.split()[1] for line in said}
