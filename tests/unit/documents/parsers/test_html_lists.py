"""Items of lists carry the marks that a reader sees."""

import pytest

from ingest.documents.parsers import html
from ingest.documents.parsers._reading.numerals import numeral
from tests.unit.documents.parsers.checks import faults, parsed, pieces, shown
from tests.work import calls_of


def lists(page: str) -> list[str]:
    document = parsed(html, page)
    assert faults(document) == []
    return [text for kind, text in shown(document) if kind == "list"]


@pytest.mark.parametrize(
    ("attributes", "marks"),
    [
        ("type=a", "a. b."),
        ("type=A", "A. B."),
        ("type=i start=4", "iv. v."),
        ("type=I start=9", "IX. X."),
        ("type=1", "1. 2."),
        ("start=-1", "-1. 0."),
        ("reversed", "2. 1."),
        ("reversed start=10", "10. 9."),
        ("type=a start=26", "z. aa."),
        ("type=a start=0", "0. a."),
        ("type=I start=3999", "MMMCMXCIX. 4000."),
        ("style='list-style-type: lower-roman'", "i. ii."),
        ("style='list-style: upper-latin inside'", "A. B."),
        ("style='LIST-STYLE-TYPE:Decimal-Leading-Zero'", "01. 02."),
        ("type=a style='list-style-type:lower-greek'", "α. β."),
        ("style='list-style:none'", "- -"),
        ("style='list-style-type:arabic-indic'", "١. ٢."),
        ("style='list-style-type:unheard-of'", "1. 2."),
        ("start=99999999999999999999", "1. 2."),
        ("class='loweralpha simple'", "a. b."),
        ("class=upperroman start=3", "III. IV."),
        ("class='list-[lower-greek]'", "α. β."),
        ("class='arabic simple'", "1. 2."),
        ("class=loweralpha type=I", "I. II."),
    ],
)
def test_items_are_marked_as_the_list_says(attributes, marks):
    first, second = marks.split()
    assert lists(f"<ol {attributes}><li>x<li>y</ol>") == [f"{first} x\n{second} y"]


def test_an_item_may_have_its_own_number_and_kind():
    page = "<ol><li value=5>a<li>b<li type=i>c<li style='list-style-type:upper-alpha' value=3>d</ol>"
    assert lists(page) == ["5. a\n6. b\nvii. c\nC. d"]


def test_lists_inside_lists_have_marks_of_their_own():
    page = "<ol type=a><li>x<ol type=i><li>p<li>q<ul><li>dot</ul></ol><li>y</ol>"
    assert lists(page) == ["a. x\n  i. p\n  ii. q\n    - dot\nb. y"]


@pytest.mark.parametrize(
    "rules",
    [
        "ol.t {list-style-type: lower-alpha}",
        "OL.T { List-Style-Type : Lower-Alpha }",
        "div ol { list-style: lower-alpha outside } ",
        "div > ol.t > li { list-style-type: lower-alpha }",
        "#terms ol { list-style-type: lower-alpha } ol { list-style-type: upper-roman }",
        "ol[class=t] { list-style-type: lower-alpha }",
        "@counter-style c { system: extends lower-alpha } ol { list-style-type: c }",
        "li::before { content: counter(item, lower-alpha) '. ' } ol { list-style: none }",
        "/* ol.t {list-style-type:disc} */ .t {list-style-type:lower-alpha}",
        "@media print { ol.t {list-style-type: decimal} } .t {list-style-type:lower-alpha}",
    ],
)
def test_rules_of_the_page_mark_items(rules):
    page = f"<style>{rules}</style><div id=terms><ol class=t><li>x<li>y</ol></div>"
    assert lists(page) == ["a. x\nb. y"]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (
            "ol {counter-reset: i; list-style: none} li:before {counter-increment: i; content: counters(i, '.') ' '}",
            "1 x\n  1.1 p\n  1.2 q\n2 y",
        ),
        ("li::before { content: 'Step ' counter(s) ': ' }", "Step 1: x\n  Step 1: p\n  Step 2: q\nStep 2: y"),
        ("li li::before {content: counter(a) '(' counter(b, lower-roman) ')\\a0'}", "1. x\n  1(i) p\n  1(ii) q\n2. y"),
        ("@counter-style p { system: extends lower-alpha; prefix: '('; suffix: ') ' } ol { list-style: p }",
         "(a) x\n  (a) p\n  (b) q\n(b) y"),
        ("ol {list-style-type: '§ '}", "§ x\n  § p\n  § q\n§ y"),
        ("li::before { content: '✓' }", "1. x\n  1. p\n  2. q\n2. y"),
        ("ol, ul { list-style: none }", "1. x\n  1. p\n  2. q\n2. y"),
    ],
)  # fmt: skip
def test_counters_and_styles_that_a_page_defines_are_read(rules, expected):
    (found,) = lists(f"<style>{rules}</style><ol><li>x<ol><li>p<li>q</ol><li>y</ol>")
    assert found == expected


def test_counters_begin_where_the_page_says():
    page = "<style>li::before{content:counter(i) '. '}</style><ol style='counter-reset:i 4'><li>x</ol>"
    assert lists(page) == ["5. x"]


def test_bullets_with_a_counter_are_steps():
    page = "<style>ul.s li::before{content:counter(i)}</style><ul class=s><li>x<li>y</ul><ul><li>z</ul>"
    assert lists(page) == ["1 x\n2 y", "- z"]


def test_a_list_may_be_cut_at_each_item():
    document = parsed(html, "<ol type=I><li>x<li>y</ol>")
    assert pieces(document, document.blocks[0]) == ["I. x\n", "II. y"]


@pytest.mark.parametrize(
    ("number", "system", "expected"),
    [
        (1994, "upper-roman", "MCMXCIV"),
        (28, "lower-alpha", "ab"),
        (703, "upper-latin", "AAA"),
        (0, "lower-roman", "0"),
        (-3, "lower-alpha", "-3"),
        (7, "decimal-leading-zero", "07"),
        (105, "cjk-decimal", "一〇五"),
        (12, "devanagari", "१२"),
        (3, "katakana", "ウ"),
        (18278, "lower-alpha", "zzz"),
    ],
)
def test_numbers_are_written_in_the_systems_of_style_sheets(number, system, expected):
    assert numeral(number, system) == expected


@pytest.mark.parametrize(
    "unit",
    [
        "<ol type=a><li>x</ol>",
        "<li>x",
        "<li>y<style>.a ol li{list-style:lower-alpha}</style>",
        "<ol reversed><li>x</ol>",
    ],
)
def test_work_on_lists_grows_with_their_size(unit):
    small, large = (calls_of(lambda n=n: parsed(html, f"<div class=a><ol>{unit * n}")) for n in (300, 1200))
    assert large < 6 * small
