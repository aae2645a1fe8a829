"""E-mails saved by Outlook (.msg), read by python-oxmsg: headers, body, attachments as children."""

import codecs
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from struct import error as struct_error
from typing import Any

from ingest.documents.parsers._markup.mail import add_body, add_headers, child, decoded_text
from ingest.documents.parsers._markup.mail_headers import decoded_words
from ingest.documents.parsers._office.rtf_body import rtf_body
from ingest.documents.parsers._reading.assembly import Assembly
from ingest.errors import EmptyDocument, EncryptedDocument, MalformedDocument
from ingest.records import Child, Document, RawDocument

logger = logging.getLogger(__name__)

MEDIA_TYPES = ("application/vnd.ms-outlook",)
VERSION = "7"
LIBRARIES = ("python-oxmsg", "olefile", "lxml", "webencodings")
EXTRA = "ingest[office]"

_BROKEN = (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, struct_error, RecursionError)
_HTML, _RTF = 0x1013, 0x1009  # properties of a body as bytes of HTML, and as compressed RTF
_CODECS = {
    **{"windows_874": "cp874", "windows_950": "cp950", "dos_720": "cp720", "x_mac_cyrillic": "mac_cyrillic"},
    **{"x_mac_greek": "mac_greek", "x_mac_ce": "mac_latin2", "x_mac_turkish": "mac_turkish"},
}  # as Python asks for them → what it has
_ENCRYPTED = ("ipm.note.smime", "ipm.note.rpmsg.microsoft.rightsmanagement")


def parse(raw: RawDocument) -> Document:
    """Return the document. Raises: EmptyDocument, EncryptedDocument, MalformedDocument, OversizedDocument."""
    path = raw.ref.path
    from oxmsg import Message
    from oxmsg.domain.model import UnrecognizedCodePageError

    try:
        message = Message.load(raw.data)
        with named_codecs():
            kind = message.message_class or ""
            subject, fields = " ".join((message.subject or "").split()), _fields(message, path)
            plain, html = _body(message, path)
            attachments = [(one.file_name or "", one.file_bytes, one.mime_type or "") for one in message.attachments]
    except (*_BROKEN, UnrecognizedCodePageError) as error:
        raise MalformedDocument(f"{path}: not an Outlook message: {type(error).__name__}: {error}") from error
    if kind.lower() in _ENCRYPTED or any(
        name.lower() == "message.rpmsg" or mime.startswith("application/pgp-encrypted") for name, _, mime in attachments
    ):
        raise EncryptedDocument(f"{path}: an encrypted message ({kind})")
    assembly = Assembly(raw)
    add_headers(assembly, subject.replace("\0", ""), fields)
    add_body(assembly, plain.replace("\0", ""), html.replace("\0", ""))
    children = _children(attachments)
    if inside := [name for name, data, _ in attachments if data is None]:
        told = ", ".join(repr(name[:100]) for name in inside[:10])
        logger.warning("%s: left out: %d attachments that are messages or objects: %s", path, len(inside), told)
    if not assembly.blocks and not children:
        raise EmptyDocument(f"{path}: a message without headers, text and attachments")
    return Document(assembly.text, tuple(assembly.blocks), subject, raw.media_type, "msg", children=children)


@contextmanager
def named_codecs() -> Iterator[None]:
    """Let Python know the names that the library gives to code pages of Windows and of the Macintosh."""

    def found(name: str) -> codecs.CodecInfo | None:
        return codecs.lookup(_CODECS[name]) if name in _CODECS else None

    codecs.register(found)
    try:
        yield
    finally:
        codecs.unregister(found)


def _body(message: Any, path: str) -> tuple[str, str]:
    """Return plain text and HTML: one of them may be "", and is read from RTF when nothing else is there."""
    plain = message.body or ""
    data = message.properties.binary_prop_value(_HTML)
    html = decoded_text(data, message.properties.body_encoding, path, html=True) if data else message.html_body or ""
    if not plain.strip() and not html.strip():
        return rtf_body(message.properties.binary_prop_value(_RTF) or b"")
    return plain, html


def _fields(message: Any, path: str) -> list[tuple[str, str]]:
    """Return the headers that people search for; without transport headers, those that the message stores."""
    headers = {name.lower(): value for name, value in message.message_headers.items()}
    found = [("From", decoded_words(message.sender or "", path))]
    people = [f"{one.name} <{one.email_address}>" if one.name else one.email_address for one in message.recipients]
    for name in ("To", "Cc", "Bcc"):
        found.append((name, decoded_words(str(headers.get(name.lower(), "")), path)))
    if not any(value for _, value in found[1:]):
        found[1] = ("To", ", ".join(people))
    sent = message.sent_date
    return [*found, ("Date", headers.get("date", "") or (sent.isoformat() if sent else ""))]


def _children(attachments: list[tuple[str, bytes | None, str]]) -> tuple[Child, ...]:
    taken: dict[str, int] = {}
    return tuple(child(name, data, media_type, taken) for name, data, media_type in attachments if data)
