"""What goes on over a line's end, a page and a column, and what repeats on pages."""

import re
from collections import Counter

import pytest

from ingest.documents.parsers import pdf
from tests.unit.documents.parsers.checks import faults, parsed, shown
from tests.unit.documents.parsers.pdf_files import build, grid, lines, text

BODY = [
    "The plan is read before anything is spent, and it says how many",
    "documents are new, changed or gone. Nothing is fetched before a",
    "person or a budget has agreed to what the plan will cost us all.",
]
OPEN = [*BODY[:2], "person or a budget has agreed to all that the plan will re-"]
REST = ["quire, and what it says about every document that is new here", "is written down."]


def texts(*pages, **more):
    document = parsed(pdf, build(pages, **more))
    assert faults(document) == []
    return [words for _, words in shown(document)]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["A state-of-the-", "art model"], "A state-of-the-art model"),
        (["All well-docu-", "mented parts"], "All well-documented parts"),
        (["From 2023-", "2024 on"], "From 2023-2024 on"),
        (["Pages 287–", "364 and"], "Pages 287–364 and"),
        (["A 10-", "year plan"], "A 10-year plan"),
        (["Write an e-", "mail"], "Write an e-mail"),
        (["The COVID-", "19 tests"], "The COVID-19 tests"),
        (["A DNA-", "binding site"], "A DNA-binding site"),
        (["Its Vor-", "und Nachteile"], "Its Vor- und Nachteile"),
        (["In pre-", "and postwar years"], "In pre- and postwar years"),
        (["Die Groß-/", "Kleinschreibung"], "Die Groß-/Kleinschreibung"),
        (["Die Groß-", "/Kleinschreibung"], "Die Groß-/Kleinschreibung"),
        (["The PRO-", "MOTE act, to promote"], "The PROMOTE act, to promote"),
        (["The AC-", "DC case"], "The AC-DC case"),
        (["Of Ameri-", "ca’s towns"], "Of America’s towns"),
        (["A dash —", "and more"], "A dash — and more"),
        (["A dash—", "and more"], "A dash—and more"),
        (["A minus -", "and more"], "A minus - and more"),
        (["See https://a.example/", "path for it"], "See https://a.example/path for it"),
        (["The soft\xad", "ware"], "The software"),
        (["the op-", "posite, the dif-", "ferences, permit-", "ted, author-", "ity"],
         "the opposite, the differences, permitted, authority"),
    ],
)  # fmt: skip
def test_a_hyphen_at_a_line_s_end_stays_where_it_belongs_to_the_word(rows, expected):
    assert texts(lines(72, 100, rows)) == [expected]


def test_the_more_frequent_form_of_a_word_decides_about_its_hyphen():
    rows = ["A carbon-", "free site, and a carbon-free one, a carbonfree one, carbon-free"]
    assert texts(lines(72, 100, rows)) == [f"A carbon-{rows[1]}"]


def test_a_document_that_splits_no_words_keeps_the_hyphens_at_its_lines_ends():
    rows = ["An ever-", "changing and ever-changing world is never-", "fading."]
    assert texts(lines(72, 100, rows)) == ["An ever-changing and ever-changing world is never-fading."]


def test_a_sentence_and_a_word_go_on_over_a_page():
    whole = " ".join([*OPEN, *REST]).replace("re- quire", "require")
    assert texts(lines(72, 600, OPEN), lines(72, 80, REST) + lines(72, 140, BODY)) == [whole, " ".join(BODY)]


def test_a_sentence_goes_on_behind_notes_captions_and_running_lines():
    open_rows = [*BODY[:2], "person or a budget has agreed to all of it, and what the plan says"]
    head = "Annual report"
    first = text(72, 30, head, 8) + lines(72, 600, open_rows) + text(72, 740, "1 A note at the foot of the page.", 7)
    second = text(72, 30, head, 8) + text(72, 80, "Figure 3: What is shown") + lines(72, 140, ["about it is kept."])
    assert texts(first, second) == [
        " ".join([*open_rows, "about it is kept."]),
        "1 A note at the foot of the page.",
        "Figure 3: What is shown",
    ]


def test_a_sentence_goes_on_below_a_table():
    rows = [*BODY[:2], "person or a budget has agreed to all of it, and what the plan says"]
    table = grid([72, 200, 300], [160, 180, 200]) + text(76, 174, "a") + text(204, 174, "b")
    table += text(76, 194, "c") + text(204, 194, "d")
    page = lines(72, 100, rows) + table + lines(72, 230, ["about it is kept, and nothing else."])
    assert texts(page) == [" ".join([*rows, "about it is kept, and nothing else."]), "a | b\nc | d"]


def test_a_sentence_goes_on_in_a_name():
    rows = [*BODY[:2], "person or a budget has agreed to all of it, and so has the town of"]
    more = ["Delft, which keeps every one of its documents in its own archive", "below the town hall."]
    assert texts(lines(72, 600, rows), lines(72, 80, more)) == [" ".join([*rows, *more])]


@pytest.mark.parametrize(
    "more",
    [["Nothing is as it was before it was read, and the plan says so."], ["1. first of all"], ["Figure 1: A plan"]],
)
def test_what_begins_on_a_page_stays_apart_from_a_sentence_that_ended(more):
    assert texts(lines(72, 600, BODY), lines(72, 80, more)) == [" ".join(BODY), *more]


