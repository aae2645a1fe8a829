"""An S3 server on loopback: moto, with faults on demand. For tests in this process, for the demo as its own process.

    python -m tests.s3_server --port 9000 --bucket lake --bucket corpus

prints its URL once the buckets are there, and serves until it is stopped. Everything is in memory. moto checks
no credentials, but a client must have some: AWS_ACCESS_KEY_ID=demo AWS_SECRET_ACCESS_KEY=demo.

A `conftest.py` takes over the fixtures with `from tests.s3_server import aws_environment, make_bucket, s3_server`.
"""

import argparse
import atexit
import functools
import itertools
import signal
import socket
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn
from xml.sax.saxutils import escape

import pytest
from botocore.loaders import create_loader

from ingest.adapters.s3_client import open_client
from ingest.records import S3Options

WSGI = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
REGION = "us-east-1"


@dataclass(frozen=True)
class Request:
    """What a fault may look at."""

    method: str
    target: str  # path and query as they came, percent-encoded
    headers: dict[str, str]  # names in lower case


@dataclass
class Fault:
    """Does `act` instead of the plain answer to the next `times` requests that `matches`."""

    matches: Callable[[Request], bool]
    act: Callable[[WSGI, dict[str, Any], Callable[..., Any]], Iterable[bytes]]
    times: int


class FaultyS3:
    """A WSGI application: moto, unless a fault was planned."""

    def __init__(self) -> None:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

        self.app: WSGI = DomainDispatcherApplication(create_backend_app)
        self.url = ""
        self.page_size = 0  # keys per LIST answer; 0: as many as are asked for
        self.requests: deque[Request] = deque(maxlen=10_000)
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def plan(self, act: Any, method: str = "GET", text: str = "", times: int = 1) -> None:
        """Let `act` answer the next `times` requests of `method` that hold `text` in path or query."""
        with self._lock:
            self._faults.append(Fault(lambda r: r.method == method and text in r.target, act, times))

    def forget(self) -> None:
        """Drop all planned faults and noted requests."""
        with self._lock:
            self._faults.clear()
            self.requests.clear()

    def options(self, **changes: Any) -> S3Options:
        """Return options for a client of this server."""
        return S3Options(**{"endpoint_url": self.url, "region": REGION, "addressing_style": "path", **changes})

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        headers = {k[5:].replace("_", "-").lower(): v for k, v in environ.items() if k.startswith("HTTP_")}
        request = Request(environ["REQUEST_METHOD"], environ["REQUEST_URI"], headers)
        with self._lock:
            self.requests.append(request)
            fault = next((f for f in self._faults if f.times > 0 and f.matches(request)), None)
            if fault is not None:
                fault.times -= 1
        if self.page_size and environ["REQUEST_METHOD"] == "GET":
            environ["QUERY_STRING"] += f"&max-keys={self.page_size}"
        return self.app(environ, start_response) if fault is None else fault.act(self.app, environ, start_response)


# Faults


