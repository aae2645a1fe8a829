from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.documents.parsers import pdf
from ingest.errors import OversizedDocument
from ingest.records import ParseLimits, ParserOptions
from tests.unit.documents.parsers.checks import faults, headings, parsed, raw, shown
from tests.unit.documents.parsers.pdf_files import HEIGHT, WIDTH, area, build, grid, lines, picture, rule, text

BODY = [
    "The plan is read before anything is spent, and it says how many",
    "documents are new, changed or gone. Nothing is fetched before a",
    "person or a budget has agreed to what the plan will cost us all.",
]


def with_options(data: bytes, **options):
    return pdf.parse(replace(raw(data, "a.pdf", "application/pdf"), options=ParserOptions(**options)))


def test_lines_become_a_paragraph_with_its_page():
    document = parsed(pdf, build(["", lines(72, 100, BODY)]))
    assert shown(document) == [("paragraph", " ".join(BODY))]
    assert (document.blocks[0].page, faults(document), document.parser) == (2, [], "pdf")


def test_larger_text_is_a_heading_and_levels_follow_size():
    page = text(72, 80, "Handbook", 24) + text(72, 120, "First part", 16) + lines(72, 145, BODY)
    page += text(72, 220, "Second part", 16) + lines(72, 245, BODY) + text(72, 320, "Detail", 13) + lines(72, 345, BODY)
    document = parsed(pdf, build([page]))
    assert headings(document) == [(1, "Handbook"), (2, "First part"), (2, "Second part"), (3, "Detail")]
    assert document.title == "Handbook"


def test_a_title_smaller_than_its_sections_is_above_them():
    page = text(72, 60, "Guide to pumps", 12, "F2") + text(72, 90, "Oil", 16) + lines(72, 115, BODY)
    page += text(72, 190, "Belt", 16) + lines(72, 215, BODY) + text(72, 290, "Age", 11, "F2") + lines(72, 315, BODY)
    document = parsed(pdf, build([page]))
    assert headings(document) == [(1, "Guide to pumps"), (2, "Oil"), (2, "Belt"), (3, "Age")]


def test_a_line_above_the_title_is_not_the_title():
    page = text(72, 40, "Press release", 12, "F2") + text(72, 70, "Guide to pumps", 24)
    page += "".join(
        text(72, 100 + 80 * i, name, 16) + lines(72, 120 + 80 * i, BODY) for i, name in enumerate(["Oil", "Belt"])
    )
    assert headings(parsed(pdf, build([page])))[1] == (1, "Guide to pumps")


def test_bold_text_of_the_body_s_size_is_a_heading_only_when_it_stands_alone():
    page = text(72, 80, "Costs", font="F2") + lines(72, 100, BODY * 2) + lines(72, 200, BODY, font="F2")
    assert headings(parsed(pdf, build([page]))) == [(1, "Costs")]


def test_numbers_of_one_look_are_levels():
    page = "".join(
        text(72, 80 + 90 * i, title, 14) + lines(72, 100 + 90 * i, BODY)
        for i, title in enumerate(["1 Scope", "1.1 Terms", "2 Limits", "2.1 Size"])
    )
    assert headings(parsed(pdf, build([page]))) == [(1, "1 Scope"), (2, "1.1 Terms"), (1, "2 Limits"), (2, "2.1 Size")]


def test_the_outline_names_headings_that_look_like_text():
    page = text(72, 80, "Opening") + lines(72, 110, BODY) + text(72, 200, "A heading over") + text(72, 212, "two lines")
    page += lines(72, 240, BODY)
    document = parsed(pdf, build([page], outline=[("Opening", 1), ("A heading over two lines", 1)]))
    assert headings(document) == [(1, "Opening"), (1, "A heading over two lines")]


def test_an_outline_that_loops_ends():
    data = build([lines(72, 100, BODY)], outline=[("One", 1), ("Two", 1)])
    looped = data.replace(b"/Title (Two) /Parent", b"/Title (Two) /Next 6 0 R /Parent")
    assert looped != data
    assert shown(parsed(pdf, looped)) == [("paragraph", " ".join(BODY))]


def test_more_space_around_a_line_inside_a_sentence_begins_no_paragraph():
    rows = [*BODY[:2], "person or a budget has agreed to what the plan will cost us all,", "and not before that."]
    page = "".join(text(72, y, row) for y, row in zip((100, 112, 128, 140), rows, strict=True))
    page = page.replace("person or", "and fetched before a person or").replace("cost us all,", "cost")
    assert len(shown(parsed(pdf, build([page])))) == 1


