"""What a point's payload looks like to whoever reads the collection: one file per profile, chosen per index.

langchain    {"page_content", "metadata": {…}}                     langchain-qdrant; the default
llamaindex   {…, "_node_content": JSON of the node}                llama-index-vector-stores-qdrant
haystack     {"id", "content", "meta": {…}}                        qdrant-haystack
plain        {"text", …}                                           whoever speaks Qdrant

A profile maps fields to a payload and back. Fields have one name each in all of them: chunk_id, document_id, uri,
source, path, title, heading_path, text, start, end, page, tokens, acl, tenant, language, shard, digest, and where
there are any parent and marks.
"""

import importlib
from collections.abc import Mapping
from typing import Any, Protocol, cast

from ingest.errors import SchemaMismatch
from ingest.ids import digest_of, point_digest
from ingest.records import LANGCHAIN, PAYLOAD_PROFILES, PayloadProfile, Shape

Fields = dict[str, Any]


class Profile(Protocol):
    """What a module of this package holds."""

    TEXT: str  # key at the top that only payloads of this profile have
    PREFIX: str  # of the path of a field that filters name: "metadata."
    DENSE: str  # name of the dense vector beside a sparse one; without one it has none
    SPARSE: str  # name of the sparse vector

    @staticmethod
    def build(fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return the payload of a chunk's fields, `digest` where it is among them."""
        ...

    @staticmethod
    def read(payload: Mapping[str, Any]) -> Fields:
        """Return the fields of a payload that `build` made; of a damaged one, those that are left."""
        ...


def find(name: PayloadProfile) -> Profile:
    """Return a profile by name. Raises: SchemaMismatch when there is none of that name."""
    if name not in PAYLOAD_PROFILES:
        raise SchemaMismatch(f"payload profile {name!r}: there are {', '.join(PAYLOAD_PROFILES)}")
    return cast(Profile, importlib.import_module(f"ingest.payloads.{name}"))


def fields(payload: Mapping[str, Any]) -> Fields:
    """Return the fields of a stored payload, whatever its profile; empty when it has the shape of none.

    Lists come back as lists. A damaged payload gives the fields that are left.
    """
    for name in PAYLOAD_PROFILES:
        profile = find(name)
        if profile.TEXT in payload:
            return profile.read(payload)
    return {}


def stored(
    shape: Shape, fields: Mapping[str, Any], embedding_key: str, model_fingerprint: str, sparse: str = ""
) -> Any:
    """Return a chunk's payload with its digest.

    Args:
        shape: Of the collection.
        fields: Of the chunk, without `digest`.
        embedding_key: Of the dense vector, which the digest covers; `model_fingerprint` likewise.
        model_fingerprint: Of the model that made it.
        sparse: Digest of what the sparse vector is made with, "" without one.
    """
    profile = find(shape.payload)
    payload = profile.build(fields)
    if shape == LANGCHAIN:
        digest = point_digest(embedding_key, model_fingerprint, payload)
    else:
        digest = digest_of([embedding_key, model_fingerprint, shape.payload, sparse, payload])
    return profile.build({**fields, "digest": digest})


def path_of(name: PayloadProfile, field: str) -> str:
    """Return the path of a field for filters, payload indexes and selectors."""
    return find(name).PREFIX + field


def at(payload: Mapping[str, Any] | None, path: str) -> Any:
    """Return what stands at a path of a payload, None when nothing does."""
    found: Any = payload
    for step in path.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found
