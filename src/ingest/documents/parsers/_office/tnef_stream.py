"""TNEF, the format of a `winmail.dat`: attributes one after the other, and in some of them properties of MAPI.

MS-OXTNEF describes it. No library is used: those that exist have not been kept for years, copy the rest of the file
for each attribute, and repeat as often as a number in the file says. Here, whatever a length or a count says, no byte
is read twice.
"""

import logging
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from ingest.documents.parsers._reading.charsets import code_page, decoded_as, meaning
from ingest.errors import MalformedDocument, OversizedDocument

logger = logging.getLogger(__name__)

SIGNATURE = b"\x78\x9f\x3e\x22"
_KEY = 2  # bytes after the signature
_ATTRIBUTE = struct.Struct("<BHHI")  # level, name, type, length; a checksum of two bytes follows the content
_MOST = 100_000  # attributes, or properties in one
SUBJECT, SENT, BODY = 0x8004, 0x8005, 0x800C
CLASS, DATA, TITLE, PROPERTIES, RENDERING, ATTACHMENT, CODE_PAGE = (
    0x8008,
    0x800F,
    0x8010,
    0x9003,
    0x9002,
    0x9005,
    0x9007,
)
_SIZES = {2: 2, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 10: 4, 11: 2, 20: 8, 64: 8, 72: 16}  # of types of fixed size
_STRING, _UNICODE, _OBJECT, _BINARY = 0x1E, 0x1F, 0x0D, 0x102
_MANY, _NAMED = 0x1000, 0x8000


@dataclass
class TnefPart:
    """A message, or an attachment of one: attributes and properties by their numbers."""

    attributes: dict[int, bytes] = field(default_factory=dict)
    properties: dict[int, tuple[int, bytes]] = field(default_factory=dict)  # type and first value


@dataclass
class TnefMessage:
    """What a stream holds."""

    message: TnefPart
    attachments: list[TnefPart]
    charset: str  # of strings that are not Unicode

    def text(self, part: TnefPart, name: int) -> str:
        """Return a property as text, "" without it."""
        kind, value = part.properties.get(name, (0, b""))
        return "" if kind not in (_STRING, _UNICODE, _BINARY) else self.decoded(value, wide=kind == _UNICODE)

    def number(self, part: TnefPart, name: int) -> int:
        """Return a property as a number, 0 without it."""
        kind, value = part.properties.get(name, (0, b""))
        return int.from_bytes(value, "little") if kind in _SIZES else 0

    def decoded(self, value: bytes, *, wide: bool = False, charset: str = "") -> str:
        """Return a string without the zeros at its end."""
        text = value.decode("utf-16-le", "replace") if wide else decoded_as(value, charset or self.charset, "replace")
        return text.rstrip("\0").replace("\0", "\ufffd")


def read_tnef(data: bytes, path: str) -> TnefMessage:
    """Return the message. Raises: MalformedDocument, OversizedDocument."""
    if not data.startswith(SIGNATURE):
        raise MalformedDocument(f"{path}: no TNEF: it begins with {data[:4].hex(' ')}")
    found = TnefMessage(TnefPart(), [], "cp1252")
    for count, (level, name, content) in enumerate(_attributes(data, path)):
        if count >= _MOST:
            raise OversizedDocument(f"{path}: more than {_MOST} attributes")
        if name == CODE_PAGE and len(content) >= 4:
            found.charset = meaning(code_page(int.from_bytes(content[:4], "little"))) or found.charset
        if name == RENDERING:
            found.attachments.append(TnefPart())
        part = found.message if level == 1 else found.attachments[-1] if found.attachments else TnefPart()
        if name in (PROPERTIES, ATTACHMENT):
            part.properties |= {
                number: value for number, value in _properties(content) if number not in part.properties
            }
        else:
            part.attributes.setdefault(name, content)
    return found


def _attributes(data: bytes, path: str) -> Iterator[tuple[int, int, bytes]]:
    """Yield level, name and content of each attribute."""
    at = len(SIGNATURE) + _KEY
    while at + _ATTRIBUTE.size <= len(data):
        level, name, _, length = _ATTRIBUTE.unpack_from(data, at)
        at += _ATTRIBUTE.size
        if level not in (1, 2) or at + length > len(data):
            told = f"{path}: damaged at byte {at - _ATTRIBUTE.size} of {len(data)}"
            if at == len(SIGNATURE) + _KEY + _ATTRIBUTE.size:
                raise MalformedDocument(told)
            if data[at - _ATTRIBUTE.size :].strip(b"\0\r\n"):
                logger.warning("%s; what follows is left out", told)
            return
        yield level, name, data[at : at + length]
        at += length + 2


def _properties(data: bytes) -> Iterator[tuple[int, tuple[int, bytes]]]:
    """Yield number, type and first value of each property, up to the first that is damaged."""
    try:
        (count,) = struct.unpack_from("<I", data)
        at = 4
        for _ in range(min(count, _MOST)):
            kind, number = struct.unpack_from("<HH", data, at)
            at = _after_name(data, at + 4) if number & _NAMED else at + 4
            at, value = _value(data, at, kind)
            if not number & _NAMED:
                yield number, (kind & ~_MANY, value)
    except (struct.error, ValueError):
        return


def _after_name(data: bytes, at: int) -> int:
    """Return where the value of a property begins that has a name instead of a number."""
    (kind,) = struct.unpack_from("<I", data, at + 16)
    if kind == 0:
        return at + 24
    (length,) = struct.unpack_from("<I", data, at + 20)
    return at + 24 + _padded(length)


def _value(data: bytes, at: int, kind: int) -> tuple[int, bytes]:
    """Return where a property ends, and its first value. Raises: ValueError, struct.error."""
    many, kind = kind & _MANY, kind & ~_MANY
    count = 1
    if many or kind not in _SIZES:
        (count,) = struct.unpack_from("<I", data, at)
        at += 4
    if kind in _SIZES:
        size = _SIZES[kind]
        return _within(data, at + _padded(size * count)), data[at : at + size]
    if kind not in (_STRING, _UNICODE, _OBJECT, _BINARY, 0):
        raise ValueError(f"type {kind:#x}")
    first = b""
    for index in range(count):  # ends with the data, as each value has a length of four bytes
        (length,) = struct.unpack_from("<I", data, at)
        first = data[at + 4 : at + 4 + length] if index == 0 else first
        at = _within(data, at + 4 + _padded(length))
    return at, first


def _padded(length: int) -> int:
    return -(-length // 4) * 4


def _within(data: bytes, at: int) -> int:
    if at > len(data) + 3:  # the padding at the end may lack
        raise ValueError("ends early")
    return at
