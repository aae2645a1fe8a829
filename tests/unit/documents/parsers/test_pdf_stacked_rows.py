"""Tables with ruling lines between their columns, but none between their rows."""

import pytest

from ingest.documents.parsers import pdf
from tests.unit.documents.parsers.checks import faults, parsed, shown
from tests.unit.documents.parsers.pdf_files import build, grid, rule, text

HEADER = ("Code", "Meaning", "Count", "Price")
ROWS = [(f"E{i}", ("sensor", "pump", "valve")[i % 3], str(i), f"{i}.50") for i in range(1, 9)]
LEFT, EDGES, WALLS = (76, 166, 366, 446), (72, 520), (160, 360, 440)
TOP, LINE = 100, 12
PARTS = {
    "in a box": lambda end: grid([72, *WALLS, 520], [TOP, TOP + 16, end]),
    "between lines": lambda end: (
        "".join(rule(72, y, 520, y) for y in (TOP, TOP + 16, end)) + "".join(rule(x, TOP, x, end) for x in WALLS)
    ),
    "below a line": lambda end: rule(72, TOP + 16, 520, TOP + 16) + "".join(rule(x, TOP, x, end) for x in WALLS),
}


def page(rows, parts):
    """Return a page with a table of rows whose cells have lines below each other."""
    content = "".join(text(x, TOP + 12, cell, font="F2") for x, cell in zip(LEFT, HEADER, strict=True))
    y = TOP + 28
    for row in rows:
        cells = [cell.split("\n") for cell in row]
        for x, lines in zip(LEFT, cells, strict=True):
            content += "".join(text(x, y + LINE * at, line) for at, line in enumerate(lines) if line)
        y += LINE * max(map(len, cells)) + 4
    return content + PARTS[parts](y)


def table(rows):
    return "table", "\n".join(" | ".join(cell.replace("\n", " ") for cell in row) for row in [HEADER, *rows])


@pytest.mark.parametrize("parts", PARTS)
def test_each_line_is_a_row_also_where_cells_are_empty(parts):
    rows = [list(row) for row in ROWS]
    rows[2][2] = rows[5][3] = ""
    document = parsed(pdf, build([page(rows, parts)]))
    assert shown(document) == [table(rows)]
    assert faults(document) == []


@pytest.mark.parametrize("parts", PARTS)
def test_cells_of_several_lines_stay_in_their_row(parts):
    rows = [
        (
            code,
            f"the {what} does not answer to any of\nthe calls of the main board",
            count if code != "E4" else "",
            price,
        )
        for code, what, count, price in ROWS
    ]
    assert shown(parsed(pdf, build([page(rows, parts)]))) == [table(rows)]


def test_a_row_with_cells_of_several_lines_is_one():
    row = (
        "E1",
        "the sensor does not answer to any\nof the calls of the main board, and\nits light is off",
        "3",
        "4.50",
    )
    other = ("E2", "the pump is off", "4", "1.00")
    content = page([row], "in a box") + "".join(text(x, 260, cell) for x, cell in zip(LEFT, other, strict=True))
    end = TOP + 28 + 3 * LINE + 4
    content += grid([72, *WALLS, 520], [end, 280])
    assert shown(parsed(pdf, build([content]))) == [table([row, other])]


def test_a_row_whose_first_cell_names_all_lines_of_the_others_is_one():
    row = ("Motor", "voltage\ncurrent\npower", "230\n2\n460", "5.00")
    other = [("Case", "width", "10", "4.00")]
    end = TOP + 28 + 3 * LINE + 4
    content = page([row], "in a box") + "".join(text(x, end + 14, cell) for x, cell in zip(LEFT, other[0], strict=True))
    content += grid([72, *WALLS, 520], [end, end + 20])
    assert shown(parsed(pdf, build([content]))) == [table([row, *other])]


def test_such_a_table_goes_on_over_the_page():
    first = [(f"E{i}", "sensor", str(i), f"{i}.50") for i in range(1, 36)]
    second = [(f"E{i}", "sensor", str(i), f"{i}.50") for i in range(36, 41)]
    pages = [page(first, "below a line"), page(second, "below a line")]
    assert shown(parsed(pdf, build(pages))) == [table([*first, *second])]
