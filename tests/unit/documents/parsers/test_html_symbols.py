import time

import pytest

from ingest.documents.parsers import html
from tests.unit.documents.parsers.checks import parsed


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>Thanks <span style='font-family:Wingdings'>J</span></p>", "Thanks ☺"),
        ('<p><font face="Symbol">a</font>-rays, pH <font face=Symbol>&sup3;</font> 7</p>', "α-rays, pH ≥ 7"),
        ("<p><span style='color:red;font-family:\"Wingdings 2\",serif'>R</span> yes</p>", "☑ yes"),
        (
            "<p><span style='font-family:Symbol'>&middot;<span style='font:7.0pt \"Times New Roman\"'>&nbsp;a "
            "</span></span>point</p>",
            "• a point",
        ),
        ("<p><span style='font:italic 12pt/14pt Symbol'>b<b>c</b>d</span>e</p>", "βχδe"),
        ("<p><span style='font-family:Arial,Symbol'>a</span> <b style='font-weight:bold'>b</b></p>", "a b"),
        ("<p>&#xf0b7; point</p>", "\uf0b7 point"),
        ("<style>p.w, .x {font-family: Wingdings}</style><p><i class='big w'>&uuml;</i> <b class=x>&thorn;</b>", "✓ ☑"),
        ("<style>.s {font: 9pt 'Symbol'} .t {font: 9pt Arial}</style><p class=s>a<b class=t>b</b>c", "αbχ"),
        ("<style>.s {font-family: 'Segoe UI Symbol', Symbol}</style><p class=s>a", "a"),
    ],
)
def test_text_in_symbol_fonts_is_what_the_font_shows(source: str, text: str) -> None:
    assert text == parsed(html, f"<html><body>{source}</body></html>").text


def test_fonts_inside_fonts_cost_no_more_than_others() -> None:
    inside = "<font face=Symbol>a<font face=Arial>b</font></font>" * 20_000
    start = time.process_time()
    assert parsed(html, f"<body><p>{inside}</p></body>").text.startswith("αbαb")
    assert time.process_time() - start < 5
