"""What a command prints: one JSON document, or text and tables for people. Results go to stdout, the rest to stderr."""

import json
import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType
from rich.filesize import pick_unit_and_suffix
from rich.table import Table
from typer import BadParameter, echo

from ingest.cli.exit_codes import ExitCode

WIDTH = 160  # columns if unknown: a log must not truncate ids
UNITS = ["B", "KiB", "MiB", "GiB", "TiB"]


class Output:
    """Where a command's results go. With `json`, text for people is dropped and one document is the only output."""

    def __init__(self, json: bool) -> None:
        self.json = json
        self.console, self.messages = _console(stderr=False), _console(stderr=True)

    def result(self, document: Any, *shown: RenderableType) -> None:
        """Write this command's only JSON document, or lines and tables for people. NaN and infinity become null."""
        if self.json:
            from pydantic_core import to_json

            text = to_json(document, indent=2, inf_nan_mode="null").decode()
            # JSON escapes only C0: a terminal also obeys C1, and bidirectional and tag characters hide text.
            safe = (c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)
            echo("".join(safe).encode())  # UTF-8, whatever the terminal's encoding is
        self.show(*shown)

    def show(self, *shown: RenderableType) -> None:
        """Print lines and tables for people. Text is printed as is: no markup, no wrapping."""
        for one in shown if not self.json else ():
            self.console.print(one, soft_wrap=not isinstance(one, Table))

    def note(self, text: str) -> None:
        """Print a line about progress to stderr, for people and logs."""
        self.messages.print(text, soft_wrap=True)

    def failed(self, error: Exception, code: ExitCode) -> None:
        """Report what went wrong: to stderr, and with `json` also as the document."""
        name, notes = type(error).__name__, getattr(error, "__notes__", [])
        told = {"class": name, "message": str(error), "exit_code": code}
        self.result({"error": {**told, "serving": " ".join(notes)} if notes else told})
        self.note(f"{name}: {printable(str(error))}")
        for note in notes:
            self.note(note)
        if code is ExitCode.TRANSIENT:
            self.note("This may be temporary: run the same command again; a run resumes where it stopped.")

    @contextmanager
    def logged(self) -> Iterator[None]:
        """Send warnings to stderr: above the progress bar on a terminal, with timestamps elsewhere."""
        handler: logging.Handler
        if self.messages.is_terminal:
            from rich.logging import RichHandler

            handler = RichHandler(console=self.messages, show_time=False, show_path=False, markup=False)
        else:
            handler = logging.StreamHandler()
            handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
        handler.setLevel(logging.WARNING)
        logging.getLogger().addHandler(handler)
        try:
            yield
        finally:
            logging.getLogger().removeHandler(handler)


def in_folder(path: Path | None) -> Path | None:
    """Return the path of a file to write. Raises: BadParameter if its folder does not exist."""
    if path is not None and not path.absolute().parent.is_dir():
        raise BadParameter(f"no folder {path.parent}")
    return path


def write_whole(path: Path, texts: Iterable[str]) -> None:
    """Write a text file that appears at `path` whole or not at all. A pipe is written directly."""
    from ingest.adapters.durable_files import whole_file

    def write(to: Path) -> None:
        with to.open("w", encoding="utf-8") as file:
            file.writelines(texts)

    if path.exists() and not path.is_file():
        return write(path)
    with whole_file(path.parent, write) as written:
        written.replace(path)


def printable(text: str, limit: int | None = None) -> str:
    """Return text on one line without control characters, which could steer the terminal; cut at `limit` characters."""
    line = "".join(c for c in " ".join(text.split()) if c.isprintable())
    return line if limit is None or len(line) <= limit else f"{line[: limit - 1]}…"


def size(count: int) -> str:
    """Return a number of bytes in human-readable form."""
    unit, suffix = pick_unit_and_suffix(count, UNITS, 1024)
    return f"{count:,} {suffix}" if unit == 1 else f"{count / unit:,.1f} {suffix}"


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, markup=False, highlight=False)
    if not console.is_terminal and not os.environ.get("COLUMNS"):
        console.width = WIDTH
    return console
