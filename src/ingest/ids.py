"""Ids and digests, all derived from content: the same input gives the same names."""

import hashlib
import json
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

NAMESPACE = uuid.UUID("9e2ac0a4-6d1b-5a70-9a37-0d5c7a3b2f10")
SEPARATOR = "\x1f"
ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def canonical_json(value: Any) -> bytes:
    """Return the canonical UTF-8 JSON form of `value`: sorted keys, no spaces. Digests are computed from it."""
    return ENCODER.encode(value).encode()


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of `data` as 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a local file as 64 hex digits, without holding it in memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of(value: Any) -> str:
    """Return the SHA-256 of a JSON-like value in canonical form."""
    return sha256_hex(canonical_json(value))


def set_hash(elements: Iterable[str]) -> str:
    """Return the hash of a set in any order: the sum of the elements' SHA-256 modulo 2^256, 64 hex digits.

    AdHash of Bellare and Micciancio, "A New Paradigm for Collision-Free Hashing" (EUROCRYPT 1997): it finds corruption,
    but not what is chosen to have an equal sum.
    """
    digests = (hashlib.sha256(element.encode()).digest() for element in elements)
    return f"{sum(int.from_bytes(digest, 'big') for digest in digests) % 2**256:064x}"


def document_id(uri: str) -> str:
    """Return the id of a document, 32 hex digits, from its source URI."""
    return sha256_hex(uri.encode())[:32]


def child_uri(parent: str, path: str) -> str:
    """Return the URI of a document inside one: the parent's, "#" (on deeper levels "!/"), and the path, encoded."""
    return f"{parent}{'!/' if '#' in parent else '#'}{quote(path, safe='/')}"


def containers(uri: str) -> list[str]:
    """Return the URIs of all documents that contain a document, outermost first, and its own; see `child_uri`."""
    outermost, mark, inside = uri.partition("#")
    levels = inside.split("!/") if mark else []
    return [outermost, *(f"{outermost}#{'!/'.join(levels[:n])}" for n in range(1, len(levels) + 1))]


def uris_meant(root: str, named: str, *, inside: bool) -> Iterator[str]:
    """Yield the URIs below a source's root that a URI or path may mean; `inside`: also a path below that root."""
    scheme, separator, rest = named.partition("://")
    local = f"file://{quote(os.fsencode(os.path.abspath(named)))}"  # noqa: PTH100 - links are kept
    candidates = [named, f"{scheme}://{quote(rest)}"] if separator else [local]  # as listed, and as people write it
    yield from (uri for uri in candidates if uri.startswith(f"{root}/"))
    if inside and not separator:
        yield f"{root}/{quote(named.lstrip('/'))}"


def shard_of(document: str, shards: int) -> int:
    """Return the shard of a document id: SHA-256(document_id) mod `shards`. A document stays there for life."""
    return int.from_bytes(hashlib.sha256(document.encode()).digest(), "big") % shards


def chunk_id(document: str, heading_path: Iterable[str], text: str, occurrence: int) -> str:
    """Return the id of a chunk, 32 hex digits; `occurrence` counts equal (heading path, text) in the document from 0.

    The position is not part of it: inserting a section must not change the ids of what follows.
    """
    parts = [document, *heading_path, sha256_hex(text.encode()), str(occurrence)]
    return sha256_hex(SEPARATOR.join(parts).encode())[:32]


def point_id(chunk: str) -> str:
    """Return the Qdrant point id of a chunk: a UUIDv5 in its usual text form."""
    return str(uuid.uuid5(NAMESPACE, chunk))


def embedding_key(context: str, text: str) -> str:
    """Return the key of a vector in the embedding store: SHA-256 of context, separator and text. No prompt, no URI."""
    return sha256_hex(f"{context}{SEPARATOR}{text}".encode())


def point_digest(embedding_key: str, model_fingerprint: str, payload: Mapping[str, Any]) -> str:
    """Return the digest of a point: its vector's key and model, and its stored payload without the digest."""
    metadata = {k: v for k, v in payload["metadata"].items() if k not in ("digest", "generation")}
    return digest_of([embedding_key, model_fingerprint, payload["page_content"], metadata])


def fence_name(index: str, number: int) -> str:
    """Return the fence alias of a release; it is also the guard of the release after it."""
    return f"{index}@{number}"


def collection_name(index: str, generation: str, lake: str) -> str:
    """Return the Qdrant collection of a generation. Lakes that share a Qdrant never meet in one: `lake` is its id."""
    return f"{index}__{generation}-{sha256_hex(lake.encode())[:8]}"
