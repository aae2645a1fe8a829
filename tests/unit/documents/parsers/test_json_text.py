"""JSON: the text in the fields, and where it stands."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.documents.parsers import json_text
from ingest.errors import EmptyDocument, MalformedDocument, OversizedDocument
from ingest.records import ParserOptions
from tests.unit.documents.parsers.checks import faults, headings, pieces, raw, shown
from tests.work import calls_of

LINES = "application/x-ndjson"


def parsed(value, media_type="application/json", **options):
    text = value if isinstance(value, str | bytes) else json.dumps(value)
    return json_text.parse(replace(raw(text, "a.json", media_type), options=ParserOptions(**options)))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc") | st.just("title"), inner),
    max_leaves=12,
)


def strings(value):
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from strings(item)
    elif isinstance(value, str):
        yield value


@given(VALUES)
@settings(max_examples=150)
def test_every_string_is_kept_in_one_block(value):
    try:
        document = parsed(json.dumps(value))
    except EmptyDocument:
        assert not "".join(strings(value)).strip("\0 \n\t\r\x0b\x0c") or not "".join(strings(value)).strip()
        return
    assert faults(document) == []
    text = "".join(document.text.split())
    for string in strings(value):
        assert "".join(string.replace("\0", "\ufffd").split()) in text


def test_short_fields_stand_together_with_their_keys():
    document = parsed({"city": "Bonn", "size": 12.50, "open": True, "none": None, "place": {"street": "A 1"}})
    assert shown(document) == [("paragraph", "city: Bonn\nsize: 12.5\nopen: true"), ("paragraph", "place.street: A 1")]
    assert pieces(document, document.blocks[0]) == ["city: Bonn\n", "size: 12.5\n", "open: true"]


def test_objects_with_a_title_or_a_name_are_sections():
    document = parsed({"title": "Shop", "items": [{"name": "Tea", "text": "green"}, {"name": "Cup", "text": "white"}]})
    assert document.title == "Shop"
    assert headings(document) == [(1, "Shop"), (2, "Tea"), (2, "Cup")]
    assert shown(document)[2] == ("paragraph", "text: green")


def test_long_texts_are_paragraphs_and_lists_are_lists():
    document = parsed({"body": "One.\n\nTwo.", "tags": ["a", "b"], "many": ["x" * 90, "y" * 90, "z" * 90]})
    assert [kind for kind, _ in shown(document)] == ["paragraph", "paragraph", "paragraph", "list"]
    assert shown(document)[0] == ("paragraph", "body: One.")
    assert shown(document)[2] == ("paragraph", "tags: a, b")
    assert len(pieces(document, document.blocks[3])) == 4


def test_named_fields_are_the_text_in_their_order():
    value = {"id": 7, "meta": {"head": "T"}, "parts": [{"text": "first"}, {"text": "second"}], "lead": "Lead"}
    document = parsed(value, text_fields=("lead", "parts.*.text"), title_field="meta.head")
    assert document.title == "T"
    assert document.text == "T\n\nLead\n\nfirst\n\nsecond"


def test_in_a_list_of_records_the_fields_are_those_of_each():
    value = [{"t": "A", "x": "one", "y": "no"}, {"t": "B", "x": "two"}]
    document = parsed(value, text_fields=("x",), title_field="t")
    assert document.text == "A\n\none\n\nB\n\ntwo"
    assert parsed(value, text_fields=("*.x",)).text == "one\n\ntwo"


def test_fields_without_text_are_told():
    with pytest.raises(EmptyDocument, match="the fields nothing"):
        parsed({"a": "x"}, text_fields=("nothing",))


def test_each_line_is_a_section():
    document = parsed('{"title": "A", "text": "one"}\n\n{"text": "two \u2028 x"}\n', LINES)
    assert headings(document) == [(1, "A"), (1, "Line 3")]


def test_a_broken_line_is_named():
    with pytest.raises(MalformedDocument, match="record in line 2"):
        parsed('{"a": "x"}\n{"a": \n', LINES)


def test_json_lines_under_the_name_of_json_are_read():
    assert headings(parsed('{"a": "x"}\n{"a": "y"}\n')) == [(1, "Line 1"), (1, "Line 2")]


@pytest.mark.parametrize("text", ['{"a": ', "{'a': 1}", "nothing", '{"a": "x"} trailing'])
def test_broken_json_is_malformed(text):
    with pytest.raises(MalformedDocument):
        parsed(text)


@pytest.mark.parametrize("unit", ["[", '{"a":'])
@pytest.mark.parametrize("depth", [250, 100_000])
def test_nesting_over_the_limit_is_oversized(unit, depth):
    closing = "]" if unit == "[" else "}"
    with pytest.raises(OversizedDocument, match="deeper than the limit of 200"):
        parsed(unit * depth + '"x"' + closing * depth)


def test_nesting_up_to_the_limit_is_read():
    assert parsed("[" * 199 + '"x"' + "]" * 199).text == "x"


def test_odd_numbers_and_equal_keys_are_fine():
    assert parsed('{"a": NaN, "b": -Infinity, "c": 1e999, "d": %s, "d": 2}' % ("9" * 5000)).text.split("\n")[:2] == [
        "a: NaN",
        "b: -Infinity",
    ]


def test_a_zero_character_in_a_string_is_replaced():
    assert parsed({"a": "x\0y"}).text == "a: x\ufffdy"


def test_other_encodings_are_read():
    for encoding in ("utf-8-sig", "utf-16", "utf-16-le", "utf-32"):
        assert parsed('{"a": "é is long enough"}'.encode(encoding)).text == "a: é is long enough"


def test_work_grows_with_the_number_of_lines():
    def calls(times):
        return calls_of(lambda: parsed('{"a": "x", "b": ["y", "z"]}\n' * times, LINES))

    calls(10)
    small, large = calls(100), calls(1_000)
    assert large < 12 * small
