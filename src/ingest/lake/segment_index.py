"""Which embedding segments count, and in which order: the journal `index/<n>.json`, and snapshots of what it comes to.

A segment without an entry does not exist. If several hold a key, the lowest entry counts; only one that replaces counts
before those that are there when it is written. `snapshots/<n>.json` spares readers the entries before it. It is made of
them alone: if it is damaged or lost, they are read from the first.
"""

import logging
import threading
from itertools import chain

from ingest.errors import SchemaMismatch, TransientError
from ingest.lake.journal import Journal
from ingest.lake.stored_records import StoredRecords
from ingest.ports import Store
from ingest.records import SegmentEntry, SegmentSnapshot

APPEND_ATTEMPTS = 100  # times that another writer may take an entry's number before we give up
SNAPSHOTS = 2  # newest ones that are kept
# Names of segments that no longer count, the newest ones, in a snapshot; others are lost to those who name them.
NAMES = 2_048
NO_SEGMENT = SegmentEntry(segment="", rows=0, first_key="", last_key="", dtype="", backend="", token="")
log = logging.getLogger(__name__)


class SegmentIndex:
    """The segments of one model that count. Threads may share it: `lock` is held while it changes."""

    def __init__(self, store: Store, folder: str) -> None:
        """Take the folder of the model, with "/" at its end."""
        records = StoredRecords(store)
        self.journal = Journal(records, f"{folder}index/", SegmentEntry)
        self.snapshots = Journal(records, f"{folder}snapshots/", SegmentSnapshot)
        self.lock = threading.RLock()
        self.lost: dict[str, str] = {}  # what is wrong with segments that no entry retires yet
        self._keep(SegmentSnapshot(entries=0, live=(), token=""))

    def _keep(self, found: SegmentSnapshot) -> None:
        self.read = self.saved = found.entries  # number of the newest entry that is known, and that a snapshot holds
        self.live = [*found.live]  # the first one counts first
        self.merged, self.retired = dict(found.merged), dict(found.retired)  # the former: what counted first first

    def refresh(self) -> bool:
        """Read what other writers added; False when that is nothing."""
        with self.lock:
            before = self.read
            if not before and (newest := next(self.snapshots.newest_first(SNAPSHOTS), None)) is not None:
                self._keep(newest[1])
            while True:
                try:
                    entry = self.journal.get(self.read + 1)
                except SchemaMismatch as error:
                    log.warning("%s: the entry counts as empty", error)
                    entry = NO_SEGMENT
                if entry is None:
                    return self.read > before
                self._take(entry)

    def append(self, entry: SegmentEntry) -> None:
        """Write the next entry, which retires what was found lost. Raises: TransientError."""
        for _ in range(APPEND_ATTEMPTS):
            if self.try_append(entry):
                return
            self.refresh()
        raise TransientError(f"{self.journal.prefix}: {APPEND_ATTEMPTS} writers were faster")

    def try_append(self, entry: SegmentEntry) -> bool:
        """Write the next entry after what is known; False if another writer came first."""
        with self.lock:
            entry = entry.model_copy(update={"retires": tuple(sorted(self.lost))})
            if written := self.journal.append(self.read + 1, entry):
                self._take(entry)
            return written

    def _take(self, entry: SegmentEntry) -> None:
        """Know the next entry, and forget what it retires or holds itself."""
        self.read += 1
        gone = {*entry.retires, *entry.merges, *([entry.segment] if entry.replaces else [])}
        self.live = [one for one in self.live if one.segment not in gone]
        for segment in entry.retires:
            self.lost.pop(segment, None)
            self.merged.pop(segment, None)
        self.retired |= dict.fromkeys(entry.retires, self.read)
        self.retired.pop(entry.segment, None)
        before = ((*(old for old, new in self.merged.items() if new == one), one) for one in entry.merges)
        merged = dict.fromkeys(chain.from_iterable(before), entry.segment)
        self.merged = merged | {old: new for old, new in self.merged.items() if old not in merged}
        if entry.rows and all(one.segment != entry.segment for one in self.live):
            self.merged.pop(entry.segment, None)
            self.live.insert(0 if entry.replaces else len(self.live), entry)

    def save(self, token: str) -> None:
        """Write a snapshot for later readers. Whoever is late writes none."""
        merged, retired = ([*names.items()] for names in (self.merged, self.retired))
        told = {"merged": dict(merged[:NAMES]), "retired": dict(retired[-NAMES:]), "token": token}
        snapshot = SegmentSnapshot(entries=self.read, live=tuple(self.live), **told)
        if self.snapshots.append(self.snapshots.last() + 1, snapshot):
            self.saved = self.read
            self.snapshots.prune(SNAPSHOTS)

    def close_gaps(self, token: str) -> bool:
        """Write empty entries in place of lost ones, which hide those after them; tell if there were any."""
        with self.lock:
            self.refresh()
            known, last = self.read, self.journal.last()
            while self.read < last:
                self.append(NO_SEGMENT.model_copy(update={"token": f"{token}-{self.read}"}))
                self.refresh()
            return known < last
