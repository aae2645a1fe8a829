"""What a command prints: one JSON document, or text and tables for people. Results to stdout, the rest to stderr."""

import dataclasses
import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from functools import cached_property
from pathlib import Path, PurePath
from typing import IO, TYPE_CHECKING, Any

import typer

from ingest.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

WIDTH = 160  # columns if unknown: a log must not truncate ids
# JSON escapes only C0: a terminal also obeys C1, and bidirectional and tag characters hide what is there.
_UNPRINTABLE = re.compile(
    "[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


class Output:
    """Where a command's results go. With `json`, text for people is dropped and `document` is the only output."""

    def __init__(self, json: bool) -> None:
        self.json = json

    @cached_property
    def console(self) -> "Console":
        """The console on stdout."""
        return _console(stderr=False)

    @cached_property
    def messages(self) -> "Console":
        """The console on stderr: progress, warnings, errors."""
        return _console(stderr=True)

    def document(self, value: Any) -> None:
        """Write the one JSON document of this command; nothing without `json`."""
        if self.json:
            write_line(_UNPRINTABLE.sub(_escaped, json.dumps(plain(value), ensure_ascii=False, indent=2)))

    def show(self, shown: "RenderableType") -> None:
        """Print a line or a table for people. Text is printed as it is: no markup, no wrapping."""
        if not self.json:
            _print(self.console, shown)

    def note(self, text: str) -> None:
        """Print a line about what is going on, to stderr, for people and logs."""
        _print(self.messages, text)

    def failed(self, error: Exception, code: ExitCode) -> None:
        """Report what went wrong: to stderr, and with `json` also as the document."""
        name = type(error).__name__
        if self.json:
            self.document({"error": {"class": name, "message": str(error), "exit_code": int(code)}})
        self.note(f"{name}: {printable(str(error))}")
        if code is ExitCode.TRANSIENT:
            self.note("This may be temporary: run the same command again; a run resumes where it stopped.")


def write_line(text: str) -> None:
    """Write one line of UTF-8 to stdout, whatever the terminal's encoding is."""
    typer.echo(text.encode())


@contextmanager
def whole_file(path: Path) -> Iterator[IO[str]]:
    """Yield a text file that appears at `path` whole or not at all. A pipe is written directly."""
    if path.exists() and not path.is_file():
        with path.open("w", encoding="utf-8") as file:
            yield file
        return
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("w", encoding="utf-8") as file:
            yield file
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def plain(value: Any) -> Any:
    """Return records, dataclasses, paths and sets as JSON values; numbers that JSON lacks become null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if hasattr(value, "model_dump"):
        return plain(value.model_dump(mode="json"))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return _scalar(value)


def printable(text: str, limit: int | None = None) -> str:
    """Return text on one line without control characters, which could steer the terminal; cut at `limit` characters."""
    line = " ".join(text.split())
    line = "".join(c for c in line if c.isprintable())
    return line if limit is None or len(line) <= limit else f"{line[: limit - 1]}…"


def size(count: float) -> str:
    """Return a number of bytes for people."""
    for unit in UNITS[:-1]:
        if count < 1024:
            return f"{count:,.0f} {unit}" if unit == "B" else f"{count:,.1f} {unit}"
        count /= 1024
    return f"{count:,.1f} {UNITS[-1]}"


def _escaped(match: re.Match[str]) -> str:
    return json.dumps(match[0])[1:-1]


def _scalar(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, PurePath) else value


def _console(*, stderr: bool) -> "Console":
    from rich.console import Console

    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal and not os.environ.get("COLUMNS"):
        console.width = WIDTH
    return console


def _print(console: "Console", shown: "RenderableType") -> None:
    from rich.table import Table

    console.print(shown, markup=False, highlight=False, soft_wrap=not isinstance(shown, Table))
