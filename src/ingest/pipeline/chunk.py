"""chunk_shard: fetch → parse → chunk → commit part files. The one place where a document's failure becomes a row.

One document that cannot be read costs itself; a share of them means that it is the source that is ill.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from functools import cache, partial
from typing import NoReturn

from ingest import errors
from ingest.errors import DocumentError, UnreadableDocument
from ingest.lake.lake import Lake, claim_number
from ingest.lake.shard_rows import ShardRows, by_kind, read_rows
from ingest.pipeline.changes import FETCHED
from ingest.pipeline.claiming import unreleased_rows
from ingest.pipeline.quarantine import accepted, failure_of
from ingest.pipeline.shard_builder import Made, parsed, put_family, row_of, with_attributes
from ingest.pipeline.tasks import ShardTask, Work, joined_documents, shard_step, written
from ingest.ports import Source
from ingest.records import DocumentRef, Marker, PlannedDocument, Quarantined, RawDocument, ShardPlan
from ingest.services import Services, Workbench, Writer

FEW = 10  # unreadable documents that are no share yet, unless they are half of a source
AT_FAULT = (errors.SourceUnavailable, errors.AccessDenied)  # the source, or the one document that is read
UNREADABLE = ("UnreadableDocument", "DeniedDocument")
Read = Callable[[], RawDocument | None]


def read_document(source: Source, ref: DocumentRef) -> RawDocument | None:
    """Return what `Source.read` does. What it raises twice is the document's fault if the source can be listed.

    Raises: DocumentError; if the source cannot be listed, what reading raised.
    """
    try:
        return source.read(ref)
    except AT_FAULT as error:
        try:
            next(iter(source.list()), None)
        except (errors.TransientError, errors.FatalError):
            error.source = source.name
            raise error from None
    try:
        return source.read(ref)
    except AT_FAULT as error:
        kind = errors.DeniedDocument if isinstance(error, errors.AccessDenied) else errors.UnreadableDocument
        raise kind(str(error)) from error


class Reads:
    """Counts documents by source (to be read, read, failed), so that an ill source is not asked for all of its own."""

    def __init__(self, bench: Workbench, writer: Writer, generation: str) -> None:
        self.bench, self.writer, self.generation = bench, writer, generation
        self.fetched, self.read, self.failed = Counter[str](), Counter[str](), Counter[str]()

    def count(self, source: str, error: errors.UnreadableDocument | None = None) -> None:
        """Count one document of a source. Raises: AccessDenied, SourceUnavailable when most of them fail."""
        self.read[source] += 1
        if error is None:
            return
        self.failed[source] += 1
        read, failed = self.read[source], self.failed[source]
        allowed = max(FEW, self.bench.options.max_unreadable_share * self.fetched[source])
        if failed > allowed and 2 * failed > read:
            self._give_up(source, failed, read, type(error).__name__, str(error))

    def check(self, work: Work) -> None:
        """Check that all sources were fit to read from, also that none was emptied. Raises: as `count`."""
        gone, failures, taken = Counter[str](), defaultdict[str, list[Quarantined]](list), accepted(self.bench.lake)
        for task in work.tasks("chunk"):
            plan, marker = work.shard_plan(task.shard), work.marker("chunk", task.shard)
            fetched = {d.uri: d.source for d in plan.documents if d.change in FETCHED}
            self.fetched.update(fetched.values())
            gone.update(fetched[uri] for uri in work.gone(task.shard) if uri in fetched)
            for row in _failures(self.bench.lake, plan, marker) if marker is not None else ():
                if row.uri in fetched and failure_of(row) not in taken:
                    failures[row.source].append(row)
        plans = map(work.shard_plan, work.summary.shards if failures else ())
        planned = Counter(d.source for plan in plans for d in plan.documents)
        for source, rows in sorted(failures.items()):
            few = len(rows) < 2 or (len(rows) <= FEW and 2 * len(rows) < planned[source])
            if not few and len(rows) > self.bench.options.max_unreadable_share * self.fetched[source]:
                kinds = Counter(row.error for row in rows)
                self._give_up(source, len(rows), self.fetched[source], kinds.most_common(1)[0][0], rows[0].message)
        for listed in self.bench.sources:
            count = gone[listed.name]
            if 1 < count == self.fetched[listed.name] and next(iter(listed.list()), None) is None:
                told = f"{listed.uri}: emptied since it was listed, {count} documents are gone"
                (emptied := errors.SourceUnavailable(told)).source = listed.name
                raise emptied

    def _give_up(self, source: str, failed: int, read: int, kind: str, message: str) -> NoReturn:
        """Let another generation take over what was read, and read again what failed. Raises: as `count`."""
        claims, claim = self.bench.lake.claims, self.bench.lake.claim(self.generation)
        number, token = claim_number(self.generation) + 1, self.writer.new_token()
        again = claim.model_copy(update={"id": f"{number:04d}-{claim.settings_hash[:8]}", "token": token})
        claims.append(number, again)  # False: somebody else began one
        told = f"source {source}: {failed} of {read} documents could not be read (max_unreadable_share), one of them: "
        error = (errors.AccessDenied if kind == "DeniedDocument" else errors.SourceUnavailable)(told + message)
        error.source = source
        raise error


def _failures(lake: Lake, plan: ShardPlan, marker: Marker) -> Iterator[Quarantined]:
    """Yield what could not be read, and could be read for the base: earlier failures may stand for ever."""
    if any(marker.counts.get(f"quarantined.{name}") for name in UNREADABLE):
        before, after = (
            unreadable(read_rows(lake, by_kind(parts), "quarantine")) for parts in (plan.base_parts, marker.parts)
        )
        yield from (row for uri, row in after.items() if uri not in before)


def unreadable(rows: ShardRows) -> dict[str, Quarantined]:
    """Return the failures of documents that their source did not return, by URI."""
    return {uri: row for uri, row in rows.quarantine.items() if row.error in UNREADABLE}


@shard_step("chunk", "cpu", join=joined_documents)
def chunk_shard(services: Services, task: ShardTask) -> Marker:
    """Parse, chunk and commit a shard's or slice's documents; failures are rows. Raises: TransientError, FatalError."""
    lake = services.bench.lake
    plan = lake.shard_plan(task.generation, task.shard, task.plan_hash)
    builder, documents = _ShardBuilder(services, task, plan), plan.documents[task.range]
    fetched = [d for d in documents if d.change in FETCHED]
    builder.reads.fetched.update(d.source for d in fetched)
    builder.made.earlier = unreleased_rows(lake, task) if fetched else []
    left = [planned for planned in documents if not builder.add(planned)]
    with closing(read_ahead(services.bench.sources, left, services.bench.options.concurrent_reads)) as reads:
        for planned, read in reads:
            builder.add(planned, read)
    parts = written(lake, task, builder.made.tables())
    return task.marker("chunk", dict(builder.made.counts), parts=parts, gone=tuple(builder.gone))


class _ShardBuilder:
    def __init__(self, services: Services, task: ShardTask, plan: ShardPlan) -> None:
        self.bench, self.task, self.plan = services.bench, task, plan
        self.made = Made(self.bench, plan, services.writer.clock())
        self.base = self.made.base
        self.unreadable = unreadable(self.base)  # what is none of these may show that its source is ill
        self.reads = Reads(self.bench, services.writer, task.generation)
        self.accepted = cache(partial(accepted, self.bench.lake))  # asked once a document could not be read
        self.gone: list[str] = []  # URIs
        self.stage = ""  # of the current document
        self.observer, self.done = services.retrieval.observer, 0

    def add(self, planned: PlannedDocument, read: Read | None = None) -> bool:
        """Add one planned document to the shard: as a document, in quarantine, or as gone. False: it must be read."""
        try:
            if not self._bring(planned, read):
                return False
        except DocumentError as error:
            self.made.fail(planned, self.stage, error)
            self.made.keep_last_good(planned)
        self.done += 1
        self.observer.reached("chunk", self.task.name, self.done)
        return True

    def _bring(self, planned: PlannedDocument, read: Read | None) -> bool:
        self.stage = "chunk"
        if read is not None:
            self._read(planned, read)
        elif planned.change in FETCHED:
            return not self.plan.reads_again and self._adopt(planned)
        elif planned.change == "revoked":
            pass
        elif planned.change == "known_bad" or (row := self.base.documents.get(planned.uri)) is None:
            self._keep_failure(planned.uri, self.base)
            self.made.keep_last_good(planned)
        elif planned.change == "attributes_changed":
            current = replace(row, status="current", stale_since="")
            self.made.carry(with_attributes(current, planned), self.base)
        else:
            self.made.carry(row, self.base)
            self._keep_failure(planned.uri, self.base)  # of a last good version
        return True

    def _read(self, planned: PlannedDocument, read: Read) -> None:
        self.stage = "read"
        self.made.counts["gets"] += 1
        try:
            raw = read()
        except UnreadableDocument as error:
            told = self.made.prints.failure(error.parser, planned.uri, planned.source, self.stage)
            if planned.uri not in self.unreadable and (planned.uri, planned.version, told) not in self.accepted():
                self.reads.count(planned.source, error)
            raise
        self.reads.count(planned.source)
        if raw is None:
            self.gone.append(planned.uri)
            if planned.uri in self.base.documents:
                self.made.carry(with_attributes(self.base.documents[planned.uri], planned), self.base)
                self._keep_failure(planned.uri, self.base)
            return
        self.made.counts["bytes"] += len(raw.data)
        self.stage = "parse"
        document = self.bench.sandbox.parse(raw)
        self.stage = "chunk"
        row = row_of(replace(raw, ref=planned))
        put_family(self.made, parsed(row, document, self.made.prints), document)

    def _adopt(self, planned: PlannedDocument) -> bool:
        """Take a document, or its failure, from a generation that was never released; return False if there is none."""
        prints = self.made.prints
        for rows in self.made.earlier:
            row, bad = rows.documents.get(planned.uri), rows.quarantine.get(planned.uri)
            known = bad is not None and bad.version == planned.version and prints.same_failure(bad, planned.source)
            if bad is not None and known and (bad.stage != "read" or bad.uri in self.base.quarantine):
                self._keep_failure(planned.uri, rows)
                self.made.counts.update([f"quarantined.{bad.error}", f"adopted.{bad.error}"])
                self.made.keep_last_good(planned)
                return True
            same = row is not None and (row.version, row.status) == (planned.version, "current")
            held = row is not None and all(one.document_id in rows.texts for one in rows.family(row))  # or in its base
            if row is not None and same and held and prints.same_family(row, rows, planned.source):
                self.made.carry(with_attributes(row, planned), rows)
                inside = (f.error for one in rows.family(row) for f in rows.failures.get(one.document_id, ()))
                for error in inside:
                    self.made.counts.update([f"quarantined_children.{error}", f"adopted.{error}"])
                return True
        return False

    def _keep_failure(self, uri: str, rows: ShardRows) -> None:
        if uri in rows.quarantine:
            self.made.rows.quarantine[uri] = rows.quarantine[uri]


def read_ahead(
    sources: Iterable[Source], documents: Iterable[PlannedDocument], concurrent: int
) -> Generator[tuple[PlannedDocument, Read]]:
    """Yield documents in order, each with what acts as `read_document` for it. Close it, or exhaust it.

    They are read by `concurrent` threads; at most that many are held, besides the one last yielded.
    """
    by_name, ahead = {source.name: source for source in sources}, deque[tuple[PlannedDocument, Read]]()
    with ThreadPoolExecutor(concurrent, thread_name_prefix="read") as pool:
        for document in documents:
            reading = pool.submit(read_document, by_name[document.source], document)
            ahead.append((document, reading.result))
            if len(ahead) > concurrent:
                yield ahead.popleft()
        yield from ahead
