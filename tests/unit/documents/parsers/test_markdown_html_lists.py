"""HTML lists and preformatted text inside Markdown."""

import pytest

from ingest.documents.parsers import markdown
from tests.unit.documents.parsers.checks import faults, parsed, pieces, shown


def read(text):
    document = parsed(markdown, text)
    assert faults(document) == []
    return document


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("<ul>\n<li>One</li>\n<li>Two\n<ul>\n<li>Deep</li>\n</ul></li>\n</ul>", 4),
        ('<ol start="3">\n  <li>Three\n  <li>Four\n</ol>', 3),
        ("<ul>\n\n<li>One</li>\n\n    <li>Two</li>\n\n</ul>", 3),
        ("<dl>\n<dt>Term</dt><dd>Meaning</dd>\n<dt>Other</dt><dd>More</dd>\n</dl>", 3),
        ("<ul><li>One</li><li>Two</li></ul>", 1),
    ],
)
def test_an_html_list_is_a_list_that_is_cut_between_its_items(source, parts):
    document = read(f"Before.\n\n{source}\n\nAfter.\n")
    assert shown(document) == [("paragraph", "Before."), ("list", source), ("paragraph", "After.")]
    assert len(pieces(document, document.blocks[1])) == parts


@pytest.mark.parametrize(
    ("source", "language"),
    [
        ("<pre>\na\n  b\n\nc\n</pre>", ""),
        ('<pre><code class="language-python">\nif a:\n    <li>\n</code></pre>', "python"),
        ('<pre lang="C++">\nint a;\n</pre>', "c++"),
        ('<PRE class="brush: js">\nlet a\n</PRE>', "js"),
    ],
)
def test_preformatted_html_is_code_that_is_cut_between_its_lines(source, language):
    document = read(f"Before.\n\n{source}\n\nAfter.\n")
    assert shown(document) == [("paragraph", "Before."), ("code", source), ("paragraph", "After.")]
    assert document.blocks[1].language == language
    assert len(pieces(document, document.blocks[1])) == source.count("\n") + 1


def test_what_is_around_a_list_in_the_same_html_keeps_its_kind():
    document = read("<div>\n<p>Para</p>\n<ul>\n<li>One</li>\n</ul>\n</div>\n")
    assert shown(document) == [
        ("paragraph", "<div>\n<p>Para</p>"),
        ("list", "<ul>\n<li>One</li>\n</ul>"),
        ("metadata", "</div>"),
    ]


@pytest.mark.parametrize(
    ("source", "kinds"),
    [
        ("Say `<ul>` and\n<li>then</li> `</ul>`.", ["paragraph", "paragraph"]),
        ("Text <ul><li>in a line</li></ul>", ["paragraph"]),
        ("<ul>\n<li>never closed</li>\n\nText.", ["paragraph", "paragraph"]),
        ("<ul>\n\n## A heading\n\n</ul>", ["paragraph", "heading", "paragraph"]),
        ("- an item\n\n  <ul>\n  <li>in it</li>\n  </ul>", ["list"]),
        ("```\n<ul>\n<li>code</li>\n</ul>\n```", ["code"]),
        ("<!-- <ul>\n<li>no</li>\n</ul> -->", ["metadata"]),
    ],
)
def test_tags_that_make_no_list_of_their_own_stay_what_they_are(source, kinds):
    assert [kind for kind, _ in shown(read(source))] == kinds
