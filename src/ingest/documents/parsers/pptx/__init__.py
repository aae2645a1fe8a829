"""PPTX: slides are sections, in the order shown; tables, charts, diagrams, notes and comments are kept."""

from ingest.records import Document, RawDocument

MEDIA_TYPES = (
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.openxmlformats-officedocument.presentationml.slideshow",
    "application/vnd.openxmlformats-officedocument.presentationml.template",
    "application/vnd.ms-powerpoint.presentation.macroenabled.12",
    "application/vnd.ms-powerpoint.slideshow.macroenabled.12",
    "application/vnd.ms-powerpoint.template.macroenabled.12",
)
VERSION = "7"
LIBRARIES = ("lxml",)


def parse(raw: RawDocument) -> Document:
    """Return the document; all that reads the format is imported with the first one. Raises: as `parser.parse`."""
    from ingest.documents.parsers.pptx import parser

    return parser.parse(raw)
