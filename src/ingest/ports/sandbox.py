"""Where parsers run."""

from typing import Protocol

from ingest.records import Document, RawDocument


class Sandbox(Protocol):
    """Runs a parser on hostile bytes under limits."""

    fingerprint: str  # media-type map, parsers and their libraries, options of sources; decides the text
    refusal_fingerprint: str  # that and the limits; decides which documents are refused

    def parse(self, raw: RawDocument) -> Document:
        """Return the parsed document. Threads may call.

        Raises: DocumentError; SandboxUnavailable when this machine, not the document, is at fault.
        """
        ...
