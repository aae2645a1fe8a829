"""Parses in this process: limits on size, but none on time and memory. For tests and for trusted sources."""

from collections.abc import Mapping
from dataclasses import replace

from ingest.adapters.sandbox import parsing as _parse
from ingest.records import Document, ParserOptions, RawDocument


class InlineSandbox:
    """The sandbox without isolation: whatever a parser raises becomes a DocumentError."""

    kind, version = "inline", ""

    def __init__(self, max_document_bytes: int, options: Mapping[str, ParserOptions] | None = None) -> None:
        """Keep the limit and the options, by source; documents of other sources keep their own options."""
        self.max_document_bytes = max_document_bytes
        self.options: Mapping[str, ParserOptions] = {n: self._limited(given) for n, given in (options or {}).items()}

    def parse(self, raw: RawDocument) -> Document:
        """Return the parsed document. Raises: DocumentError; InvalidSettings without its parser's libraries."""
        with _parse.prepared(raw, self.options) as document:
            return _parse.parse(replace(document, options=self._limited(document.options)))

    def close(self) -> None:
        """Do nothing: there is nothing to close."""

    def _limited(self, options: ParserOptions) -> ParserOptions:
        limits = options.limits.model_copy(update={"document_bytes": self.max_document_bytes})
        return options.model_copy(update={"limits": limits})
