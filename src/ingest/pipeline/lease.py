"""The builder's lease: only one run at a time builds an index. It saves work; correctness does not depend on it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from ingest.errors import LeaseHeld, Tolerated
from ingest.lake.lake import Lake
from ingest.ports import Observer
from ingest.records import Lease

# Records of leases that are kept: all are listed to find the newest. A builder that slept while others wrote so many,
# for five hours at the default, would write a number again and not notice; only work would be done twice.
KEPT = 1000


@dataclass
class BuilderLease:
    """A context manager: acquires the lease, renews it in a thread, releases it at the end."""

    lake: Lake
    run: str
    who: str
    term_seconds: float  # after which a silent holder may be taken over
    monotonic: Callable[[], float]  # seconds
    observer: Observer
    _number: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread = field(init=False)

    def __enter__(self) -> "BuilderLease":
        self._number = self._free_number()
        if not self.lake.leases.append(self._number, self._record(self.who)):
            raise LeaseHeld(f"index {self.lake.index}: another builder was faster")
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)
        self._thread.start()
        self.lake.leases.prune(KEPT)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        with Tolerated(f"index {self.lake.index}: not signed off, the next builder waits for a term"):
            self.lake.leases.append(self._number + 1, self._record(""))

    def _free_number(self) -> int:
        """Return the number to write next, once the holder has released it or was silent for one term on our clock."""
        newest = next(self.lake.leases.newest_first(1), None)
        if newest is None or not newest[1].holder:
            return self.lake.leases.last() + 1 if newest is None else newest[0] + 1
        number, holder = newest
        self.observer.told("waiting_for_lease", holder.holder)
        deadline = self.monotonic() + holder.term_seconds
        while (left := deadline - self.monotonic()) > 0:
            if (following := self.lake.leases.get(number + 1)) is not None:
                if following.holder:
                    raise LeaseHeld(f"index {self.lake.index}: {following.holder} is building it (run {following.run})")
                return number + 2
            self._stop.wait(min(left, holder.term_seconds / 10))
        return number + 1

    def _renew(self) -> None:
        while not self._stop.wait(self.term_seconds / 3):
            with Tolerated(f"index {self.lake.index}: lease not renewed, or an old record not removed; trying again"):
                if not self.lake.leases.append(self._number + 1, self._record(self.who)):
                    return  # taken over: the next request of a step notices
                self._number += 1
                self.lake.leases.remove(self._number - KEPT)  # if that fails, the next builder does it

    def _record(self, holder: str) -> Lease:
        return Lease(holder=holder, term_seconds=self.term_seconds, run=self.run)
