"""Reading ahead is bounded, in order, and never changes what a document's read gives."""

import threading
from contextlib import closing

import pytest

from ingest.errors import OversizedDocument
from ingest.pipeline.chunk import read_ahead
from ingest.records import PlannedDocument, RawDocument


class GatedSource:
    """A source whose reads wait until the test lets them go; it counts how many wait."""

    name = "docs"

    def __init__(self) -> None:
        self.gate = threading.Semaphore(0)
        self.started = threading.Semaphore(0)
        self.under_way = 0
        self.most = 0
        self.read_paths: list[str] = []
        self._lock = threading.Lock()

    def read(self, ref):
        with self._lock:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            self.read_paths.append(ref.path)
        self.started.release()
        assert self.gate.acquire(timeout=30)
        with self._lock:
            self.under_way -= 1
        if ref.path == "huge":
            raise OversizedDocument("huge: 2 bytes, over the limit of 1")
        return None if ref.path == "gone" else RawDocument(ref, ref.path.encode())


def planned(path):
    return PlannedDocument(
        uri=f"file:///{path}",
        source="docs",
        path=path,
        version="1",
        size=1,
        acl=("public",),
        tenant="public",
        change="added",
    )


def test_documents_come_in_their_order_whatever_order_they_are_read_in():
    source, documents = GatedSource(), [planned(p) for p in ("a", "b", "gone", "c")]
    source.gate.release(4)
    read = [(document.path, taken()) for document, taken in read_ahead((source,), documents, 3)]
    assert [("a", b"a"), ("b", b"b"), ("gone", None), ("c", b"c")] == [(path, raw and raw.data) for path, raw in read]


def test_no_more_than_the_limit_is_read_at_once_and_nothing_twice():
    source, documents = GatedSource(), [planned(str(i)) for i in range(10)]
    with closing(read_ahead((source,), documents, 3)) as reads:
        first = next(reads)
        for _ in range(3):
            assert source.started.acquire(timeout=30)
        source.gate.release(10)
        assert documents == [document for document, taken in [first, *reads] if taken()]
    assert (3, sorted(map(str, range(10)))) == (source.most, sorted(source.read_paths))


def test_an_error_belongs_to_its_document_alone():
    source, documents = GatedSource(), [planned(p) for p in ("a", "huge", "c")]
    source.gate.release(3)
    (_, first), (_, huge), (_, last) = read_ahead((source,), documents, 2)
    assert b"a" == first().data
    with pytest.raises(OversizedDocument):
        huge()
    assert b"c" == last().data


def test_who_stops_early_leaves_no_document_waiting_but_the_next():
    source, documents = GatedSource(), [planned(str(i)) for i in range(10)]
    source.gate.release(10)
    with closing(read_ahead((source,), documents, 2)) as reads:
        next(reads)
    assert ["0", "1", "2"] == sorted(source.read_paths)