def test_running_lines_and_page_numbers_are_left_out():
    pages = [
        text(72, 40, "Annual report") + lines(72, 100, [f"Page of text number {n}."]) + text(300, 760, f"{n}")
        for n in "abcd"
    ]
    pages = [page.replace(f"({n})", f"({i})") for i, (page, n) in enumerate(zip(pages, "abcd", strict=True), start=1)]
    assert [block for _, block in shown(parsed(pdf, build(pages)))] == [f"Page of text number {n}." for n in "abcd"]


def test_a_line_on_few_pages_stays():
    pages = [text(72, 40, "Annual report") + lines(72, 100, ["Words."])] * 2 + [lines(72, 100, ["Words."])] * 6
    assert [block for _, block in shown(parsed(pdf, build(pages)))].count("Annual report") == 2


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["The docu-", "mentation"], "The documentation"),
        (["It is self-", "contained"], "It is self-contained"),
        (["It is self-", "contained, and self-contained"], "It is self-contained, and self-contained"),
        (["The Anglo-", "Saxon"], "The Anglo-Saxon"),
        (["From 10-", "20"], "From 10-20"),
    ],
)
def test_words_parted_by_a_hyphen_are_joined(rows, expected):
    assert shown(parsed(pdf, build([lines(72, 100, rows)]))) == [("paragraph", expected)]


def test_words_of_lines_that_pdfium_does_not_part_do_not_interleave():
    rows = [
        "Design changes went through a full ",
        "review in former years, or none at ",
        "all were needed for the parts sold",
    ]
    page = "".join(text(72, 100 + 7 * i, row) for i, row in enumerate(rows))
    assert shown(parsed(pdf, build([page]))) == [("paragraph", "".join(rows))]


def test_words_that_pdfium_parts_because_it_expects_columns_keep_their_letters():
    cells = [(f"Item {i}", f"{i}.50") for i in range(1, 21)]
    page = "".join(
        letters(x, 30 + 16 * i, cell) for i, row in enumerate(cells) for x, cell in zip((40, 140), row, strict=True)
    )
    assert shown(parsed(pdf, build([page]))) == [("table", "\n".join(" | ".join(row) for row in cells))]


def letters(x, y, words):
    """Show each letter of "Item" and of numbers by an operator of its own."""
    widths = {"I": 2.78, "t": 2.78, "m": 8.33, " ": 2.78, ".": 2.78}
    shown = " ".join(f"({letter}) Tj {widths.get(letter, 5.56)} 0 Td" for letter in words)
    return f"BT /F1 10 Tf {x} {HEIGHT - y} Td {shown} ET\n"


def test_two_columns_are_read_one_after_the_other():
    left = [f"left column line {i} of the running text" for i in range(12)]
    right = [f"right column line {i} of running text" for i in range(12)]
    page = text(150, 60, "A title over both of the columns", 18) + lines(60, 100, left) + lines(330, 100, right)
    page += lines(
        60, 300, ["A line of text that goes over the whole width of the page, below both of the columns here."]
    )
    texts = [block for _, block in shown(parsed(pdf, build([page])))]
    assert texts[1].split(" line ")[0] == "left column"
    assert "".join(texts).index("left column line 11") < "".join(texts).index("right column line 0")
    assert (texts[0], texts[-1][:11]) == ("A title over both of the columns", "A line of t")


def test_a_short_line_below_a_narrow_table_and_not_under_it_follows_it():
    cells = "".join(text(x, y, f"c{x}{y}") for x in (80, 130) for y in (212, 232))
    page = lines(72, 100, BODY) + grid([72, 120, 170], [200, 220, 240]) + cells + text(400, 280, "Ann, Delft")
    found = shown(parsed(pdf, build([page + lines(72, 320, BODY)])))
    assert [words.split()[0] for _, words in found] == ["The", "c80212", "Ann,", "The"]


