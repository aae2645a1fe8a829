"""Where parsers run."""

from collections.abc import Mapping
from typing import Protocol

from ingest.records import Document, ParserOptions, RawDocument


class Sandbox(Protocol):
    """Runs a parser on hostile bytes under limits."""

    kind: str  # which limits it holds: decides, with the options, which documents are refused
    options: Mapping[str, ParserOptions]  # by source, with the limits that it holds
    version: str  # of what it changes in a parser's output; "" when it changes nothing

    def parse(self, raw: RawDocument) -> Document:
        """Return the parsed document. Threads may call.

        Raises: DocumentError, which names the parser; SandboxUnavailable and InvalidSettings when this machine or its
        installation, not the document, is at fault.
        """
