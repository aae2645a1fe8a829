"""OpenDocument text, spreadsheet and presentation (ODT, ODS, ODP), from `content.xml`."""

from ingest.records import Document, RawDocument

MEDIA_TYPES = (
    "application/vnd.oasis.opendocument.text",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.oasis.opendocument.presentation",
    "application/vnd.oasis.opendocument.text-flat-xml",
    "application/vnd.oasis.opendocument.spreadsheet-flat-xml",
    "application/vnd.oasis.opendocument.presentation-flat-xml",
)
VERSION = "11"
LIBRARIES = ("lxml",)


def parse(raw: RawDocument) -> Document:
    """Return the document; all that reads the format is imported with the first one. Raises: as `parser.parse`."""
    from ingest.documents.parsers.odf import parser

    return parser.parse(raw)