def test_a_few_lines_in_two_columns_are_no_table():
    left = [
        "The mill was built in 1820 by the",
        "brothers Arens and stood empty for",
        "forty years or so",
        "in the end.",
    ]
    right = [
        "Visitors can see the old stones on",
        "Sunday between two and five, and",
        "groups should write a week before.",
    ]
    page = text(60, 60, "The mill", 16) + lines(60, 120, left) + lines(310, 120, right) + lines(60, 200, BODY)
    found = shown(parsed(pdf, build([page])))
    assert found[1:] == [("paragraph", " ".join(part)) for part in (left, right, BODY)]


def test_cells_of_several_lines_in_two_columns_are_no_text_in_columns():
    left = ["Bolt, long, made of stainless", "steel with a thread", "Washer, flat, made of brass", "for the bolt above"]
    right = ["kept in the store at the mill,", "shelf four", "Kept in the office near the", "door to the yard"]
    found = shown(parsed(pdf, build([lines(60, 120, left) + lines(310, 120, right)])))
    assert [kind for kind, _ in found] == ["table"]


def test_a_ruled_table_has_rows_and_a_header_and_is_not_text_too():
    page = lines(72, 100, ["Before."]) + grid([72, 200, 300], [120, 140, 160, 180])
    for row, cells in enumerate([("Name", "Size"), ("one", "10"), ("two", "20")]):
        page += text(76, 134 + 20 * row, cells[0]) + text(204, 134 + 20 * row, cells[1])
    document = parsed(pdf, build([page + lines(72, 220, ["After."])]))
    table = "Name | Size\none | 10\ntwo | 20"
    assert shown(document) == [("paragraph", "Before."), ("table", table), ("paragraph", "After.")]
    assert document.text[document.blocks[1].start : document.blocks[1].header_end] == "Name | Size\n"
    assert faults(document) == []


def test_a_ruled_table_open_at_its_sides_keeps_its_outer_columns():
    page = (
        "".join(rule(72, y, 300, y) for y in (120, 140, 160, 180)) + rule(150, 120, 150, 180) + rule(220, 120, 220, 180)
    )
    for row, cells in enumerate([("a", "b", "c"), ("1", "2", "3"), ("4", "5", "6")]):
        page += "".join(text(x, 134 + 20 * row, cell) for x, cell in zip((76, 154, 224), cells, strict=True))
    assert shown(parsed(pdf, build([page]))) == [("table", "a | b | c\n1 | 2 | 3\n4 | 5 | 6")]


def test_cells_below_each_other_are_a_table_without_lines():
    page = lines(72, 80, BODY)
    for row, cells in enumerate([("Region", "Sales", "Costs"), ("North", "10", "7"), ("South", "20", "9")]):
        page += "".join(text(x, 140 + 14 * row, cell) for x, cell in zip((72, 200, 300), cells, strict=True))
    expected = "Region | Sales | Costs\nNorth | 10 | 7\nSouth | 20 | 9"
    assert shown(parsed(pdf, build([page])))[-1] == ("table", expected)


def test_a_header_set_off_by_space_belongs_to_its_table():
    rows = [("Mass", "Rate", "Cost"), ("in g", "in mm", "in $"), ("2", "19", "7"), ("4", "21", "9"), ("6", "23", "8")]
    page = lines(72, 60, BODY)
    for y, cells in zip((140, 152, 185, 197, 209), rows, strict=True):
        page += "".join(text(x, y, cell) for x, cell in zip((72, 200, 300), cells, strict=True))
    document = parsed(pdf, build([page]))
    table = document.blocks[-1]
    assert shown(document)[-1] == ("table", "\n".join(" | ".join(row) for row in rows))
    assert document.text[table.start : table.header_end] == "Mass | Rate | Cost\nin g | in mm | in $\n"


def test_a_title_in_bold_over_a_whole_table_parts_it():
    page = lines(72, 40, BODY) + grid([72, 300], [160, 180])
    page += grid([72, 200, 300], [120, 140, 160]) + grid([72, 200, 300], [180, 200, 220])
    for y, cells in ((134, "ab"), (154, "cd"), (194, "ef"), (214, "gh")):
        page += text(76, y, cells[0]) + text(204, y, cells[1])
    page += text(76, 174, "Second", font="F2")
    expected = [("table", "a | b\nc | d"), ("heading", "Second"), ("table", "e | f\ng | h")]
    assert shown(parsed(pdf, build([page])))[1:] == expected


