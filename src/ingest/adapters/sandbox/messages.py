"""Messages between this process and a parser process: plain values only, as a hostile document may control the latter.

    question   head: ref, media type, options                  body: the document's bytes
    answer     head: blocks, … or error and message            body: the text as UTF-8, then each child's bytes
               head: LACKING                               body: media type, if its parser's libraries are missing

No pickle: answers are built from numbers and strings, and validated.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Annotated, NamedTuple

from pydantic import BaseModel, Field, RootModel, ValidationError
from pydantic_core import to_json

from ingest import errors
from ingest.adapters.child_pipe import Frame
from ingest.records import Block, BlockKind, Child, Document, DocumentRef, ParserOptions, RawDocument

KINDS = tuple(BlockKind)
MAX_NOTES, MAX_NOTE = 20, 500  # per document; characters
MAX_MESSAGE = 2000  # characters of an error's message

_KIND, *_OTHERS = (field.name for field in fields(Block))
_ROW = attrgetter(*_OTHERS)
Size = Annotated[int, Field(ge=0)]
BlockRow = tuple[Size, int, int, int, str, tuple[int, ...], int, str, int | None, tuple[str, ...]]  # fields of Block


class Judged(BaseModel, strict=True):
    """What all heads of answers about a document have in common."""

    notes: tuple[str, ...]  # the parser's warnings
    last: bool  # the worker ends after it


class Parsed(Judged):
    """Head of an answer with a document."""

    title: str
    media_type: str
    parser: str
    language: str
    text: Size  # bytes
    blocks: tuple[BlockRow, ...]
    children: tuple[tuple[str, str, Size], ...]  # path, media type, bytes


class Refused(Judged):
    """Head of an answer with an error."""

    error: str
    message: str


LACKING = b"lacking"  # head of the answer if this installation lacks the libraries of the parser; body: the media type
PROGRAM_NEEDED = Frame(b"program needed")  # the answer to a document whose parser starts a program


class BadAnswer(ValueError):
    """An answer that no honest worker gives."""


class Lacking(Exception):
    """The answer that the parser of a media type (the argument) lacks libraries; the receiver must check this."""


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


def answer(document: Document, notes: Sequence[str] = (), last: bool = False) -> Frame:
    """Return the answer with a document and its parser's warnings; `last` if the worker ends after it."""
    text = document.text.encode()
    head = Parsed.model_construct(
        notes=_shown(notes),
        last=last,
        **{name: getattr(document, name) for name in ("title", "media_type", "parser", "language")},
        text=len(text),
        blocks=tuple((KINDS.index(block.kind), *_ROW(block)) for block in document.blocks),
        children=tuple((child.path, child.media_type, len(child.data)) for child in document.children),
    )
    return Frame(to_json(head), b"".join([text, *(child.data for child in document.children)]))


def refusal(error: errors.DocumentError, last: bool, notes: Sequence[str] = ()) -> Frame:
    """Return the answer with an error."""
    message = str(error)[:MAX_MESSAGE].encode(errors="backslashreplace").decode()
    return Frame(to_json(Refused(notes=_shown(notes), error=type(error).__name__, message=message, last=last)))


class ParserAnswer(NamedTuple):
    """A worker's answer."""

    result: Document | errors.DocumentError | None  # None: a process that may start programs must be asked
    last: bool  # the worker ends after it
    notes: tuple[str, ...]  # the parser's warnings


def answered(frame: Frame) -> ParserAnswer:
    """Return the content of an answer. Raises: BadAnswer, Lacking."""
    try:
        if frame == PROGRAM_NEEDED:
            return ParserAnswer(None, False, ())
        if frame.head == LACKING:
            raise Lacking(str(frame.body, "utf-8"))
        head = RootModel[Parsed | Refused].model_validate_json(frame.head).root
        result = _error(head) if isinstance(head, Refused) else _document(head, memoryview(frame.body))
        return ParserAnswer(result, head.last, _shown(head.notes))
    except ValidationError as error:
        raise BadAnswer(errors.first_fault(error)) from error
    except UnicodeDecodeError as error:
        raise BadAnswer(f"text that is not UTF-8: {error.reason}") from error


def _shown(notes: Sequence[str]) -> tuple[str, ...]:
    """Return the first notes, each as one line that is safe to log: a document could put anything there."""
    return tuple("".join(c if c.isprintable() else " " for c in note[:MAX_NOTE]) for note in notes[:MAX_NOTES])


def _error(head: Refused) -> errors.DocumentError:
    kind = getattr(errors, head.error, None)
    if not (isinstance(kind, type) and issubclass(kind, errors.DocumentError)):
        raise BadAnswer(f"no error of a document: {head.error!r:.100}")
    return kind(head.message[:MAX_MESSAGE])


def _document(head: Parsed, body: memoryview) -> Document:
    text = str(body[: head.text], "utf-8")
    blocks = tuple(_blocks(head.blocks, len(text)))
    children = tuple(_children(head, body[head.text :]))
    return Document(text, blocks, head.title, head.media_type, head.parser, head.language, children)


def _blocks(rows: tuple[BlockRow, ...], length: int) -> Iterator[Block]:
    at = 0
    for row in rows:
        kind, start, end = row[:3]
        if not (at <= start <= end <= length and kind < len(KINDS)):
            raise BadAnswer(f"block {start} to {end} after {at} of {length} characters")
        at = end
        yield Block(KINDS[kind], *row[1:])


def _children(head: Parsed, body: memoryview) -> Iterator[Child]:
    at = 0
    for path, media_type, size in head.children:
        yield Child(path, bytes(body[at : at + size]), media_type)
        at += size
    if at != len(body):
        raise BadAnswer(f"children of {at} bytes in {len(body)}")
