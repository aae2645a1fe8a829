"""XLSX and XLSM: sheets are sections, rows are lines of cells separated by bars."""

from ingest.records import Document, RawDocument

MEDIA_TYPES = (
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.template",
    "application/vnd.ms-excel.sheet.macroenabled.12",
    "application/vnd.ms-excel.template.macroenabled.12",
)
VERSION = "8"
LIBRARIES = ("lxml",)


def parse(raw: RawDocument) -> Document:
    """Return the document; all that reads the format is imported with the first one. Raises: as `parser.parse`."""
    from ingest.documents.parsers.xlsx import parser

    return parser.parse(raw)
