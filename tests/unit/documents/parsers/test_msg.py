"""Outlook messages that are none; real ones are in test_web_real."""

import pytest

from ingest.documents.parsers import msg
from ingest.errors import MalformedDocument
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
