"""Parses in this process: limits on size, but none on time and memory."""

from collections.abc import Mapping

import pytest

from ingest.adapters.sandbox import parsing as _parse
from ingest.records import Document, ParserOptions, RawDocument
from ingest.wiring import service_opening


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


def parse_inline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let services that are opened parse in this process."""
    monkeypatch.setattr(service_opening, "PoolSandbox", lambda options, processes: InlineSandbox(options))
