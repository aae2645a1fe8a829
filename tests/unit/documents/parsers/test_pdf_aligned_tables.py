"""Tables without ruling lines: rows whose cells have several lines, columns, and what is no table."""

import pytest

from ingest.documents.parsers import pdf
from tests.unit.documents.parsers.checks import faults, headings, parsed, shown
from tests.unit.documents.parsers.pdf_files import build, lines, text

HEADER = ("Item", "2023", "2024", "Remark")
LEFT = (72, 200, 250, 310)
PARTS = [
    (["Bolt, long, made of", "stainless steel"], ["1.20"], ["1.30"], ["only in boxes"]),
    (["Nut"], ["0.40"], [], ["a remark of some words", "that goes on over the", "next two lines"]),
    (["Washer"], [], ["0.10"], []),
    (["Screw with a head as", "flat as can be"], ["0.70"], ["0.80"], ["made of brass or of", "copper"]),
]
WHOLE = [HEADER, *(tuple(" ".join(cell) for cell in part) for part in PARTS)]


def rows(cells):
    return "\n".join(" | ".join(row) for row in cells)


def page_of(parts, align, padding, left=LEFT):
    """Return rows of cells with several lines 12 points apart, `padding` points between rows."""
    header = zip(left, HEADER[: len(left)], strict=True)
    content, y = "".join(text(x, 120, name, font="F2") for x, name in header), 120 + 12 + padding
    for part in parts:
        high = max(map(len, part))
        for x, cell in zip(left, part, strict=True):
            lower = {"top": 0.0, "middle": 0.5, "bottom": 1.0}[align] * 12 * (high - len(cell))
            content += "".join(text(x, y + lower + 12 * i, line) for i, line in enumerate(cell))
        y += 12 * high + padding
    return content


def tables(content):
    document = parsed(pdf, build([content]))
    assert faults(document) == []
    return [block for kind, block in shown(document) if kind == "table"]


@pytest.mark.parametrize("padding", [0, 3, 8, 22], ids=["tight", "padded", "wide", "loose"])
@pytest.mark.parametrize("align", ["top", "middle", "bottom"])
def test_cells_of_several_lines_stay_in_their_row_and_empty_cells_keep_their_column(align, padding):
    assert tables(page_of(PARTS, align, padding)) == [rows(WHOLE)]


@pytest.mark.parametrize("last", [0, 1, 3], ids=["first column wraps", "last column wraps", "both wrap"])
def test_the_last_row_ends_with_its_last_line(last):
    parts = [*(part for i, part in enumerate(PARTS) if i != last), PARTS[last]]
    page = page_of(parts, "top", 6) + lines(72, 300, ["All prices are without tax."])
    expected = rows([HEADER, *(tuple(" ".join(cell) for cell in part) for part in parts)])
    assert shown(parsed(pdf, build([page]))) == [("table", expected), ("paragraph", "All prices are without tax.")]


@pytest.mark.parametrize("align", ["top", "middle", "bottom"])
def test_a_header_of_several_lines_is_one_row(align):
    header = (["Name of", "the part"], ["Price in", "euro per", "piece"], ["Stock"], ["Remark"])
    body = [(["Bolt"], ["1.20"], ["7"], ["new"]), (["Nut"], ["0.40"], ["9"], ["old"])]
    first = "".join(text(x, 120, name, font="F2") for x, name in zip(LEFT, HEADER, strict=True))
    content = page_of([header, *body], align, 8).removeprefix(first)
    expected = [("Name of the part", "Price in euro per piece", "Stock", "Remark"), ("Bolt", "1.20", "7", "new")]
    assert tables(content) == [rows([*expected, ("Nut", "0.40", "9", "old")])]


