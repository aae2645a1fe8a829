"""What can go wrong, named by what happens next. Adapters translate foreign errors at the edge."""

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError

log = logging.getLogger(__name__)


def first_fault(error: "ValidationError") -> str:
    """Return location and message of the first validation error, without the value, which may be a secret."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place, message = ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message


class IngestError(Exception):
    """Anything that this package raises on purpose."""

    source: str = ""  # the name of the source that is sick as a whole


class Tolerated:
    """A context manager that warns of failures, by default all that are expected, instead of raising them."""

    def __init__(self, told: str, *kinds: type[Exception]) -> None:
        self.told, self.kinds = told, kinds or (IngestError, OSError)

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> bool:
        if is_tolerated := isinstance(error, self.kinds):
            log.warning("%s: %s", self.told, error)
        return is_tolerated


class DocumentError(IngestError):
    """One document is at fault: it goes to quarantine, the run goes on."""

    parser: str = ""  # name of the parser that read it; "" if none did
    passes: bool = False  # whether it may pass by itself: the same version is then tried again, a few times


class UnreadableDocument(DocumentError):
    """The source can be listed but does not return this one document."""

    passes = True


class DeniedDocument(UnreadableDocument):
    """The source can be listed but its credentials do not allow reading this one document."""


class ArchivedDocument(DocumentError):
    """The document is in an archive tier and must be restored before it can be read."""

    passes = True


class UnsupportedFormat(DocumentError):
    """No parser reads this media type."""


class MalformedDocument(DocumentError):
    """The bytes violate their format."""


class EncryptedDocument(DocumentError):
    """The document cannot be read without a key."""


class EmptyDocument(DocumentError):
    """The document holds no text."""


class ScannedDocument(DocumentError):
    """The pages are images without a text layer, and text recognition is off or not installed."""


class SuspiciousDocument(DocumentError):
    """The source's policy rejects documents with such content."""


class OversizedDocument(DocumentError):
    """A size limit was exceeded; nothing is truncated silently."""


class ParserTimeout(DocumentError):
    """The parser took longer than its limit."""

    passes = True


class ParserCrashed(DocumentError):
    """The parser failed in a way that it does not handle itself."""


class ParserKilled(ParserCrashed):
    """The parser's process was killed, for example because the machine ran out of memory."""

    passes = True


class UnembeddableDocument(DocumentError):
    """The model gives no usable vector for one of the document's chunks."""

    passes = True


class LostText(DocumentError):
    """The text of this version is damaged in the lake, and the source no longer has the version."""


class TransientError(IngestError):
    """The same call may succeed later; retried a bounded number of times."""


class SourceUnavailable(TransientError):
    """A source did not respond, or its response was cut short."""


class StoreUnavailable(TransientError):
    """The lake's store did not answer."""


class IndexUnavailable(TransientError):
    """The vector index did not answer."""


class LocalUnavailable(TransientError):
    """This machine's own files cannot be read or written: no space, a limit, no permission."""


class EmbedderOutOfMemory(TransientError):
    """A forward pass did not fit; the batch is halved and tried again."""


class SandboxUnavailable(TransientError):
    """No parser process could be started on this machine."""


class FatalError(IngestError):
    """The run stops and promotes nothing."""


class InvalidSettings(FatalError):
    """The settings contradict themselves or the data."""


class UnknownSource(FatalError):
    """A source's place does not exist, or no adapter knows its scheme."""


class AccessDenied(FatalError):
    """The credentials do not allow this."""


class DimensionMismatch(FatalError):
    """Vectors and collection have different dimensions."""


class SchemaMismatch(FatalError):
    """Stored data does not have the promised shape."""


class DamagedFile(SchemaMismatch):
    """A file of the lake is gone, or its bytes are not those that were written: it counts as absent."""


class IncompleteGeneration(FatalError):
    """The conservation check found something lost, orphaned or stale."""


class LeaseHeld(FatalError):
    """Another builder is working on this index."""


class LeaseLost(FatalError):
    """Another builder took over; this one must stop writing."""


class VersionMismatch(FatalError):
    """A worker runs another version of the code than the driver of the run."""


class DeleteGuardTripped(FatalError):
    """More documents would disappear than the settings allow."""


class StaleOrigin(FatalError):
    """A source, tenant or prefix has been sick for longer than the settings allow to carry it."""


class BudgetExceeded(FatalError):
    """The plan would cost more than the settings allow."""


class Overtaken(FatalError):
    """The candidate was built on a generation that no longer serves."""


class VerdictOutdated(Overtaken):
    """The verdict was compared with a release that another one has followed: judge again."""


class Held(FatalError):
    """A hold is set: automatic promotion is off until a person lifts it."""


class UnknownRelease(FatalError):
    """No such release or generation, or nothing serves yet."""


class UnknownDocument(FatalError):
    """No document in quarantine is what was named."""


class ForeignIndex(SchemaMismatch):
    """The aliases or a collection belong to another lake, or to another state of this one."""


class UnknownReaderFormat(FatalError):
    """The generation was written in a format that this version cannot read."""


def may_pass(name: str) -> bool:
    """Return whether a DocumentError with this class name may pass by itself."""
    kind = globals().get(name)
    return isinstance(kind, type) and issubclass(kind, DocumentError) and kind.passes
