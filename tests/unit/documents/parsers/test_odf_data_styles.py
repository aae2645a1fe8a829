"""Cells of OpenDocument that a library wrote: the number, and a style that says how it is shown."""

import io
import zipfile

import pytest

from ingest.documents.parsers import odf
from tests.unit.documents.parsers.checks import parsed, shown

NAMES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in (
        ("office", "office"),
        ("text", "text"),
        ("table", "table"),
        ("style", "style"),
        ("number", "datastyle"),
    )
)


def style(inner, kind="number", name="N"):
    return f'<number:{kind}-style style:name="{name}">{inner}</number:{kind}-style>'


def number(decimals=0, digits=1, more=""):
    return f'<number:number number:decimal-places="{decimals}" number:min-integer-digits="{digits}" {more}/>'


def when(condition, name):
    return f'<style:map style:condition="value(){condition}" style:apply-style-name="{name}"/>'


def words(text):
    return f"<number:text>{text}</number:text>"


def cell(value, shown_text="", kind="float", more='table:style-name="C"'):
    text = f"<text:p>{shown_text}</text:p>" if shown_text else ""
    return f'<table:table-cell {more} office:value-type="{kind}" office:value="{value}">{text}</table:table-cell>'


def sheet(styles, cells, columns=""):
    """Return the cells of a row behind one with a word."""
    named = '<style:style style:name="C" style:parent-style-name="B"/><style:style style:name="B" '
    styles += named + 'style:data-style-name="N"/>'
    word = "<table:table-cell><text:p>a</text:p></table:table-cell>"
    body = f'<table:table table:name="S">{columns}<table:table-row>{word}{word}{cells}</table:table-row></table:table>'
    content = (
        f"<office:document-content {NAMES}><office:automatic-styles>{styles}</office:automatic-styles><office:body>"
        f"<office:spreadsheet>{body}</office:spreadsheet></office:body></office:document-content>"
    )
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
    return shown(parsed(odf, stream.getvalue()))[1][1].split(" | ")[2:]


GROUPED = number(2, 1, 'number:grouping="true"')
POUNDS = f'<number:currency-symbol number:country="GB">£</number:currency-symbol>{GROUPED}'
YES_NO = style(words("Yes"), name="P") + style(words("No") + when("&gt;0", "P"))
LOSS = style(number(2), name="P") + style(words("(") + number(2) + words(")") + when("&gt;=0", "P"))
LEVELS = style(words("high"), name="P") + style(number(1) + when("&gt;100", "P"))
OF_TEXTS = style(GROUPED, name="P") + style(words("-") + GROUPED, name="Q")
OF_TEXTS += style("<number:text-content/>" + when("&gt;0", "P") + when("&lt;0", "Q") + when("=0", "P"), "text")
PHONE = '<number:number number:decimal-places="0" number:min-integer-digits="7"><number:embedded-text number:position'
PHONE += '="4">-</number:embedded-text></number:number>'
EIGHTHS = '<number:fraction number:min-integer-digits="0" number:denominator-value="8"/>'
FRACTION = '<number:fraction number:min-integer-digits="0" number:min-denominator-digits="2"/>'
POWER = '<number:scientific-number number:decimal-places="2" number:min-integer-digits="1" '
POWER += 'number:min-exponent-digits="2"/>'


@pytest.mark.parametrize(
    ("styles", "value", "expected"),
    [
        (style(number(1) + words(" kg")), "12.5", "12.5 kg"),
        (style(number(0, 5)), "1067", "01067"),
        (style(words("INV-") + number(0, 4)), "12", "INV-0012"),
        (style(POUNDS, "currency"), "1999.5", "£1,999.50"),
        (style(number(1) + words(" %"), "percentage"), "0.255", "25.5 %"),
        (style(number(0) + words(" of 100%")), "5", "5 of 100%"),
        (YES_NO, "1", "Yes"),
        (YES_NO, "0", "No"),
        (LOSS, "-5.5", "(5.50)"),
        (LEVELS, "150", "high"),
        (LEVELS, "50", "50.0"),
        (OF_TEXTS, "-1234.5", "-1,234.50"),
        (style(PHONE), "5551234", "555-1234"),
        (style(EIGHTHS), "2.25", "2 2/8"),
        (style(FRACTION), "0.375", "3/8"),
        (style(POWER), "12345", "1.23E+04"),
        (style(number(1, 1, 'number:display-factor="1000"') + words("k")), "1234567", "1234.6k"),
        (style(number(3, 1, 'number:min-decimal-places="1"')), "2.5", "2.5"),
        (style(words('5" ') + number(0)), "7", '5" 7'),
        (style('<number:number number:min-integer-digits="1"/>'), "12.50", "12.5"),
        (style(number(10**7, 10**7)), "7", "0" * 99 + "7." + "0" * 100),
    ],
)
def test_a_number_is_shown_as_its_style_says(styles, value, expected):
    assert sheet(styles, cell(value)) == [expected]
    assert sheet(styles, cell(value, value)) == [value if expected == "12.5" else expected]


def test_a_text_that_a_program_has_shown_stays():
    styles = style(number(1) + words(" kg"))
    assert sheet(styles, cell("12.5", "12,5 Kilo")) == ["12,5 Kilo"]


def test_a_column_may_have_the_style_of_its_cells():
    column = '<table:table-column table:number-columns-repeated="{}" {}/>'
    columns = column.format(2, "") + column.format(10**6, 'table:default-cell-style-name="C"')
    assert sheet(style(number(1) + words(" kg")), cell("12.5", more="") + cell("3", more=""), columns) == [
        "12.5 kg",
        "3.0 kg",
    ]


def test_a_currency_without_a_sign_is_that_of_the_cell():
    styles = style("<number:currency-symbol/>" + number(2), "currency")
    assert sheet(styles, cell("5", kind="currency", more='table:style-name="C" office:currency="EUR"')) == ["5 EUR"]


def test_a_zero_that_is_not_shown_is_none():
    styles = style(number(), name="P") + style(when("&gt;0", "P"))
    assert sheet(styles, cell("0") + cell("4")) == ["", "4"]


@pytest.mark.parametrize("condition", ["&gt;x", "is-true()", "", "&gt;1;0;0"])
def test_a_style_with_a_condition_that_nobody_understands_leaves_the_number(condition):
    styles = style(words("x"), name="P") + style(number(2) + when(condition, "P"))
    assert sheet(styles, cell("5")) == ["5"]


def test_a_cell_in_a_symbol_font_is_what_the_font_shows():
    font = '<style:style style:name="W"><style:text-properties style:font-name="Wingdings"/></style:style>'
    cells = '<table:table-cell table:style-name="W"><text:p>\u00fc</text:p></table:table-cell>' + cell("5", "5")
    assert sheet(style(words("x ") + number()) + font, cells) == ["✓", "x 5"]
