"""E-mails in RFC 5322 format, read by the standard library: headers, body, quoted replies, attachments as children.

The library's policy is `compat32`, which keeps headers as they are: newer policies parse every header and raise on some
malformed ones; raw bytes and encoded words become text in `_markup/mail_headers`. Plain text is used as the body if it
matches the HTML. Inline pictures are left out; other parts and attached messages become children. What is called so and
holds several messages is read as a mailbox.
"""

import codecs
import re
from email import message_from_bytes
from email.errors import MessageError
from email.message import Message

from ingest.documents.parsers._markup.mail import PGP, add_body, add_headers, child, decoded_text, unflowed
from ingest.documents.parsers._markup.mail_headers import decoded_words, parameter, raw_headers
from ingest.documents.parsers._markup.mailboxes import is_mailbox, mailbox_document
from ingest.documents.parsers._markup.uuencoded import without_files
from ingest.documents.parsers._reading.assembly import Assembly
from ingest.documents.parsers._reading.charsets import STATEFUL, meaning
from ingest.errors import EmptyDocument, EncryptedDocument, MalformedDocument, OversizedDocument
from ingest.records import Child, Document, RawDocument

MEDIA_TYPES = ("message/rfc822",)
VERSION = "8"
LIBRARIES = ("lxml", "charset-normalizer", "webencodings")

_HEADERS = ("From", "To", "Cc", "Bcc", "Date")
_HEADER_LENGTH = 2**20  # characters of one header
_HEADER_BYTES = 4 * 2**20  # of all headers of the message
_PARTS = 10_000
_HEADER_LINE = re.compile(rb"[!-9;-~]{1,200}[ \t]*:")
_EXTENSIONS = {"text/calendar": "ics", "text/csv": "csv", "text/html": "html", "text/plain": "txt"}
_ENCRYPTED = ("multipart/encrypted", "application/x-microsoft-rpmsg-message", "application/pgp-encrypted")


def parse(raw: RawDocument) -> Document:
    """Return the document. Raises: EmptyDocument, EncryptedDocument, MalformedDocument, OversizedDocument."""
    path = raw.ref.path
    data = _plain_bytes(raw.data)
    if is_mailbox(data):
        return mailbox_document(raw, data, "eml")
    _check(data, path)
    try:
        message = message_from_bytes(data, policy=raw_headers(data))
    except RecursionError as error:
        raise OversizedDocument(f"{path}: parts nested too deep") from error
    except (MessageError, ValueError, LookupError, TypeError) as error:
        raise MalformedDocument(f"{path}: not an e-mail: {error}") from error
    assembly = Assembly(raw)
    subject = _header(message, "Subject", path)
    add_headers(assembly, subject, [(name, _header(message, name, path)) for name in _HEADERS])
    children = _Parts(assembly).read(message)
    if not assembly.blocks and not children:
        raise EmptyDocument(f"{path}: an e-mail without headers, text and attachments")
    return Document(assembly.text, tuple(assembly.blocks), subject, raw.media_type, "eml", children=children)


def _plain_bytes(data: bytes) -> bytes:
    """Return the usual bytes of an e-mail that was saved as UTF-16 or with a byte order mark."""
    if data.startswith(codecs.BOM_UTF8):
        return data[3:]
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if data.startswith(mark):
            return data.decode(encoding, "replace").encode()
    if b"\0" in data[:2]:  # UTF-16 without a mark: the first header is ASCII
        encoding = "utf-16-be" if data[:1] == b"\0" else "utf-16-le"
        return data.decode(encoding, "replace").encode()
    return data


def _check(data: bytes, path: str) -> None:
    """Raise unless the message begins with headers of bounded size."""
    start = data.lstrip(b"\r\n \t")
    if not start:
        raise EmptyDocument(f"{path}: {len(data)} bytes, all white space")
    if not (_HEADER_LINE.match(start) or start.startswith(b"From ")):
        raise MalformedDocument(f"{path}: does not begin with a header: {start[:40]!r}")
    ends = [at for at in (start.find(b"\n\n"), start.find(b"\r\n\r\n")) if at >= 0]
    size = min(ends, default=len(start))
    if size > _HEADER_BYTES:
        raise OversizedDocument(f"{path}: {size} bytes of headers, the limit is {_HEADER_BYTES}")


def _header(message: Message, name: str, path: str) -> str:
    """Return the values of a header on one line, with encoded words decoded where possible."""
    values = [str(value) for value in message.get_all(name, [])]
    for value in values:
        if len(value) > _HEADER_LENGTH:
            raise OversizedDocument(f"{path}: header {name} has {len(value)} characters, the limit is {_HEADER_LENGTH}")
    return " ".join(" ".join(decoded_words(value, path) for value in values).replace("\0", "").split())


