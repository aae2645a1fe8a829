"""Payload profiles: what a point's payload looks like to readers of the collection.

langchain    {"page_content", "metadata": {…}}                     langchain-qdrant; the default
llamaindex   {…, "_node_content": JSON of the node}                llama-index-vector-stores-qdrant
haystack     {"id", "content", "meta": {…}}                        qdrant-haystack
plain        {"text", …}                                           the plain Qdrant client

Chosen per index. A profile maps fields to a payload and back: `build(fields)`, with `digest` if it is among them, and
`read(payload)`, of a damaged one what is left. `TEXT` is a key at the top that only its payloads have, `under` begins
the paths of its fields in filters, `DENSE` names the dense vector beside a sparse one (alone it has no name), `SPARSE`
the sparse one. All profiles use the same field names: chunk_id, document_id, uri, source, path, title, heading_path,
text, start, end, page, tokens, acl, tenant, language, shard, digest and, if present, parent and marks.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ingest.errors import SchemaMismatch
from ingest.ids import canonical_json, digest_of, point_digest
from ingest.records import LANGCHAIN, PayloadProfile, Shape

OWN = frozenset({"_node_content", "_node_type", "doc_id", "ref_doc_id"})  # keys of LlamaIndex that are not fields
SHOWN = frozenset({"title", "heading_path", "uri", "page"})  # by LlamaIndex to a language model, before the text


@dataclass(frozen=True)
class KeyedPayload:
    """A payload with the text under one key, the other fields beside it or under another, and its vectors' names."""

    TEXT: str
    under: str = ""  # key of the other fields; "": they are beside the text
    own_id: str = ""  # key beside the text that repeats the chunk's id
    DENSE: str = ""
    SPARSE: str = "bm25"

    def build(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return the payload for a chunk's fields."""
        others = {name: value for name, value in fields.items() if name != "text"}
        own = {self.own_id: fields["chunk_id"]} if self.own_id else {}
        return own | {self.TEXT: fields["text"], **({self.under: others} if self.under else others)}

    def read(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of a payload."""
        found = payload.get(self.under) if self.under else payload
        told = found if isinstance(found, Mapping) else {}
        return {"text": payload[self.TEXT], **{name: value for name, value in told.items() if name != self.TEXT}}


class LlamaIndexPayload(KeyedPayload):
    """A LlamaIndex `TextNode` as llama-index-vector-stores-qdrant stores it.

    All fields except the text are at the top level, where filters look for them. They are repeated, with the text, in
    `_node_content`, the JSON from which a reader builds the node. Technical fields go into neither prompts nor
    embeddings.
    """

    def build(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return the payload for a chunk's fields; the chunk is the node, the document its source node."""
        flat = {name: value for name, value in fields.items() if name != "text"}
        document = fields["document_id"]
        # The digest covers the payload, so it is stored next to the node, not in it.
        metadata = {name: value for name, value in flat.items() if name != "digest"}
        source = {"node_id": document, "node_type": "4", "metadata": {}, "hash": None, "class_name": "RelatedNodeInfo"}
        node = {
            "id_": fields["chunk_id"],
            "embedding": None,
            "metadata": metadata,
            "excluded_embed_metadata_keys": sorted(metadata),
            "excluded_llm_metadata_keys": sorted(set(metadata) - SHOWN),
            "relationships": {"1": source},  # 1: the source, 4: a document
            "text": fields["text"],
            "mimetype": "text/plain",
            "start_char_idx": fields["start"],
            "end_char_idx": fields["end"],
            "metadata_seperator": "\n",
            "text_template": "{metadata_str}\n\n{content}",
            "class_name": "TextNode",
        }
        own = {"_node_type": "TextNode", "doc_id": document, "ref_doc_id": document}
        return {**flat, self.TEXT: canonical_json(node).decode(), **own}

    def read(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of a payload."""
        found = {name: value for name, value in payload.items() if name not in OWN}
        try:
            return {"text": json.loads(payload[self.TEXT])["text"], **found}
        except (ValueError, KeyError, TypeError):
            return found


PROFILES: dict[str, KeyedPayload] = {
    "langchain": KeyedPayload("page_content", "metadata"),  # what langchain-qdrant reads with its defaults
    "llamaindex": LlamaIndexPayload("_node_content"),
    # A `Document` as qdrant-haystack stores it, which expects both vectors under fixed names.
    "haystack": KeyedPayload("content", "meta", "id", "text-dense", "text-sparse"),
    "plain": KeyedPayload("text"),
}


def find(name: PayloadProfile) -> KeyedPayload:
    """Return a profile by name. Raises: SchemaMismatch when there is none with that name."""
    if (found := PROFILES.get(name)) is None:
        raise SchemaMismatch(f"payload profile {name!r}: there are {', '.join(PROFILES)}")
    return found


def fields(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a stored payload of any profile, lists as lists; of a damaged one those that are left."""
    return next((p.read(payload) for p in PROFILES.values() if p.TEXT in payload), {})


def stored(
    shape: Shape, fields: Mapping[str, Any], embedding_key: str, model_fingerprint: str, sparse: str = ""
) -> Any:
    """Return a chunk's payload with its digest, which also covers the key and the model of the dense vector.

    `sparse` is the digest of everything on which the sparse vector depends, "" without one.
    """
    profile = find(shape.payload)
    payload = profile.build(fields)
    if shape == LANGCHAIN:
        digest = point_digest(embedding_key, model_fingerprint, payload)
    else:
        digest = digest_of([embedding_key, model_fingerprint, shape.payload, sparse, payload])
    return profile.build({**fields, "digest": digest})


def path(shape: Shape, field: str) -> str:
    """Return the path of a field in payloads of a shape."""
    under = find(shape.payload).under
    return f"{under}.{field}" if under else field


def at(payload: Mapping[str, Any] | None, path: str) -> Any:
    """Return the value at a path of a payload, None if there is none."""
    found: Any = payload
    for step in path.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found
