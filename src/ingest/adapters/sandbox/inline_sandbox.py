"""Parses in this process: limits on size, but none on time and memory. For tests and for trusted sources."""

from collections.abc import Mapping

from ingest.adapters.sandbox import parsing as _parse
from ingest.records import Document, ParserOptions, RawDocument


class InlineSandbox:
    """The sandbox without isolation: whatever a parser raises becomes a DocumentError."""

    kind, version = "inline", ""

    def __init__(self, options: Mapping[str, ParserOptions] | None = None) -> None:
        """Keep the options, by source; documents of other sources keep their own options."""
        self.options: Mapping[str, ParserOptions] = dict(options or {})

    def parse(self, raw: RawDocument) -> Document:
        with _parse.prepared(raw, self.options) as document, _parse.as_document_errors(document):
            return _parse.parse(document)

    def close(self) -> None:
        """Do nothing: there is nothing to close."""