def test_a_list_and_its_items_go_on_over_a_page():
    first = lines(72, 600, ["1. Open the valve at the top of the tank and wait for a minute or two", "2. Wait until"])
    first += text(72, 624, "3. Close the valve at the bottom of the tank and look whether it is")
    second = text(84, 80, "dry.") + text(72, 92, "4. Go home.")
    assert texts(first, second) == [
        "1. Open the valve at the top of the tank and wait for a minute or two\n2. Wait until\n"
        "3. Close the valve at the bottom of the tank and look whether it is dry.\n4. Go home."
    ]


HEAD, FOOT = "Quarterly report for the board — draft", "Acme GmbH, Long Lane 5, Delft"


def sheet(body, head=HEAD, foot=FOOT, size=9):
    return text(72, 40, head, size) + lines(72, 100, body) + text(72, 760, foot, size)


@pytest.mark.parametrize(
    ("head", "foot"),
    [
        ((HEAD, HEAD), (FOOT, FOOT)),
        ((f"{HEAD} 1", f"{HEAD} 2"), ("Page 1 of 2", "Page 2 of 2")),
        ((f"{HEAD} | 1", f"2 | {HEAD}"), (f"{FOOT} - Page 7/8", f"{FOOT} - Page 8/8")),
    ],
)
def test_running_lines_of_two_pages_are_left_out(head, foot):
    bodies = [[*BODY, "CUT1"], [BODY[1], BODY[2], BODY[0], "CUT2"]]
    pages = [sheet(body, *edges) for body, edges in zip(bodies, zip(head, foot, strict=True), strict=True)]
    assert texts(*pages) == [" ".join(body) for body in bodies]


def test_alternating_running_lines_of_four_pages_are_left_out():
    heads = ["Annual report", "What it costs"] * 2
    pages = [sheet([*BODY, f"Page {name}."], head) for head, name in zip(heads, "abcd", strict=True)]
    assert texts(*pages) == [" ".join([*BODY, f"Page {name}."]) for name in "abcd"]


def test_a_running_line_that_repeats_the_title_is_left_out_and_the_title_stays():
    first = text(72, 60, "Annual report", 20) + lines(72, 100, BODY)
    second = text(72, 40, "Annual report", 9) + lines(72, 100, BODY)
    assert texts(first, second) == ["Annual report", " ".join(BODY), " ".join(BODY)]


def test_a_small_running_line_above_a_large_title_is_left_out():
    first = text(30, 24, "11/30/26, 9:36 AM Quarterly", 8) + text(72, 60, "Report", 24) + lines(72, 100, BODY)
    second = text(30, 24, "11/30/26, 9:36 AM Quarterly", 8) + lines(72, 48, BODY) + lines(72, 200, BODY)
    assert texts(first, second) == ["Report", " ".join(BODY), " ".join(BODY), " ".join(BODY)]


def test_of_running_lines_in_larger_print_the_first_may_be_the_title_and_footers_are_none():
    def page(number, first):
        foot = text(72, 760, "Acme Ltd, confidential", 13) + text(480, 760, f"Page {number} of 2", 13)
        head = text(72, 40, "Handbook of the Mill", 18, "F2") + text(72, 90, first, 14, "F2")
        return head + lines(72, 120, BODY) + lines(72, 175, BODY) + foot

    found = shown(parsed(pdf, build([page(1, "Repairs"), page(2, "Money")])))
    assert [words for kind, words in found if kind == "heading"] == ["Handbook of the Mill", "Repairs", "Money"]
    assert "confidential" not in " ".join(words for _, words in found)


def test_one_of_the_running_lines_stays_if_only_they_spell_the_title():
    pages = [sheet(BODY), sheet([*BODY[:2], "person."])]
    assert texts(*pages, title="Quarterly report for the board \\204 draft").count(HEAD) == 1


def test_a_footer_in_columns_is_left_out():
    cells = [
        ("Acme GmbH", "Bank of Delft", "Register 17"),
        ("Long Lane 5", "NL 20 1234", "VAT 9876"),
        ("Delft", "BIC X", "Ms Ada"),
    ]
    foot = "".join(
        text(x, 740 + 12 * row, cell, 8)
        for row, line in enumerate(cells)
        for x, cell in zip((72, 240, 400), line, strict=True)
    )
    bodies = [[*BODY, "CUT1"], [BODY[1], "CUT2"]]
    assert texts(*(lines(72, 120, body) + foot for body in bodies)) == [" ".join(body) for body in bodies]


@pytest.mark.parametrize(
    "pages",
    [
        [sheet(BODY)],
        [lines(72, 60, ["Dear reader,"]) + lines(72, 84, BODY) + lines(72, 144, BODY)] * 2,
        [text(72, 60, f"Part {n}", 16) + lines(72, 100, BODY) for n in (1, 2)],
        [sheet(BODY, f"Invoice {n}", f"Total {3 * n}") for n in (17, 31)],
        [lines(72, 60, [*BODY, f"CUT{n}"]) + lines(72, 200, BODY) + lines(72, 740, [f"END{n}"]) for n in (1, 2, 3)],
    ],
    ids=["one page", "a body's first line", "headings", "other numbers", "unique lines"],
)
def test_lines_at_the_edges_that_are_no_running_lines_stay(pages):
    drawn = Counter(" ".join(re.findall(r"\((.*)\) Tj", "".join(pages).encode("latin-1").decode("cp1252"))).split())
    assert drawn - Counter(parsed(pdf, build(pages)).text.split()) == {}