def refuse(status: str, code: str, headers: dict[str, str] | None = None, details: str = "") -> Any:
    """Answer an S3 error, `status` like "503 Slow Down"; nothing reaches the store."""

    def act(app: WSGI, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = f"<Error><Code>{escape(code)}</Code><Message>a message with s3cr3t</Message>{details}</Error>".encode()
        drain(environ)
        length = ("Content-Length", str(len(body)))
        start_response(status, [("Content-Type", "application/xml"), length, *(headers or {}).items()])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    return act


def lose_answer(app: WSGI, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Do what was asked and close the connection without an answer."""
    list(app(environ, lambda *args: None))
    return hang_up(environ)


def lose_request(app: WSGI, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Close the connection; nothing reaches the store."""
    return hang_up(environ)


def cut_body(app: WSGI, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer with all headers and half of the body."""
    body = b"".join(app(environ, start_response))
    return [body[: len(body) // 2]]


def damage_body(app: WSGI, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer with one bit of the body changed."""
    body = b"".join(app(environ, start_response))
    return [bytes([body[0] ^ 1]), body[1:]]


def without_headers(*names: str, **added: str) -> Any:
    """Pass the answer on without some headers and with others ("x_amz_id" stands for "x-amz-id")."""

    def act(app: WSGI, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            kept = [(k, v) for k, v in headers if k.lower() not in names and k.lower().replace("-", "_") not in added]
            return start_response(status, kept + [(k.replace("_", "-"), v) for k, v in added.items()], *rest)

        return app(environ, start)

    return act


def rewrite_body(change: Callable[[bytes], bytes]) -> Any:
    """Pass the answer on with another body, of another length if need be."""

    def act(app: WSGI, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        kept: list[Any] = []
        body = change(b"".join(app(environ, lambda *args: kept.extend(args))))
        headers = [(k, v) for k, v in kept[1] if k.lower() != "content-length"]
        start_response(kept[0], [*headers, ("Content-Length", str(len(body)))])
        return [body]

    return act


def wait_for(event: threading.Event) -> Any:
    """Answer nothing until `event` is set, ten seconds at most."""

    def act(app: WSGI, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        event.wait(10)
        return hang_up(environ)

    return act


def hang_up(environ: dict[str, Any]) -> NoReturn:
    """Close the connection without a word more."""
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionAbortedError  # which the server takes quietly


def drain(environ: dict[str, Any]) -> None:
    """Read the request's body: a connection closed on unread bytes is reset, and the answer lost."""
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))


# Running


@contextmanager
def listening(app: WSGI, port: int = 0) -> Iterator[str]:
    """Serve an application on 127.0.0.1 until the end of the block, and yield its URL."""
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log(self, type: str, message: str, *args: Any) -> None:
            pass

    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def serve(port: int = 0) -> Iterator[FaultyS3]:
    """Serve on a free port by default, until the end of the block."""
    app = FaultyS3()
    with listening(app, port) as app.url:
        yield app


@functools.cache
def shared_server() -> FaultyS3:
    """Return the one server of this process, started at the first call and stopped at its end."""
    serving = serve()
    atexit.register(serving.__exit__, None, None, None)
    return serving.__enter__()


@pytest.fixture(scope="session")
def aws_environment() -> Iterator[pytest.MonkeyPatch]:
    """Dummy credentials; nothing of the machine's own AWS settings, no question to a cloud's metadata address."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION"):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "s3cr3t")
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("AWS_CONFIG_FILE", "/dev/null")
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        patch.setattr("botocore.session.create_loader", functools.cache(create_loader))  # opens clients 5 times faster
        yield patch


@pytest.fixture
def s3_server(aws_environment: pytest.MonkeyPatch) -> Iterator[FaultyS3]:
    """The running server, without faults and noted requests."""
    server = shared_server()
    server.forget()
    yield server
    server.forget()
    server.page_size = 0


NUMBERS = itertools.count(1)


@pytest.fixture
def make_bucket(s3_server: FaultyS3) -> Callable[..., str]:
    """A function that makes a new bucket, versioned or not, and returns its name."""

    def make(versioned: bool = False) -> str:
        name = f"bucket-{next(NUMBERS)}"
        with closing(open_client(s3_server.options())) as client:
            client.create_bucket(Bucket=name)
            if versioned:
                client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        s3_server.forget()
        return name

    return make


def main() -> None:
    """Serve until the process is told to stop."""
    import os

    parser = argparse.ArgumentParser(description="S3 on loopback, in memory, for tests and demos")
    parser.add_argument("--port", type=int, default=0, help="0 for a free one")
    parser.add_argument("--bucket", action="append", default=[], help="a bucket to create; may be repeated")
    parser.add_argument("--versioned", action="store_true", help="keep versions in these buckets")
    arguments = parser.parse_args()
    os.environ.setdefault("AWS_ACCESS_KEY_ID", "demo")
    os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "demo")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with serve(arguments.port) as server:
        client = open_client(server.options())
        for bucket in arguments.bucket:
            client.create_bucket(Bucket=bucket)
            if arguments.versioned:
                client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        stop.wait()


if __name__ == "__main__":
    main()
