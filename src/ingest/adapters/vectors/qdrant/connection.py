"""The connection to Qdrant: one client, bounded retries, translated errors, reconnecting to an embedded engine."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ingest.adapters.vectors import client_models
from ingest.errors import AccessDenied, IndexUnavailable, SchemaMismatch
from ingest.phrases import shown
from ingest.records import QdrantOptions

TOLD = 300  # bytes of a response in a message
TEMPORARY = frozenset({408, 429})  # and every 5xx
TOO_LARGE = 413
KEPT_SECONDS = 2.0  # an idle connection: less than servers keep it, or requests would meet closed ones
REJECTED = frozenset({400, 404, 409})  # of an alias action, among others
Find = Callable[[], tuple[str, str | None]]


class OversizedRequest(SchemaMismatch):
    """A request has more bytes than the server, or a proxy before it, takes."""


class RejectedRequest(SchemaMismatch):
    """A request does not fit what the server has, such as an action on an alias that is gone."""


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
    oversampling: float = 2.0  # rescored candidates per hit


class Connection:
    """A client whose calls are named, for the message if one fails. Nothing is sent before them. Thread-safe."""

    def __init__(self, options: ConnectionOptions, find: Find, release: Callable[[], None] = lambda: None) -> None:
        """Find the index: `find` returns its URL and key, and starts an embedded engine, which `release` frees."""
        self.options = options
        self._find, self._release = find, release
        self._url, api_key = find()
        self._client = self._open(self._url, api_key)
        self._reopening = threading.Lock()

    def __str__(self) -> str:
        return shown(self._url)

    def call(self, what: str, method: str, *arguments: Any, **options: Any) -> Any:
        """Do what `once` does, up to `attempts` times while the index does not answer. Raises: as `once`."""
        import stamina

        limits: dict[str, Any] = {"attempts": self.options.attempts, "wait_initial": self.options.first_wait_seconds}
        for attempt in stamina.retry_context(on=IndexUnavailable, timeout=None, **limits):
            with attempt:
                if attempt.num > 1:
                    self._reopen()
                return self.once(what, method, *arguments, **options)
        raise AssertionError("stamina ends with the result or the last error")

    def once(self, what: str, method: str, *arguments: Any, **options: Any) -> Any:
        """Return what a method of the client returns; `what` says in messages what was to be done.

        Raises: IndexUnavailable if the outcome is unknown or the same call may succeed later, AccessDenied for 401 and
        403, OversizedRequest for 413, RejectedRequest for REJECTED, else SchemaMismatch.
        """
        import httpx
        from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
        from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

        what = f"{self}: {what}"
        try:
            return getattr(self._client, method)(*arguments, **options)
        except UnexpectedResponse as error:
            status = error.status_code or 0
            told = f"{what}: HTTP {status}: {error.content[:TOLD].decode(errors='replace')}"
            if status in (401, 403):
                raise AccessDenied(f"{told}; check QDRANT_API_KEY") from error
            if status in TEMPORARY or status >= 500:
                raise IndexUnavailable(told) from error
            if status == TOO_LARGE:
                limits = "max_request_size_mb of the server, client_max_body_size of a proxy"
                raise OversizedRequest(f"{told}; raise the limit on requests ({limits})") from error
            raise (RejectedRequest if status in REJECTED else SchemaMismatch)(told) from error
        except ResponseHandlingException as error:
            if isinstance(error.source, httpx.HTTPError | httpx.StreamError | OSError):
                raise IndexUnavailable(f"{what}: {type(error.source).__name__}: {error.source}") from error
            raise SchemaMismatch(f"{what}: the response is not Qdrant's: {type(error.source).__name__}") from error
        except ResourceExhaustedResponse as error:
            raise IndexUnavailable(f"{what}: {error}") from error
        except ValueError as error:  # the client refuses to send it
            raise SchemaMismatch(f"{what}: {error}") from error

    def close(self) -> None:
        self._client.close()
        self._release()

    def _reopen(self) -> None:
        """Find the index again, as the front of an embedded engine may have been killed; a server keeps its address."""
        with self._reopening:
            url, token = self._find()
            if url != self._url:
                # The old client is not closed: another thread may be using it, and its idle connections soon end.
                self._client = self._open(url, token)
                self._url = url

    def _open(self, url: str, api_key: str | None) -> Any:
        import httpx

        loopback = (urlsplit(url).hostname or "") in ("localhost", "127.0.0.1", "::1")
        return client_models.client().QdrantClient(
            url=url,
            # As a header on this machine: the client would warn (rightly, elsewhere) of a key over plain HTTP.
            api_key=None if loopback else api_key,
            headers={"api-key": api_key} if loopback and api_key else None,
            timeout=max(1, round(self.options.timeout_seconds)),
            limits=httpx.Limits(keepalive_expiry=KEPT_SECONDS),  # the client would keep none on this machine
            check_compatibility=False,  # it checks in a thread and only warns; the contract suite checks more
        )
