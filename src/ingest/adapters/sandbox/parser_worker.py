"""A parser process, which answers questions until the pipe is closed, and the messages to it and from it.

    question   head: ref, media type, options                  body: the document's bytes
    answer     head: blocks, … or error and message            body: the text as UTF-8, then each child's bytes

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
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Annotated, NamedTuple

from pydantic import BaseModel, Field, ValidationError
from pydantic_core import to_json

from ingest import errors
from ingest.adapters.child_pipe import ChildPipe, Frame, end_with
from ingest.adapters.sandbox import parsing as _parse
from ingest.adapters.sandbox import process_limits as _walls
from ingest.documents import parsers
from ingest.records import Document, DocumentRef, Listed, ParserOptions, RawDocument

MAX_NOTES, MAX_NOTE = 20, 500  # per document; characters
MAX_MESSAGE = 2000  # characters of an error's message


@dataclass(frozen=True)
class Refused:
    """An error of a document, ProgramNeeded, or Lacking."""

    error: str  # its class
    message: str


class Head(BaseModel):
    """Head of an answer about a document."""

    result: Document | Refused  # a document without its text and its children's bytes
    sizes: Listed[Annotated[int, Field(ge=0, lt=2**63)]] = ()  # of these, in bytes
    notes: Listed[str]  # the parser's warnings
    last: bool  # the worker ends after it


class BadAnswer(ValueError):
    """An answer that no honest worker gives."""


class Lacking(Exception):
    """The answer that the document's parser lacks libraries; the receiver must check this."""


def ask(raw: RawDocument) -> Frame:
    """Return the question for a document."""
    shown = ("uri", "source", "path", "version", "size", "modified", "media_type", "title")
    ref = {name: getattr(raw.ref, name) for name in shown}
    head = {"ref": ref, "media_type": raw.media_type, "options": raw.options.model_dump_json()}
    return Frame(json.dumps(head).encode(), raw.data)  # unlike pydantic, it can encode names that are not UTF-8


def asked(frame: Frame) -> RawDocument:
    """Return the document of a question."""
    head = json.loads(frame.head)
    options = ParserOptions.model_validate_json(head["options"])
    return RawDocument(DocumentRef(**head["ref"]), bytes(frame.body), head["media_type"], options)


def answer(result: Document | Exception, notes: Sequence[str] = (), last: bool = False) -> Frame:
    """Return the answer with a document or an error, and the parser's warnings; `last` if the worker ends after it."""
    told: Document | Refused
    if isinstance(result, Document):
        parts = [result.text.encode(), *(child.data for child in result.children)]
        told = replace(result, text="", children=tuple(replace(child, data=b"") for child in result.children))
    else:
        message = str(result)[:MAX_MESSAGE].encode(errors="backslashreplace").decode()
        parts, told = [], Refused(type(result).__name__, message)
    head = Head.model_construct(result=told, sizes=tuple(map(len, parts)), notes=tuple(notes), last=last)
    return Frame(head.model_dump_json(exclude_defaults=True).encode(), b"".join(parts))


class ParserAnswer(NamedTuple):
    """A worker's answer."""

    result: Document | errors.DocumentError | _parse.ProgramNeeded
    last: bool  # the worker ends after it
    notes: tuple[str, ...]  # the parser's warnings


def answered(frame: Frame) -> ParserAnswer:
    """Return the content of an answer. Raises: BadAnswer, Lacking."""
    try:
        head = Head.model_validate_json(frame.head, strict=True)
        told = head.result
        result = _error(told) if isinstance(told, Refused) else _document(told, head.sizes, memoryview(frame.body))
    except ValidationError as error:
        raise BadAnswer(errors.first_fault(error)) from error
    except UnicodeDecodeError as error:
        raise BadAnswer(f"text that is not UTF-8: {error.reason}") from error
    # The first notes, each as one line that is safe to log: a document could put anything there.
    notes = ("".join(c if c.isprintable() else " " for c in note[:MAX_NOTE]) for note in head.notes[:MAX_NOTES])
    return ParserAnswer(result, head.last, tuple(notes))


def _error(refused: Refused) -> errors.DocumentError | _parse.ProgramNeeded:
    if refused.error == Lacking.__name__:
        raise Lacking
    if refused.error == _parse.ProgramNeeded.__name__:
        return _parse.ProgramNeeded()
    kind = getattr(errors, refused.error, None)
    if not (isinstance(kind, type) and issubclass(kind, errors.DocumentError)):
        raise BadAnswer(f"no error of a document: {refused.error!r:.100}")
    return kind(refused.message[:MAX_MESSAGE])


def _document(bare: Document, sizes: tuple[int, ...], body: memoryview) -> Document:
    if (len(sizes), sum(sizes)) != (1 + len(bare.children), len(body)):
        raise BadAnswer(f"{len(sizes)} parts of {sum(sizes)} bytes in {len(body)}, of {len(bare.children)} children")
    parts = (body[end - size : end] for size, end in zip(sizes, accumulate(sizes), strict=True))
    text, at = str(next(parts), "utf-8"), 0
    for block in bare.blocks:
        if not at <= block.start <= block.end <= len(text):
            raise BadAnswer(f"block {block.start} to {block.end} after {at} of {len(text)} characters")
        at = block.end
    children = (replace(child, data=bytes(part)) for child, part in zip(bare.children, parts, strict=True))
    return replace(bare, text=text, children=tuple(children))


def main() -> None:
    """Serve until the other end is closed.

    Arguments: the pipe's descriptor, the parent's process id, 1 if parsers may start programs, else 0.
    The first message states which of the kernel's limits are in force.
    """
    pipe, parent, programs = ChildPipe(int(sys.argv[1])), int(sys.argv[2]), sys.argv[3] == "1"
    end_with(parent)
    notes = _silence()
    parsers.media_types()  # imports every parser
    walls = _walls.raise_walls(programs)
    gc.collect()
    gc.freeze()
    pipe.send(Frame(to_json(walls)))
    while (frame := pipe.receive()) is not None:
        reply, last = _reply(asked(frame), programs, notes)
        del frame
        _walls.relax()
        pipe.send(reply)
        del reply
        if last:
            break


def _reply(raw: RawDocument, programs: bool, notes: "_Notes") -> tuple[Frame, bool]:
    """Return the answer for a document, and whether this process should end after it.

    It ends after running out of memory, and if a program left something running.
    """
    notes.kept = []
    try:
        _walls.allow(raw.options.limits, programs)
        with _parse.as_document_errors(raw):
            document = _parse.parse(raw, programs)
            last = programs and _walls.left_running()
            return answer(document, notes.kept, last), last
    except (errors.DocumentError, _parse.ProgramNeeded) as error:
        last = isinstance(error.__cause__, MemoryError) or (programs and _walls.left_running())
        return answer(error, notes.kept, last), last
    except errors.InvalidSettings:
        return answer(Lacking()), False


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
