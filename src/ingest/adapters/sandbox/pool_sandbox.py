"""Parses in worker processes with limits: a document that hangs, crashes or grows costs only itself and one process.

    parse(raw) ─▶ idle process, or a new one ─▶ question ─▶ answer within wall_seconds ─▶ checked ─▶ Document
                                                   └─ late, dead, too large, no answer: killed and replaced

A process has no secrets in its environment, no network, writes no files, starts no programs, and ends with this one.
Documents whose parser starts a program (text recognition, LibreOffice, pandoc) are parsed by separate processes:
whatever those start is in their process group and ends with them. A process is replaced after DOCUMENTS_PER_PROCESS
documents, since libraries leak; if it holds more than RESIDENT_BYTES at rest; or if a program left something running.
"""

import logging
import re
import signal
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import NoReturn

from pydantic import ValidationError

from ingest import errors
from ingest.adapters.sandbox import parser_worker as _wire
from ingest.adapters.sandbox import parsing as _parse
from ingest.adapters.sandbox import process_limits as _walls
from ingest.adapters.sandbox.parser_process import GRACE_SECONDS, ParserProcess, TooLarge
from ingest.documents import parsers
from ingest.records import Document, ParseLimits, ParserOptions, RawDocument

log = logging.getLogger(__name__)

HEAD_PER_BLOCK = 128  # bytes of an answer besides, shared by titles and breaks of all blocks
HEAD_LEAST = 2**20
DOCUMENTS_PER_PROCESS, RESIDENT_BYTES = 1000, 768 * 2**20
START_SECONDS = 60.0  # a start that takes longer fails
_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")
_FRAME = re.compile(r'File "(?:[^"\n]*/)?([^"/\n]*)", line (\d+) in (\S+)')  # as faulthandler writes them
_FRAMES = 3


class PoolSandbox:
    """The sandbox with isolation. Thread-safe: as many documents as processes are parsed at once."""

    kind, version = "pool", ""

    def __init__(self, options: Mapping[str, ParserOptions] | None = None, processes: int = 2) -> None:
        """Keep the options, by source; documents of other sources keep their own options.

        At most `processes` run, started with the first documents.
        """
        self.options: Mapping[str, ParserOptions] = dict(options or {})
        self._places = threading.BoundedSemaphore(processes)
        self._lock = threading.Lock()
        self._idle: list[ParserProcess] = []
        self._busy: set[ParserProcess] = set()
        self._closed = self._warned = False
        # One thread starts them all: a process ends with the thread that started it, and callers' threads come and go.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="parser-start")

    def parse(self, raw: RawDocument) -> Document:
        """Return the parsed document. Raises: as `ports.Sandbox`; RuntimeError if closed."""
        with _parse.prepared(raw, self.options) as document, self._places:
            for programs in (_parse.starts_program(document), True):  # its content may not match its name
                with suppress(_parse.ProgramNeeded):
                    return self._parse(document, programs)
            raise errors.ParserCrashed(f"{raw.ref.path}: its parser claims that it needs a program, and may start it")

    def _parse(self, raw: RawDocument, programs: bool, fresh: bool = False) -> Document:
        process, answer = self._take(programs, fresh), None
        used = process.asked > 0
        try:
            answer = self._answer(process, raw)
        except errors.ParserCrashed:
            if not used:
                raise
        finally:
            self._give_back(process, answer is not None and not answer.last)
        if answer is None:  # earlier documents in this process may be at fault: try it alone, once
            return self._parse(raw, programs, fresh=True)
        for note in answer.notes:
            log.warning("%s", note)
        if isinstance(answer.result, Exception):
            raise answer.result
        _parse.check_output(raw, answer.result)  # again: a process that a document controls did not
        return answer.result

    def close(self) -> None:
        """End all processes; documents being parsed fail."""
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
        """Return a process for exclusive use: the fitting one used last, so that the others may go."""
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
        process = ParserProcess(START_SECONDS, programs)
        missing = sorted(name for name, stands in process.walls.items() if not stands)
        if missing and not self._warned:
            self._warned = True
            log.warning("this system cannot restrict parsers' %s; see docs/security.md", " and ".join(missing))
        return process

    def _answer(self, process: ParserProcess, raw: RawDocument) -> _wire.ParserAnswer:
        """Return a process's answer about a document. Raises: DocumentError without one."""
        path, limits = raw.ref.path, raw.options.limits
        deadline = time.monotonic() + limits.wall_seconds
        try:
            process.asked += 1
            question = replace(raw, ref=replace(raw.ref, acl=(), tenant=""))  # a parser need not know who may see it
            frame = process.ask(question, deadline, _largest(limits))
            answer = _wire.ParserAnswer.model_validate_json(frame, strict=True)
        except TimeoutError as error:
            told = f"not parsed within {limits.wall_seconds:g} s (limits.wall_seconds)"
            raise errors.ParserTimeout(f"{path}: {told}") from error
        except TooLarge as error:
            most = f"{_largest(limits)} bytes that the limits allow (limits.blocks, text_characters, archive_bytes)"
            raise errors.OversizedDocument(f"{path}: parsed to more than the {most}") from error
        except ValidationError as error:
            told = f"no answer that can be read: {errors.first_fault(error)}"
            raise errors.ParserCrashed(f"{path}: its parser gave {told}") from error
        except OSError:  # the pipe is closed: it has ended
            _explain(raw, *process.kill(GRACE_SECONDS))
        if isinstance(answer.result, errors.InvalidSettings):  # or a process that a document controls claims so
            with _parse.as_document_errors(raw):
                parsers.check_installed([_parse.media_type_of(raw)], f"{path}: ", raw.options.parser)
            raise errors.ParserCrashed(f"{path}: its parser claims that installed libraries are missing")
        return answer

    def _give_back(self, process: ParserProcess, keep: bool) -> None:
        resident = _walls.memory(str(process.pid), _walls.RESIDENT)
        keep = keep and process.asked < DOCUMENTS_PER_PROCESS and resident <= RESIDENT_BYTES
        with self._lock:
            self._busy.discard(process)
            keep = keep and not self._closed
            if keep:
                self._idle.append(process)
        if not keep:
            process.kill()


def _largest(limits: ParseLimits) -> int:
    """Return the maximum bytes of an answer: JSON, with at most six for a character and four for three of a child."""
    content = 6 * limits.text_characters + 4 * limits.archive_bytes // 3
    return HEAD_LEAST + HEAD_PER_BLOCK * limits.blocks + content


def _explain(raw: RawDocument, code: int, said: str) -> NoReturn:
    path, limits = raw.ref.path, raw.options.limits
    if code == -signal.SIGXCPU:
        raise errors.ParserTimeout(f"{path}: took more than {limits.cpu_seconds:g} s of CPU time (limits.cpu_seconds)")
    how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
    if code == -signal.SIGABRT:
        how += f", which libraries do when out of memory (limits.memory_bytes is {limits.memory_bytes})"
    kind = errors.ParserKilled if code in (-signal.SIGKILL, -signal.SIGABRT) else errors.ParserCrashed  # or no memory
    # The first line of its output and its innermost functions, without addresses and folders.
    first = _ADDRESS.sub("0x…", next(iter(said.splitlines()), ""))[: _parse.MAX_MESSAGE]
    frames = [f"{name} line {line} in {function}" for name, line, function in _FRAME.findall(said)[:_FRAMES]]
    last_words = "".join(f"; {part}" for part in (first, ", ".join(frames)) if part)
    raise kind(f"{path}: its parser's process was {how}{last_words}")
