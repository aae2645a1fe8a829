"""OpenDocument text, spreadsheet and presentation (ODT, ODS, ODP), from `content.xml`."""

from ingest.documents.parsers.odf.parser import LIBRARIES, MEDIA_TYPES, VERSION, parse

__all__ = ["LIBRARIES", "MEDIA_TYPES", "VERSION", "parse"]
