"""Messages in a `winmail.dat`, as Outlook attaches them to e-mails: headers, body, attachments as children.

The body is plain text, HTML or compressed RTF; the first two are preferred. A message inside becomes a child of the
same format.
"""

import struct
from datetime import datetime, timedelta

from ingest.documents.parsers._markup.html_tree import declared_encoding
from ingest.documents.parsers._markup.mail import add_body, add_headers, child
from ingest.documents.parsers._office import tnef_stream as stream
from ingest.documents.parsers._office.rtf_body import rtf_body
from ingest.documents.parsers._office.tnef_stream import TnefMessage, TnefPart, read_tnef
from ingest.documents.parsers._reading.archives import check_entries
from ingest.documents.parsers._reading.assembly import Assembly
from ingest.documents.parsers._reading.charsets import code_page, decoded_as, meaning
from ingest.errors import EmptyDocument, EncryptedDocument
from ingest.records import Child, Document, RawDocument

MEDIA_TYPES = ("application/ms-tnef", "application/vnd.ms-tnef")
VERSION = "5"
LIBRARIES = ("lxml", "webencodings")

_CLASS, _SUBJECT, _SUBMITTED, _BODY, _RTF, _HTML = 0x001A, 0x0037, 0x0039, 0x1000, 0x1009, 0x1013
_SENDER, _SENDER_ADDRESS, _SMTP, _TO, _CC, _BCC, _CODE_PAGE = 0x0C1A, 0x0C1F, 0x5D01, 0x0E04, 0x0E03, 0x0E02, 0x3FDE
_ATTACHED, _FILE, _LONG_FILE, _NAME, _MIME, _CONTENT_ID = 0x3701, 0x3704, 0x3707, 0x3001, 0x370E, 0x3712
_MESSAGE = bytes.fromhex("0703020000000000c000000000000046")  # begins an object that is a message
_BYTES, _OBJECT = 0x102, 0x0D  # types of properties
_GUID = 16  # bytes before an object
_EPOCH = datetime(1601, 1, 1)
_ENCRYPTED = ("ipm.note.smime", "ipm.note.rpmsg.microsoft.rightsmanagement")


def parse(raw: RawDocument) -> Document:
    """Return the document. Raises: EmptyDocument, EncryptedDocument, MalformedDocument, OversizedDocument."""
    path = raw.ref.path
    found = read_tnef(raw.data, path)
    message = found.message
    kind = found.text(message, _CLASS) or found.decoded(message.attributes.get(stream.CLASS, b""))
    if kind.lower() in _ENCRYPTED:
        raise EncryptedDocument(f"{path}: an encrypted message ({kind[:100]})")
    subject = found.text(message, _SUBJECT) or found.decoded(message.attributes.get(stream.SUBJECT, b""))
    subject = " ".join(subject.split())
    assembly = Assembly(raw)
    add_headers(assembly, subject, _fields(found))
    add_body(assembly, *_body(found))
    check_entries(path, len(found.attachments), raw.options.limits)
    taken: dict[str, int] = {}
    children = tuple(filter(None, (_child(found, part, taken) for part in found.attachments)))
    if not assembly.blocks and not children:
        raise EmptyDocument(f"{path}: a message without headers, text and attachments")
    return Document(assembly.text, tuple(assembly.blocks), subject, raw.media_type, "tnef", children=children)


def _fields(found: TnefMessage) -> list[tuple[str, str]]:
    """Return the headers that people search for."""
    message = found.message
    name = found.text(message, _SENDER)
    address = found.text(message, _SMTP) or found.text(message, _SENDER_ADDRESS).removeprefix("SMTP:")
    sender = f"{name} <{address}>" if name and "@" in address else name or address
    people = [(label, found.text(message, one)) for label, one in (("To", _TO), ("Cc", _CC), ("Bcc", _BCC))]
    return [("From", sender), *people, ("Date", _date(found))]


def _date(found: TnefMessage) -> str:
    ticks = found.number(found.message, _SUBMITTED)
    try:
        if ticks:
            return (_EPOCH + timedelta(microseconds=ticks // 10)).isoformat(timespec="seconds")
        return datetime(*struct.unpack_from("<6H", found.message.attributes[stream.SENT])).isoformat()
    except (KeyError, struct.error, ValueError, OverflowError):
        return ""


def _body(found: TnefMessage) -> tuple[str, str]:
    """Return plain text and HTML."""
    message = found.message
    told = meaning(code_page(found.number(message, _CODE_PAGE)))
    plain = found.text(message, _BODY) or found.decoded(message.attributes.get(stream.BODY, b""))
    html = found.text(message, _HTML)
    kind, data = message.properties.get(_HTML, (0, b""))
    if kind == _BYTES:
        html = decoded_as(data, told or meaning(declared_encoding(data)) or found.charset, "replace")
    if not plain.strip() and not html.strip():
        plain, html = rtf_body(message.properties.get(_RTF, (0, b""))[1])
    return plain.replace("\0", ""), html.replace("\0", "")


def _child(found: TnefMessage, part: TnefPart, taken: dict[str, int]) -> Child | None:
    """Return an attachment, None for one without content and for a picture of the text."""
    kind, data = part.properties.get(_ATTACHED, (0, b""))
    data = data or part.attributes.get(stream.DATA, b"")
    mime = found.text(part, _MIME).lower()
    name = next(filter(None, (found.text(part, one) for one in (_LONG_FILE, _FILE, _NAME))), "")
    name = name or found.decoded(part.attributes.get(stream.TITLE, b""))
    if kind == _OBJECT:
        if data.startswith(_MESSAGE):
            return child(f"{name or 'message'}.tnef", data[_GUID:], MEDIA_TYPES[0], taken)
        data = data[_GUID:]
    if not data.strip(b"\0 \r\n") or (mime.startswith("image/") and part.properties.get(_CONTENT_ID)):
        return None
    return child(name, data, mime, taken)
