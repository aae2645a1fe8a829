"""Every profile gives back the fields that it was made of, and its digest covers all of it."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import payloads
from ingest.errors import SchemaMismatch
from ingest.ids import point_digest
from ingest.records import LANGCHAIN, PAYLOAD_PROFILES, PayloadProfile, Shape

FIELDS: dict[str, Any] = {
    "text": 'Größe ✓ "quoted"\n',
    "chunk_id": "c" * 32,
    "document_id": "d" * 32,
    "uri": "file:///a/b.md",
    "source": "docs",
    "path": "b.md",
    "title": "A title",
    "heading_path": ["A", "B"],
    "start": 3,
    "end": 20,
    "page": None,
    "tokens": 7,
    "acl": ["public", "staff"],
    "tenant": "public",
    "language": "",
    "shard": 1,
    "parent": [0, 90],
    "marks": ["secret"],
}
SHAPES = [Shape(payload, sparse) for payload in PAYLOAD_PROFILES for sparse in (False, True)]


def stored(
    shape: Shape, fields: Mapping[str, Any] = FIELDS, key: str = "k", model: str = "m", sparse: str = "s"
) -> Any:
    return payloads.stored(shape, fields, key, model, sparse if shape.sparse else "")


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_all_fields_come_back_whatever_the_profile(shape: Shape) -> None:
    payload = stored(shape)
    found = payloads.fields(json.loads(json.dumps(payload)))
    assert {**FIELDS, "digest": found["digest"]} == found
    assert len(found["digest"]) == 64


@pytest.mark.parametrize("name", PAYLOAD_PROFILES)
@given(text=st.text(), title=st.text(), headings=st.lists(st.text(), max_size=3))
def test_any_text_comes_back(name: PayloadProfile, text: str, title: str, headings: list[str]) -> None:
    fields = {**FIELDS, "text": text, "title": title, "heading_path": headings}
    assert {**fields, "digest": "x"} == payloads.fields(payloads.find(name).build({**fields, "digest": "x"}))


@pytest.mark.parametrize("name", PAYLOAD_PROFILES)
def test_what_filters_name_stands_at_its_path(name: PayloadProfile) -> None:
    payload = stored(Shape(name))
    for field in ("chunk_id", "document_id", "source", "acl", "tenant", "shard", "heading_path", "marks"):
        assert FIELDS[field] == payloads.at(payload, payloads.path(Shape(name), field))
    assert payloads.at(payload, payloads.path(Shape(name), "nothing.here")) is None


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_digest_covers_every_field_the_vector_and_the_shape(shape: Shape) -> None:
    digests = [payloads.fields(stored(shape, {**FIELDS, name: "other"}))["digest"] for name in FIELDS]
    digests += [payloads.fields(stored(shape, key="other"))["digest"], payloads.fields(stored(shape))["digest"]]
    digests += [payloads.fields(stored(shape, model="other"))["digest"]]
    digests += [payloads.fields(stored(other))["digest"] for other in SHAPES if other != shape]
    digests += [payloads.fields(stored(shape, sparse="other"))["digest"]] if shape.sparse else []
    assert len(digests) == len(set(digests))


def test_langchain_keeps_the_digest_of_before_there_was_a_choice() -> None:
    payload = stored(LANGCHAIN)
    assert payload == {
        "page_content": FIELDS["text"],
        "metadata": {**{k: v for k, v in FIELDS.items() if k != "text"}, "digest": point_digest("k", "m", payload)},
    }
    assert {} == LANGCHAIN.record()


def test_each_profile_has_a_key_that_no_other_has_at_the_top() -> None:
    texts = {name: payloads.find(name).TEXT for name in PAYLOAD_PROFILES}
    for name in PAYLOAD_PROFILES:
        assert [name] == [other for other, key in texts.items() if key in stored(Shape(name))]


def test_a_damaged_payload_gives_what_is_left() -> None:
    assert {} == payloads.fields({})
    assert {"text": "x"} == payloads.fields({"page_content": "x"})
    assert {"text": "x"} == payloads.fields({"content": "x", "meta": None})
    assert {"chunk_id": "c"} == payloads.fields({"_node_content": "not JSON", "chunk_id": "c"})


def test_a_llamaindex_prompt_is_given_no_technical_fields() -> None:
    node = json.loads(stored(Shape("llamaindex"))["_node_content"])
    shown = set(node["metadata"]) - set(node["excluded_llm_metadata_keys"])
    assert {"title", "heading_path", "uri", "page"} == shown
    assert set(node["metadata"]) == set(node["excluded_embed_metadata_keys"])


def test_an_unknown_profile_is_named_with_the_known_ones() -> None:
    with pytest.raises(
        SchemaMismatch, match="payload profile 'mine': there are langchain, llamaindex, haystack, plain"
    ):
        payloads.find("mine")  # type: ignore[arg-type]
