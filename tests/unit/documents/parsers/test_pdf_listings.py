"""Code and terminal output among other text, and documents of a typewriter."""

import pytest

from ingest.documents.parsers import pdf
from tests.unit.documents.parsers.checks import faults, parsed, pieces, shown
from tests.unit.documents.parsers.pdf_files import build, lines, text

BODY = [
    "The plan is read before anything is spent, and it says how many",
    "documents are new, changed or gone. Nothing is fetched before a",
    "person or a budget has agreed to what the plan will cost us all.",
]
CODE = ["import os", "", "def load(path):", "    with open(path) as file:", "        yield file", "", "", "load('a')"]
PROSE = [
    "The plan is read before anything is spent, and it says how many",
    "documents are new, changed or gone. Nothing is fetched before a",
    "person or a budget has agreed to what the plan will cost us all,",
    "and that is the end of it.",
]


def typed(x, y, rows, size=9, indented=True):
    """Return lines in Courier, their indents as blanks or as places."""
    content = ""
    for at, row in enumerate(rows):
        blanks = 0 if indented else len(row) - len(row.lstrip())
        content += text(x + 0.6 * size * blanks, y + 1.2 * size * at, row[blanks:], size, "F3") if row else ""
    return content


def blocks(*pages):
    document = parsed(pdf, build(pages))
    assert faults(document) == []
    return shown(document)


@pytest.mark.parametrize("indented", [True, False], ids=["blanks", "places"])
def test_code_keeps_its_lines_indents_and_blank_lines(indented):
    page = lines(72, 60, BODY) + typed(84, 120, CODE, indented=indented) + lines(72, 240, BODY)
    document = parsed(pdf, build([page]))
    body = ("paragraph", " ".join(BODY))
    assert shown(document) == [body, ("code", "\n".join(CODE)), body]
    assert pieces(document, document.blocks[1]) == [f"{row}\n" for row in CODE[:-1]] + CODE[-1:]


def test_code_goes_on_over_a_page():
    first = lines(72, 60, BODY * 4) + typed(84, 700, CODE[:4])
    second = typed(84, 72, ["", *CODE[4:]]) + lines(72, 240, BODY)
    assert [words for kind, words in blocks(first, second) if kind == "code"] == ["\n".join([*CODE[:5], *CODE[5:]])]


def test_code_below_a_running_line_in_columns_is_no_part_of_a_table():
    rows = ["def load(path):", "    with open(path)  as file:", "        yield            file"]
    head = text(60, 30, "Today") + text(400, 30, "Manual")
    first = head + lines(72, 60, BODY * 4) + typed(84, 300, rows)
    second = head + typed(84, 44, rows) + lines(72, 240, BODY * 4)
    found = [(kind, words) for kind, words in blocks(first, second) if kind != "paragraph"]
    assert found == [("code", "\n".join(rows * 2))]


def test_the_output_of_a_program_keeps_its_columns():
    rows = ["$ load --all \\", "    --verbose", "NAME        SIZE  DATE", "a.txt        120  2024-01-01",
            "long.txt       7  2024-01-02", "done"]  # fmt: skip
    page = lines(72, 60, [*BODY, "Then run:"]) + typed(84, 130, rows) + lines(72, 240, BODY)
    assert blocks(page)[1:2] == [("code", "\n".join(rows))]


def test_the_numbers_of_lines_in_another_font_stay_in_front_of_them():
    page = lines(72, 60, BODY) + typed(84, 120, CODE[2:5])
    page += "".join(text(74, 120 + 10.8 * at, str(at + 9), 6) for at in range(3))
    assert blocks(page)[1] == ("code", " 9 def load(path):\n10     with open(path) as file:\n11         yield file")


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (text(72, 100, "Call") + text(95, 100, "load()", font="F3") + text(135, 100, "for each line of it."),
         "Call load() for each line of it."),
        (lines(72, 100, BODY[:1]) + text(72, 112, "load(path)", 9, "F3") + lines(72, 124, ["for each line of it."]),
         f"{BODY[0]} load(path) for each line of it."),
        (typed(72, 100, PROSE), " ".join(PROSE)),
        (text(72, 100, "See below.") + text(72, 112, "https://a.example/path", 9, "F3"), "See below. https://a.example/path"),
    ],
    ids=["words in a line", "a whole line of a paragraph", "a quotation", "an address"],
)  # fmt: skip
def test_words_of_one_width_in_prose_are_no_code(page, expected):
    assert blocks(page + lines(72, 200, BODY * 3))[0] == ("paragraph", expected)


def test_a_document_of_a_typewriter_is_prose_with_tables():
    table = ["Code     Meaning    Action", "E1       too hot    wait", "E2       too cold   heat"]
    page = typed(72, 60, PROSE, 10) + typed(72, 140, table, 10) + typed(72, 220, PROSE, 10)
    kinds = [kind for kind, _ in blocks(page, page)]
    assert ("code" in kinds, kinds.count("table")) == (False, 2)


def test_a_document_that_is_only_code_is_code():
    rows = ["#include <stdio.h>", "", "int main(void)", "{", "    int i = 0;", '    puts("a");', "    return i;", "}"]
    assert blocks(typed(72, 60, rows, 10)) == [("code", "\n".join(rows))]


def test_a_heading_in_letters_of_one_width_is_a_heading():
    page = text(72, 60, "Loader.path", 14, "F3") + lines(72, 90, BODY) + typed(84, 140, CODE) + lines(72, 300, BODY)
    assert [kind for kind, _ in blocks(page)] == ["heading", "paragraph", "code", "paragraph"]
