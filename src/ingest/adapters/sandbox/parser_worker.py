"""A parser process, which answers questions until the pipe is closed, and the messages to it and from it.

    question   the document, pickled
    answer     blocks, text, children, … or error and message, as JSON

The process imports only parsers; `pool_sandbox` asks it. Answers have plain values only, as a hostile document may
control the process. No pickle: they are built from numbers and strings, and validated.
"""

import faulthandler
import gc
import logging
import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, PlainSerializer, PlainValidator, TypeAdapter, model_validator
from pydantic_core import to_json

from ingest import errors
from ingest.adapters.sandbox import parsing as _parse
from ingest.adapters.sandbox import process_limits as _walls
from ingest.documents import parsers
from ingest.process_guard import end_with
from ingest.records import Document, Listed, RawDocument

MAX_NOTES, MAX_NOTE = 20, 500  # per document; characters
MAX_MESSAGE = 2000  # characters of an error's message


def _named(told: Any) -> _parse.NotParsed:
    """Return the error that an answer names. Raises: ValueError if it is none of a document."""
    match told:
        case {"error": str(name), "message": str(message)}:
            kind = getattr(errors, name, _parse.ProgramNeeded if name == "ProgramNeeded" else None)
            if isinstance(kind, type) and issubclass(kind, _parse.NotParsed):
                return kind(message[:MAX_MESSAGE])
    raise ValueError("no error of a document")


def _name(error: Exception) -> dict[str, str]:
    message = str(error)[:MAX_MESSAGE].encode(errors="backslashreplace").decode()
    return {"error": type(error).__name__, "message": message}


class ParserAnswer(BaseModel):
    """An answer about a document, as JSON. `result` may be InvalidSettings: the claim that its parser lacks libraries.

    Validation raises for what no honest worker gives.
    """

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64", arbitrary_types_allowed=True)

    result: Document | Annotated[_parse.NotParsed, PlainValidator(_named), PlainSerializer(_name)]
    notes: Listed[str]  # the parser's first warnings, each as one line that is safe to log
    last: bool  # the worker ends after it

    @model_validator(mode="after")
    def _check(self) -> Self:
        self.notes = tuple("".join(c if c.isprintable() else " " for c in n[:MAX_NOTE]) for n in self.notes[:MAX_NOTES])
        at, length = 0, 0 if isinstance(self.result, Exception) else len(self.result.text)
        for block in () if isinstance(self.result, Exception) else self.result.blocks:
            if not at <= block.start <= block.end <= length:
                raise ValueError(f"block {block.start} to {block.end} after {at} of {length} characters")
            at = block.end
        return self


def answer(result: Document | _parse.NotParsed, notes: Sequence[str] = (), last: bool = False) -> bytes:
    """Return an answer as it is sent."""
    whole = ParserAnswer.model_construct(result=result, notes=tuple(notes), last=last)
    return TypeAdapter(ParserAnswer).dump_json(whole, exclude_defaults=True)


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
    with suppress(EOFError):
        while not _serve(pipe, programs, notes):
            pass


def _serve(pipe: Connection, programs: bool, notes: "_Notes") -> bool:
    """Answer a question; return whether this process should end: it ran out of memory, or programs are running on."""
    raw: RawDocument = pipe.recv()
    notes.kept = []
    result: Document | _parse.NotParsed
    try:
        _walls.allow(raw.options.limits, programs)
        with _parse.as_document_errors(raw):
            result = _parse.parse(raw, programs)
    except (errors.DocumentError, errors.InvalidSettings, _parse.ProgramNeeded) as error:
        result = error
    last = isinstance(getattr(result, "__cause__", None), MemoryError) or (programs and _walls.left_running())
    _walls.relax()
    pipe.send_bytes(answer(result, notes.kept, last))
    return last


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
