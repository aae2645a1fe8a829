"""Messages between this process and a parser process: plain values only, as a hostile document may control the latter.

    question   head: ref, media type, options                  body: the document's bytes
    answer     head: blocks, … or error and message            body: the text as UTF-8, then each child's bytes

No pickle: answers are built from numbers and strings, and validated.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Annotated, NamedTuple

from pydantic import BaseModel, Field, ValidationError

from ingest import errors
from ingest.adapters.child_pipe import Frame
from ingest.adapters.sandbox.parsing import ProgramNeeded
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

    result: Document | errors.DocumentError | ProgramNeeded
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


def _error(refused: Refused) -> errors.DocumentError | ProgramNeeded:
    if refused.error == Lacking.__name__:
        raise Lacking
    if refused.error == ProgramNeeded.__name__:
        return ProgramNeeded()
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
