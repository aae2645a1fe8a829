"""XML: JATS articles, DocBook, DITA, TEI, patents, feeds, and other vocabularies by simple rules."""

from ingest.records import Document, RawDocument

MEDIA_TYPES = (
    "application/xml",
    "text/xml",
    "application/rss+xml",
    "application/atom+xml",
    "application/docbook+xml",
    "application/dita+xml",
    "application/jats+xml",
    "application/tei+xml",
)
VERSION = "7"
LIBRARIES = ("lxml", "charset-normalizer", "webencodings")


def parse(raw: RawDocument) -> Document:
    """Return the document; all that reads the format is imported with the first one. Raises: as `parser.parse`."""
    from ingest.documents.parsers.xml import parser

    return parser.parse(raw)
