"""EPUB books. A reader of one format: see `parsers/__init__.py` for what it promises."""

from ingest.records import Document, RawDocument

MEDIA_TYPES = ("application/epub+zip",)
VERSION = "9"
LIBRARIES = ("lxml", "charset-normalizer", "webencodings")


def parse(raw: RawDocument) -> Document:
    """Return the document; all that reads the format is imported with the first one. Raises: as `parser.parse`."""
    from ingest.documents.parsers.epub import parser

    return parser.parse(raw)