def test_a_bold_row_at_the_end_of_a_table_parts_nothing():
    page = grid([72, 200, 300], [120, 140, 160]) + grid([72, 300], [160, 180])
    for y, cells in ((134, "ab"), (154, "cd")):
        page += text(76, y, cells[0]) + text(204, y, cells[1])
    page += text(76, 174, "Signature", font="F2")
    assert shown(parsed(pdf, build([page]))) == [("table", "a | b\nc | d\nSignature |")]


def test_lists_keep_their_items_and_captions_are_known():
    page = lines(72, 100, ["\u2022 first item that goes on", "  and on", "\u2022 second item"])
    page += text(72, 200, "Figure 3: What is shown") + lines(72, 240, ["Figure 3 shows nothing of the kind."])
    assert shown(parsed(pdf, build([page]))) == [
        ("list", "\u2022 first item that goes on and on\n\u2022 second item"),
        ("caption", "Figure 3: What is shown"),
        ("paragraph", "Figure 3 shows nothing of the kind."),
    ]


def test_a_line_whose_first_word_had_room_behind_an_item_begins_a_paragraph():
    wide = "words that go over the whole width of the column, as most lines of a page do, until they"
    rows = ["* first", "* second", "Behind the list.", "* third one has so many", "words"]
    page = text(72, 80, wide) + lines(72, 120, rows)
    assert [
        ("paragraph", wide),
        ("list", "* first\n* second"),
        ("paragraph", "Behind the list."),
        ("list", "* third one has so many"),
        ("paragraph", "words"),
    ] == shown(parsed(pdf, build([page])))
    full = wide.replace("words that", "* item that")
    page = lines(72, 80, [full, "begin again at the left"])
    assert [("list", f"{full} begin again at the left")] == shown(parsed(pdf, build([page])))


@pytest.mark.parametrize(
    ("content", "is_hidden"),
    [
        (text(72, 300, "Secret", more="1 1 1 rg"), True),
        (text(72, 300, "Secret", 0.5), True),
        (text(72, 300, "Secret", more="3 Tr"), True),
        (text(72, 900, "Secret"), True),
        (area(60, 280, 200, 310, "0 0 0.5") + text(72, 300, "Secret", more="1 1 1 rg"), False),
        (area(60, 280, 200, 310, "0 0 0.5") + text(72, 300, "Secret", more="0 0 0.5 rg"), True),
        (picture(60, 280, 200, 310) + text(72, 300, "Secret", more="1 1 1 rg"), False),
        (picture(0, 0, WIDTH, HEIGHT) + text(72, 300, "Secret", more="3 Tr"), False),
    ],
    ids=["white", "tiny", "no ink", "off the page", "white on blue", "blue on blue", "white on a picture", "scan"],
)
def test_text_that_no_reader_sees_is_kept_and_marked(content, is_hidden):
    document = parsed(pdf, build([lines(72, 100, BODY) + content]))
    found = {document.text[b.start : b.end]: b.marks for b in document.blocks}
    assert found == {" ".join(BODY): (), "Secret": ("hidden",) if is_hidden else ()}


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_a_turned_page_is_read_like_any_other(rotate):
    assert shown(parsed(pdf, build([lines(72, 100, BODY)], rotate=rotate))) == [("paragraph", " ".join(BODY))]


def test_the_title_comes_from_the_metadata_unless_it_is_a_file_s_name():
    page = text(72, 80, "Heading", 24) + lines(72, 120, BODY)
    titles = [parsed(pdf, build([page], title=title)).title for title in ("Our plan", "plan_v3.docx", "", "12")]
    assert titles == ["Our plan", "Heading", "Heading", "Heading"]


def test_attachments_are_children():
    files = [("data.csv", b"a,b\n1,2\n"), ("b.txt", b"hello")]
    document = parsed(pdf, build([lines(72, 100, BODY)], files=files))
    assert [(child.path, child.data) for child in document.children] == files


def test_attachments_over_a_limit_refuse_the_document():
    data = build([lines(72, 100, BODY)], files=[("a", b"x" * 50), ("b", b"x" * 50)])
    with pytest.raises(OversizedDocument, match="attachments over the limit of 60 bytes"):
        with_options(data, limits=ParseLimits(archive_bytes=60))
    with pytest.raises(OversizedDocument, match="2 attachments, over the limit of 1"):
        with_options(data, limits=ParseLimits(archive_entries=1))


