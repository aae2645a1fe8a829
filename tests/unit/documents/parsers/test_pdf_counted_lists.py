"""Lists whose numbers have neither a dot nor a bracket, arrows as bullets, forms without a value, three columns."""

import pytest

from ingest.documents.parsers import pdf
from tests.unit.documents.parsers.checks import faults, parsed, shown
from tests.unit.documents.parsers.pdf_files import build, lines, text

TEXTS = ["Open the valve slowly.", "Wait for the signal.", "Close it again.", "Write down the time."]
PROSE = "The committee meets each month and decides on all requests that have arrived until then, in the"


def read(content):
    document = parsed(pdf, build([content]))
    assert faults(document) == []
    return shown(document)


def items(marks, texts, *, top=100.0, indent=18.0):
    numbers = (text(72, top + 14 * at, mark) for at, mark in enumerate(marks))
    return "".join([*numbers, *(text(72 + indent, top + 14 * at, line) for at, line in enumerate(texts))])


@pytest.mark.parametrize("marks", ["1 2 3 4", "a b c d", "A B C D", "i ii iii iv", "I II III IV"])
def test_a_list_with_bare_numbers_is_a_list(marks):
    expected = [f"{mark}. {line}" for mark, line in zip(marks.split(), TEXTS, strict=True)]
    assert read(items(marks.split(), TEXTS)) == [("list", "\n".join(expected))]


def test_an_item_with_a_bare_number_goes_on_below_its_text_and_the_list_ends_where_its_numbers_end():
    content = items(["1", "2", "", "3"], [*TEXTS[:2], "if there is one,", TEXTS[2]])
    assert read(lines(72, 60, ["The steps are these:"]) + content + lines(72, 190, ["After the list."])) == [
        ("paragraph", "The steps are these:"),
        ("list", f"1. {TEXTS[0]}\n2. {TEXTS[1]} if there is one,\n3. {TEXTS[2]}"),
        ("paragraph", "After the list."),
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (items(["No", "1", "2"], ["Name", "Apples", "Pears"], indent=60), "No | Name\n1 | Apples\n2 | Pears"),
        (items(["2019", "2020", "2021"], TEXTS[:3], indent=60), "2019 | {}\n2020 | {}\n2021 | {}".format(*TEXTS)),
        (items(["1", "2", "3"], ["10.5", "11.5", "12.5"]), "1 | 10.5\n2 | 11.5\n3 | 12.5"),
        (items(["2", "3", "4"], TEXTS[:3]), "2 | {}\n3 | {}\n4 | {}".format(*TEXTS)),
    ],
)
def test_a_table_with_a_column_of_numbers_stays_a_table(content, expected):
    assert read(content) == [("table", expected)]


def test_lines_that_begin_with_an_arrow_are_items():
    arrow = "BT /F4 10 Tf 72 {} Td <AE> Tj /F1 10 Tf 15 0 Td ({}) Tj ET\n"
    encoded = "".join(arrow.format(700 - 14 * at, TEXTS[at]) for at in (0, 1))
    symbol = "/F4 << /Type /Font /Subtype /Type1 /BaseFont /Symbol >>"
    data = build([encoded]).replace(b"/F3 <<", f"{symbol} /F3 <<".encode())
    assert shown(parsed(pdf, data)) == [("list", f"→ {TEXTS[0]}\n→ {TEXTS[1]}")]


@pytest.mark.parametrize("font", ["F1", "F2"])
def test_the_last_row_of_a_form_is_its_row_also_without_a_value_and_a_paragraph_above_keeps_its_end(font):
    labels, values = ["Name", "City", "Date", "Signature"], ["Anna Berg", "Bern", "3 May 2024"]
    rows = "".join(text(72, 145 + 18 * at, label, font=font) for at, label in enumerate(labels))
    rows += "".join(text(170, 145 + 18 * at, value) for at, value in enumerate(values))
    content = lines(72, 118, [PROSE, "order in which they came."]) + rows + lines(72, 214, [PROSE, "order of the day."])
    assert read(content) == [
        ("paragraph", f"{PROSE} order in which they came."),
        ("table", "Name | Anna Berg\nCity | Bern\nDate | 3 May 2024\nSignature |"),
        ("paragraph", f"{PROSE} order of the day."),
    ]


def test_a_page_in_three_columns_is_read_column_by_column():
    sentence = "it meets in each month and then decides on all of the requests that have come to us"
    words = sentence.split()
    columns = [[" ".join((words * 3)[at + 5 * row :][:6]) for row in range(9)] for at in (0, 1, 2)]
    content = "".join(lines(x, 100, rows, 9) for x, rows in zip((50, 220, 390), columns, strict=True))
    expected = " ".join(line for rows in columns for line in rows)
    assert " ".join(found for _, found in read(content)) == expected
