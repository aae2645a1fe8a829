"""EPUB books. A reader of one format: see `parsers/__init__.py` for what it promises."""

from ingest.documents.parsers.epub.parser import LIBRARIES, MEDIA_TYPES, VERSION, parse

__all__ = ["LIBRARIES", "MEDIA_TYPES", "VERSION", "parse"]
