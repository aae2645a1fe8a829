"""Outlook messages that are none; real ones are in test_web_real."""

import struct

import pytest

from ingest.documents.parsers import msg
from ingest.errors import EmptyDocument, MalformedDocument
from tests.unit.documents.parsers.checks import parsed


@pytest.mark.parametrize(
    "data", [b"", b"text", bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600, b"\xd0\xcf\x11\xe0" * 500]
)
def test_what_is_no_message_is_malformed(data):
    with pytest.raises(MalformedDocument, match="not an Outlook message"):
        parsed(msg, data)


@pytest.mark.parametrize(
    ("name", "data", "text"),
    [("windows-874", b"\xe0\xa4", "เค"), ("windows-950", b"\xf9\xd6", "碁"), ("x-mac-cyrillic", b"\x91", "С")],
)
def test_code_pages_are_decoded_under_the_names_that_the_library_gives_them(name, data, text):
    with msg.named_codecs():
        assert data.decode(name) == text
    with msg.named_codecs(), pytest.raises(LookupError):
        data.decode("windows-1")


def ole_file(mini_shift: int = 6) -> bytes:
    """Return an OLE file with one short stream, the properties of a message: header, FAT, directory, mini FAT, data."""
    end, free = 0xFFFFFFFE, 0xFFFFFFFF
    head = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16)
    head += struct.pack("<HHHHH6xIIIIIIIIIII", 0x3E, 3, 0xFFFE, 9, mini_shift, 0, 1, 1, 0, 4096, 2, 1, end, 0, 0, free)[
        :52
    ]
    head = head.ljust(76, b"\0") + struct.pack("<109I", 0, *[free] * 108)
    fat = struct.pack("<128I", 0xFFFFFFFD, end, end, end, *[free] * 124)

    def entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
        wide = name.encode("utf-16-le") + b"\0\0"
        links = struct.pack("<HBBIII", len(wide) if name else 0, kind, 1, free, free, child)
        return wide.ljust(64, b"\0") + links + bytes(36) + struct.pack("<IQ", start, size)

    names = (
        entry("Root Entry", 5, 1, 3, 64)
        + entry("__properties_version1.0", 2, free, 0, 32)
        + entry("", 0, free, 0, 0) * 2
    )
    mini = struct.pack("<128I", end, *[free] * 127)
    return head + fat + names + mini + bytes(512)


@pytest.mark.parametrize("shift", [64, 4000, 65535])
def test_numbers_that_fit_nowhere_are_malformed(shift):
    with pytest.raises(EmptyDocument):
        parsed(msg, ole_file())
    with pytest.raises(MalformedDocument, match="not an Outlook message"):
        parsed(msg, ole_file(shift))