class _Parts:
    """Reads the parts of one message, in order."""

    def __init__(self, assembly: Assembly) -> None:
        self.assembly, self.path = assembly, assembly.path
        self.children: list[Child] = []
        self.taken: dict[str, int] = {}

    def read(self, message: Message) -> tuple[Child, ...]:
        """Append the bodies; return the attachments."""
        open_, count = [message], 0
        while open_:
            part = open_.pop()
            count += 1
            if count > _PARTS:
                raise OversizedDocument(f"{self.path}: more than {_PARTS} parts")
            self._refuse_encrypted(part)
            kind = part.get_content_type()
            inner = _inner(part)
            if inner is None:
                self._leaf(part, kind)
            elif kind.startswith("message/"):
                self._attached_messages(part, inner)
            elif kind == "multipart/alternative":
                open_ += self._alternative(inner)[::-1]
            else:
                open_ += (inner[:1] if kind == "multipart/signed" else inner)[::-1]
        return tuple(self.children)

    def _refuse_encrypted(self, part: Message) -> None:
        kind = part.get_content_type()
        smime = kind in ("application/pkcs7-mime", "application/x-pkcs7-mime")
        if kind in _ENCRYPTED or (smime and "signed" not in str(part.get_param("smime-type", ""))):
            raise EncryptedDocument(f"{self.path}: encrypted part {kind}")

    def _alternative(self, parts: list[Message]) -> list[Message]:
        """Append the text of alternatives; return those that are not plain text parts, for the attachments in them."""
        texts = {"text/plain": "", "text/html": ""}
        others = []
        for alternative in parts:
            part, related = alternative, _inner(alternative)
            if alternative.get_content_type() == "multipart/related" and related:
                part = related[0]
                others += related[1:]
            kind = part.get_content_type()
            if kind in texts and not part.is_multipart():
                texts[kind] = texts[kind] or self._text(part, kind)
            else:
                others.append(part)
        add_body(self.assembly, texts["text/plain"], texts["text/html"])
        return others

    def _leaf(self, part: Message, kind: str) -> None:
        name = _name(part, self.path)
        attached = part.get_content_disposition() == "attachment"
        if kind in ("text/plain", "text/html") and not attached and not (name and self.taken):
            text = self._text(part, kind)
            add_body(self.assembly, text if kind == "text/plain" else "", text if kind == "text/html" else "")
            return
        inline = part.get_content_disposition() == "inline" or part.get("Content-ID")
        if kind.startswith("image/") and inline and not attached:
            return
        data = _payload(part)
        if data.strip():
            extension = _EXTENSIONS.get(kind) or kind.rpartition("/")[2][:10]
            named = name or f"part-{len(self.taken) + 1}.{extension}"
            charset = parameter(part, "charset", "content-type", self.path) if kind.startswith("text/") else ""
            counts = meaning(charset) != "" and (not data.isascii() or meaning(charset) in STATEFUL)
            told = f"{kind}; charset={charset}" if counts else kind
            self.children.append(child(named, data, told, self.taken))

    def _attached_messages(self, part: Message, inner: list[Message]) -> None:
        if part.get_content_type() == "message/delivery-status":
            for status in inner:
                fields = [(name, decoded_words(str(value), self.path)) for name, value in status.items()]
                add_headers(self.assembly, "", fields)
            return
        for message in inner:
            subject = _header(message, "Subject", self.path)
            named = _name(part, self.path) or f"{subject[:100] or 'message'}.eml"
            self.children.append(child(named, _decoded(part, _bytes(message)), "message/rfc822", self.taken))

    def _text(self, part: Message, kind: str) -> str:
        data = _payload(part)
        text = decoded_text(
            data, parameter(part, "charset", "content-type", self.path), self.path, html=kind == "text/html"
        )
        if text.lstrip().startswith(PGP):
            raise EncryptedDocument(f"{self.path}: the text is encrypted with PGP")
        text, files = without_files(text) if kind == "text/plain" else (text, [])
        self.children += (child(name, content, "", self.taken) for name, content in files)
        if str(part.get_param("format", "")).lower() == "flowed":
            text = unflowed(text, delete_space=str(part.get_param("delsp", "")).lower() == "yes")
        return text


def _inner(part: Message) -> list[Message] | None:
    """Return the sub-parts of a part, None when it has none."""
    if not part.is_multipart():
        return None
    payload = part.get_payload()
    return [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else None


def _payload(part: Message) -> bytes:
    """Return the content of a part; empty when it has none that can be read."""
    try:
        data = part.get_payload(decode=True)
    except (LookupError, ValueError, TypeError):
        return b""
    if isinstance(data, bytes):
        return data
    return data.encode("utf-8", "surrogateescape") if isinstance(data, str) else b""


def _name(part: Message, path: str) -> str:
    """Return the file name of a part, "" when it has none that can be read."""
    name = parameter(part, "filename", "content-disposition", path) or parameter(part, "name", "content-type", path)
    return " ".join(name.split())


def _decoded(part: Message, message: bytes) -> bytes:
    """Return an attached message, decoded where a program wrote it in Base64, which the standard does not allow."""
    if str(part.get("Content-Transfer-Encoding", "")).strip().lower() != "base64":
        return message
    try:
        data = codecs.decode(message, "base64")
    except ValueError:
        return message
    return data if _HEADER_LINE.match(data.lstrip()) else message


def _bytes(message: Message) -> bytes:
    """Return an attached message as bytes; of one with broken parts, as much as can be written."""
    try:
        return message.as_bytes()
    except (UnicodeError, LookupError, ValueError, TypeError, AttributeError):
        return message.as_string().encode("utf-8", "replace")
