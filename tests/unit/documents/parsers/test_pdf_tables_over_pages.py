"""Tables that go on over pages are one table with one header."""

import pytest

from ingest.documents.parsers.pdf import parser as pdf
from tests.unit.documents.parsers.checks import faults, parsed, shown
from tests.unit.documents.parsers.pdf_files import build, grid, lines, text

HEADER = ("Code", "Meaning", "Action")
LEFT = (72, 160, 380)
END = 740


def codes(first, last):
    return [(f"E{i:03}", f"sensor {i} is out of range", f"replace {i}") for i in range(first, last + 1)]


def rows(*tables):
    return "\n".join(" | ".join(row) for table in tables for row in table)


def table(cells, top, ruled=True, bold=0, left=LEFT):
    """Return a table of rows 20 points high, and where it ends."""
    bottom = top + 20 * len(cells)
    content = grid([x - 4 for x in (*left, 520 + left[0] - 72)], range(top, bottom + 1, 20)) if ruled else ""
    for i, row in enumerate(cells):
        font = "F2" if i < bold else "F1"
        content += "".join(text(x, top + 14 + 20 * i, cell, font=font) for x, cell in zip(left, row, strict=True))
    return content


def tables(pages):
    return [block for kind, block in shown(parsed(pdf, build(pages))) if kind == "table"]


@pytest.mark.parametrize("ruled", [True, False], ids=["ruled", "aligned"])
@pytest.mark.parametrize("repeats", [True, False], ids=["header on each page", "one header"])
def test_a_table_over_three_pages_is_one_with_one_header(ruled, repeats):
    more = [HEADER] if repeats else []
    pages = [
        lines(72, 60, ["All errors."]) + table([HEADER, *codes(1, 31)], 100, ruled, 1),
        table([*more, *codes(32, 62)], 100, ruled, len(more)),
        table([*more, *codes(63, 70)], 100, ruled, len(more)) + lines(72, 500, ["The text goes on."]),
    ]
    document = parsed(pdf, build(pages))
    expected = [("paragraph", "All errors."), ("table", rows([HEADER], codes(1, 70)))]
    assert shown(document) == [*expected, ("paragraph", "The text goes on.")]
    block = document.blocks[1]
    assert document.text[block.start : block.header_end] == "Code | Meaning | Action\n"
    assert (faults(document), block.page) == ([], 1)


@pytest.mark.parametrize(
    "between",
    [
        "Table 3 (continued)",
        "Table 3. Errors (cont'd)",
        "Table 3. Errors",
        "Continued from previous page",
        "(Fortsetzung)",
        "Tabelle 3 – Fortsetzung von Seite 1",
    ],
)
def test_remarks_that_a_table_goes_on_are_left_out(between):
    first = text(72, 80, "Table 3. Errors") + table([HEADER, *codes(1, 31)], 100)
    pages = [first, text(72, 80, between) + table([HEADER, *codes(32, 40)], 100)]
    assert shown(parsed(pdf, build(pages))) == [
        ("caption", "Table 3. Errors"),
        ("table", rows([HEADER], codes(1, 40))),
    ]


def test_rows_that_say_that_a_table_goes_on_are_left_out():
    last, first = ("Continued on next page", "", ""), ("Table 3 – continued from previous page", "", "")
    pages = [table([HEADER, *codes(1, 30), last], 100), table([first, HEADER, *codes(31, 40)], 100)]
    assert tables(pages) == [rows([HEADER], codes(1, 40))]


def test_running_lines_page_numbers_and_footnotes_part_no_table():
    pages = [
        text(72, 40, "Service manual") + table(cells, 100) + text(300, 770, str(page)) + text(72, 745, note, 7)
        for page, (cells, note) in enumerate(
            [
                ([HEADER, *codes(1, 31)], "1 Not in winter."),
                (codes(32, 62), "2 Only in summer."),
                (codes(63, 70), "3 With care."),
            ],
            start=1,
        )
    ]
    found = shown(parsed(pdf, build([text(72, 40, "Service manual") + lines(72, 100, ["Opening."]), *pages])))
    assert found[:2] == [("paragraph", "Opening."), ("table", rows([HEADER], codes(1, 70)))]
    assert [block for _, block in found[2:]] == ["1 Not in winter.", "2 Only in summer.", "3 With care."]


@pytest.mark.parametrize("ruled", [True, False], ids=["ruled", "aligned"])
@pytest.mark.parametrize(
    "second",
    [
        table([("Part", "Number", "Price"), *codes(1, 9)], 100, bold=1),
        text(72, 80, "Table 4. More errors") + table([HEADER, *codes(1, 9)], 100, bold=1),
        text(72, 80, "Errors of the pump", 16) + table([HEADER, *codes(1, 9)], 100, bold=1),
        table(codes(1, 9), 100, left=(72, 210, 430)),
        table([row[:2] for row in codes(1, 9)], 100, left=(72, 300)),
    ],
    ids=["other header", "caption", "heading", "other widths", "fewer columns"],
)
def test_another_table_is_not_joined(ruled, second):
    pages = [table([HEADER, *codes(1, 31)], 100, bold=1), second]
    assert len(tables(pages)) == 2


def test_a_table_that_ends_high_on_its_page_does_not_go_on_without_its_header():
    body = lines(72, 100, [f"Line {i} of the text." for i in range(50)])
    pages = [body, table([HEADER, *codes(1, 6)], 100, bold=1), table(codes(7, 9), 100)]
    assert len(tables(pages)) == 2
    pages[2] = table([HEADER, *codes(7, 9)], 100, bold=1)
    assert tables(pages) == [rows([HEADER], codes(1, 9))]


def test_a_header_without_bold_above_numbers_is_another_table_s():
    numbers = [(f"Item {i}", f"{i}.50", f"{3 * i}") for i in range(30)]
    pages = [
        table([("Name", "Price", "Stock"), *numbers], 100),
        table([("Region", "Sales", "Staff"), *numbers], 100),
    ]
    assert len(tables(pages)) == 2
    pages[1] = table(numbers[:9], 100)
    assert len(tables(pages)) == 1


def test_a_column_that_is_empty_on_a_page_keeps_its_place():
    noted = [(f"Item {i}", "new", f"{i}.50") for i in range(31)]
    plain = [(f"Item {i}", "", f"{i}.50") for i in range(31, 40)]
    for ruled in (True, False):
        pages = [table([("Name", "Note", "Price"), *noted], 100, ruled), table(plain, 100, ruled)]
        assert tables(pages) == [rows([("Name", "Note", "Price")], noted, plain)]


def test_margins_that_change_from_left_to_right_pages_part_no_table():
    pages = [table([HEADER, *codes(1, 31)], 100), table(codes(32, 40), 100, left=tuple(x + 18 for x in LEFT))]
    assert tables(pages) == [rows([HEADER], codes(1, 40))]
