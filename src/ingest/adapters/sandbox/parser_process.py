"""This process's end of one parser process: start it, ask it within a time limit, kill it."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, suppress
from io import FileIO
from multiprocessing import Pipe
from pathlib import Path
from typing import Any, cast

from pydantic_core import from_json

from ingest.errors import SandboxUnavailable
from ingest.process_guard import group_guard
from ingest.records import RawDocument
from ingest.scratch import scratch_folder

# Secrets in the environment stay out of reach of parsers.
PLACES = ("PATH", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "TESSDATA_PREFIX", "SYSTEMROOT")
PASSED_ON = (*PLACES, "LANG", "LC_ALL", "LC_CTYPE", "TZ")
# One thread each: a pool of processes uses every core, and each library thread takes address space.
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "MALLOC_ARENA_MAX")
SWITCHES = ("DO_NOT_TRACK", "UNSTRUCTURED_DISABLE_NOTICE", "HF_HUB_OFFLINE", "PYTHONUTF8")
FIXED = {**dict.fromkeys((*ONE_THREAD, *SWITCHES), "1"), "SCARF_NO_ANALYTICS": "true", "PYTHONHASHSEED": "0"}
GRACE_SECONDS = 2.0
KEPT_OUTPUT = 4096  # last bytes of a process's standard error


class TooLarge(Exception):
    """The answer is too large and was not read."""


class ParserProcess:
    """One process. Not thread-safe."""

    def __init__(self, start_seconds: float, programs: bool = False) -> None:
        """Start it and wait until it can parse. `programs` lets it start programs and write temporary files.

        Must be called from a thread that lives as long as the process should: the kernel kills it with that thread.
        Raises: SandboxUnavailable.
        """
        self.asked = 0  # documents so far
        self.programs = programs
        self._end: tuple[int, str] | None = None  # exit code and last words, once it was killed
        self._opened = ExitStack()
        folder = self._opened.enter_context(scratch_folder()) if programs else None
        self._pipe, theirs = Pipe()
        self._opened.enter_context(self._pipe)
        try:
            with theirs:
                self._process = self._started(theirs.fileno(), folder)
            self._output = self._opened.enter_context(cast(FileIO, self._process.stderr))
            os.set_blocking(self._output.fileno(), False)
            if programs:  # the process ends with us by itself, its programs do not
                self._opened.enter_context(group_guard(self._process.pid))
        except OSError as error:
            self._opened.close()
            raise SandboxUnavailable(f"no parser process can be started: {error.strerror}") from error
        self.pid = self._process.pid
        try:
            self.walls: dict[str, bool] = from_json(self.ask(None, time.monotonic() + start_seconds, 1024))
        except (OSError, TooLarge) as error:
            late = isinstance(error, TimeoutError)
            code, said = self.kill(0.0 if late else GRACE_SECONDS)
            told = f"{'late' if late else 'ended'}, exit code {code}; it wrote {said!r}"
            raise SandboxUnavailable(f"a parser process did not start within {start_seconds:g} s: {told}") from error

    def _started(self, pipe: int, folder: Path | None) -> subprocess.Popen[bytes]:
        arguments = (pipe, os.getpid(), int(self.programs))
        command = (sys.executable, "-P", "-m", "ingest.adapters.sandbox.parser_worker", *map(str, arguments))
        streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        own: dict[str, Any] = {"env": environment(folder), "start_new_session": True, "bufsize": 0}
        return subprocess.Popen(command, pass_fds=[pipe], **streams, **own)

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, question: RawDocument | None, deadline: float, most: int) -> bytes:
        """Return the answer to a question, or its first message; kill it at a deadline on the monotonic clock.

        Raises: TimeoutError if that was needed; other OSErrors if it has ended; TooLarge above `most` bytes.
        """
        if question is not None:  # what it wrote before is about another document; at its start, it is why it failed
            self._drain()
        late = threading.Timer(deadline - time.monotonic(), self.interrupt)
        late.start()
        try:
            if question is not None:
                self._pipe.send(question)
            return self._pipe.recv_bytes(most)
        except (EOFError, OSError) as error:
            if not self._pipe.readable:
                raise TooLarge from error
            raise (TimeoutError if time.monotonic() >= deadline else ConnectionResetError) from error
        finally:
            late.cancel()

    def kill(self, grace_seconds: float = 0.0) -> tuple[int, str]:
        """End it and everything it started; return its exit code (negative: a signal) and its last output.

        If it ended by itself, wait `grace_seconds` for its exit code: its pipe closes shortly before it is gone.
        """
        if self._end is None:
            self._pipe.close()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(grace_seconds)
            self.interrupt()
            self._end = self._process.wait(), self._drain()
            self._opened.close()
        return self._end

    def interrupt(self) -> None:
        """Kill it, so that a thread that waits for its answer goes on: it sees it as crashed, or late."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def _drain(self) -> str:
        """Return the end of what it wrote to its standard error since the last call."""
        kept = b""
        for _ in range(64):  # a pipe holds less; a process that keeps writing does not block us
            if not (more := self._output.read(2**16)):  # nothing now, or no more
                break
            kept = (kept + more)[-KEPT_OUTPUT:]
        return kept.decode(errors="replace").strip()


def environment(temporary: Path | None = None) -> dict[str, str]:
    """Return the environment for Python and programs, without secrets; `temporary`: the folder they may write to."""
    passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return passed_on | FIXED | ({"TMPDIR": str(temporary)} if temporary else {})
