"""Mailboxes (mbox): messages one after the other, each behind a line that begins with `From ` and ends with a date.

Such a line counts only behind a blank line and before a header, or before several where the blank line is missing, and
not inside the length that a message states for its body (mboxcl). Lines of bodies that begin so are quoted with `>`,
which is undone (mboxo, mboxrd).
"""

import re
from collections.abc import Iterator
from email.parser import BytesHeaderParser

from ingest.documents.media_types import MAILBOX
from ingest.documents.parsers._markup.mail import child
from ingest.documents.parsers._markup.mail_headers import decoded_words, raw_headers
from ingest.documents.parsers._reading.archives import check_entries
from ingest.errors import EmptyDocument
from ingest.ids import sha256_hex
from ingest.records import Child, Document, RawDocument

_SEVERAL = rb"(?=(?:[!-9;-~]{1,99}:[^\n]{0,998}\n(?:[ \t][^\n]{0,998}\n){0,9}){3})"  # headers
_START = re.compile(rb"(?:\A|(?<=\n\n)|(?<=\n\r\n))" + MAILBOX.pattern + rb"|(?<=\n)" + MAILBOX.pattern + _SEVERAL)
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)
_LINES = re.compile(rb"(?:[!-9;-~]{1,99}:[^\n]*\n|[ \t][^\n]*\n)*")  # of headers
_LENGTH = re.compile(rb"^Content-Length:[ \t]*(\d{1,12})[ \t]*\r?$", re.MULTILINE | re.IGNORECASE)
_HEADERS = 64 * 1024  # bytes of a message in which its subject and its number are looked for
_SUBJECT = 100  # characters of it in a child's name
_DIGITS = 8  # of the digest by which messages with the same subject differ


def is_mailbox(data: bytes) -> bool:
    """Return whether bytes are more than one message."""
    starts = _starts(data) if data.startswith(b"From ") else iter(())
    return next(starts, None) is not None and next(starts, None) is not None


def mailbox_document(raw: RawDocument, data: bytes, parser: str) -> Document:
    """Return a document whose children are the messages, in their order; without a message's line, one message.

    Their names do not change when others are added or removed. Raises: EmptyDocument, OversizedDocument.
    """
    path, limits = raw.ref.path, raw.options.limits
    taken: dict[str, int] = {}
    children: list[Child] = []
    for message in _messages(data):
        if message.strip():
            check_entries(path, len(children) + 1, limits)
            children.append(child(_name(message, path), message, "message/rfc822", taken))
    if not children:
        raise EmptyDocument(f"{path}: a mailbox without messages")
    return Document("", (), "", raw.media_type, parser, children=tuple(children))


def _messages(data: bytes) -> Iterator[bytes]:
    begin = 0
    for start, end in _starts(data):
        if start:
            yield _unquoted(data[begin:start])
        begin = end
    yield _unquoted(data[begin:])


def _starts(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield where the line before a message begins and ends."""
    body_end = 0
    for match in _START.finditer(data):
        if match.start() >= body_end:
            yield match.span()
            body_end = _body_end(data, match.end())


def _body_end(data: bytes, start: int) -> int:
    """Return where the body of a message ends by its own statement; 0 without one, or if no message begins there."""
    lines = _LINES.match(data, start)
    head = lines.end() if lines else start
    blank = next((end for end in (b"\n", b"\r\n") if data.startswith(end, head)), b"")
    stated = _LENGTH.search(data, start, head) if blank else None
    if stated is None:
        return 0
    end = head + len(blank) + int(stated[1])
    rest = data[end : end + 4]
    following = end + len(rest) - len(rest.lstrip(b"\r\n"))
    return end if following == len(data) or MAILBOX.match(data, following) else 0


def _unquoted(message: bytes) -> bytes:
    return _QUOTED.sub(rb"\1", message.removesuffix(b"\n").removesuffix(b"\r"))


def _name(message: bytes, path: str) -> str:
    """Return a name from the subject and the number of a message."""
    head = message[:_HEADERS]
    headers = BytesHeaderParser(policy=raw_headers(head)).parsebytes(head)
    subject = " ".join(decoded_words(str(headers.get("Subject", ""))[:_HEADERS], path).split())
    number = str(headers.get("Message-ID", "")).strip().encode("utf-8", "replace")
    return f"{subject[:_SUBJECT] or 'message'} ({sha256_hex(number or message)[:_DIGITS]}).eml"
