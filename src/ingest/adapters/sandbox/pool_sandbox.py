"""Parses in worker processes under limits: a document that hangs, crashes or grows costs itself and one process.

    parse(raw) ─▶ idle process, or a new one ─▶ question ─▶ answer within wall_seconds ─▶ checked ─▶ Document
                                                   └─ late, dead, too large, no answer: killed and replaced

A process has no secrets in its environment, no network, writes no files, starts no programs, and ends with this one.
Documents whose parser starts a program (text recognition, LibreOffice, pandoc) have processes of their own kind: what
they start is in their process group and ends with them. A process is replaced after `documents_per_process` documents,
when it holds more than `resident_bytes` at rest, and when a program has left something running.
"""

import logging
import re
import signal
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

from ingest.adapters.sandbox import messages as _wire
from ingest.adapters.sandbox import parsing as _parse
from ingest.adapters.sandbox import resource_limits as _walls
from ingest.adapters.sandbox.parser_process import GRACE_SECONDS, Ended, Late, ParserProcess, TooLarge
from ingest.documents import parsers
from ingest.errors import DocumentError, OversizedDocument, ParserCrashed, ParserTimeout
from ingest.records import Document, ParseLimits, ParserOptions, RawDocument

log = logging.getLogger(__name__)

HEAD_PER_BLOCK = 128  # bytes of an answer's head; titles and breaks of all blocks share them
HEAD_LEAST = 2**20
_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")
_FRAME = re.compile(r'File "(?:[^"\n]*/)?([^"/\n]*)", line (\d+) in (\S+)')  # as faulthandler writes them
_FRAMES = 3