def test_text_over_a_limit_refuses_the_document():
    with pytest.raises(OversizedDocument, match="text over the limit of 100 characters on page 1"):
        with_options(build([lines(72, 100, BODY)]), limits=ParseLimits(text_characters=100))


def test_the_same_bytes_give_the_same_document():
    data = build([lines(60, 100, BODY) + grid([72, 200, 300], [320, 340, 360])])
    assert parsed(pdf, data) == parsed(pdf, data)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 4),
            st.integers(1, 36),
            st.text("abcXY19.-", min_size=1, max_size=9),
            st.sampled_from([7, 10, 18]),
            st.sampled_from(["F1", "F2"]),
            st.booleans(),
        ),
        min_size=1,
        max_size=60,
        unique_by=lambda place: place[:2],
    )
)
def test_every_character_is_in_a_block_wherever_it_stands(places):
    places = [(20 + 115 * column, 21 * row, *look) for column, row, *look in places]
    page = "".join(text(x, y, word, size, font) for x, y, word, size, font, _ in places)
    page += "".join(grid([x, x + 60, x + 120], [y - 15, y + 5, y + 25]) for x, y, _, _, _, boxed in places if boxed)
    document = parsed(pdf, build([page]))
    drawn = Counter("".join(word for _, _, word, *_ in places))
    lost = drawn - Counter(document.text)
    assert {letter: count for letter, count in lost.items() if letter not in "-."} == {}
    assert faults(document) == []


def test_a_form_s_values_are_text():
    page = build([lines(72, 100, BODY)], page_entries="/Annots [20 0 R]")
    field = (
        b"20 0 obj\n<< /Type /Annot /Subtype /Widget /FT /Tx /T (name) /V (Ada) /F 4 /Rect [72 600 200 620] "
        b"/AP << /N 21 0 R >> >>\nendobj\n21 0 obj\n<< /Type /XObject /Subtype /Form /BBox [0 0 128 20] /Resources "
        b"<< /Font << /F1 1 0 R >> >> /Length 34 >>\nstream\nBT /F1 10 Tf 2 6 Td (Ada) Tj ET   \nendstream\nendobj\n"
    )
    start = page.rindex(b"xref\n0 ")
    document = parsed(pdf, page[:start] + field + page[start:].replace(b"startxref\n", b"startxref\n9"))
    assert shown(document) == [("paragraph", " ".join(BODY)), ("paragraph", "name: Ada")]


def frame(outer: tuple[float, float, float, float], width: float, paint: str, turned: bool = False) -> str:
    """Return content that paints a border: two outlines in one path."""
    x0, y0, x1, y1 = outer[0], HEIGHT - outer[3], outer[2], HEIGHT - outer[1]
    inner = f"{x0 + width} {y0 + width} {x1 - x0 - 2 * width} {y1 - y0 - 2 * width} re"
    if turned:
        a, b, c, d = x0 + width, y0 + width, x1 - width, y1 - width
        inner = f"{a} {b} m {a} {d} l {c} {d} l {c} {b} l h"
    return f"q 0 0 0 rg {x0} {y0} {x1 - x0} {y1 - y0} re {inner} {paint} Q\n"


@pytest.mark.parametrize(("paint", "turned"), [("f*", False), ("f*", True), ("f", True)])
@pytest.mark.parametrize("width", [1, 8])
def test_text_inside_a_border_that_is_painted_as_an_area_is_seen(width, paint, turned):
    page = frame((60, 80, 500, 200), width, paint, turned) + lines(100, 120, BODY)
    assert [block.marks for block in parsed(pdf, build([page])).blocks] == [()]


def test_an_area_hides_only_text_on_the_part_to_which_it_is_cut():
    cut = f"q 60 {HEIGHT - 110} 440 20 re W n 0 0 0 rg 0 0 {WIDTH} {HEIGHT} re f Q\n"
    page = cut + text(100, 105, "On the bar.") + lines(100, 140, BODY)
    assert [block.marks for block in parsed(pdf, build([page])).blocks] == [(), ("hidden",)]


def test_text_of_the_colour_of_an_area_or_a_border_below_it_is_hidden():
    filled = frame((60, 80, 500, 200), 1, "f") + lines(100, 120, BODY)
    framed = frame((60, 80, 500, 200), 60, "f*") + text(70, 130, "In the border.")
    for page in (filled, framed):
        assert [block.marks for block in parsed(pdf, build([page])).blocks] == [("hidden",)]
