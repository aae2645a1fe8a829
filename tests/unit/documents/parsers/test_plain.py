from hypothesis import given
from hypothesis import strategies as st

from ingest.documents.parsers import plain
from tests.unit.documents.parsers.checks import faults, parsed, shown


@given(
    st.text(alphabet=st.sampled_from("ab# \t\r\n\f\x0b\x85\u2028\u2003\ufeff"), max_size=40).filter(
        lambda text: text.removeprefix("\ufeff").strip()
    )
)
def test_every_character_lies_in_exactly_one_block(text):
    document = parsed(plain, text)
    assert faults(document) == []
    assert document.text == text


def test_blank_lines_and_form_feeds_part_paragraphs():
    document = parsed(plain, "one\r\nstill one\r\n \t\r\n  two\fthree\n\n")
    assert [text for _, text in shown(document)] == ["one\r\nstill one", "  two", "three"]


def test_nothing_is_a_heading():
    assert [kind for kind, _ in shown(parsed(plain, "# Not\n\nTitle\n=====\n"))] == ["paragraph", "paragraph"]
