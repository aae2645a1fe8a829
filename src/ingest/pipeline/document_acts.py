"""What people do about single documents: see what is left out, accept it, revoke them."""

from collections.abc import Sequence
from typing import Unpack

from ingest.errors import InvalidSettings, UnknownDocument
from ingest.pipeline import sync_permissions
from ingest.pipeline.quarantine import ACCEPTED, failure_of, in_quarantine
from ingest.pipeline.revoking import Revoked, revoke
from ingest.pipeline.scope import Choice, Scope, checked
from ingest.pipeline.whereabouts import Inquiry, Whereabouts
from ingest.records import Decision, Quarantined, QuarantineState
from ingest.release.generation_states import decide
from ingest.services import Services

Several = Sequence[str]


class DocumentActs:
    """A part of `ingest.Index`."""

    def __init__(self, services: Services) -> None:
        self._services, self._closed = services, False

    @property
    def services(self) -> Services:
        """The services passed to steps. Raises: InvalidSettings if the index is closed."""
        if self._closed:
            raise InvalidSettings(f"index {self._services.bench.lake.index} is closed; open it again")
        return self._services

    @checked
    def quarantine(self, **choice: Unpack[Choice]) -> list[QuarantineState]:
        """Return what is left out and why: in a newer generation that was never released, then in what serves.

        `choice` as for `run`, without `force`; but `uris` may be document ids, and its dates are those since which a
        document is left out. Raises: UnknownDocument for a URI of which nothing is in quarantine.
        """
        return in_quarantine(self.services.bench.lake, Scope.of(choice))

    @checked
    def why(self, named: str) -> Whereabouts:
        """Return where a document, chunk or point is, and why it is found or not; `named` by URI, path or id."""
        return Inquiry(self.services).ask(named)

    @checked
    def accept(self, *, why: str, **choice: Unpack[Choice]) -> Decision:
        """Accept that documents are left out, `choice` as for `quarantine`: the limits no longer count them.

        Each counts again once its bytes change, or the code that reads it. Raises: UnknownDocument, StoreUnavailable.
        """
        failures = dict.fromkeys(map(failure_of, self._chosen(choice)))
        about = dict(zip(ACCEPTED, zip(*failures, strict=True), strict=True))
        return decide(self.services.bench.lake, self.services.writer, "accept", why, about)

    @checked
    def revoke(
        self, *, why: str, uris: Several = (), prefixes: Several = (), sources: Several = (), tenants: Several = ()
    ) -> Revoked:
        """Make documents, with all documents inside them, unfindable in every generation at once, until that is lifted.

        They are not ingested again, and no rollback, restore or promotion brings them back. Readers leave them out from
        their next search on; then the points are deleted. The lake keeps their bytes. `uris` may also be document ids.
        Raises: InvalidSettings if nothing or too much is named; IndexUnavailable when it is done, but points are left.
        """
        named = {"uri": uris, "prefix": prefixes, "source": sources, "tenant": tenants}
        return revoke(self.services.retrieval, self.services.writer, why, named)

    @checked
    def sync_permissions(self) -> int:
        """Let take effect what the sources take back, and return of how many documents. Raises: DeleteGuardTripped."""
        return sync_permissions(self.services)

    @checked
    def unrevoke(self, number: int, *, why: str) -> Decision:
        """Lift a revocation by its number: the next run ingests the documents again. Raises: InvalidSettings."""
        lake = self.services.bench.lake
        lake.revocations.now()
        if number not in (in_force := lake.revocations.in_force):
            known = ", ".join(map(str, sorted(in_force))) or "none"
            raise InvalidSettings(f"unrevoke: decision {number} is no revocation in force; there are: {known}")
        return decide(lake, self.services.writer, "unrevoke", why, {"decision": [str(number)]})

    def _chosen(self, choice: Choice) -> list[Quarantined]:
        if rows := [row for state in self.quarantine(**choice) for row in state.documents]:
            return rows
        raise UnknownDocument("nothing in quarantine meets these conditions")
