"""Messages between this process and a parser's: plain values only, for a hostile document may have taken that over.

    frame      head length (4 bytes) │ body length (8 bytes) │ head: JSON │ body
    question   head: ref, media type, options                  body: the document's bytes
    answer     head: blocks, … or error and message            body: the text as UTF-8, then each child's bytes
               head: media type, when its parser's libraries are not installed

No pickle: what comes back is built from numbers and strings, and checked.
"""

import json
import struct
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from pydantic_core import from_json, to_json

from ingest import errors
from ingest.records import Block, BlockKind, Child, Document, DocumentRef, ParserOptions, RawDocument

HEADER = struct.Struct("!IQ")
KINDS = tuple(BlockKind)
SMALL = 2**16  # bytes
MAX_NOTES, MAX_NOTE = 20, 500  # for one document; characters
MAX_MESSAGE = 2000  # characters of an error's message


class Frame(NamedTuple):
    """One message."""

    head: bytes
    body: bytes | bytearray | memoryview


def parts(frame: Frame) -> Iterator[memoryview]:
    """Yield the bytes of a message; a small one in one piece, so that its reader wakes once."""
    head = HEADER.pack(len(frame.head), len(frame.body)) + frame.head
    if len(frame.body) <= SMALL:
        yield memoryview(head + frame.body)
    else:
        yield from (memoryview(head), memoryview(frame.body))


PROGRAM_NEEDED = Frame(b"program needed", b"")  # the answer to a document whose parser starts a program


class BadAnswer(ValueError):
    """An answer that no honest worker gives."""


class Lacking(Exception):
    """An answer which says that the parser of a media type, its argument, cannot run; whoever reads it looks again."""


def ask(raw: RawDocument) -> Frame:
    """Return the question for a document."""
    ref = {name: getattr(raw.ref, name) for name in ("uri", "source", "path", "version", "size", "modified", "title")}
    ref["media_type"] = raw.ref.media_type
    head = {"ref": ref, "media_type": raw.media_type, "options": _packed(raw.options)}
    return Frame(json.dumps(head).encode(), raw.data)  # which, unlike pydantic's, knows names that are not UTF-8


def asked(frame: Frame) -> RawDocument:
    """Return the document of a question."""
    head = json.loads(frame.head)
    return RawDocument(DocumentRef(**head["ref"]), bytes(frame.body), head["media_type"], _unpacked(head["options"]))


@lru_cache(maxsize=64)  # they are those of the sources
def _packed(options: ParserOptions) -> str:
    return json.dumps(options.model_dump())


@lru_cache(maxsize=64)
def _unpacked(text: str) -> ParserOptions:
    return ParserOptions(**json.loads(text))


def answer(document: Document, notes: Sequence[str] = (), last: bool = False) -> Frame:
    """Return the answer that holds a document, and what its parser warned of; `last` when the worker ends after it."""
    text = document.text.encode()
    rows = [
        (
            KINDS.index(b.kind),
            b.start,
            b.end,
            b.level,
            b.title,
            b.breaks,
            b.header_end,
            b.language,
            b.page,
            b.marks,
        )
        for b in document.blocks
    ]
    head = {
        "notes": _shown(notes),
        "last": last,
        "title": document.title,
        "media_type": document.media_type,
        "parser": document.parser,
        "language": document.language,
        "text": len(text),
        "blocks": rows,
        "children": [(child.path, child.media_type, len(child.data)) for child in document.children],
    }
    body = b"".join([text, *(child.data for child in document.children)]) if document.children else text
    return Frame(to_json(head), body)


def refusal(error: errors.DocumentError, last: bool, notes: Sequence[str] = ()) -> Frame:
    """Return the answer that holds an error; `last` when the worker ends after it."""
    message = str(error)[:MAX_MESSAGE].encode(errors="backslashreplace").decode()
    return Frame(
        to_json({"error": type(error).__name__, "message": message, "last": last, "notes": _shown(notes)}), b""
    )


def lacking(media_type: str) -> Frame:
    """Return the answer that no document of this media type can be parsed by this installation."""
    return Frame(to_json({"lacking": media_type}), b"")


class Answer(NamedTuple):
    """What a worker says."""

    result: Document | errors.DocumentError | None  # None: a process that may start programs must be asked
    last: bool  # the worker ends after it
    notes: tuple[str, ...]  # what the parser warned of


def answered(frame: Frame) -> Answer:
    """Return the content of an answer. Raises: BadAnswer, Lacking."""
    try:
        if frame == PROGRAM_NEEDED:
            return Answer(None, False, ())
        head = from_json(frame.head)
        if "lacking" in head:
            raise Lacking(str(head["lacking"]))
        notes = tuple(_printable(str(note)) for note in head["notes"][:MAX_NOTES])
        if "error" in head:
            return Answer(_error(head["error"], str(head["message"])), bool(head["last"]), notes)
        return Answer(_document(head, memoryview(frame.body)), bool(head["last"]), notes)
    except (BadAnswer, Lacking):
        raise
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise BadAnswer(f"{type(error).__name__}: {str(error)[:200]}") from error


def _shown(notes: Sequence[str]) -> list[str]:
    return [_printable(note) for note in notes[:MAX_NOTES]]


def _printable(note: str) -> str:
    """Return one line that a log may show: a document could say anything."""
    return "".join(c if c.isprintable() else " " for c in note[:MAX_NOTE])


def _error(name: str, message: str) -> errors.DocumentError:
    kind = getattr(errors, str(name), None)
    if not (isinstance(kind, type) and issubclass(kind, errors.DocumentError)):
        raise BadAnswer(f"no error of a document: {name!r:.100}")
    return kind(message[:MAX_MESSAGE])


def _document(head: dict[str, Any], body: memoryview) -> Document:
    text = str(body[: head["text"]], "utf-8")
    blocks = tuple(_blocks(head["blocks"], len(text)))
    children = tuple(_children(head["children"], body[head["text"] :]))
    names = [head[name] for name in ("title", "media_type", "parser", "language")]
    if not all(isinstance(name, str) for name in names):
        raise BadAnswer("a name that is no text")
    title, media_type, parser, language = names
    return Document(text, blocks, title, media_type, parser, language, children)


def _blocks(rows: list[Any], length: int) -> Iterator[Block]:
    at = 0
    for kind, start, end, level, title, breaks, header_end, language, page, marks in rows:
        if not (at <= start <= end <= length and 0 <= kind < len(KINDS)):
            raise BadAnswer(f"block {start} to {end} after {at} of {length} characters")
        numbers_and_words = type(level) is type(header_end) is int and type(title) is type(language) is str
        if not (numbers_and_words and (page is None or type(page) is int)):
            raise BadAnswer(f"block {start} to {end}: a field is of another type")
        if breaks and set(map(type, breaks)) != {int}:
            raise BadAnswer(f"block {start} to {end}: breaks are no numbers")
        at = end
        yield Block(
            KINDS[kind],
            start,
            end,
            level,
            title,
            tuple(breaks),
            header_end,
            language,
            page,
            tuple(map(str, marks)) if marks else (),
        )


def _children(rows: list[Any], body: memoryview) -> Iterator[Child]:
    at = 0
    for path, media_type, size in rows:
        if not (type(path) is type(media_type) is str and type(size) is int and 0 <= size <= len(body) - at):
            raise BadAnswer(f"a child of {size!r:.20} bytes at {at} of {len(body)}")
        yield Child(path, bytes(body[at : at + size]), media_type)
        at += size
    if at != len(body):
        raise BadAnswer(f"{len(body) - at} bytes after the last child")
