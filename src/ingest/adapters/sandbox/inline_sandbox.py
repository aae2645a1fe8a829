"""Parses in this process: limits on size, but none on time and memory. For tests and for sources that one trusts."""

from collections.abc import Mapping
from dataclasses import replace

from ingest.adapters.sandbox import parsing as _parse
from ingest.records import Document, ParserOptions, RawDocument


class InlineSandbox:
    """The sandbox without walls: whatever a parser raises comes back as a DocumentError."""

    def __init__(self, max_document_bytes: int, options: Mapping[str, ParserOptions] | None = None) -> None:
        """Keep the limit and take the fingerprint of the parsers that are installed now.

        Args:
            max_document_bytes: A larger document is refused unread.
            options: By name of the source; a document of another source keeps the options that it comes with.

        Raises:
            InvalidSettings: Two parsers claim one media type.
        """
        self.max_document_bytes = max_document_bytes
        self._options = dict(options or {})
        self.fingerprint = _parse.fingerprint(self._options)
        limited = [self._limited(given) for given in self._options.values() or [ParserOptions()]]
        self.refusal_fingerprint = _parse.refusal_fingerprint(
            "inline", self.fingerprint, {str(n): given for n, given in enumerate(limited)}
        )

    def parse(self, raw: RawDocument) -> Document:
        """Return the parsed document. Raises: DocumentError and nothing else."""
        raw = _parse.with_options(raw, self._options)
        return _parse.parse(replace(raw, options=self._limited(raw.options)))

    def close(self) -> None:
        """Hold nothing, let go of nothing."""

    def _limited(self, options: ParserOptions) -> ParserOptions:
        return replace(options, limits=replace(options.limits, document_bytes=self.max_document_bytes))
