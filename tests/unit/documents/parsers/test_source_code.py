"""Source code is cut between definitions."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.documents.parsers import source_code
from ingest.records import BlockKind
from tests.unit.documents.parsers.checks import faults, parsed, pieces

LINES = ["def a():", "    pass", "", "", "}", "# c", "\t", "\u2028x", "class B:", "@x"]


@given(st.lists(st.sampled_from(LINES), min_size=1, max_size=14).map("\n".join).filter(str.strip))
@settings(max_examples=100)
def test_every_character_lies_in_exactly_one_block(text):
    document = parsed(source_code, text)
    assert (faults(document), document.text) == ([], text)


def test_blocks_begin_at_definitions_and_break_at_lines():
    text = "import a\n\n\n@x\ndef b():\n    c\n\n    d\n\ndef e(): f\n"
    document = parsed(source_code, text)
    blocks = [text[block.start : block.end] for block in document.blocks]
    assert blocks == ["import a", "@x\ndef b():\n    c\n\n    d", "def e(): f"]
    assert {block.kind for block in document.blocks} == {BlockKind.CODE}
    assert pieces(document, document.blocks[1]) == ["@x\n", "def b():\n", "    c\n", "\n", "    d"]


@pytest.mark.parametrize(
    ("media_type", "language"), [("text/x-python", "python"), ("application/yaml", "yaml"), ("text/x-c++", "c++")]
)
def test_the_media_type_names_the_language(media_type, language):
    assert parsed(source_code, "a: 1", media_type).blocks[0].language == language


def test_a_byte_order_mark_is_in_no_block():
    assert parsed(source_code, b"\xef\xbb\xbfa\n\nb").blocks[0].start == 1
