"""XLSX and XLSM: sheets are sections, rows are lines of cells separated by bars."""

from ingest.documents.parsers.xlsx.parser import LIBRARIES, MEDIA_TYPES, VERSION, parse

__all__ = ["LIBRARIES", "MEDIA_TYPES", "VERSION", "parse"]
