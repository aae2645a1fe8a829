"""A third party's parser whose library is not installed anywhere."""

from ingest.records import Document, RawDocument

MEDIA_TYPES = ("image/png",)
VERSION = "1"
LIBRARIES = ("no-such-library",)
EXTRA = "third-party[png]"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(32)


def parse(raw: RawDocument) -> Document:
    """Fail: nobody asks a parser without its library."""
    raise AssertionError(raw.ref.path)
