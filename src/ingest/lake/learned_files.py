"""What was learned from judgments, kept in the lake under its SHA-256, for every index; query profiles name it."""

from ingest.errors import SchemaMismatch
from ingest.ids import sha256_hex
from ingest.ports import Store


def keep_learned(store: Store, data: bytes) -> str:
    """Write what was learned into the lake and return its name for a profile, its SHA-256."""
    sha256 = sha256_hex(data)
    store.put(_key(sha256), data)
    return sha256


def read_learned(store: Store, sha256: str) -> bytes:
    """Return what the lake keeps under a name. Raises: SchemaMismatch when it is missing or damaged."""
    if (data := store.get(_key(sha256))) is None:
        raise SchemaMismatch(f"{store.uri}/{_key(sha256)} is missing: a query profile names it")
    if (found := sha256_hex(data)) != sha256:
        raise SchemaMismatch(f"{store.uri}/{_key(sha256)}: its SHA-256 is {found}")
    return data


def _key(sha256: str) -> str:
    return f"models/learned/{sha256}"
