"""The connection to Qdrant: one client, bounded retries, translated errors, reconnecting to an embedded engine."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import urlsplit

from ingest.adapters.vectors.qdrant.requests import translated
from ingest.errors import IndexUnavailable
from ingest.phrases import shown
from ingest.records import QdrantOptions

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

T = TypeVar("T")


@dataclass(frozen=True)
class ConnectionOptions:
    """Limits; only the first is a setting. Times in seconds."""

    timeout_seconds: float = QdrantOptions().timeout_seconds  # per request
    optimise_seconds: float = 3600.0  # until a collection must be green, and per flush
    attempts: int = 3  # per call; the documented product with the shard's attempts bounds the total
    first_wait_seconds: float = 0.2  # before the second attempt, then doubled, with jitter
    page: int = 1000  # points per response to scroll or retrieve
    write_batch: int = 256  # points per request
    search_batch: int = 256  # questions per request
    request_bytes: int = 8 * 2**20  # per request with points or questions; a quarter of what a server takes
    indexing_threshold: int = 10_000  # KB of vectors above which a graph is built, outside bulk mode
    quantised: bool = True  # int8 besides float32, rescored: builds faster, at hardly any loss of recall
    oversampling: float = 2.0  # rescored candidates per hit


class EmbeddedEngine(Protocol):
    """An embedded engine that is found, started and restarted automatically (`edge.engine.Engine`)."""

    def address(self) -> tuple[str, str]:
        """Return URL and token of the running engine."""

    def close(self) -> None:
        """Release it."""


class Connection:
    """A client whose calls are named, for the message if one fails. Thread-safe."""

    def __init__(
        self, options: ConnectionOptions, url: str, api_key: str | None, engine: EmbeddedEngine | None = None
    ) -> None:
        """Open a client for `url`. Nothing is sent yet."""
        self.options = options
        self._engine = engine
        self._url = url
        self._client = self._open(url, api_key)
        self._reopening = threading.Lock()

    @property
    def where(self) -> str:
        """The address without user and password."""
        return shown(self._url)

    def call(self, what: str, act: Callable[["QdrantClient"], T]) -> T:
        """Return act(client), tried up to `attempts` times while the index does not answer.

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
        """Return act(client), tried once. Raises: IndexUnavailable if the outcome is unknown; otherwise as `call`."""
        with translated(f"{self.where}: {what}"):
            return act(self._client)

    def close(self) -> None:
        """Close the client and release the engine."""
        self._client.close()
        if self._engine is not None:
            self._engine.close()

    def _reopen(self) -> None:
        """Find the embedded engine again, as its front may have been killed; a server keeps its address."""
        if self._engine is None:
            return
        with self._reopening:
            url, token = self._engine.address()
            if url != self._url:
                # The old client is not closed: another thread may be using it, and it keeps no connection open.
                self._client = self._open(url, token)
                self._url = url

    def _open(self, url: str, api_key: str | None) -> "QdrantClient":
        from qdrant_client import QdrantClient

        loopback = (urlsplit(url).hostname or "") in ("localhost", "127.0.0.1", "::1")
        return QdrantClient(
            url=url,
            # As a header on this machine: the client would warn (rightly, elsewhere) of a key over plain HTTP.
            api_key=None if loopback else api_key,
            headers={"api-key": api_key} if loopback and api_key else None,
            timeout=max(1, round(self.options.timeout_seconds)),
            check_compatibility=False,  # it checks in a thread and only warns; the contract suite checks more
        )
