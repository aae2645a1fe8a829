"""A small sound file in TNEF, and the parts of which others are made."""

import struct

MESSAGE, ATTACHMENT = 1, 2  # levels
BODY, SUBJECT, RENDERING, TITLE, DATA = 0x2800C, 0x18004, 0x69002, 0x18010, 0x6800F
PROPERTIES, ATTACHED, CODE_PAGE = 0x69003, 0x69005, 0x69007
STRING, UNICODE, BINARY, OBJECT, LONG, TIME = 0x1E, 0x1F, 0x102, 0x0D, 3, 0x40


def attribute(level: int, name: int, content: bytes) -> bytes:
    """Return an attribute with its checksum."""
    return struct.pack("<BII", level, name, len(content)) + content + struct.pack("<H", sum(content) & 0xFFFF)


def prop(number: int, kind: int, value: bytes | int) -> bytes:
    """Return a property."""
    head = struct.pack("<HH", kind, number)
    if kind == LONG:
        return head + struct.pack("<I", value)
    assert isinstance(value, bytes)
    if kind == TIME:
        return head + value
    return head + struct.pack("<II", 1, len(value)) + value + bytes(-len(value) % 4)


def properties(*found: bytes) -> bytes:
    """Return the content of an attribute that holds properties."""
    return struct.pack("<I", len(found)) + b"".join(found)


def stream(*attributes: bytes) -> bytes:
    """Return a file."""
    return bytes.fromhex("789f3e220100") + b"".join(attributes)


def tnef() -> bytes:
    """Return a message with a body, an attachment and a message inside."""
    wide = "Übersicht.txt\0".encode("utf-16-le")
    inner = stream(
        attribute(MESSAGE, PROPERTIES, properties(prop(0x37, STRING, b"Inner\0"), prop(0x1000, STRING, b"Deep")))
    )
    return stream(
        attribute(MESSAGE, CODE_PAGE, struct.pack("<II", 1252, 0)),
        attribute(MESSAGE, SUBJECT, b"Offer\0"),
        attribute(
            MESSAGE,
            PROPERTIES,
            properties(prop(0x0C1A, UNICODE, "Jörg\0".encode("utf-16-le")), prop(0x1000, STRING, b"The contract.\0")),
        ),
        attribute(ATTACHMENT, RENDERING, bytes(14)),
        attribute(ATTACHMENT, DATA, b"text of the attachment"),
        attribute(ATTACHMENT, ATTACHED, properties(prop(0x3707, UNICODE, wide), prop(0x370E, STRING, b"text/plain\0"))),
        attribute(ATTACHMENT, RENDERING, bytes(14)),
        attribute(
            ATTACHMENT,
            ATTACHED,
            properties(
                prop(0x3701, OBJECT, bytes.fromhex("0703020000000000c000000000000046") + inner),
                prop(0x3001, STRING, b"Inner\0"),
            ),
        ),
    )
