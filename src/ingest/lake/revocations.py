"""What nobody may find, whatever serves: the revocations in force, by the journal of decisions."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Self

from ingest.errors import SchemaMismatch
from ingest.ids import containers, document_id
from ingest.lake.journal import Journal
from ingest.records import Decision

About = Mapping[str, Sequence[str]]  # of a decision


@dataclass(frozen=True)
class Revocations:
    """What is revoked; a document with all documents inside it."""

    documents: frozenset[str] = frozenset()  # their ids
    prefixes: tuple[str, ...] = ()  # of URIs
    sources: frozenset[str] = frozenset()
    tenants: frozenset[str] = frozenset()

    @classmethod
    def of(cls, decisions: Iterable[About]) -> Self:
        """Return what decisions to revoke name together."""
        every = [*decisions]
        kinds = ("uri", "prefix", "source", "tenant")
        uris, prefixes, *others = (frozenset(chain(*(about.get(kind, ()) for about in every))) for kind in kinds)
        documents = frozenset(document_id(one) if ":" in one else one for one in uris)  # an id has no scheme
        return cls(documents, tuple(sorted(prefixes)), *others)

    def holds(self, document: Any) -> bool:
        """Return whether a row, ref or entry of a plan is of a revoked document, or of one inside such a document."""
        if document.source in self.sources or document.tenant in self.tenants:
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
    in_force: dict[int, About] = field(default_factory=dict)  # by number of the decision, as `now` last saw them
    _last: int = 0
    _known: Revocations | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def now(self) -> Revocations:
        """Return the revocations in force, read anew. Raises: SchemaMismatch, StoreUnavailable: nobody is answered."""
        if self._known is not None and self.decisions.get(self._last + 1) is None:
            return self._known
        with self._lock:
            least = self.decisions.last() if self._known is None else 0
            last, in_force = self._last, dict(self.in_force)
            for number, made in self.decisions.after(last):
                if made.kind == "revoke":
                    in_force[number] = made.about
                for lifted in made.about["decision"] if made.kind == "unrevoke" else ():
                    in_force.pop(int(lifted), None)
                last = number
            if last < least:
                raise SchemaMismatch(f"{self.decisions.where(last + 1)} is missing, though later ones are there")
            self.in_force, self._known = in_force, Revocations.of(in_force.values())
            self._last = last  # last of all: a request before may fail, and other threads look meanwhile
            return self._known
