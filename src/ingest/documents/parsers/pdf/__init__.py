"""PDF through PDFium, the engine of Chrome: text with positions, lines, pictures, outline, attachments."""

from ingest.documents.parsers.pdf.tesseract import why_not
from ingest.extras import version
from ingest.records import Document, RawDocument

MEDIA_TYPES = ("application/pdf",)
VERSION = "21"
LIBRARIES = ("pypdfium2",)
EXTRA = "ingest[pdf]"


def variant() -> str:
    """Return the program that reads scans here, "" without one."""
    return "" if why_not() else f"tesseract by pytesseract {version('pytesseract')}"


def parse(raw: RawDocument) -> Document:
    """Return the document; all that reads the format is imported with the first one. Raises: as `parser.parse`."""
    from ingest.documents.parsers.pdf import parser

    return parser.parse(raw)
