"""Mailboxes in a file: containers of messages, with no text of their own; see `_markup/mailboxes.py`."""

from codecs import BOM_UTF8

from ingest.documents.parsers._markup.mailboxes import mailbox_document
from ingest.records import Document, RawDocument

MEDIA_TYPES = ("application/mbox",)
VERSION = "3"
LIBRARIES = ("webencodings",)


def parse(raw: RawDocument) -> Document:
    """Return a document without text whose children are the messages. Raises: EmptyDocument, OversizedDocument."""
    return mailbox_document(raw, raw.data.removeprefix(BOM_UTF8).lstrip(b"\r\n"), "mbox")
