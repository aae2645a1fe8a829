"""How the Qdrant adapter hears and tells failures. The server is a stub on loopback that answers what it is told."""

import json
import logging
import threading
import weakref
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast
from uuid import UUID

import numpy as np
import pytest

from ingest.adapters.vectors.qdrant.connection import Connection, ConnectionOptions
from ingest.adapters.vectors.qdrant.qdrant_index import QdrantIndex
from ingest.errors import AccessDenied, IndexUnavailable, SchemaMismatch
from ingest.records import EVERYTHING, AliasAction, Filter
from tests.vector_indexes import in_memory_index, point

SECRET = "a-secret-that-nobody-may-read"
ACTIONS = [AliasAction("rename", "docs@1", "docs@2"), AliasAction("create", "docs", "g2")]
HANG_UP = -1


class Stub:
    """A server that answers the statuses it was given, the last one for ever, and remembers what it was asked."""

    def __init__(self) -> None:
        self.statuses: list[int] = [200]
        self.result: object = {"aliases": [{"alias_name": "docs", "collection_name": "g1"}]}
        self.asked: list[str] = []
        self.keys: list[str | None] = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                stub.asked.append(f"{self.command} {self.path}")
                stub.keys.append(self.headers.get("api-key"))
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status = stub.statuses.pop(0) if len(stub.statuses) > 1 else stub.statuses[0]
                if status == HANG_UP:
                    self.connection.close()
                    return
                content = {"result": stub.result} if status == 200 else {"status": {"error": "told why"}}
                body = json.dumps({**content, "time": 0.0}).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = answer

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def stub() -> Iterator[Stub]:
    stub = Stub()
    thread = threading.Thread(target=stub.server.serve_forever, args=(0.01,))
    thread.start()
    yield stub
    stub.server.shutdown()
    stub.server.server_close()
    thread.join()


@pytest.fixture
def index(stub: Stub) -> Iterator[QdrantIndex]:
    index = QdrantIndex.connect(stub.url, SECRET, timeout_seconds=5, first_wait_seconds=0.001)
    yield index
    index.close()


@pytest.mark.parametrize(
    ("status", "error", "attempts"),
    [
        (400, SchemaMismatch, 1),
        (401, AccessDenied, 1),
        (403, AccessDenied, 1),
        (404, SchemaMismatch, 1),
        (413, SchemaMismatch, 1),
        (422, SchemaMismatch, 1),
        (408, IndexUnavailable, 3),
        (429, IndexUnavailable, 3),
        (500, IndexUnavailable, 3),
        (503, IndexUnavailable, 3),
        (HANG_UP, IndexUnavailable, 3),
    ],
)
def test_each_failure_becomes_one_of_our_errors_after_a_bounded_number_of_attempts(
    stub: Stub, index: QdrantIndex, status: int, error: type[Exception], attempts: int
) -> None:
    stub.statuses = [status]
    with pytest.raises(error, match="read the aliases"):
        index.aliases()
    assert attempts == len(stub.asked)


def test_a_call_that_works_at_the_third_attempt_works(stub: Stub, index: QdrantIndex) -> None:
    stub.statuses = [503, HANG_UP, 200]
    assert ({"docs": "g1"}, 3) == (index.aliases(), len(stub.asked))


@pytest.mark.parametrize("status", [500, 503, 429, 408, HANG_UP])
def test_a_move_of_aliases_with_unknown_outcome_is_not_tried_again(stub: Stub, index: QdrantIndex, status: int) -> None:
    stub.statuses, stub.result = [status, 200], True
    with pytest.raises(IndexUnavailable, match="move aliases"):
        index.move_aliases(ACTIONS)
    assert ["POST /collections/aliases"] == stub.asked


@pytest.mark.parametrize(("status", "moved"), [(200, True), (404, False), (409, False), (400, False)])
def test_a_refused_move_of_aliases_is_an_answer(stub: Stub, index: QdrantIndex, status: int, moved: bool) -> None:
    stub.statuses, stub.result = [status], True
    assert moved == index.move_aliases(ACTIONS)


def test_a_move_of_aliases_without_access_is_an_error(stub: Stub, index: QdrantIndex) -> None:
    stub.statuses = [403]
    with pytest.raises(AccessDenied):
        index.move_aliases(ACTIONS)


def test_an_answer_that_is_not_qdrants_is_a_mismatch(stub: Stub, index: QdrantIndex) -> None:
    stub.result = {"aliases": "none"}
    with pytest.raises(SchemaMismatch, match="not Qdrant's"):
        index.aliases()


