"""The builder's lease: one run at a time builds an index. It saves work; correctness does not depend on it."""

import logging
import threading
from dataclasses import dataclass, field
from types import TracebackType

from ingest.errors import LeaseHeld, LeaseLost, TransientError
from ingest.lake.lake import Lake
from ingest.ports import Services
from ingest.records import Lease

log = logging.getLogger(__name__)

ATTEMPTS = 20  # other writers that may win a number before we give up


@dataclass
class LeaseWatch:
    """Tells whether a run still holds the lease, with one look for a name a time. Threads may share it."""

    lake: Lake
    run: str
    _number: int | None = None  # of the newest record that was judged
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def confirm(self) -> None:
        """Return when the run holds the lease. Raises: LeaseLost, naming who took it."""
        with self._lock:
            if self._number is None:
                newest = self.lake.leases.newest()
                self._judge(newest[1] if newest else None)
                self._number = newest[0] if newest else 0
            for number, record in self.lake.leases.after(self._number):
                self._judge(record)  # a record that is not ours stays the next to be judged
                self._number = number

    def _judge(self, record: Lease | None) -> None:
        if record is not None and record.run != self.run:
            raise LeaseLost(f"index {self.lake.index}: run {self.run} lost its lease to {record.holder or 'nobody'}")


def lease_watch(services: Services, lake: Lake, run: str) -> LeaseWatch:
    """Return the watch of a run, one for all its steps in this process: the journal is listed once."""
    return services.keep(f"lease of {lake.index}, run {run}", lambda: LeaseWatch(lake, run))


@dataclass
class BuilderLease:
    """A context manager: acquires the lease, renews it in a thread, signs off at the end."""

    services: Services
    lake: Lake
    run: str
    _number: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> "BuilderLease":
        for _ in range(ATTEMPTS):
            number = self._free_number()
            if self.lake.leases.append(number, self._record(self.services.who)):
                self._number = number
                self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)
                self._thread.start()
                return self
        raise LeaseHeld(f"index {self.lake.index}: {ATTEMPTS} other builders were faster")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self.lake.leases.append(self._number + 1, self._record(""))

    def _free_number(self) -> int:
        """Return the number to write next, after the holder signed off or was silent for one term on our own clock."""
        newest = self.lake.leases.newest()
        if newest is None or not newest[1].holder:
            return 1 if newest is None else newest[0] + 1
        number, holder = newest
        self.services.observer.told("waiting_for_lease", holder.holder)
        deadline = self.services.monotonic() + holder.term_seconds
        while (left := deadline - self.services.monotonic()) > 0:
            if (following := self.lake.leases.get(number + 1)) is not None:
                if following.holder:
                    raise LeaseHeld(f"index {self.lake.index}: {following.holder} is building it (run {following.run})")
                return number + 2
            self._stop.wait(min(left, holder.term_seconds / 10))
        return number + 1

    def _renew(self) -> None:
        while not self._stop.wait(self.services.options.lease_seconds / 3):
            try:
                renewed = self.lake.leases.append(self._number + 1, self._record(self.services.who))
            except TransientError as error:
                log.warning("index %s: lease not renewed, trying again: %s", self.lake.index, error)
                continue
            if not renewed:
                return  # taken over: the next request of a step finds out
            self._number += 1

    def _record(self, holder: str) -> Lease:
        return Lease(holder=holder, term_seconds=self.services.options.lease_seconds, run=self.run)
