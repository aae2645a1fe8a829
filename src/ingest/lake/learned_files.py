"""Files learned from judgments, kept in the lake under their SHA-256 for all indexes; query profiles name them."""

from ingest.errors import SchemaMismatch
from ingest.ids import sha256_hex
from ingest.ports import Store


def keep_learned(store: Store, data: bytes) -> str:
    """Write a learned file into the lake and return its SHA-256, by which a profile names it."""
    sha256 = sha256_hex(data)
    store.put(_key(sha256), data)
    return sha256


def read_learned(store: Store, sha256: str) -> bytes:
    """Return the learned file with this SHA-256. Raises: SchemaMismatch when it is missing or damaged."""
    if (data := store.get(_key(sha256))) is None:
        raise SchemaMismatch(f"{store.uri}/{_key(sha256)} is missing: a query profile names it")
    if (found := sha256_hex(data)) != sha256:
        raise SchemaMismatch(f"{store.uri}/{_key(sha256)}: its SHA-256 is {found}")
    return data


def _key(sha256: str) -> str:
    return f"models/learned/{sha256}"
