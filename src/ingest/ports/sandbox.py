"""Where parsers run."""

from collections.abc import Mapping
from typing import Protocol

from ingest.records import Document, ParserOptions, RawDocument


class Sandbox(Protocol):
    """Runs a parser on hostile bytes under limits."""

    kind: str  # which limits it enforces; with the options, this determines which documents are refused
    options: Mapping[str, ParserOptions]  # by source, with the enforced limits
    version: str  # of its changes to a parser's output; "" if it changes nothing

    def parse(self, raw: RawDocument) -> Document:
        """Return the parsed document. Thread-safe.

        Raises: DocumentError, which names the parser; SandboxUnavailable or InvalidSettings if this machine or its
        installation, not the document, is at fault.
        """
