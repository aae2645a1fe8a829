"""Bullets that are drawn, and the levels of lists."""

import pytest

from ingest.documents.parsers import pdf
from tests.unit.documents.parsers.bidi_display import displayed
from tests.unit.documents.parsers.checks import faults, parsed, shown
from tests.unit.documents.parsers.glyph_files import glyph_file, right_line
from tests.unit.documents.parsers.pdf_files import HEIGHT, area, build, lines, picture, rule, text
from tests.unit.documents.parsers.pdf_forms import annotated, check_box

BODY = ["The plan is read before anything is spent, and it says how", "many documents are new."]


def disc(x, y, radius=2.0, paint="f"):
    """Return a circle around a point; `y` is from the top."""
    k, up = 0.5523 * radius, HEIGHT - y
    curves = f"{x + radius} {up} m {x + radius} {up + k} {x + k} {up + radius} {x} {up + radius} c "
    curves += f"{x - k} {up + radius} {x - radius} {up + k} {x - radius} {up} c "
    curves += f"{x - radius} {up - k} {x - k} {up - radius} {x} {up - radius} c "
    return f"{curves}{x + k} {up - radius} {x + radius} {up - k} {x + radius} {up} c {paint}\n"


def ring(x, y):
    return disc(x, y, paint="S")


def square(x, y):
    return area(x - 2, y - 2, x + 2, y + 2, "0 0 0")


def dash(x, y):
    return rule(x - 3, y, x + 3, y)


def image(x, y):
    return picture(x - 3, y - 3, x + 3, y + 3)


def listed(*items):
    """Return lines with a shape in front of each, from y = 100 on; an item is a shape (or None), an indent, a text."""
    return "".join(
        (draw(72 + indent, 97 + 14 * at) if draw else "") + text(82 + indent, 100 + 14 * at, words)
        for at, (draw, indent, words) in enumerate(items)
    )


def blocks(page):
    document = parsed(pdf, build([page]))
    assert faults(document) == []
    return shown(document)


@pytest.mark.parametrize(
    ("draw", "bullet"),
    [(disc, "•"), (ring, "◦"), (square, "▪"), (dash, "–"), (image, "•")],
)
def test_shapes_in_front_of_lines_are_bullets(draw, bullet):
    page = lines(72, 50, BODY) + listed(
        (draw, 0, "Check the oil"), (draw, 0, "Check the belt"), (None, 0, "of the pump")
    )
    assert blocks(page)[1:] == [("list", f"{bullet} Check the oil\n{bullet} Check the belt of the pump")]


def test_items_further_inside_are_of_a_deeper_level():
    rows = [(disc, 0, "Check the oil"), (ring, 20, "ten ml when cold"), (ring, 20, "five ml when warm")]
    rows += [(square, 40, "or so"), (square, 40, "or less"), (disc, 0, "Check the belt")]
    expected = (
        "• Check the oil\n  ◦ ten ml when cold\n  ◦ five ml when warm\n    ▪ or so\n    ▪ or less\n• Check the belt"
    )
    assert blocks(lines(72, 50, BODY) + listed(*rows)) == [("paragraph", " ".join(BODY)), ("list", expected)]


def test_written_items_have_levels_too():
    page = lines(72, 100, ["1. Check the oil"]) + lines(92, 112, ["a) when cold", "b) when warm"])
    page += lines(72, 136, ["2. Check the belt"])
    assert blocks(page) == [("list", "1. Check the oil\n  a) when cold\n  b) when warm\n2. Check the belt")]


def test_a_list_that_goes_on_over_a_page_keeps_its_levels():
    first = lines(72, 700, ["1. Check the oil at the top of the tank, and look at the gauge at it"])
    first += text(92, 712, "• when it is cold, and not before, since otherwise what it shows is of")
    second = text(110, 72, "no use.") + text(100, 84, "• when it is warm") + text(80, 96, "2. Check the belt")
    found = shown(parsed(pdf, build([first, second])))
    assert [words.split("\n")[2:] for _, words in found] == [["  • when it is warm", "2. Check the belt"]]


def test_bullets_stand_at_the_right_of_lines_written_from_the_right():
    items = ["בדיקת השמן לפני הנסיעה", "החלפת הרצועה בכל שנה"]
    page = [glyph for at, item in enumerate(items) for glyph in right_line(520, 100 + 14 * at, displayed(item, True))]
    data = glyph_file([page], "".join(disc(530, 97 + 14 * at) for at in range(2)))
    assert shown(parsed(pdf, data)) == [("list", "• " + "\n• ".join(items))]


def test_bullets_are_read_on_a_page_with_a_form_but_what_is_drawn_at_its_fields_is_none():
    page = listed((disc, 0, "Check the oil"), (disc, 0, "Check the belt"))
    page += "".join(square(76, y) + text(86, y + 3, words) for y, words in ((200, "cold"), (214, "warm")))
    boxes = [check_box((73, y - 3, 79, y + 3), f"c{y}", ticked=y == 200) for y in (200, 214)]
    assert shown(parsed(pdf, annotated([page], [boxes]))) == [
        ("list", "• Check the oil\n• Check the belt"),
        ("list", "☒ cold\n☐ warm"),
    ]


@pytest.mark.parametrize(
    "page",
    [
        disc(72, 97) + text(82, 100, "A single shape"),
        disc(72, 97, 7) + text(82, 100, "Far") + disc(72, 117, 7) + text(82, 120, "too large"),
        disc(72, 90) + text(82, 100, "Above") + disc(72, 110) + text(82, 120, "the lines"),
        "1 1 1 rg " + disc(72, 97) + disc(72, 117) + "0 g " + text(82, 100, "Two") + text(82, 120, "white ones"),
        "".join(text(40, y, "Label") + disc(72, y - 3) + text(82, y, "value") for y in (100, 120, 140)),
        rule(66, 97, 74, 97) + text(82, 100, "A dash") + rule(90, 117, 98, 117) + text(106, 120, "and another"),
    ],
    ids=["single", "large", "above", "white", "behind text", "dashes at other places"],
)
def test_other_shapes_are_no_bullets(page):
    assert not set("•◦▪▫–") & set("".join(words for _, words in blocks(page + lines(72, 300, BODY))))
