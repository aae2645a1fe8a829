"""reStructuredText: sections and top-level blocks, with exact offsets into the file."""

from ingest.records import Document, RawDocument

MEDIA_TYPES = ("text/x-rst", "text/prs.fallenstein.rst")
VERSION = "6"
LIBRARIES = ("charset-normalizer", "webencodings")


def parse(raw: RawDocument) -> Document:
    """Return the document; all that reads the format is imported with the first one. Raises: as `parser.parse`."""
    from ingest.documents.parsers.rst import parser

    return parser.parse(raw)
