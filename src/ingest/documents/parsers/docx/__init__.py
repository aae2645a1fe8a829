"""DOCX: headings, lists, tables, code, quotes, captions, notes, text boxes, equations, charts, from the XML."""

from ingest.records import Document, RawDocument

MEDIA_TYPES = (
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.template",
    "application/vnd.ms-word.document.macroenabled.12",
    "application/vnd.ms-word.template.macroenabled.12",
)
VERSION = "9"
LIBRARIES = ("lxml",)


def parse(raw: RawDocument) -> Document:
    """Return the document; all that reads the format is imported with the first one. Raises: as `parser.parse`."""
    from ingest.documents.parsers.docx import parser

    return parser.parse(raw)
