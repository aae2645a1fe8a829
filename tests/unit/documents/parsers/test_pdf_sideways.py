"""Text that stands sideways on a page: tables keep their cells and their place, notes come last."""

import pytest

from ingest.documents.parsers import pdf
from tests.unit.documents.parsers.checks import faults, headings, parsed, shown
from tests.unit.documents.parsers.pdf_files import HEIGHT, build, grid, lines, text

CELLS = [("Fluid", "Amount", "Name"), ("Coolant", "18.6 quarts", "Gold"), ("Oil", "6.0 quarts", "Blend")]
BODY = [
    "The pump draws water from the lower basin and lifts it to",
    "the tank on the hill, where people wait for it all day.",
]


def rows(cells):
    return "\n".join(" | ".join(row) for row in cells)


def table(cells, ruled, left=100, top=100):
    """Return an upright table, which `turned` may turn."""
    xs, size = (left, left + 80, left + 170), len(cells)
    content = grid([x - 4 for x in (*xs, left + 330)], range(top, top + 20 * size + 1, 20)) if ruled else ""
    for i, row in enumerate(cells):
        content += "".join(text(x, top + 14 + 20 * i, cell) for x, cell in zip(xs, row, strict=True))
    return content


def turned(content, turn, x, y):
    """Return content from a place on, where its top left corner is; it is read upwards (1) or downwards (3)."""
    matrix = f"0 1 -1 0 {x + HEIGHT} {HEIGHT - y}" if turn == 1 else f"0 -1 1 0 {x - HEIGHT} {HEIGHT - y}"
    return f"q {matrix} cm {content} Q\n"


@pytest.mark.parametrize("ruled", [True, False], ids=["ruled", "aligned"])
@pytest.mark.parametrize("turn", [1, 3], ids=["upwards", "downwards"])
def test_a_table_that_stands_sideways_has_its_place_below_the_text_above(turn, ruled):
    x, y = (100, 600) if turn == 1 else (400, 150)
    page = text(72, 60, "Capacities", 20) + lines(72, 90, BODY * 2) + turned(table(CELLS, ruled, 20), turn, x, y)
    page += text(72, 640, "Further parts", 20) + lines(72, 670, BODY)
    document = parsed(pdf, build([page]))
    body = " ".join(BODY)
    assert shown(document) == [
        ("heading", "Capacities"),
        ("paragraph", f"{body} {body}"),
        ("table", rows(CELLS)),
        ("heading", "Further parts"),
        ("paragraph", body),
    ]
    assert faults(document) == []


def test_a_heading_above_a_page_full_of_sideways_text_comes_first_and_its_page_number_is_left_out():
    many = [("Code", "Meaning", "Action"), *((f"E{i}", f"sensor {i} fails", f"replace {i}") for i in range(20))]
    pages = [lines(72, 100, BODY * 4) + text(300, 770, "1")]
    pages += [text(72, 50, "Error codes", 20) + turned(table(many, True, 40), 1, 0, 700) + text(300, 770, "2")]
    pages += [lines(72, 100, BODY * 4) + text(300, 770, "3")]
    document = parsed(pdf, build(pages))
    assert headings(document) == [(1, "Error codes")]
    body = " ".join(BODY * 4)
    assert [block for _, block in shown(document)] == [body, "Error codes", rows(many), body]


@pytest.mark.parametrize("repeats", [True, False], ids=["header on each page", "one header"])
def test_a_sideways_table_goes_on_over_pages_below_upright_running_lines(repeats):
    header, cells = CELLS[0], [(f"E{i}", f"{i}.5 quarts", f"Name {i}") for i in range(40)]
    pages = [text(72, 40, "Handbook") + lines(72, 100, BODY * 9) + text(300, 770, "1")]
    for number, part in enumerate((cells[:20], cells[20:]), start=2):
        shown_rows = [header, *part] if repeats or number == 2 else part
        content = turned(table(shown_rows, True, 40), 1, -20, 700)
        pages.append(text(72, 40, "Handbook") + content + text(300, 770, str(number)))
    document = parsed(pdf, build(pages))
    assert [block for kind, block in shown(document) if kind == "table"] == [rows([header, *cells])]
    assert [kind for kind, _ in shown(document)] == ["paragraph", "table"]


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_a_turned_page_keeps_its_table(rotate):
    page = lines(72, 60, BODY) + table(CELLS, True)
    assert shown(parsed(pdf, build([page], rotate=rotate))) == [("paragraph", " ".join(BODY)), ("table", rows(CELLS))]


def test_a_note_at_the_margin_comes_last():
    page = (
        text(72, 60, "Opening", 20)
        + lines(72, 90, BODY * 2)
        + turned(text(0, HEIGHT, "draft of May"), 1, 20 - HEIGHT, 400)
    )
    page += text(72, 240, "Ending", 20) + lines(72, 270, BODY)
    assert [block for _, block in shown(parsed(pdf, build([page])))][-1] == "draft of May"
