"""PDF through PDFium, the engine of Chrome: text with positions, lines, pictures, outline, attachments."""

from ingest.documents.parsers.pdf.parser import EXTRA, LIBRARIES, MEDIA_TYPES, VERSION, parse, variant

__all__ = ["EXTRA", "LIBRARIES", "MEDIA_TYPES", "VERSION", "parse", "variant"]
