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
