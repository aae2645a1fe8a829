"""An HTTP proxy before an S3 server that breaks requests: the nth, or some by chance from a seed.

    with proxied(server.url, Breaks(seed=7, chance=0.05)) as (url, proxy): ...

A client that is given `url` in place of the server's meets what networks, gateways and S3 itself do to requests. The
numbers and the draws follow the order in which requests arrive: with one thread they are the same each time.
"""

import os
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn

import urllib3

from tests.s3_server import WSGI, cut_body, drain, listening, lose_answer, refuse

HOP_BY_HOP = frozenset({"connection", "date", "expect", "host", "keep-alive", "server", "transfer-encoding"})
STALL_SECONDS = 30.0
Act = Callable[[WSGI, dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def reset(app: WSGI, environ: dict[str, Any], start_response: Callable[..., Any]) -> NoReturn:
    """Reset the connection; nothing reaches the store."""
    connection = environ["werkzeug.socket"]
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    ours, theirs = socket.socketpair()
    os.dup2(ours.fileno(), connection.fileno())  # closes it at once; the server reads the end of a stream in its place
    ours.close()
    theirs.close()
    raise ConnectionAbortedError  # which the server takes quietly


def answer_nothing(app: WSGI, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer 200 without body and headers; nothing reaches the store."""
    drain(environ)
    start_response("200 OK", [("Content-Length", "0")])
    return []


@dataclass(frozen=True)
class Kind:
    """A kind of fault: what it does, to which requests."""

    name: str
    act: Act | None  # None: a stall
    methods: tuple[str, ...] = ("GET", "HEAD", "PUT", "POST", "DELETE")
    texts: tuple[str, ...] = ()  # one of them stands in path or query
    always: bool = False  # such a request fails each time, whatever the chance

    def can(self, environ: Mapping[str, Any]) -> bool:
        """Tell whether such a request can be broken so."""
        target = environ["REQUEST_URI"]
        return environ["REQUEST_METHOD"] in self.methods and (not self.texts or any(t in target for t in self.texts))


PAGE = ("continuation-token=", "key-marker=", "marker=")
KINDS = (
    Kind("503", refuse("503 Slow Down", "SlowDown")),
    Kind("reset", reset),
    Kind("truncated body", cut_body, ("GET",)),
    Kind("answer lost after the write", lose_answer, ("PUT", "POST", "DELETE")),
    Kind("empty 200", answer_nothing, ("GET",)),
    Kind("false 412", refuse("412 Precondition Failed", "PreconditionFailed"), ("PUT",)),
    Kind("stall", None),
    Kind("second LIST page", refuse("500 Internal Server Error", "InternalError"), ("GET",), PAGE, always=True),
)


@dataclass
class Breaks:
    """Which requests are broken, and how. `nth` counts all requests from 1."""

    seed: int = 0
    chance: float = 0.0  # of each request
    kinds: tuple[Kind, ...] = KINDS
    nth: Mapping[int, Kind] = field(default_factory=dict)
    stall_seconds: float = STALL_SECONDS

    def __post_init__(self) -> None:
        self._random, self._number, self._lock = random.Random(self.seed), 0, threading.Lock()

    def draw(self, environ: Mapping[str, Any]) -> Kind | None:
        """Return what happens to the next request."""
        with self._lock:
            self._number += 1
            planned, drawn = self.nth.get(self._number), self._random.random() < self.chance
            able = [kind for kind in self.kinds if kind.can(environ)]
            if planned is not None or not drawn:
                return planned or next((kind for kind in able if kind.always and self.chance), None)
            return self._random.choice(able) if able else None


class S3Proxy:
    """A WSGI application that forwards to an S3 server, unless a request is to be broken."""

    def __init__(self, upstream: str, breaks: Breaks) -> None:
        self.breaks = breaks
        self.broken: Counter[str] = Counter()  # by kind
        self.closing = threading.Event()
        self._pool = urllib3.connection_from_url(upstream, maxsize=32, timeout=60.0)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        kind = self.breaks.draw(environ)
        if kind is None:
            return self.forward(environ, start_response)
        self.broken[kind.name] += 1
        return (kind.act or self._stall)(self.forward, environ, start_response)

    def forward(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Pass a request on, and its answer back."""
        named = {key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key.startswith("HTTP_")}
        headers = {name: value for name, value in named.items() if name not in HOP_BY_HOP}
        headers |= {"content-type": kind} if (kind := environ.get("CONTENT_TYPE")) else {}
        headers |= {"host": named["host"]}
        size = environ.get("CONTENT_LENGTH")
        chunked = environ.get("wsgi.input_terminated", False)
        body = environ["wsgi.input"].read(int(size)) if size else environ["wsgi.input"].read() if chunked else b""
        how: dict[str, Any] = {"redirect": False, "retries": False, "decode_content": False, "preload_content": True}
        target = environ["REQUEST_URI"]
        answer = self._pool.urlopen(environ["REQUEST_METHOD"], target, body=body, headers=headers, **how)
        kept = [(name, value) for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP]
        start_response(f"{answer.status} {answer.reason}", kept)
        return [answer.data]

    def _stall(self, app: WSGI, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Do what was asked, and answer late."""
        kept: list[Any] = []
        body = list(app(environ, lambda *args: kept.extend(args)))
        self.closing.wait(self.breaks.stall_seconds)
        start_response(*kept)
        return body

    def close(self) -> None:
        """End all stalls and close the connections to the server."""
        self.closing.set()
        self._pool.close()


@contextmanager
def proxied(upstream: str, breaks: Breaks) -> Iterator[tuple[str, S3Proxy]]:
    """Yield the URL of a proxy before `upstream`, and the proxy."""
    proxy = S3Proxy(upstream, breaks)
    with listening(proxy) as url:
        try:
            yield url, proxy
        finally:
            proxy.close()
