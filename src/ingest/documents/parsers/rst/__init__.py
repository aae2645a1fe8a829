"""reStructuredText: sections and top-level blocks, with exact offsets into the file."""

from ingest.documents.parsers.rst.parser import LIBRARIES, MEDIA_TYPES, VERSION, parse

__all__ = ["LIBRARIES", "MEDIA_TYPES", "VERSION", "parse"]
