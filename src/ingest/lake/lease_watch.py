"""Whether a run still holds the builder's lease."""

import threading
from dataclasses import dataclass, field

from ingest.errors import LeaseLost
from ingest.lake.journal import Journal
from ingest.records import Lease


@dataclass
class LeaseWatch:
    """Checks only the records after the newest known one, usually in one request. Threads may share it."""

    leases: Journal[Lease]
    run: str
    _number: int | None = None  # of the newest record that was checked
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def confirm(self) -> None:
        """Return when the run holds the lease. Raises: LeaseLost, naming who took it."""
        with self._lock:
            if self._number is None:
                newest = self.leases.newest()
                self._judge(newest[1] if newest else None)
                self._number = newest[0] if newest else 0
            for number, record in self.leases.after(self._number):
                self._judge(record)  # a record of another run stays the next one to check
                self._number = number

    def _judge(self, record: Lease | None) -> None:
        if record is not None and record.run != self.run:
            ended = f"run {record.run}, which has ended since"
            who = f"{record.holder} (run {record.run})" if record.holder else ended
            told = f"{self.leases.prefix}: run {self.run} lost its lease to {who}"
            raise LeaseLost(f"{told}; `ingest run` resumes what this one began")
