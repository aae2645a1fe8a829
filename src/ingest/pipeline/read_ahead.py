"""Reads documents ahead of the parser, a bounded number at once."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from ingest.pipeline.changes import ref_of
from ingest.ports import Source
from ingest.records import PlannedDocument, RawDocument


class Reads:
    """The documents of one shard, read in order by `concurrent` threads. A context manager.

    At most `concurrent` documents are held or under way, besides the one that was taken last.
    """

    def __init__(self, sources: Iterable[Source], documents: Sequence[PlannedDocument], concurrent: int) -> None:
        self._sources = {source.name: source for source in sources}
        self._ahead: Iterator[PlannedDocument] = iter(documents)
        self._running: OrderedDict[str, Future[RawDocument | None]] = OrderedDict()
        self._concurrent = concurrent
        self._pool = ThreadPoolExecutor(concurrent, thread_name_prefix="read")

    def __enter__(self) -> "Reads":
        self._fill()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def take(self, document: PlannedDocument) -> RawDocument | None:
        """Return what `Source.read` gives for a document, read ahead or now. Raises what it raises."""
        future = self._running.pop(document.uri, None)
        if future is None:
            return self._read(document)
        self._fill()
        return future.result()

    def _fill(self) -> None:
        while len(self._running) < self._concurrent and (document := next(self._ahead, None)) is not None:
            self._running[document.uri] = self._pool.submit(self._read, document)

    def _read(self, document: PlannedDocument) -> RawDocument | None:
        return self._sources[document.source].read(ref_of(document))
