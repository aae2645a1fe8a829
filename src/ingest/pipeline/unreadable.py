"""One document that cannot be read costs itself; a share of them means that it is the source that is ill."""

from collections import Counter

from ingest import errors
from ingest.lake.lake import Lake, claim_number
from ingest.lake.rows import quarantine_rows
from ingest.lake.shard_rows import by_kind
from ingest.pipeline.changes import FETCHED
from ingest.pipeline.tasks import Work
from ingest.ports import Source
from ingest.records import DocumentRef, PartFile, Quarantined, RawDocument
from ingest.services import Workbench, Writer

FEW = 10  # unreadable documents that are no share yet, unless they are half of a source
AT_FAULT = (errors.SourceUnavailable, errors.AccessDenied)  # the source, or the one document that is read
UNREADABLE = ("UnreadableDocument", "DeniedDocument")


def read_document(source: Source, ref: DocumentRef) -> RawDocument | None:
    """Return what `Source.read` does. What it raises twice is the document's fault if the source can be listed.

    Raises: DocumentError; if it cannot be listed, what reading raised.
    """
    try:
        return source.read(ref)
    except AT_FAULT as error:
        try:
            next(iter(source.list()), None)
        except (errors.TransientError, errors.FatalError):
            raise error from None
    try:
        return source.read(ref)
    except AT_FAULT as error:
        kind = errors.DeniedDocument if isinstance(error, errors.AccessDenied) else errors.UnreadableDocument
        raise kind(str(error)) from error


class Reads:
    """Counts a shard's reads, so that an ill source is not asked for every one of its documents."""

    def __init__(self, bench: Workbench, writer: Writer, generation: str) -> None:
        self.bench, self.writer, self.generation = bench, writer, generation
        self.fetched: Counter[str] = Counter()  # all that the shard reads, by source
        self.read: Counter[str] = Counter()  # by source
        self.failed: Counter[str] = Counter()

    def count(self, source: str, error: errors.UnreadableDocument | None = None) -> None:
        """Count one document of a source. Raises: AccessDenied, SourceUnavailable when most of them fail."""
        self.read[source] += 1
        if error is None:
            return
        self.failed[source] += 1
        read, failed = self.read[source], self.failed[source]
        allowed = max(FEW, self.bench.options.max_unreadable_share * self.fetched[source])
        if failed > allowed and 2 * failed > read:
            give_up(self.bench.lake, self.writer, self.generation)
            raise ill(source, failed, read, type(error).__name__, str(error))


def check_readable(bench: Workbench, writer: Writer, work: Work) -> None:
    """Do nothing when all sources were fit to read from. Raises: AccessDenied, SourceUnavailable."""
    lake, share = bench.lake, bench.options.max_unreadable_share
    failures = _failures(lake, work)
    planned, fetched = Counter[str](), Counter[str]()
    for shard in work.summary.shards if failures else ():
        documents = work.shard_plan(shard).documents
        planned.update(d.source for d in documents)
        fetched.update(d.source for d in documents if d.change in FETCHED)
    for source, rows in sorted(failures.items()):
        few = len(rows) < 2 or (len(rows) <= FEW and 2 * len(rows) < planned[source])
        if not few and len(rows) > share * fetched[source]:
            kinds = Counter(row.error for row in rows)
            give_up(lake, writer, work.summary.generation)
            raise ill(source, len(rows), fetched[source], kinds.most_common(1)[0][0], rows[0].message)


def _failures(lake: Lake, work: Work) -> dict[str, list[Quarantined]]:
    """Return what this generation could not read and the base could, by source: earlier failures may stand for ever."""
    found: dict[str, list[Quarantined]] = {}
    for task in work.tasks("chunk"):
        marker = work.marker("chunk", task.shard)
        if marker is None or not any(marker.counts.get(f"quarantined.{name}") for name in UNREADABLE):
            continue
        plan = work.shard_plan(task.shard)
        fetched = {d.uri for d in plan.documents if d.change in FETCHED}
        before = {row.uri for row in _unreadable(lake, plan.base_parts)}
        for row in _unreadable(lake, marker.parts):
            if row.uri in fetched - before:
                found.setdefault(row.source, []).append(row)
    return found


def _unreadable(lake: Lake, parts: tuple[PartFile, ...]) -> list[Quarantined]:
    part = by_kind(parts).get("quarantine")
    return [row for row in quarantine_rows(lake.read(part)) if row.error in UNREADABLE] if part is not None else []


def give_up(lake: Lake, writer: Writer, generation: str) -> None:
    """Let the next run build another generation: it takes over what was read here, and reads what failed again."""
    claim = lake.claim(generation)
    number = claim_number(generation) + 1
    token, id_ = writer.new_token(), f"{number:04d}-{claim.settings_hash[:8]}"
    lake.claims.append(number, claim.model_copy(update={"id": id_, "token": token}))  # False: somebody else began one


def ill(source: str, failed: int, read: int, kind: str, message: str) -> errors.AccessDenied | errors.SourceUnavailable:
    """Return the error about a source of whose documents too many cannot be read; `message` is about one of them."""
    told = f"source {source}: {failed} of {read} documents could not be read (max_unreadable_share), one of them: "
    return (errors.AccessDenied if kind == "DeniedDocument" else errors.SourceUnavailable)(told + message)
