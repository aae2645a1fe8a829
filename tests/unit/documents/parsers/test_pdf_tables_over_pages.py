"""Tables that go on over pages are one table with one header."""

from textwrap import wrap

import pytest

from ingest.documents.parsers import pdf
from tests.unit.documents.parsers.checks import faults, parsed, shown
from tests.unit.documents.parsers.pdf_files import build, grid, lines, rule, text

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


@pytest.mark.parametrize("ruled", [True, False], ids=["ruled", "aligned"])
@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_rows_on_the_last_page_belong_to_the_table(ruled, count):
    pages = [table([HEADER, *codes(1, 31)], 100, ruled, 1)]
    pages.append(table(codes(32, 31 + count), 60, ruled) + lines(72, 140, ["The text goes on."]))
    expected = [("table", rows([HEADER], codes(1, 31 + count))), ("paragraph", "The text goes on.")]
    assert shown(parsed(pdf, build(pages))) == expected


def split_table(top, cells, closed, bold=0):
    """Return rows of cells with lines, ruled; without the line at the top or bottom where it is not closed."""
    high = [14 * max(map(len, row)) + 6 for row in cells]
    edges = [top + sum(high[:i]) for i in range(len(cells) + 1)]
    flat = edges[0 if closed[0] else 1 : None if closed[1] else -1]
    content = "".join(rule(68, y, 500, y) for y in flat)
    content += "".join(rule(x - 4, edges[0], x - 4, edges[-1]) for x in (72, 160, 380, 504))
    for i, row in enumerate(cells):
        for x, cell in zip(LEFT, row, strict=True):
            font = "F2" if i < bold else "F1"
            content += "".join(text(x, edges[i] + 12 + 14 * at, line, font=font) for at, line in enumerate(cell))
    return content


FIRST = [tuple([cell] for cell in row) for row in [HEADER, *codes(1, 20)]]
CUT = (["E021"], ["The sensor at the top", "of the tank is out"], ["Replace it."])
REST = ([], ["of its range for days.", "People must know it."], [])
WHOLE = ("E021", "The sensor at the top of the tank is out of its range for days. People must know it.", "Replace it.")


@pytest.mark.parametrize("repeats", [True, False], ids=["header on each page", "one header"])
@pytest.mark.parametrize("closed", [True, False], ids=["closed", "open"])
def test_a_row_that_goes_on_over_the_page_is_one(closed, repeats):
    more = [tuple([cell] for cell in row) for row in codes(22, 24)]
    header = FIRST[:1] if repeats else []
    pages = [
        split_table(240, [*FIRST, CUT], (True, closed), 1),
        split_table(100, [*header, REST, *more], (closed or repeats, True), len(header)),
    ]
    assert tables(pages) == [rows([HEADER], codes(1, 20), [WHOLE], codes(22, 24))]


def test_a_row_without_ruling_lines_goes_on_over_the_page():
    cells = "".join(
        text(x, 720, part) for x, part in zip(LEFT, ("E031", "the sensor at the top of", "replace"), strict=True)
    )
    pages = [table([HEADER, *codes(1, 29)], 100, False, 1) + cells]
    pages.append(text(160, 60, "the tank is out of range") + table(codes(32, 40), 66, False))
    whole = ("E031", "the sensor at the top of the tank is out of range", "replace")
    assert tables(pages) == [rows([HEADER], codes(1, 29), [whole], codes(32, 40))]


def test_a_cell_that_is_empty_as_in_other_rows_begins_a_row_of_its_own():
    groups = [("Fruit" if i % 3 == 0 else "", f"Kind {i}", "Good") for i in range(31)]
    more = [("", "Kind 31", "Bad"), ("Berry", "Kind 32", "Good")]
    assert tables([table([HEADER, *groups], 100), table(more, 100)]) == [rows([HEADER], groups, more)]


def test_a_footer_in_larger_print_on_two_pages_parts_no_table():
    pages = [
        table([HEADER, *codes(1, 31)], 100, bold=1) + text(72, 760, "Service manual, page 1", 14),
        table(codes(32, 40), 100) + text(72, 760, "Service manual, page 2", 14),
    ]
    assert tables(pages) == [rows([HEADER], codes(1, 40))]


def test_titles_of_groups_stay_in_a_table_whose_header_is_theirs_as_well():
    groups = [row for group in range(3) for row in [(f"Group {group}", "", ""), *codes(1, 4)]]
    xs = [x - 4 for x in (*LEFT, 520)]
    content = table([HEADER], 100, bold=1)
    for i, row in enumerate(groups):
        top = 120 + 20 * i
        content += grid(xs if row[1] else [xs[0], xs[-1]], [top, top + 20])
        font = "F1" if row[1] else "F2"
        content += "".join(text(x, top + 14, cell, font=font) for x, cell in zip(LEFT, row, strict=True))
    document = parsed(pdf, build([content]))
    assert shown(document) == [("table", rows([HEADER], groups).rstrip())]
    assert document.text[: document.blocks[0].header_end] == "Code | Meaning | Action\n"


def test_a_row_of_many_lines_that_goes_on_over_the_page_is_one():
    words = "the sensor shows values that are out of all of the ranges that anybody has ever seen, or it shows none"
    parts = wrap(f"{words}, whatever you do, and its light is on or off or goes on and off again", 24)
    first = table([HEADER, *codes(1, 29)], 100, ruled=False, bold=1)
    first += "".join(text(x, 714, cell) for x, cell in zip(LEFT, ("E030", parts[0], "replace 30"), strict=True))
    first += text(LEFT[1], 726, parts[1])
    second = lines(LEFT[1], 72, parts[2:]) + table(codes(31, 40), 72 + 12 * len(parts[2:]) - 6, ruled=False)
    row = ("E030", " ".join(parts), "replace 30")
    assert tables([first, second]) == [rows([HEADER], codes(1, 29), [row], codes(31, 40))]


def test_a_short_line_below_a_narrow_table_stands_not_before_it():
    first = table([HEADER, *codes(1, 31)], 100, left=(232, 290, 420))
    second = table(codes(32, 40), 100, left=(232, 290, 420)) + text(72, 310, "The end.")
    document = parsed(pdf, build([first, second]))
    assert shown(document) == [("table", rows([HEADER], codes(1, 40))), ("paragraph", "The end.")]
