"""Parses in this process: limits on size, but none on time and memory. For tests and for sources that one trusts."""

from dataclasses import replace

from ingest import media_types, parsers
from ingest.errors import DocumentError, EmptyDocument, OversizedDocument, ParserCrashed, UnsupportedFormat
from ingest.ids import digest_of
from ingest.records import Document, RawDocument

_MAX_MESSAGE = 300  # characters of a foreign message: some quote the whole document


class InlineSandbox:
    """The sandbox without walls: whatever a parser raises comes back as a DocumentError."""

    def __init__(self, max_document_bytes: int) -> None:
        """Keep the limit and take the fingerprint of the parsers that are installed now.

        Args:
            max_document_bytes: A larger document is refused unread.

        Raises:
            InvalidSettings: Two parsers claim one media type.
        """
        self.max_document_bytes = max_document_bytes
        self.fingerprint = digest_of([parsers.fingerprint(), media_types.fingerprint()])

    def parse(self, raw: RawDocument) -> Document:
        """Return the parsed document. Raises: DocumentError and nothing else."""
        path = raw.ref.path
        if len(raw.data) > self.max_document_bytes:
            raise OversizedDocument(f"{path}: {len(raw.data)} bytes, the limit is {self.max_document_bytes}")
        try:
            document = self._parse(raw)
        except DocumentError:
            raise
        except Exception as error:  # a parser's own faults must not stop the run
            message = str(error)[:_MAX_MESSAGE]
            raise ParserCrashed(f"{path}: {type(error).__name__}: {message}") from error
        if not document.blocks:
            raise EmptyDocument(f"{path}: {len(raw.data)} bytes of {document.media_type}, but no text in them")
        return document

    def _parse(self, raw: RawDocument) -> Document:
        """Sniff, find the parser and run it."""
        path = raw.ref.path
        media_type = media_types.sniff(raw.data, path, raw.media_type or raw.ref.media_type)
        if media_type == media_types.OCTETS and raw.data:
            raise UnsupportedFormat(
                f"{path}: binary content, of no format that is known; it begins with {raw.data[:16].hex(' ')}"
            )
        parser = parsers.find(media_type, path)
        document: Document = parser.parse(replace(raw, media_type=media_type))
        return document