class PoolSandbox:
    """The sandbox with walls. Threads may call `parse` at once; as many documents as processes are under way."""

    kind, version = "pool", ""

    def __init__(
        self,
        options: Mapping[str, ParserOptions] | None = None,
        processes: int = 2,
        *,
        documents_per_process: int = 1000,
        resident_bytes: int = 768 * 2**20,
        start_seconds: float = 60.0,
    ) -> None:
        """Keep the options, by source; a document of another source keeps those that it comes with.

        At most `processes` run, from the first documents on. One is replaced after `documents_per_process`, since
        libraries leak, or when it holds more than `resident_bytes` of memory after a document; one that cannot parse
        after `start_seconds` does not start at all.
        """
        self.options: Mapping[str, ParserOptions] = dict(options or {})
        self._documents_per_process, self._resident_bytes = documents_per_process, resident_bytes
        self._start_seconds = start_seconds
        self._places = threading.BoundedSemaphore(processes)
        self._lock = threading.Lock()
        self._idle: list[ParserProcess] = []
        self._busy: set[ParserProcess] = set()
        self._closed = self._warned = False
        # One thread starts them all: a process ends with the thread that started it, and those of callers come and go.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="parser-start")

    def parse(self, raw: RawDocument) -> Document:
        """Return the parsed document. Raises: as `ports.Sandbox`; RuntimeError when closed."""
        with _parse.prepared(raw, self.options) as document:
            _parse.check_size(document)
            with self._places:
                try:
                    return self._parse(document, _parse.starts_program(document))
                except _parse.ProgramNeeded:  # its content is not what its name says
                    return self._parse(document, programs=True)

    def _parse(self, raw: RawDocument, programs: bool) -> Document:
        process = self._take(programs)
        used = process.asked > 0
        try:
            return self._ask(process, raw)
        except ParserCrashed:
            if not used or process.alive:
                raise
        # What documents before left in the process may be at fault: judged alone, once.
        return self._ask(self._take(programs, fresh=True), raw)

    def close(self) -> None:
        """End all processes; documents under way fail."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            busy = tuple(self._busy)
        for process in busy:
            process.interrupt()
        for process in idle:
            process.kill()
        self._starter.shutdown(wait=False, cancel_futures=True)

    def _take(self, programs: bool, fresh: bool = False) -> ParserProcess:
        """Return a process of one's own: the fitting one that was used last, for the others may go."""
        with self._lock:
            if self._closed:
                raise RuntimeError("this sandbox is closed")
            fitting = [] if fresh else [idle for idle in self._idle if idle.programs == programs]
            chosen = fitting[-1] if fitting else self._idle[0] if self._idle else None
            if chosen is not None:
                self._idle.remove(chosen)
        if chosen is None or not fitting or not chosen.alive:
            if chosen is not None:
                chosen.kill()  # so that there are never more than `processes`
            chosen = self._starter.submit(self._start, programs).result()
        with self._lock:
            self._busy.add(chosen)
        return chosen

    def _start(self, programs: bool) -> ParserProcess:
        process = ParserProcess(self._start_seconds, programs)
        missing = sorted(name for name, stands in process.walls.items() if not stands)
        if missing and not self._warned:
            self._warned = True
            log.warning("this system cannot keep parsers away from %s; see docs/security.md", " and ".join(missing))
        return process

    def _ask(self, process: ParserProcess, raw: RawDocument) -> Document:
        keep = False
        try:
            answer = self._answer(process, raw)
            keep = not answer.last
        finally:
            self._give_back(process, keep)
        for note in answer.notes:
            log.warning("%s", note)
        if answer.result is None:
            raise _parse.ProgramNeeded
        if isinstance(answer.result, DocumentError):
            raise answer.result
        return answer.result

    def _answer(self, process: ParserProcess, raw: RawDocument) -> _wire.ParserAnswer:
        """Return what a process makes of a document. Raises: DocumentError when it makes nothing."""
        path, limits = raw.ref.path, raw.options.limits
        deadline = time.monotonic() + limits.wall_seconds
        try:
            process.send(_wire.ask(raw), deadline)
            answer = _wire.answered(process.receive(deadline, *_largest(limits)))
            if answer.result is None and process.programs:
                raise _wire.BadAnswer("a program is needed, and allowed")
            return answer
        except Late as error:
            raise ParserTimeout(f"{path}: not parsed within {limits.wall_seconds:g} s (limits.wall_seconds)") from error
        except TooLarge as error:
            found = "{} bytes of structure and {} bytes of text and content".format(*error.args)
            most = f"{' and '.join(map(str, _largest(limits)))} (limits.blocks, text_characters, archive_bytes)"
            raise OversizedDocument(f"{path}: parsed to {found}, the limits allow {most}") from error
        except _wire.Lacking as error:  # or a process that was taken over says so
            parsers.check_installed([str(error)], f"{path}: ", raw.options.parser)
            raise ParserCrashed(f"{path}: its parser misses libraries that are installed") from error
        except _wire.BadAnswer as error:
            raise ParserCrashed(f"{path}: its parser gave no answer that can be read: {error}") from error
        except Ended:
            _explain(raw, *process.kill(GRACE_SECONDS))

    def _give_back(self, process: ParserProcess, keep: bool) -> None:
        resident = _walls.resident(str(process.pid))
        keep = keep and process.asked < self._documents_per_process and resident <= self._resident_bytes
        with self._lock:
            self._busy.discard(process)
            keep = keep and not self._closed
            if keep:
                self._idle.append(process)
        if not keep:
            process.kill()


def _largest(limits: ParseLimits) -> tuple[int, int]:
    """Return the most bytes that head and body of an answer may have."""
    return HEAD_LEAST + HEAD_PER_BLOCK * limits.blocks, 4 * limits.text_characters + limits.archive_bytes


def _explain(raw: RawDocument, code: int, said: str) -> NoReturn:
    """Raise what the end of a process means for the document that it had."""
    path, limits = raw.ref.path, raw.options.limits
    if code == -signal.SIGXCPU:
        raise ParserTimeout(f"{path}: took more than {limits.cpu_seconds:g} s of CPU time (limits.cpu_seconds)")
    how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
    if code == -signal.SIGABRT:
        how += f", which libraries do that get no memory (limits.memory_bytes is {limits.memory_bytes})"
    raise ParserCrashed(f"{path}: its parser's process was {how}{_last_words(said)}")


def _last_words(said: str) -> str:
    """Return the first line of what a process wrote, and the innermost of Python's functions that it was in.

    Without addresses and folders, so that the same document gives the same message.
    """
    first = _ADDRESS.sub("0x…", next(iter(said.splitlines()), ""))[: _parse.MAX_MESSAGE]
    frames = [f"{name} line {line} in {function}" for name, line, function in _FRAME.findall(said)[:_FRAMES]]
    return "".join(f"; {part}" for part in (first, ", ".join(frames)) if part)
