"""A journal: a numbered, create-only sequence of small JSON records, from 1 without gaps."""

import re
from bisect import bisect
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ingest.errors import DamagedFile, SchemaMismatch, StoreUnavailable, Tolerated
from ingest.lake.stored_records import StoredRecords
from ingest.ports import Store
from ingest.records import Record

R = TypeVar("R", bound=Record)
RECORD_NAME = re.compile(r"([1-9][0-9]*)\.json")
ATTEMPTS = 20  # times that another writer may take a number before we give up
MOST = 500  # records removed at once: a lake in which many have gathered loses them over several runs


def number_of(name: str) -> int:
    """Return the number in a record's name, 0 for another file."""
    found = RECORD_NAME.fullmatch(name)
    return int(found[1]) if found else 0


def prune(store: Store, prefix: str, keep: int, number: Callable[[str], Any] = str) -> None:
    """Remove all but the newest `keep` records, at most MOST, or only warn. `number` orders names, false: they stay."""
    with Tolerated(f"{store.uri}/{prefix}: old records are not removed"):
        names = sorted(filter(number, store.list(prefix)), key=number)
        for name in names[: max(len(names) - keep, 0)][:MOST]:
            store.delete(f"{prefix}{name}")


@dataclass(frozen=True)
class Journal(Generic[R]):
    """The records `<prefix><n>.json` of one type. A record never changes; the newest is looked up on every call."""

    records: StoredRecords
    prefix: str  # ends with "/"
    model: type[R]

    def where(self, n: int) -> str:
        """Return the URI of record `n`, for messages."""
        return f"{self.records.store.uri}/{self.prefix}{n}.json"

    def get(self, n: int) -> R | None:
        """Return record `n`, None when it is not written yet."""
        return self.records.find(self.model, f"{self.prefix}{n}.json")

    def append(self, n: int, record: R) -> bool:
        """Write record `n`; return True to the one writer that succeeds. The record must hold the writer's token."""
        if n < 1:
            raise ValueError(f"{self.prefix}: records are numbered from 1, not {n}")
        return self.records.create(f"{self.prefix}{n}.json", record)

    def add(self, make: Callable[[int], R], known: int = 0) -> R:
        """Write and return what `make` makes of the next number; `known` as for `last`. Raises: StoreUnavailable."""
        for _ in range(ATTEMPTS):
            known = self.last(known)
            if self.append(known + 1, record := make(known + 1)):
                return record
        raise StoreUnavailable(f"{self.where(known + 1)}: {ATTEMPTS} times another writer came first")

    def last(self, known: int = 0) -> int:
        """Return the highest number, 0 without any; with a `known` one in logarithmically many requests."""
        if not known:
            return max(map(number_of, self.records.store.list(self.prefix)), default=0)
        step = 1
        while self._is_written(known + step):
            step *= 2
        open_ = range(known + step // 2 + 1, known + step)
        return known + step // 2 + bisect(open_, False, key=lambda n: not self._is_written(n))

    def _is_written(self, n: int) -> bool:
        try:
            return self.get(n) is not None
        except SchemaMismatch:
            return True

    def prune(self, keep: int) -> None:
        """Remove old records but for the newest `keep`; only of journals whose old records decide nothing."""
        prune(self.records.store, self.prefix, keep, number_of)

    def remove(self, n: int) -> None:
        """Remove one old record, if it is there; for the same journals."""
        if n > 0:
            self.records.store.delete(f"{self.prefix}{n}.json")

    def newest(self, known: int = 0) -> tuple[int, R] | None:
        """Return the newest record with its number, None without any. Raises: SchemaMismatch when it disappears."""
        n = self.last(known)
        if n == 0:
            return None
        record = self.get(n)
        if record is None:
            raise SchemaMismatch(f"{self.where(n)}: listed and then gone")
        return n, record

    def newest_first(self, limit: int, below: int | None = None) -> Iterator[tuple[int, R]]:
        """Yield at most `limit` records, newest first, below number `below` if it is given; not the damaged ones."""
        last = self.last() if below is None else below - 1
        for number in range(last, max(last - limit, 0), -1):
            with suppress(DamagedFile):
                if (record := self.get(number)) is not None:
                    yield number, record

    def every(self) -> list[R]:
        """Return all records in order. Raises: SchemaMismatch when one is missing, though later ones are there."""
        last, found = self.last(), [record for _, record in self.after(0)]
        if len(found) < last:
            raise SchemaMismatch(f"{self.where(len(found) + 1)} is missing, though later ones are there")
        return found

    def after(self, n: int) -> Iterator[tuple[int, R]]:
        """Yield the records after number `n` in order, fetching each by name."""
        while (record := self.get(n := n + 1)) is not None:
            yield n, record
