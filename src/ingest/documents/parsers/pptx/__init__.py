"""PPTX: slides are sections, in the order shown; tables, charts, diagrams, notes and comments are kept."""

from ingest.documents.parsers.pptx.parser import LIBRARIES, MEDIA_TYPES, VERSION, parse

__all__ = ["LIBRARIES", "MEDIA_TYPES", "VERSION", "parse"]