def test_the_key_is_sent_and_stands_in_no_repr_message_or_log(
    stub: Stub, index: QdrantIndex, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    stub.statuses = [503, 401]
    with pytest.raises(AccessDenied) as refused:
        index.aliases()
    told = f"{index!r} {refused.value!r} {refused.value.__cause__} {caplog.text}"
    assert {SECRET} == set(stub.keys)
    assert SECRET not in told
    assert stub.url in repr(index)


def test_a_password_in_the_address_is_not_shown() -> None:
    index = QdrantIndex.connect("https://user:pass@qdrant.example.com:6333", None)
    assert "QdrantIndex(https://qdrant.example.com:6333)" == repr(index)
    index.close()


def test_nobody_listening_is_unavailable(stub: Stub) -> None:
    index = QdrantIndex.connect("http://127.0.0.1:9", None, first_wait_seconds=0.001)
    with pytest.raises(IndexUnavailable, match=r"127\.0\.0\.1:9: list the collections"):
        index.collections()
    index.close()


class RestartedEngine:
    """An engine whose front is found at another address at each look."""

    def __init__(self, urls: list[str]) -> None:
        self.urls = urls
        self.closed = 0

    def address(self) -> tuple[str, str]:
        return self.urls.pop(0), SECRET

    def close(self) -> None:
        self.closed += 1


def test_an_embedded_engine_is_looked_for_again_when_it_does_not_answer(stub: Stub) -> None:
    engine = RestartedEngine(["http://127.0.0.1:9", stub.url])
    index = QdrantIndex.embedded(engine, first_wait_seconds=0.001)
    assert {"docs": "g1"} == index.aliases()
    index.close()
    assert ([], 1) == (engine.urls, engine.closed)


def test_an_optimisation_that_takes_too_long_is_told(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    index = QdrantIndex.connect(stub.url, None, optimise_seconds=0.0)
    counts = {"indexed_vectors_count": None, "points_count": 3}
    yellow = type("Info", (), {"optimizer_status": "ok", "status": _Status("yellow"), **counts})()
    monkeypatch.setattr(index, "_set_threshold", lambda collection: None)
    monkeypatch.setattr(index, "_info", lambda collection: yellow)
    with pytest.raises(IndexUnavailable, match=r"optimise g1: yellow after 0\.0 s"):
        index.optimise("g1")
    index.close()


def test_an_optimisation_tells_how_many_points_the_graph_has(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    index, heard = QdrantIndex.connect(stub.url, None), list[int]()
    seen = [("yellow", None), ("yellow", 3), ("green", 20), ("green", 20)]
    looks = iter(
        type(
            "Info", (), {"optimizer_status": "ok", "status": _Status(s), "indexed_vectors_count": n, "points_count": 10}
        )()
        for s, n in seen
    )
    monkeypatch.setattr(index, "_set_threshold", lambda collection: None)
    monkeypatch.setattr(index, "_info", lambda collection: next(looks))
    index.optimise("g1", heard.append)
    assert [0, 3, 10, 10] == heard  # vectors of both kinds are counted there, points here
    index.close()


class _Status(str):
    """What `CollectionStatus` is: a text with a value."""

    @property
    def value(self) -> str:
        return str(self)


def test_a_caller_without_any_group_asks_nothing(stub: Stub, index: QdrantIndex) -> None:
    nobody = Filter(acl=())
    assert (0, []) == (index.count("g1", nobody), list(index.scroll("g1", nobody)))
    assert [] == stub.asked


def test_importing_the_adapter_imports_no_client(run_python: Callable[[str], str]) -> None:
    told = run_python(
        "import sys, ingest.adapters.vectors.qdrant.qdrant_index as _\n"
        "print([m for m in sys.modules if 'qdrant_client' in m])"
    )
    assert "[]" == told


def test_vectors_of_any_float_type_are_written() -> None:
    memory = in_memory_index()
    memory.create_collection("g1", 2)
    memory.upsert("g1", [point(0, np.array([0.6, 0.8], dtype=np.float64))])
    assert 1 == memory.count("g1", EVERYTHING)
    memory.close()


class Record:
    """A point as the client returns it."""

    def __init__(self, key: str) -> None:
        self.id, self.payload = key, {"n": key}


class Client:
    """A connection that answers with records, and has none left when it is asked again."""

    options = ConnectionOptions(page=2)

    def __init__(self) -> None:
        self.left = weakref.WeakSet[Record]()
        self.asked = 0

    def call(self, what: str, method: str, collection: str, ids: list[str], **wanted: bool) -> list[Record]:
        assert not self.left
        self.asked += 1
        found = [Record(key) for key in ids]
        self.left.update(found)
        return found


def test_a_clients_records_are_gone_before_the_next_are_asked_for() -> None:
    client, keys = Client(), [str(UUID(int=n)) for n in range(5)]
    found = QdrantIndex(cast("Connection", client)).retrieve("g1", keys)
    assert (keys, 3) == (list(found), client.asked)
