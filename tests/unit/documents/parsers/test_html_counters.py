"""Numbers that style sheets put before headings and captions."""

import pytest

from ingest.documents.parsers import html
from tests.unit.documents.parsers.checks import faults, parsed, shown


def texts(styles, body):
    document = parsed(html, f"<html><head><style>{styles}</style></head><body>{body}</body></html>")
    assert faults(document) == []
    return [text for _, text in shown(document)]


SECTIONS = "<h1>Start</h1><h2>First</h2><h2>Second</h2><h1>Next</h1><h2>Third</h2>"


@pytest.mark.parametrize(
    ("styles", "expected"),
    [
        (
            "body {counter-reset: c} h1 {counter-increment: c; counter-reset: s} h2 {counter-increment: s}"
            'h1::before {content: "Chapter " counter(c) ": "} h2:before {content: counter(c) "." counter(s) " "}',
            ["Chapter 1: Start", "1.1 First", "1.2 Second", "Chapter 2: Next", "2.1 Third"],
        ),
        (
            "body {counter-reset: c} h1 {counter-reset: s} h1::before {counter-increment: c; content: counter(c) '. '}"
            'h2::before {counter-increment: s; content: counter(c) "." counter(s, lower-alpha) ") "}',
            ["1. Start", "1.a) First", "1.b) Second", "2. Next", "2.a) Third"],
        ),
        (
            'h1 {counter-increment: a} h1::before {content: "Appendix " counter(a, upper-alpha) " \\2014  "}',
            ["Appendix A — Start", "First", "Second", "Appendix B — Next", "Third"],
        ),
        (
            "body {counter-reset: c 4} h1 {counter-increment: c 2} h1::before {content: counter(c, upper-roman) '. '}",
            ["VI. Start", "First", "Second", "VIII. Next", "Third"],
        ),
        ('h1 {counter-increment: c} h1::before {content: "\\00a7 "}', ["Start", "First", "Second", "Next", "Third"]),
    ],
)
def test_a_heading_has_the_number_that_a_style_sheet_shows(styles, expected):
    assert texts(styles, SECTIONS) == expected


def test_nested_counters_are_joined_and_end_with_their_element():
    styles = 'section {counter-reset: n} h2 {counter-increment: n} h2::before {content: counters(n, ".") " "}'
    body = "<section><h2>A</h2><section><h2>B</h2><h2>C</h2></section></section><section><h2>D</h2></section>"
    assert texts(styles, body) == ["1 A", "1.1 B", "1.2 C", "1 D"]


def test_captions_are_numbered_and_what_is_not_displayed_counts_nothing():
    styles = (
        "body {counter-reset: f}"
        'figcaption::before {content: "Figure " counter(f) ": "} figure {counter-increment: f} .off {display: none}'
        "h2.plain::before {content: none} h2::before {content: counter(f)}"
    )
    figure = "<figure><figcaption>A boat</figcaption></figure>"
    hidden = figure.replace("<figure", '<figure class="off"')
    assert texts(styles, f'{figure}{hidden}{figure}<h2 class="plain">End</h2>') == [
        "Figure 1: A boat",
        "A boat",
        "Figure 2: A boat",
        "End",
    ]


def test_lines_of_code_stay_without_their_numbers():
    styles = "span {counter-increment: n} span::before {content: counter(n)} pre {counter-reset: n}"
    assert texts(styles, "<pre><span>a = 1</span>\n<span>b = 2</span></pre>") == ["a = 1\nb = 2"]


def test_signs_that_no_page_shows_are_left_out_of_a_number():
    styles = 'h1::before {content: "\\fffe\\1f " counter(c) "\x07. "}'
    assert texts(styles, "<h1>Start</h1>") == ["0 . Start"]


def test_control_characters_in_what_is_numbered_or_drawn_stop_nothing():
    styles = "::before {content: 'x'} h1::before {content: counter(c) '. '}"
    body = "<h1>\x0bStart</h1><svg><text>a\x0bb</text></svg><iframe srcdoc='\x0bText'></iframe>"
    assert texts(styles, body) == ["0. Start", "a b", "Text"]
