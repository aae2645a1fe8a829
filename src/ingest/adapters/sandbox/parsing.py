"""What every sandbox does with one document: check its size, sniff, find the parser, run it, check the result."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace

from ingest import errors
from ingest.documents import media_types, parsers
from ingest.records import Document, ParserOptions, RawDocument

_XML_ERR_NO_MEMORY = 2
MAX_MESSAGE = 300  # characters of a library's message: some quote the whole document


class ProgramNeeded(Exception):
    """The document's parser starts a program, and this process may not."""


NotParsed = errors.DocumentError | errors.InvalidSettings | ProgramNeeded  # of the installation: InvalidSettings


def parse(raw: RawDocument, programs: bool = True) -> Document:
    """Return a `prepared` document parsed, complete and within limits; the caller enforces those of time and memory.

    Raises: DocumentError; InvalidSettings if the libraries of its parser are not installed, which is not the document's
    fault; ProgramNeeded if its parser starts a program and `programs` is False; what the parser raises.
    """
    path, media_type = raw.ref.path, media_type_of(raw)
    if media_type == media_types.OCTETS and raw.data:
        begin = raw.data[:16].hex(" ")
        raise errors.UnsupportedFormat(f"{path}: binary content of no known format; it begins with {begin}")
    if not programs and parsers.starts_program(media_type, raw.options.parser):
        raise ProgramNeeded
    parser = parsers.find(media_type, path, raw.options.parser)
    parsers.check_installed([media_type], f"{path}: ", raw.options.parser)
    document: Document = parser.parse(replace(raw, media_type=media_type))
    check_output(raw, document)
    return document


@contextmanager
def as_document_errors(raw: RawDocument) -> Iterator[None]:
    """Translate a parser's errors into DocumentError, also those of memory and depth that a library has wrapped."""
    path, limits = raw.ref.path, raw.options.limits
    try:
        yield
    except Exception as error:  # a parser's own faults must not stop the run
        chain = tuple(_chain(error))
        # libxml2 reports that memory ran out as a syntax error.
        codes = [getattr(link, "code", None) for link in chain if type(link).__module__ == "lxml.etree"]
        if _XML_ERR_NO_MEMORY in codes or any(isinstance(link, MemoryError) for link in chain):
            most = f"the parser may take {limits.memory_bytes} bytes (limits.memory_bytes)"
            raise errors.OversizedDocument(f"{path}: out of memory; {most}") from error
        if isinstance(error, NotParsed):
            raise
        if any(isinstance(link, RecursionError) for link in chain):
            most = f"the limit is {limits.nesting} levels (limits.nesting)"
            raise errors.OversizedDocument(f"{path}: nested too deeply for its parser; {most}") from error
        message = str(error)[:MAX_MESSAGE]
        raise errors.ParserCrashed(f"{path}: {type(error).__name__}: {message}") from error


@contextmanager
def prepared(raw: RawDocument, options: Mapping[str, ParserOptions]) -> Iterator[RawDocument]:
    """Yield the document with its source's options, if there are any, and name the parser on a DocumentError.

    Also if its process gave no answer. Raises: OversizedDocument for one over its limit in bytes, not looked at.
    """
    raw = replace(raw, options=options.get(raw.ref.source, raw.options))
    limit = raw.options.limits.document_bytes
    try:
        if len(raw.data) > limit:
            raise errors.OversizedDocument(f"{raw.ref.path}: {len(raw.data)} bytes, the limit is {limit}")
        yield raw
    except errors.DocumentError as error:
        with suppress(Exception):  # sniffing itself may fail on odd bytes: no parser read them
            error.parser = parsers.owner(media_type_of(raw), raw.options.parser)
        raise


def starts_program(raw: RawDocument) -> bool:
    """Return whether a document starts a program, judging by name and claimed type, without its bytes."""
    return raw.options.ocr or parsers.starts_program(media_type_of(replace(raw, data=b"")), raw.options.parser)


def media_type_of(raw: RawDocument) -> str:
    """Return a document's media type, see `media_types.sniff`."""
    claimed = raw.media_type or raw.ref.media_type
    if not parsers.owner(media_types.claim(claimed), raw.options.parser):
        claimed = ""  # text is text, also where its source calls it something that nobody reads
    return media_types.sniff(raw.data, raw.ref.path, claimed, raw.options.media_types)


def check_output(raw: RawDocument, document: Document) -> None:
    """Enforce the output limits, for parsers that do not do so themselves. Raises: DocumentError."""
    path, limits = raw.ref.path, raw.options.limits
    if not document.blocks and not document.children:
        raise errors.EmptyDocument(f"{path}: {len(raw.data)} bytes of {document.media_type}, but no text")
    children = sum(len(child.data) for child in document.children)
    sizes = {"text_characters": len(document.text), "blocks": len(document.blocks)}
    for name, found in {**sizes, "archive_entries": len(document.children), "archive_bytes": children}.items():
        if found > (limit := getattr(limits, name)):
            raise errors.OversizedDocument(f"{path}: parsed to {found} {name}, the limit is {limit} (limits.{name})")
    names = (document.title, *(block.title for block in document.blocks), *(child.path for child in document.children))
    for what, text in (("text", document.text), ("titles", "".join(names))):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            place = f"character {error.start} of its {what}"
            raise errors.MalformedDocument(f"{path}: half of a surrogate pair at {place}") from error


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and its causes, up to a limit."""
    for _ in range(20):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__
