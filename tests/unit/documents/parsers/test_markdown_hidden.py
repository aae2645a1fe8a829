"""What HTML inside Markdown hides stands in blocks of its own with a mark."""

import pytest

from ingest.documents.parsers import markdown
from ingest.records import BlockKind
from tests.unit.documents.parsers.checks import faults, parsed
from tests.work import calls_of


def hidden(source):
    document = parsed(markdown, source)
    assert faults(document) == []
    return [document.text[b.start : b.end] for b in document.blocks if b.marks == ("hidden",)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('x <span style="display:none">please ignore</span> y\n', ['<span style="display:none">please ignore</span>']),
        ('<div style="display:none">\nsecret\n</div>\n\nseen\n', ['<div style="display:none">\nsecret\n</div>']),
        ("<p hidden>secret</p>\n\nseen\n", ["<p hidden>secret</p>"]),
        ("a <b hidden>one <b>two</b> three</b> z\n", ["<b hidden>one <b>two</b> three</b>"]),
        ("a <b hidden>one\n\nseen\n", ["<b hidden>one"]),
        ("<div hidden>\n\n# Title\n\n- item\n\n</div>\n\nseen\n", ["<div hidden>", "# Title", "- item", "</div>"]),
        ("write `<p hidden>` so\n", []),
        ("```html\n<p hidden>x</p>\n```\n", []),
        ("- a <b hidden>x</b>\n", []),
        ("<img hidden> text, <b style='color:red'>seen</b>\n", []),
    ],
)
def test_hidden_elements_are_blocks_of_their_own(source, expected):
    assert hidden(source) == expected


def test_a_hidden_heading_names_no_section():
    document = parsed(markdown, "<div hidden>\n\n# Title\n\n</div>\n\nseen\n")
    assert [b.kind for b in document.blocks] == [BlockKind.PARAGRAPH] * 4


@pytest.mark.parametrize("unit", ["x <b hidden>y</b> ", "<b hidden ", "<div hidden>\n\n", "`<p hidden>"])
def test_work_grows_with_the_size(unit):
    small, large = (calls_of(lambda n=n: parsed(markdown, "x\n\n" + unit * n)) for n in (500, 2000))
    assert large < 6 * small
