"""Runs a program on a document: in its own folder, within a time limit, leaving no process behind.

The program inherits the sandbox's limits on CPU time, memory and files, and its ban on sockets.
"""

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from pathlib import Path

from ingest.errors import ParserCrashed, ParserKilled, ParserTimeout
from ingest.process_guard import group_guard
from ingest.records import RawDocument

_LOG = "log"
_KEPT = 2000  # bytes of a program's output


def run_program(arguments: Sequence[str], folder: Path, raw: RawDocument) -> tuple[int, str]:
    """Return a program's exit code and the end of its output.

    Args:
        arguments: The program's path comes first.
        folder: An empty folder: its working, home and temporary folder, and the place of its output.
        raw: For its time limit, `limits.wall_seconds`, and for messages.

    Raises: ParserTimeout; ParserCrashed when a signal killed it.
    """
    path, name, limit = raw.ref.path, Path(arguments[0]).name, raw.options.limits.wall_seconds
    process = _started(arguments, folder)
    apart = os.getpgid(process.pid) == process.pid  # else it ends with the sandbox's process
    try:
        with group_guard(process.pid) if apart else nullcontext():
            code = process.wait(limit)
    except subprocess.TimeoutExpired as error:
        raise ParserTimeout(f"{path}: {name} took over {limit:g} s (limits.wall_seconds)") from error
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if code == -signal.SIGXCPU:
        raise ParserTimeout(f"{path}: {name} took over {raw.options.limits.cpu_seconds:g} s of CPU time")
    if code < 0:
        kind = ParserKilled if -code in (signal.SIGKILL, signal.SIGABRT) else ParserCrashed  # as for want of memory
        raise kind(f"{path}: {name} was killed by {signal.Signals(-code).name}")
    with (folder / _LOG).open("rb") as log:
        log.seek(max(log.seek(0, os.SEEK_END) - _KEPT, 0))
        return code, log.read().decode(errors="replace")


def _started(arguments: Sequence[str], folder: Path) -> "subprocess.Popen[bytes]":
    """Start a program with nothing of our environment, in its own process group.

    Inside the sandbox a new group is refused: there a program stays in the group that the sandbox kills as a whole.
    """
    environment = {"PATH": os.defpath, "HOME": str(folder), "TMPDIR": str(folder), "LC_ALL": "C.UTF-8"}
    with Path(os.devnull).open("rb") as nothing, (folder / _LOG).open("wb") as log:
        for group in (0, None):
            with suppress(PermissionError):
                return subprocess.Popen(
                    arguments, stdin=nothing, stdout=log, stderr=log, env=environment, cwd=folder, process_group=group
                )
    raise ParserCrashed(f"{arguments[0]} may not be started here")
