"""What nobody may find, whatever serves: the revocations in force, by the journal of decisions."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Self

from ingest.ids import containers, document_id
from ingest.lake.journal import Journal
from ingest.records import Decision

About = Mapping[str, Sequence[str]]  # of a decision
Access = tuple[str, frozenset[str]]  # the tenant and the groups that may still see a document
GONE: Access = ("", frozenset())  # its source no longer has it
MOST_EXCLUDED = 10_000  # documents of a generation by URI, id or prefix: every dense search names them


@dataclass(frozen=True)
class Revocations:
    """What is revoked; a document with all documents inside it."""

    documents: frozenset[str] = frozenset()  # their ids
    prefixes: tuple[str, ...] = ()  # of URIs
    sources: frozenset[str] = frozenset()
    tenants: frozenset[str] = frozenset()
    narrowed: Mapping[str, Access] = field(default_factory=dict)  # by policy; by id of the listed document

    @classmethod
    def of(cls, decisions: Iterable[About], narrowed: Mapping[str, Access] | None = None) -> Self:
        """Return what decisions to revoke name together, with what was narrowed."""
        every = [*decisions]
        named = (chain(*(about.get(kind, ()) for about in every)) for kind in ("uri", "prefix", "source", "tenant"))
        uris, prefixes, sources, tenants = map(frozenset, named)
        documents = frozenset(document_id(one) if ":" in one else one for one in uris)  # an id has no scheme
        return cls(documents, tuple(sorted(prefixes)), sources, tenants, narrowed or {})

    def access(self, document: Any) -> Access | None:
        """Return who may still see the document of a row, or one inside it; None: whoever its generation says."""
        return self.narrowed.get(document_id(containers(document.uri)[0])) if self.narrowed else None

    def holds(self, document: Any) -> bool:
        """Return whether a row, ref or entry of a plan is of a revoked document, or of one inside such a document."""
        access = self.access(document)
        if document.source in self.sources or document.tenant in self.tenants or (access and not access[1]):
            return True
        named = self.documents and any(document_id(uri) in self.documents for uri in containers(document.uri))
        return bool(named or document.uri.startswith(self.prefixes))

    def ids(self, documents: Iterable[Any]) -> frozenset[str]:
        """Return the ids of those rows of documents that are revoked."""
        return frozenset(row.document_id for row in documents if self.holds(row))


@dataclass
class RevocationWatch:
    """The revocations of one index. Threads may share it."""

    decisions: Journal[Decision]
    in_force: dict[int, About] = field(default_factory=dict)  # people's, by number, as `now` last saw them
    _last: int = 0
    _known: Revocations | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def now(self) -> Revocations:
        """Return what is revoked now, read anew. Raises: SchemaMismatch, StoreUnavailable: answer nobody then."""
        if self._known is None or self.decisions.get(self._last + 1) is not None:
            with self._lock:
                every, in_force, narrowed = self.decisions.every(), dict[int, About](), dict[str, Access]()
                for made in every:
                    if made.kind == "revoke":
                        in_force[made.number] = made.about
                    if made.kind == "narrow":
                        access = "".join(made.about.get("tenant", ())), frozenset(made.about.get("acl", ()))
                        narrowed |= dict.fromkeys(made.about["uri"], access)
                    for id_ in made.about["uri"] if made.kind == "widen" else ():
                        narrowed.pop(id_, None)
                    for lifted in made.about["decision"] if made.kind == "unrevoke" else ():
                        in_force.pop(int(lifted), None)
                told = Revocations.of(in_force.values(), narrowed)  # the same object if it says the same
                self.in_force, self._known = in_force, self._known if told == self._known else told
                self._last = len(every)  # last of all: other threads look meanwhile
        return self._known
