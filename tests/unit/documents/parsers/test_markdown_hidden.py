"""What HTML inside Markdown hides stands in blocks of its own with a mark."""

import pytest

from ingest.documents.chunking import chunk
from ingest.documents.parsers import markdown
from ingest.records import BlockKind, ChunkingOptions
from ingest_conformance.hashing_embedder import HashingTokenizer
from tests.unit.documents.parsers.checks import faults, headings, parsed
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
        ("- a <b hidden>x</b>\n- b\n", ["<b hidden>x</b>"]),
        ("- a <b hidden>x\n- b\n", ["<b hidden>x"]),
        ("> a <b hidden>x</b> b\n", ["<b hidden>x</b>"]),
        ("| a | b |\n|---|---|\n| 1 <i hidden>x</i> | 2 |\n| 3 | 4 |\n", ["<i hidden>x</i>"]),
        ("| a | b |\n|---|---|\n| 1 <i hidden>x | 2 |\n| 3 | 4 |\n", ["<i hidden>x"]),
        ("| a <i hidden>x</i> | b |\n|---|---|\n| 1 | 2 |\n", ["<i hidden>x</i>"]),
        ("# One <span hidden>x</span>\n\ntext\n", ["<span hidden>x</span>"]),
        ("One <span hidden>x</span>\n===\n\ntext\n", ["<span hidden>x</span>"]),
        ("<h2>One <span hidden>x</span></h2>\n\ntext\n", ["<span hidden>x</span>"]),
        ("<table>\n<tr><th>a<th>b\n<tr hidden><td>x<td>y\n<tr><td>1<td>2\n</table>\n", ["<tr hidden><td>x<td>y"]),
        ("<table>\n<tr><th>a<th>b\n<tr><td>1<td hidden>x\n<tr><td>1<td>2\n</table>\n", ["<td hidden>x"]),
        ("<ul>\n<li hidden>x\n<li>y\n</ul>\n", ["<li hidden>x"]),
        ("<div popover>x</div>\n", ["<div popover>x</div>"]),
        ("a <!-- <div hidden> --> b\n\nc\n", []),
        ("a <!-- x <b hidden>y</b>\n", ["<b hidden>y</b>"]),
        ("<img hidden> text, <b style='color:red'>seen</b>\n", []),
    ],
)
def test_hidden_elements_are_blocks_of_their_own(source, expected):
    assert hidden(source) == expected


def test_a_hidden_heading_names_no_section():
    document = parsed(markdown, "<div hidden>\n\n# Title\n\n</div>\n\nseen\n")
    assert [b.kind for b in document.blocks] == [BlockKind.PARAGRAPH] * 4


@pytest.mark.parametrize(
    "unit",
    [
        "x <b hidden>y</b> ",
        "<b hidden ",
        "<div hidden>\n\n",
        "`<p hidden>",
        "- x <b hidden>y\n",
        "<b hidden> <!-- y ",
        "<b hidden> <!-- y --> `",
        "# x <i hidden>y</i>\n\n",
        "<button aria-controls=x>q</button>\n\n<p id=x hidden>y</p>\n\n",
    ],
)
def test_work_grows_with_the_size(unit):
    small, large = (calls_of(lambda n=n: parsed(markdown, "x\n\n" + unit * n)) for n in (500, 2000))
    assert large < 6 * small


@pytest.mark.parametrize(
    ("source", "level", "title"),
    [
        ("# One <span hidden>x</span>\n\ntext\n", 1, "One"),
        ("## One <span hidden>x</span> *two*\n\ntext\n", 2, "One two"),
        ("## <span hidden>x</span> One\n\ntext\n", 2, "One"),
        ("One <span hidden>x</span>\n===\n\ntext\n", 1, "One"),
        ("<h3>One <span hidden>x</span></h3>\n\ntext\n", 3, "One"),
    ],
)
def test_a_heading_loses_what_is_hidden_from_its_title(source, level, title):
    document = parsed(markdown, source)
    assert faults(document) == []
    assert headings(document) == [(level, title)]


def test_a_heading_with_nothing_visible_is_none():
    document = parsed(markdown, "# <span hidden>x</span>\n\ntext\n")
    assert [(b.kind.value, b.marks) for b in document.blocks] == [
        ("metadata", ()),
        ("paragraph", ("hidden",)),
        ("paragraph", ()),
    ]


def test_a_table_keeps_its_header_when_a_part_of_it_is_hidden():
    document = parsed(markdown, "| a <i hidden>x</i> | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n")
    found = [document.text[block.start : block.header_end] for block in document.blocks if block.header_end]
    assert found == ["| b |\n|---|---|\n"]


HIDES = "<i hidden>secret</i>"
ROWS = "".join(f"| name{n} | value{n} |\n" for n in range(30))
CELLS = "".join(f"<tr><td>name{n}</td><td>value{n}</td></tr>\n" for n in range(30))
HEAD = "<table>\n<tr><th>Key</th><th>Sum</th></tr>\n"


@pytest.mark.parametrize(
    "table",
    [
        f"| Key | Sum |\n|---|---|\n| name | {HIDES} value |\n{ROWS}",
        f"| Key | Sum |\n|---|---|\n| {HIDES} | {HIDES} |\n{ROWS}",
        f"{HEAD}<tr hidden><td>secret</td><td>x</td></tr>\n{CELLS}</table>\n",
        f"{HEAD}<tr><td>{HIDES}</td><td>value</td></tr>\n{CELLS}</table>\n",
    ],
)
def test_each_piece_of_a_table_behind_a_hidden_part_has_its_header(table):
    document = parsed(markdown, f"{table}\n# Next\n\n| a | b |\n|---|---|\n| other | 1 |\n")
    assert faults(document) == []
    options = ChunkingOptions(target_tokens=30, max_tokens=90, min_tokens=8)
    found = {c.text: c.context for c in chunk(document, "d", options, HashingTokenizer())}
    pieces = [(text, context) for text, context in found.items() if "name" in text]
    assert len(pieces) > 2
    assert [text for text, context in pieces if "Key" not in context + text or "Sum" not in context + text] == []
    assert [context for text, context in found.items() if "other" in text] == ["Next"]
    assert [text for text in found if "secret" in text and ("name" in text or "value" in text)] == []
    assert "secret" not in "".join(found.values())


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("<button aria-controls=p>More</button>\n\n<div id=p hidden>\n\ntext\n\n</div>\n", []),
        ("<h3><button aria-expanded=false>Q</button></h3>\n<div hidden>\ntext\n</div>\n", []),
        ("`<button aria-controls=p>More</button>`\n\n<div id=p hidden>text</div>\n", ["<div id=p hidden>text</div>"]),
        ("```\n<button aria-controls=p>x</button>\n```\n\n<p id=p hidden>text</p>\n", ["<p id=p hidden>text</p>"]),
        ("<b aria-controls=p>More</b>\n\n<p id=p hidden>text</p>\n", ["<p id=p hidden>text</p>"]),
    ],
)
def test_what_a_control_in_the_file_opens_is_not_hidden(source, expected):
    assert hidden(source) == expected
