"""XLSX and XLSM: a sheet is a section, its rows are lines of cells between bars."""

from ingest.documents.parsers.xlsx.parser import LIBRARIES, MEDIA_TYPES, VERSION, parse

__all__ = ["LIBRARIES", "MEDIA_TYPES", "VERSION", "parse"]
