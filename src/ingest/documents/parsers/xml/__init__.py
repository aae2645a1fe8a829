"""XML: JATS articles, DocBook, DITA, TEI, patents, feeds, and other vocabularies by simple rules."""

from ingest.documents.parsers.xml.parser import LIBRARIES, MEDIA_TYPES, VERSION, parse

__all__ = ["LIBRARIES", "MEDIA_TYPES", "VERSION", "parse"]
