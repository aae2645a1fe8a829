"""One document that cannot be read costs itself; a share of them means that it is the source that is ill."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import NoReturn

from ingest import errors
from ingest.lake.lake import Lake, claim_number
from ingest.lake.shard_rows import by_kind, read_rows
from ingest.pipeline.changes import FETCHED
from ingest.pipeline.quarantine import accepted, failure_of
from ingest.pipeline.tasks import Work
from ingest.ports import Source
from ingest.records import DocumentRef, Marker, Quarantined, RawDocument, ShardPlan
from ingest.services import Workbench, Writer

FEW = 10  # unreadable documents that are no share yet, unless they are half of a source
AT_FAULT = (errors.SourceUnavailable, errors.AccessDenied)  # the source, or the one document that is read
UNREADABLE = ("UnreadableDocument", "DeniedDocument")


def read_document(source: Source, ref: DocumentRef) -> RawDocument | None:
    """Return what `Source.read` does; what it raises twice is a DocumentError if the source can be listed."""
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
    """Counts documents by source: to be read, read, failed; an ill source is not asked for every one of its own."""

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
            read_rows(lake, by_kind(parts), "quarantine").quarantine for parts in (plan.base_parts, marker.parts)
        )
        known = {uri for uri, row in before.items() if row.error in UNREADABLE}
        yield from (row for uri, row in after.items() if row.error in UNREADABLE and uri not in known)
