"""DOCX: headings, lists, tables, code, quotes, captions, notes, text boxes, equations, charts, from the XML."""

from ingest.documents.parsers.docx.parser import LIBRARIES, MEDIA_TYPES, VERSION, parse

__all__ = ["LIBRARIES", "MEDIA_TYPES", "VERSION", "parse"]
