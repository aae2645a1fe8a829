"""Frames whose page stands in the page around them, and words in drawings."""

import html as escapes

import pytest

from ingest.documents.parsers import html
from ingest.errors import OversizedDocument
from tests.unit.documents.parsers.checks import faults, parsed, shown


def read(body):
    document = parsed(html, f"<html><body>{body}</body></html>")
    assert faults(document) == []
    return shown(document)


def frame(page, more=""):
    return f'<iframe {more} srcdoc="{escapes.escape(page)}">No frames here</iframe>'


def test_the_page_of_a_frame_stands_in_its_place():
    page = (
        "<h2>Inner</h2><p>Text &amp; more</p><table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table>"
    )
    assert read(f"<h1>Outer</h1>{frame(page)}<p>After</p>") == [
        ("heading", "Outer"),
        ("heading", "Inner"),
        ("paragraph", "Text & more"),
        ("table", "A | B\n1 | 2"),
        ("paragraph", "After"),
    ]


def test_frames_in_frames_are_read_and_those_of_other_files_are_not():
    assert read(frame(f"<p>One</p>{frame('<p>Two</p>')}") + '<iframe src="x.html">No frames</iframe><p>End</p>') == [
        ("paragraph", "One"),
        ("paragraph", "Two"),
        ("paragraph", "End"),
    ]


def test_a_frame_that_nobody_sees_is_marked_and_its_styles_stay_its_own():
    document = parsed(html, f"<p>a</p>{frame('<style>p{display:none}</style><p>b</p>', 'style=display:none')}<p>c</p>")
    assert [(document.text[block.start : block.end], block.marks) for block in document.blocks] == [
        ("a", ()),
        ("b", ("hidden",)),
        ("c", ()),
    ]


def test_a_frame_cannot_nest_deeper_than_a_page():
    with pytest.raises(OversizedDocument):
        read(frame("<div>" * 300 + "x"))


def test_words_of_a_drawing_are_lines_of_a_paragraph():
    svg = (
        '<svg><title>Sales</title><style>text{fill:red}</style><defs><text>never</text></defs><g><text x="1">2023: '
        '12 M</text><text><tspan>2024</tspan><tspan x="4">: 15</tspan> M</text></g><text display="none">no</text></svg>'
    )
    assert read(f"<p>See below.</p>{svg}<p>After.</p>") == [
        ("paragraph", "See below."),
        ("paragraph", "2023: 12 M\n2024 : 15 M"),
        ("paragraph", "After."),
    ]


def test_words_of_a_drawing_in_a_sentence_stay_in_it_and_icons_say_nothing():
    svg = "<svg><text>build</text><text>passing</text></svg>"
    assert read(f"<p>Now {svg} again <svg><title>ok</title><path d='M0 0'/></svg>.</p>") == [
        ("paragraph", "Now build passing again .")
    ]


def test_html_in_a_drawing_is_read():
    svg = "<svg><g><foreignObject><div>Start</div></foreignObject></g><foreignObject><p>Stop</p></foreignObject></svg>"
    assert read(svg) == [("paragraph", "Start"), ("paragraph", "Stop")]
