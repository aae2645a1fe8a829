"""Records as the lake keeps them: small JSON documents that never change once written."""

import re
from typing import TypeVar, cast

from pydantic import ValidationError

from ingest.bounded_cache import BoundedCache
from ingest.errors import DamagedFile, SchemaMismatch, first_fault
from ingest.ids import canonical_json, sha256_hex
from ingest.ports import Store
from ingest.records import Record

R = TypeVar("R", bound=Record)
CHECK = re.compile(rb',"[^"]{6}":"[^"]{64}"}\Z')  # also with a byte of it changed; records without it are older


def to_bytes(record: Record) -> bytes:
    """Return the stored form of a record that is named by its SHA-256: canonical JSON in UTF-8."""
    return canonical_json(record.model_dump(mode="json"))


def checked_bytes(record: Record) -> bytes:
    """Return the stored form of a record with another name: the same, and last the field `sha256` of all before it."""
    data = to_bytes(record)
    return data[:-1] + _check_of(data)


def _check_of(data: bytes) -> bytes:
    return f',"sha256":"{sha256_hex(data)}"}}'.encode()


def from_bytes(model: type[R], data: bytes, where: str) -> R:
    """Return the record. Raises: SchemaMismatch, naming the first fault; DamagedFile if it is not what was written."""
    try:
        return model.model_validate_json(checked_content(data, where))
    except ValidationError as error:
        told = f"{where}: not a {model.__name__}: {first_fault(error)}"
        is_json = all(fault["type"] != "json_invalid" for fault in error.errors(include_url=False, include_input=False))
        raise (SchemaMismatch if is_json else DamagedFile)(told) from error


def checked_content(data: bytes, where: str) -> bytes:
    """Return a record's stored form without the SHA-256 at its end. Raises: DamagedFile when that is another."""
    if check := CHECK.search(data):
        data = data[: check.start()] + b"}"
        if check[0] != _check_of(data):
            raise DamagedFile(f"{where}: its bytes are damaged: they do not have the SHA-256 at their end")
    return data


def name_of(record: Record) -> str:
    """Return the SHA-256 of a record's stored form, which names profiles, verdicts and plans."""
    return sha256_hex(to_bytes(record))


class StoredRecords:
    """The records of a store by key. Those read are cached, up to `cached_bytes` of JSON; missing ones are not."""

    def __init__(self, store: Store, cached_bytes: int = 0) -> None:
        self.store = store
        self._cache: BoundedCache[str, Record] = BoundedCache(cached_bytes)

    def find(self, model: type[R], key: str, sha256: str = "") -> R | None:
        """Return a record, None if it is not written yet. Raises: DamagedFile unless its hash begins with `sha256`."""
        if (known := self._cache.get(key)) is not None:
            return cast(R, known)
        data = self.store.get(key)
        if data is not None and not (found := sha256_hex(data)).startswith(sha256):
            raise DamagedFile(f"{self.store.uri}/{key}: its bytes are damaged: SHA-256 {found}, not {sha256}")
        return None if data is None else self._keep(model, key, data)

    def read(self, model: type[R], key: str, sha256: str = "") -> R:
        """Return a record, as `find` does. Raises: DamagedFile when it is missing."""
        record = self.find(model, key, sha256)
        if record is None:
            raise DamagedFile(f"{self.store.uri}/{key} is missing")
        return record

    def put(self, key: str, record: Record) -> None:
        """Write a record whose key is derived from its content."""
        data = to_bytes(record)
        self.store.put(key, data)
        self._keep(type(record), key, data)

    def create(self, key: str, record: Record) -> bool:
        """Write a record unless its key is taken; return True to the one writer that succeeds."""
        data = checked_bytes(record)
        won = self.store.create(key, data)
        if won:
            self._keep(type(record), key, data)
        return won

    def _keep(self, model: type[R], key: str, data: bytes) -> R:
        """Return, and cache, what a reader of the stored bytes gets, even when this process wrote them."""
        record = from_bytes(model, data, f"{self.store.uri}/{key}")
        self._cache.put(key, record, len(data))
        return record
