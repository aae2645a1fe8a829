"""Reads documents ahead of the parser, a limited number at a time."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice

from ingest.pipeline.changes import ref_of
from ingest.pipeline.unreadable import read_document
from ingest.ports import Source
from ingest.records import PlannedDocument, RawDocument

Take = Callable[[PlannedDocument], RawDocument | None]


@contextmanager
def reading_ahead(sources: Iterable[Source], documents: Sequence[PlannedDocument], concurrent: int) -> Iterator[Take]:
    """Yield a function that acts as `read_document` for a planned document, which may have been read ahead.

    Documents are read in order by `concurrent` threads. At most that many are held or being read, besides the one last
    taken.
    """
    by_name = {source.name: source for source in sources}
    ahead, running = iter(documents), dict[str, Future[RawDocument | None]]()

    def read(document: PlannedDocument) -> RawDocument | None:
        return read_document(by_name[document.source], ref_of(document))

    def fill() -> None:
        for document in islice(ahead, concurrent - len(running)):
            running[document.uri] = pool.submit(read, document)

    def take(document: PlannedDocument) -> RawDocument | None:
        future = running.pop(document.uri, None)
        if future is None:
            return read(document)
        fill()
        return future.result()

    pool = ThreadPoolExecutor(concurrent, thread_name_prefix="read")
    try:
        fill()
        yield take
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
