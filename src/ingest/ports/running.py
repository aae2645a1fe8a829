"""Where parsers run, and who hears how a run goes on."""

from typing import Any, Protocol

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


class Observer(Protocol):
    """Hears how a run goes on. For people and tests; nothing is decided from it."""

    def step_started(self, step: str, total: int) -> None: ...
    def advanced(self, step: str, counts: dict[str, int]) -> None: ...
    def step_finished(self, step: str) -> None: ...

    def told(self, kind: str, value: Any) -> None:
        """Hear of a plan, a conservation table, a verdict or a release, as a record."""
        ...
