"""A parser process, which answers questions until the pipe is closed, and the messages to it and from it.

    question   ref, media type, options; then the document's bytes
    answer     blocks, text, children, … or error and message

The process imports only parsers; `pool_sandbox` asks it. Messages have plain values only, as a hostile document may
control the process. No pickle: answers are built from numbers and strings, and validated.
"""

import faulthandler
import gc
import json
import logging
import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import to_json

from ingest import errors
from ingest.adapters.sandbox import parsing as _parse
from ingest.adapters.sandbox import process_limits as _walls
from ingest.documents import parsers
from ingest.process_guard import end_with
from ingest.records import Document, DocumentRef, Listed, ParserOptions, RawDocument

MAX_NOTES, MAX_NOTE = 20, 500  # per document; characters
MAX_MESSAGE = 2000  # characters of an error's message


@dataclass(frozen=True)
class Refused:
    """An error of a document, ProgramNeeded, or InvalidSettings: the claim that its parser lacks libraries."""

    error: str  # its class
    message: str


class AnswerHead(BaseModel):
    """An answer about a document, as JSON."""

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    result: Document | Refused
    notes: Listed[str]  # the parser's warnings
    last: bool  # the worker ends after it


class BadAnswer(ValueError):
    """An answer that no honest worker gives."""


def ask(raw: RawDocument) -> tuple[bytes, bytes]:
    """Return the question for a document, in two messages."""
    shown = ("uri", "source", "path", "version", "size", "modified", "media_type", "title")
    ref = {name: getattr(raw.ref, name) for name in shown}
    head = {"ref": ref, "media_type": raw.media_type, "options": raw.options.model_dump_json()}
    return json.dumps(head).encode(), raw.data  # unlike pydantic, it can encode names that are not UTF-8


def asked(question: bytes, data: bytes) -> RawDocument:
    """Return the document of a question."""
    head = json.loads(question)
    options = ParserOptions.model_validate_json(head["options"])
    return RawDocument(DocumentRef(**head["ref"]), data, head["media_type"], options)


def answer(result: Document | Exception, notes: Sequence[str] = (), last: bool = False) -> bytes:
    """Return the answer with a document or an error, and the parser's warnings; `last` if the worker ends after it."""
    told: Document | Refused
    if isinstance(result, Document):
        told = result
    else:
        message = str(result)[:MAX_MESSAGE].encode(errors="backslashreplace").decode()
        told = Refused(type(result).__name__, message)
    whole = AnswerHead.model_construct(result=told, notes=tuple(notes), last=last)
    return TypeAdapter(AnswerHead).dump_json(whole, exclude_defaults=True)


class ParserAnswer(NamedTuple):
    """A worker's answer."""

    result: Document | _parse.NotParsed
    last: bool  # the worker ends after it
    notes: tuple[str, ...]  # the parser's warnings


def answered(data: bytes) -> ParserAnswer:
    """Return the content of an answer. Raises: BadAnswer."""
    try:
        told = AnswerHead.model_validate_json(data, strict=True)
    except ValidationError as error:
        raise BadAnswer(errors.first_fault(error)) from error
    result = _error(told.result) if isinstance(told.result, Refused) else _checked(told.result)
    # The first notes, each as one line that is safe to log: a document could put anything there.
    notes = ("".join(c if c.isprintable() else " " for c in note[:MAX_NOTE]) for note in told.notes[:MAX_NOTES])
    return ParserAnswer(result, told.last, tuple(notes))


def _error(refused: Refused) -> _parse.NotParsed:
    kind = getattr(errors, refused.error, _parse.ProgramNeeded if refused.error == "ProgramNeeded" else None)
    if isinstance(kind, type) and issubclass(kind, _parse.NotParsed):
        return kind(refused.message[:MAX_MESSAGE])
    raise BadAnswer(f"no error of a document: {refused.error!r:.100}")


def _checked(document: Document) -> Document:
    at, length = 0, len(document.text)
    for block in document.blocks:
        if not at <= block.start <= block.end <= length:
            raise BadAnswer(f"block {block.start} to {block.end} after {at} of {length} characters")
        at = block.end
    return document


def main() -> None:
    """Serve until the other end is closed.

    Arguments: the pipe's descriptor, the parent's process id, 1 if parsers may start programs, else 0.
    The first message states which of the kernel's limits are in force.
    """
    pipe, parent, programs = Connection(int(sys.argv[1])), int(sys.argv[2]), sys.argv[3] == "1"
    end_with(parent)
    notes = _silence()
    parsers.media_types()  # imports every parser
    walls = _walls.raise_walls(programs)
    gc.collect()
    gc.freeze()
    pipe.send_bytes(to_json(walls))
    last = False
    with suppress(EOFError):
        while not last:
            reply, last = _reply(asked(pipe.recv_bytes(), pipe.recv_bytes()), programs, notes)
            pipe.send_bytes(reply)
            del reply


def _reply(raw: RawDocument, programs: bool, notes: "_Notes") -> tuple[bytes, bool]:
    """Return the answer for a document, and whether this process should end after it.

    It ends after running out of memory, and if a program left something running.
    """
    notes.kept = []
    result: Document | Exception
    try:
        _walls.allow(raw.options.limits, programs)
        with _parse.as_document_errors(raw):
            result = _parse.parse(raw, programs)
    except (errors.DocumentError, errors.InvalidSettings, _parse.ProgramNeeded) as error:
        result = error
    last = isinstance(getattr(result, "__cause__", None), MemoryError) or (programs and _walls.left_running())
    _walls.relax()
    return answer(result, notes.kept, last), last


def _silence() -> "_Notes":
    """Keep libraries out of the logs, and return what collects the warnings of our own parsers."""
    os.set_blocking(2, False)  # a full pipe must not stop a parser
    faulthandler.enable()
    warnings.simplefilter("ignore")
    sys.stderr = open(os.devnull, "w", encoding="utf-8", errors="replace")  # noqa: PTH123, SIM115  for good
    logging.lastResort = None
    logging.getLogger().addHandler(logging.NullHandler())
    notes, ours = _Notes(logging.WARNING), logging.getLogger("ingest")
    ours.addHandler(notes)
    ours.propagate = False
    return notes


class _Notes(logging.Handler):
    """Collects the first warnings about one document."""

    kept: list[str]  # anew for each document

    def emit(self, record: logging.LogRecord) -> None:
        if len(self.kept) < MAX_NOTES:
            self.kept.append(record.getMessage()[:MAX_NOTE].encode(errors="replace").decode())


if __name__ == "__main__":
    # The one line that the parent reads when a worker cannot start.
    sys.excepthook = lambda kind, error, _: os.write(2, f"{kind.__name__}: {error}"[:1000].encode(errors="replace"))
    main()
