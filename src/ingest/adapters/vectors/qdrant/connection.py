"""The way to Qdrant: one client, bounded retries, foreign errors translated, an embedded engine found again."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import urlsplit

from ingest.adapters.vectors.qdrant.requests import translated
from ingest.errors import IndexUnavailable
from ingest.records import QdrantOptions

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

T = TypeVar("T")
IN_MEMORY = ":memory:"


@dataclass(frozen=True)
class ConnectionOptions:
    """Limits that no settings name, but for the first. Times in seconds."""

    timeout_seconds: float = QdrantOptions().timeout_seconds  # of one request
    optimise_seconds: float = 3600.0  # until a collection must be green, and of one flush
    attempts: int = 3  # of one call; the documented product with the shard's attempts bounds the whole
    first_wait_seconds: float = 0.2  # before the second attempt, then doubled, with jitter
    page: int = 1000  # points of one answer to scroll or retrieve
    write_batch: int = 256  # points of one request
    search_batch: int = 256  # questions of one request
    indexing_threshold: int = 10_000  # KB of vectors above which a graph is built, outside of bulk mode
    quantised: bool = True  # int8 beside float32, rescored: a tenth of the build time, recall 1.000 (measured)
    oversampling: float = 2.0  # candidates per hit that are rescored


class EmbeddedEngine(Protocol):
    """An embedded engine that is found, started, and started again, by itself (`edge.engine.Engine`)."""

    def address(self) -> tuple[str, str]:
        """Return url and token of the running engine."""

    def close(self) -> None:
        """Release it."""


class Connection:
    """A client that is told what it does, for the message when that fails. Threads may share it."""

    def __init__(
        self, options: ConnectionOptions, url: str, api_key: str | None, engine: EmbeddedEngine | None = None
    ) -> None:
        """Open a client for `url`, or the emulator for IN_MEMORY. Nothing is asked yet."""
        self.options = options
        self.local = url == IN_MEMORY
        self._engine = engine
        self._url = url
        self._client = _client(url, api_key, options)
        self._reopening = threading.Lock()

    @property
    def where(self) -> str:
        """The address without a user or a password."""
        if self.local:
            return self._url
        parts = urlsplit(self._url)
        return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")

    def call(self, what: str, act: Callable[["QdrantClient"], T]) -> T:
        """Return act(client), tried `attempts` times while the index does not answer.

        Raises: IndexUnavailable after the last attempt, AccessDenied, SchemaMismatch.
        """
        import stamina

        limits: dict[str, Any] = {"attempts": self.options.attempts, "wait_initial": self.options.first_wait_seconds}
        for attempt in stamina.retry_context(on=IndexUnavailable, timeout=None, **limits):
            with attempt:
                if attempt.num > 1:
                    self._reopen()
                return self.once(what, act)
        raise AssertionError("stamina ends with the result or the last error")

    def once(self, what: str, act: Callable[["QdrantClient"], T]) -> T:
        """Return act(client), tried once. Raises: IndexUnavailable when the outcome is unknown; else as `call`."""
        with translated(f"{self.where}: {what}"):
            return act(self._client)

    def close(self) -> None:
        """Close the client and release the engine."""
        self._client.close()
        if self._engine is not None:
            self._engine.close()

    def _reopen(self) -> None:
        """Find the embedded engine again, for its front may have been killed; a server keeps its address."""
        if self._engine is None:
            return
        with self._reopening:
            url, token = self._engine.address()
            if url != self._url:
                # The old client is not closed: another thread may be in it, and it keeps no connection open.
                self._client = _client(url, token, self.options)
                self._url = url


def _client(url: str, api_key: str | None, options: ConnectionOptions) -> "QdrantClient":
    from qdrant_client import QdrantClient

    if url == IN_MEMORY:
        return QdrantClient(url)
    loopback = (urlsplit(url).hostname or "") in ("localhost", "127.0.0.1", "::1")
    return QdrantClient(
        url=url,
        # As a header on this machine: the client warns, rightly elsewhere, of a key over plain HTTP.
        api_key=None if loopback else api_key,
        headers={"api-key": api_key} if loopback and api_key else None,
        timeout=max(1, round(options.timeout_seconds)),
        check_compatibility=False,  # it asks in a thread and only warns; the contract suite tells more
    )