def test_rows_of_numbers_in_groups_stay_rows():
    content = "".join(text(x, 120, name) for x, name in zip(LEFT, ("Item", "2023", "2024", "2025"), strict=True))
    cells = [(f"Part {i}", f"{i}.20", f"{i}.30", f"{i}.40") for i in range(12)]
    for i, row in enumerate(cells):
        content += "".join(text(x, 140 + 12 * i + 8 * (i // 3), cell) for x, cell in zip(LEFT, row, strict=True))
    assert tables(content) == [rows([("Item", "2023", "2024", "2025"), *cells])]


def test_short_words_below_each_other_stay_rows():
    cells = [("Fruit", "apple", "red"), ("", "pear", "green"), ("", "plum", "blue"), ("Berry", "elderberry", "black")]
    content = "".join(
        text(x, 120 + 12 * i, cell)
        for i, row in enumerate(cells)
        for x, cell in zip((72, 200, 310), row, strict=True)
        if cell
    )
    assert tables(content) == [rows(cells)]


def test_a_label_beside_two_rows_belongs_to_the_first():
    cells = [("Kind", "Model", "Hits"), ("Single", "Alpha", "78.4"), ("", "Beta", "76.6"), ("Multi", "Alpha", "79.4")]
    content = "".join(
        text(x, 120 + 12 * i + (6 if cell in ("Single", "Multi") else 0), cell)
        for i, row in enumerate([*cells, ("", "Beta", "78.0")])
        for x, cell in zip(LEFT, row, strict=False)
        if cell
    )
    assert tables(content) == [rows([*cells, ("", "Beta", "78.0")])]


def test_numbers_set_at_the_right_belong_to_the_name_set_at_the_left():
    cells = [("Bolt", "7", "1.5"), ("Nut", "19", "23.25"), ("Washer", "1,024", "0.125")]
    content = "".join(text(x, 120, name) for x, name in zip((72, 200, 330), ("Item", "No", "Price"), strict=True))
    for i, (name, count, price) in enumerate(cells):
        y, whole = 140 + 14 * i, price.split(".")[0]
        content += text(72, y, name) + text(290 - 5.56 * len(count), y, count) + text(400 - 5.56 * len(whole), y, price)
    assert tables(content) == [rows([("Item", "No", "Price"), *cells])]


def test_labels_with_values_are_lines_and_no_header_is_taken_from_them():
    labels = [("Name:", "Ada Lovelace"), ("Street:", "Main road 7"), ("City:", "Utrecht")]
    content = "".join(text(72, 120 + 16 * i, a) + text(200, 120 + 16 * i, b) for i, (a, b) in enumerate(labels))
    document = parsed(pdf, build([content]))
    assert shown(document) == [("list", "Name: Ada Lovelace\nStreet: Main road 7\nCity: Utrecht")]
    assert document.blocks[0].header_end == 0


def test_the_last_row_of_a_form_is_no_heading_though_its_value_is_wide():
    cells = [
        ("Place:", "Madill", "Number:", "DFW08"),
        ("Date:", "30 May", "Mark:", "N6135"),
        ("Type:", "C152", "Use:", ""),
    ]
    content = lines(
        72, 60, ["The words of the report, which are longer than those of the form and not in bold at all."] * 3
    )
    for i, row in enumerate(cells):
        for column, (x, cell) in enumerate(zip((72, 160, 260, 340), row, strict=True)):
            content += text(x, 120 + 18 * i, cell, font="F1" if column % 2 else "F2") if cell else ""
    content += text(72, 174, "Flown under:", font="F2") + text(160, 174, "Part 91: General aviation, instruction")
    document = parsed(pdf, build([content]))
    expected = "Place: Madill | Number: DFW08\nDate: 30 May | Mark: N6135\nType: C152 | Use:\n"
    assert shown(document)[1:] == [("table", f"{expected}Flown under: Part 91: General aviation, instruction |")]
    assert headings(document) == []


def test_text_in_two_columns_is_no_table():
    left = [f"left line {i} of the running text of it" for i in range(12)]
    right = [f"right line {i} of the other running text" for i in range(12)]
    assert tables(lines(60, 100, left) + lines(330, 100, right)) == []


def test_gaps_hardly_wider_than_spaces_part_columns_if_the_lines_around_agree():
    cells = [
        ("Code", "Meaning", "Action"),
        *((f"E{i}", "value out of range", f"replace {i}") for i in range(1000, 1006)),
    ]
    content = lines(72, 60, ["The text above the table goes over the whole width of the page, as texts do."] * 2)
    for i, row in enumerate(cells):
        content += "".join(text(x, 120 + 14 * i, cell) for x, cell in zip((72, 105.8, 191), row, strict=True))
    assert tables(content) == [rows(cells)]


def test_signs_and_numbers_in_front_of_lines_are_no_column():
    content = "".join(text(72, 120 + 14 * i, "=") + text(84, 120 + 14 * i, f"part of line {i}") for i in range(6))
    assert tables(content) == []


def test_one_column_of_a_table_may_have_long_lines():
    prose = ["the pump draws water from the lower basin and lifts it up to the tank", "on the hill where people wait"]
    parts = [([f"Step {i}"], prose, [f"{i}.50"]) for i in range(4)]
    content = page_of(parts, "top", 6, left=(72, 130, 480)).replace("(2024)", "(Price)").replace("(2023)", "(Text)")
    expected = [("Item", "Text", "Price"), *((f"Step {i}", " ".join(prose), f"{i}.50") for i in range(4))]
    assert tables(content) == [rows(expected)]


def test_gaps_no_wider_than_a_space_part_the_elements_of_a_tagged_document():
    cells = [("Bolt", "1.20", "1.30"), ("Nut", "0.40", "0.50"), ("Ring", "0.60", "0.70")]
    content = ""
    for i, row in enumerate(cells):
        for column, (x, cell) in enumerate(zip((72, 150, 172.3), row, strict=True)):
            content += f"/P <</MCID {3 * i + column}>> BDC {text(x, 120 + 14 * i, cell)} EMC\n"
    assert tables(content) == [rows(cells)]


@pytest.mark.parametrize("body", [("1", "2", "3"), ("a", "b", "c")])
def test_a_bold_header_that_fills_its_columns_is_parted_by_the_columns_below(body):
    starts = (72, 108, 134, 160)
    names = ("Region", "2021", "2022", "2023")
    header = "".join(text(x, 100, name, font="F2") for x, name in zip(starts, names, strict=True))
    rows = "".join(
        text(x, 115 + 15 * at, cell) for at in range(3) for x, cell in zip(starts, (f"R{at}", *body), strict=True)
    )
    found = shown(parsed(pdf, build([lines(72, 60, ["Sales of each region in these years."]) + header + rows])))
    below = "\n".join(" | ".join((f"R{at}", *body)) for at in range(3))
    assert found[1:] == [("table", f"Region | 2021 | 2022 | 2023\n{below}")]


def test_a_bold_line_above_a_table_that_does_not_stand_over_its_columns_is_a_heading():
    starts = (72, 140, 200)
    rows = "".join(text(x, 120 + 15 * at, f"{at}{x}") for at in range(3) for x in starts)
    content = text(72, 100, "Sales of the regions in all the years", font="F2") + rows
    assert [kind for kind, _ in shown(parsed(pdf, build([content])))] == ["heading", "table"]
