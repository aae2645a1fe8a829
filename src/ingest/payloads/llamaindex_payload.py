"""A LlamaIndex `TextNode` as llama-index-vector-stores-qdrant stores it.

All fields except the text are at the top level, where filters look for them. They are repeated, with the text, in
`_node_content`, the JSON from which a reader builds the node. Technical fields go into neither prompts nor embeddings.
"""

import json
from collections.abc import Mapping
from typing import Any

from ingest.ids import canonical_json

TEXT = "_node_content"
PREFIX = ""
DENSE = ""
SPARSE = "bm25"
OWN = frozenset({TEXT, "_node_type", "doc_id", "ref_doc_id"})  # keys of a stored node that are not fields
SHOWN = frozenset({"title", "heading_path", "uri", "page"})  # to a language model, before the text


def build(fields: Mapping[str, Any]) -> dict[str, Any]:
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
    return {**flat, TEXT: canonical_json(node).decode(), **own}


def read(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a payload."""
    found = {name: value for name, value in payload.items() if name not in OWN}
    try:
        return {"text": json.loads(payload[TEXT])["text"], **found}
    except (ValueError, KeyError, TypeError):
        return found
