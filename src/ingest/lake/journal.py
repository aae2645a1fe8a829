"""A journal: a numbered, create-only sequence of small JSON records, from 1 without gaps.

Claims, releases, revocations, leases, amendments and the embedding index are journals.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import ValidationError

from ingest.errors import SchemaMismatch, first_fault
from ingest.ids import canonical_json
from ingest.ports import Store
from ingest.records import Record

R = TypeVar("R", bound=Record)
RECORD_NAME = re.compile(r"([1-9][0-9]*)\.json")


def to_bytes(record: Record) -> bytes:
    """Return the stored form of a record: canonical JSON in UTF-8."""
    return canonical_json(record.model_dump(mode="json"))


def from_bytes(model: type[R], data: bytes, where: str) -> R:
    """Return the record. Raises: SchemaMismatch, naming `where` and the first fault."""
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        raise SchemaMismatch(f"{where}: not a {model.__name__}: {first_fault(error)}") from error


@dataclass(frozen=True)
class Journal(Generic[R]):
    """The records `<prefix><n>.json` of one type."""

    store: Store
    prefix: str  # ends with "/"
    model: type[R]

    def get(self, n: int) -> R | None:
        """Return record `n`, None when it is not written yet."""
        key = f"{self.prefix}{n}.json"
        data = self.store.get(key)
        return None if data is None else from_bytes(self.model, data, f"{self.store.uri}/{key}")

    def append(self, n: int, record: R) -> bool:
        """Write record `n`; True for the one writer that succeeds. The writer's token must be in the record."""
        if n < 1:
            raise ValueError(f"{self.prefix}: records are numbered from 1, not {n}")
        return self.store.create(f"{self.prefix}{n}.json", to_bytes(record))

    def last(self) -> int:
        """Return the highest number, 0 when the journal is empty. Other files beside the records do not count."""
        names = (RECORD_NAME.fullmatch(name) for name in self.store.list(self.prefix))
        return max((int(name[1]) for name in names if name), default=0)

    def newest(self) -> tuple[int, R] | None:
        """Return the newest record with its number, None when the journal is empty.

        Raises: SchemaMismatch when the newest record was removed while it was looked for: journals only grow.
        """
        n = self.last()
        if n == 0:
            return None
        record = self.get(n)
        if record is None:
            raise SchemaMismatch(f"{self.store.uri}/{self.prefix}{n}.json: listed and then gone")
        return n, record

    def after(self, n: int) -> Iterator[tuple[int, R]]:
        """Yield the records after number `n` in order, looking for each by its name."""
        while (record := self.get(n := n + 1)) is not None:
            yield n, record
