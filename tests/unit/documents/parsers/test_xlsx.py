import re
from datetime import date, datetime, time, timedelta

import pytest
from openpyxl.utils.datetime import MAC_EPOCH

from ingest.documents.parsers import xlsx
from ingest.errors import EmptyDocument, MalformedDocument, OversizedDocument, UnsupportedFormat
from ingest.records import DocumentRef, ParseLimits, ParserOptions, RawDocument
from tests.unit.documents.parsers.checks import faults, parsed, pieces, shown
from tests.unit.documents.parsers.office_files import changed, workbook

HIDDEN = ("hidden",)


def sheet(rows, change=lambda page: None):
    def build(book):
        for row in rows:
            book.active.append(row)
        change(book.active)

    return workbook(build)


def blocks(data):
    document = parsed(xlsx, data)
    assert faults(document) == []
    return shown(document)


def marked(data):
    document = parsed(xlsx, data)
    return [document.text[b.start : b.end] for b in document.blocks if b.marks == HIDDEN]


def test_a_sheet_is_a_section_with_rows_that_are_never_cut_and_a_header():
    document = parsed(xlsx, sheet([["name", "n"], ["a | b", 1], ["c", 2.5]]))
    assert shown(document) == [("heading", "Sheet"), ("table", "name | n\na | b | 1\nc | 2.5")]
    table = document.blocks[1]
    assert (pieces(document, table)[0], document.text[table.start : table.header_end]) == ("name | n\n", "name | n\n")


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (3.0, None, "3"),
        (0.1 + 0.2, None, "0.3"),
        (1e20, None, "1E+20"),
        (True, None, "TRUE"),
        ("#N/A", None, "#N/A"),
        (date(2024, 2, 29), None, "2024-02-29"),
        (datetime(2024, 1, 2, 3, 4, 5), None, "2024-01-02 03:04:05"),
        (time(3, 4, 5), None, "03:04:05"),
        (timedelta(hours=30, minutes=5), None, "30:05:00"),
        (0.256, "0.0%", "25.6%"),
        (0.5, "0%", "50%"),
        (5, '"day "0', "day 5"),
        (45000, "d. mmmm yyyy", "2023-03-15"),
        (7, "[Red]0.00", "7.00"),
        (1, "dd/mm/yyyy", "1900-01-01"),
        (59.5, "dd/mm/yyyy", "1900-02-28 12:00:00"),
        (61, "dd/mm/yyyy", "1900-03-01"),
        (0.5 + 1.5 / 86400, "hh:mm:ss", "12:00:01.500000"),
        (1.99999 / 24, "[h]:mm", "2:00"),
    ],
)
def test_values_are_shown_stably(value, form, text):
    def change(page):
        if form:
            page["B1"].number_format = form

    assert blocks(sheet([["x", value]], change))[1] == ("table", f"x | {text}")


def test_a_workbook_may_count_its_days_from_1904():
    def build(book):
        book.epoch = MAC_EPOCH
        book.active.append(["x", date(1904, 1, 2), date(2024, 2, 29)])

    assert blocks(workbook(build))[1] == ("table", "x | 1904-01-02 | 2024-02-29")


def test_a_formula_shows_its_cached_value():
    data = changed(
        sheet([["x", 1]]), "xl/worksheets/sheet1.xml", lambda old: old.replace(b"<v>1</v>", b"<f>6*7</f><v>42</v>")
    )
    assert blocks(data)[1] == ("table", "x | 42")


def formulas(cells, change=lambda old: old):
    """Return a sheet whose only row has these `c` elements behind a text."""
    data = changed(
        sheet([["x"]]), "xl/worksheets/sheet1.xml", lambda old: old.replace(b"</row>", f"{cells}</row>".encode())
    )
    return changed(data, "xl/workbook.xml", change)


@pytest.mark.parametrize(
    ("cells", "shown"),
    [
        ('<c r="B1"><f>A2*10</f><v></v></c>', "=A2*10"),
        ('<c r="B1"><f>A2*10</f></c>', "=A2*10"),
        ('<c r="B1"><f>_xlfn.CONCAT(A2,"b")</f><v/></c>', '=CONCAT(A2,"b")'),
        ('<c r="B1"><f t="array" ref="B1">SUM(A2:A3*2)</f></c>', "=SUM(A2:A3*2)"),
        ('<c r="B1" t="str"><f>IF(A2,"a","")</f><v></v></c>', ""),
        ('<c r="B1" t="str"><f>A2</f><v>seen</v></c>', "seen"),
        ('<c r="B1" t="e"><f>A2/0</f><v>#DIV/0!</v></c>', "#DIV/0!"),
        ('<c r="B1" t="b"><f>A2=1</f><v>0</v></c>', "FALSE"),
        ('<c r="B1"><f t="dataTable" ref="B1"/></c>', ""),
        (
            '<c r="B1"><f t="shared" ref="B1:C1" si="0">A$2+A2+$A2+SUM(A:A)&amp;"A2"</f></c>'
            '<c r="C1"><f t="shared" si="0"/></c>',
            '=A$2+A2+$A2+SUM(A:A)&"A2" | =B$2+B2+$A2+SUM(B:B)&"A2"',
        ),
        ('<c r="B1"><f t="shared" si="7"/></c>', ""),
        (f'<c r="B1"><f>{"1+" * 5000}1</f></c>', ""),
    ],
)
def test_a_formula_without_a_value_shows_itself(cells, shown):
    assert blocks(formulas(cells))[1][1] == (f"x | {shown}" if shown else "x")


def test_a_zero_that_a_program_wrote_without_computing_is_no_value():
    asks = b'<calcPr calcId="1" fullCalcOnLoad="1"/>'
    cells = '<c r="B1"><f>A2*10</f><v>0</v></c><c r="C1"><f>A2+1</f><v>5</v></c><c r="D1"><v>0</v></c>'
    without = lambda old: re.sub(b"<calcPr[^>]*/>", b"", old)  # noqa: E731
    assert blocks(formulas(cells, without))[1][1] == "x | 0 | 5 | 0"
    assert blocks(formulas(cells, lambda old: re.sub(b"<calcPr[^>]*/>", asks, old)))[1][1] == "x | =A2*10 | 5 | 0"


def test_a_number_that_its_format_does_not_show_is_hidden_and_a_zero_is_none():
    def change(page):
        for name in ("A1", "B1"):
            page[name].number_format = "0.0;;"

    data = sheet([[-2, 0, "seen"]], change)
    assert (blocks(data)[1:], marked(data)) == ([("paragraph", "seen"), ("paragraph", "-2")], ["-2"])


def test_a_text_is_shown_by_the_section_for_texts():
    def change(page):
        page["B1"].number_format = '0;0;0;"Order "@'
        page["A2"].number_format = "0;0;0;"

    data = sheet([["x", "A-7"], ["unseen", "y"]], change)
    assert (blocks(data)[1][1], marked(data)) == ("x | Order A-7\n | y", ["unseen"])


def test_numbers_with_units_and_words_are_no_names_of_columns():
    def change(page):
        for cell in (page["A1"], page["B1"], page["A2"], page["B2"]):
            cell.number_format = '0" kg"'

    document = parsed(xlsx, sheet([[1, 2], [3, 4]], change))
    assert (shown(document)[1], document.blocks[1].header_end) == (("table", "1 kg | 2 kg\n3 kg | 4 kg"), 0)


def test_months_name_columns():
    def change(page):
        for name in ("B1", "C1"):
            page[name].number_format = "mmm yyyy"

    document = parsed(xlsx, sheet([["", date(2024, 1, 1), date(2024, 2, 1)], ["a", 1, 2]], change))
    table = document.blocks[1]
    assert document.text[table.start : table.header_end] == " | Jan 2024 | Feb 2024\n"


def test_escaped_characters_are_those_that_they_stand_for():
    assert blocks(shared("<si><t>a_x0009_b_x005F_x0041_</t></si>", 1))[1] == ("paragraph", "a b_x0041_")


def test_empty_rows_separate_tables_and_a_lone_cell_above_is_a_caption():
    rows = [["Title"], ["a", "b"], ["c", 2], ["d", 3], [], ["p", "q"], ["r", 4], [], ["only"]]
    assert blocks(sheet(rows)) == [
        ("heading", "Sheet"),
        ("caption", "Title"),
        ("table", "a | b\nc | 2\nd | 3"),
        ("table", "p | q\nr | 4"),
        ("paragraph", "only"),
    ]


def test_tables_side_by_side_are_two_but_a_column_left_empty_for_looks_cuts_no_row():
    rows = [["a", "b", None, "c", "d"], ["x", 1, None, "y", 2], ["z", 3, None, "w", 4]]
    assert [text for _, text in blocks(sheet(rows))[1:]] == ["a | b\nx | 1\nz | 3", "c | d\ny | 2\nw | 4"]
    spaced = [["a", "b", None, "c", "d"], ["x", 1, None, 5, 2], ["z", 3, None, 6, 4]]
    assert [text for _, text in blocks(sheet(spaced))[1:]] == ["a | b | c | d\nx | 1 | 5 | 2\nz | 3 | 6 | 4"]


def test_names_of_columns_above_an_empty_row_stay_with_their_columns():
    assert [text for _, text in blocks(sheet([["", "in", "out"], [], ["x", 1, 2], ["y", 3, 4]]))[1:]] == [
        " | in | out\nx | 1 | 2\ny | 3 | 4"
    ]


def test_merged_cells_are_repeated_where_rows_need_them():
    def change(page):
        page.merge_cells("A2:A3")
        page.merge_cells("B1:C1")

    assert blocks(sheet([["k", "v"], ["a", 1, 2], [None, 3, 4]], change))[1] == (
        "table",
        "k | v | v\na | 1 | 2\na | 3 | 4",
    )


def test_hidden_rows_columns_cells_and_sheets_are_kept_and_marked():
    def build(book):
        page = book.active
        for row in (["a", "b", "c"], ["d", "e", "f"], ["g", "h", "i"]):
            page.append(row)
        page.row_dimensions[2].hidden = True
        page.column_dimensions["B"].hidden = True
        page["C3"].number_format = ";;;"
        other = book.create_sheet("secret")
        other["A1"] = "x"
        other.sheet_state = "veryHidden"

    data = workbook(build)
    assert [text for _, text in blocks(data)] == ["Sheet", "a | c\ng", "b", "d | e | f\n | h | i", "secret", "x"]
    assert marked(data) == ["b", "d | e | f\n | h | i", "secret", "x"]


def test_white_text_is_hidden_unless_its_cell_is_filled():
    from openpyxl.styles import Font, PatternFill

    def change(page):
        page["A1"].font = page["B1"].font = Font(color="FFFFFFFF")
        page["B1"].fill = PatternFill("solid", fgColor="FF000000")

    assert marked(sheet([["unseen", "seen", "plain"]], change)) == ["unseen"]


def test_two_cells_in_opposite_corners_cost_two_cells():
    def build(book):
        book.active["A1"] = "first"
        book.active["XFD1048576"] = "last"

    assert blocks(workbook(build)) == [("heading", "Sheet"), ("paragraph", "first"), ("paragraph", "last")]


def test_a_line_break_in_a_cell_does_not_cut_its_row():
    assert blocks(sheet([["a", "b\nc"], ["d", "e"]]))[1] == ("table", "a | b c\nd | e")


def shared(strings, rows):
    """Return a workbook with a table of shared strings; each row of its sheet has one cell with the first."""
    name = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
    relation = f'<Relationship Id="s" Type="{kind}" Target="sharedStrings.xml"/></Relationships>'.encode()
    cells = "".join(f'<row r="{row}"><c r="A{row}" t="s"><v>0</v></c></row>' for row in range(1, rows + 1))
    page = f'<worksheet xmlns="{name}"><sheetData>{cells}</sheetData></worksheet>'.encode()
    data = changed(sheet([["a"]]), "xl/worksheets/sheet1.xml", lambda _: page)
    data = changed(data, "xl/sharedStrings.xml", lambda _: f'<sst xmlns="{name}">{strings}</sst>'.encode())
    return changed(data, "xl/_rels/workbook.xml.rels", lambda old: old.replace(b"</Relationships>", relation))


def test_shared_strings_keep_their_runs_but_not_their_phonetic_readings():
    strings = "<si><r><t>Tokyo </t></r><r><t>tower</t></r><rPh sb='0' eb='1'><t>reading</t></rPh></si>"
    assert blocks(shared(strings, 1)) == [("heading", "Sheet"), ("paragraph", "Tokyo tower")]


def limited(data, **limits):
    options = ParserOptions(limits=ParseLimits(**limits))
    return xlsx.parse(RawDocument(DocumentRef("u", "s", "p", "1", 1), data, xlsx.MEDIA_TYPES[0], options))


def test_a_string_that_many_cells_share_counts_each_time():
    data = shared(f"<si><t>{'x' * 1000}</t></si>", 240)
    assert len(limited(data, text_characters=300_000).text) > 200_000
    with pytest.raises(OversizedDocument):
        limited(data, text_characters=150_000)


def test_merged_areas_that_cover_each_other_do_not_cost_more_than_the_limit():
    areas = b"<mergeCells>" + b'<mergeCell ref="A1:XFD1000"/>' * 100_000 + b"</mergeCells>"
    data = changed(
        sheet([["a", "b"]] * 50),
        "xl/worksheets/sheet1.xml",
        lambda old: old.replace(b"</sheetData>", b"</sheetData>" + areas),
    )
    with pytest.raises(OversizedDocument):
        limited(data, text_characters=10**6)


def test_an_entity_is_refused():
    bomb = b'<!DOCTYPE x [<!ENTITY a "ha">]>'
    with pytest.raises(MalformedDocument, match="document type"):
        parsed(xlsx, changed(sheet([["a"]]), "xl/worksheets/sheet1.xml", lambda old: bomb + old))
    with pytest.raises(MalformedDocument, match="document type"):
        parsed(xlsx, changed(shared("<si><t>a</t></si>", 1), "xl/sharedStrings.xml", lambda old: bomb + old))


def test_a_workbook_without_text_is_empty_and_a_broken_one_malformed():
    with pytest.raises(EmptyDocument):
        parsed(xlsx, sheet([]))
    with pytest.raises(MalformedDocument, match=r"xl/worksheets/sheet1\.xml"):
        parsed(xlsx, changed(sheet([["a"]]), "xl/worksheets/sheet1.xml", lambda old: old[:200]))


def test_a_binary_workbook_is_named_with_what_to_do():
    data = sheet([["a"]])
    data = changed(data, "_rels/.rels", lambda old: old.replace(b"workbook.xml", b"workbook.bin"))
    with pytest.raises(UnsupportedFormat, match="save it as xlsx"):
        parsed(xlsx, changed(data, "xl/workbook.bin", lambda _: b"x"))


def test_text_in_symbol_fonts_is_what_the_font_shows():
    from openpyxl.cell.rich_text import CellRichText, TextBlock
    from openpyxl.cell.text import InlineFont
    from openpyxl.styles import Font

    def change(page):
        page["B1"].font, page["C1"].font = Font(name="Wingdings"), Font(name="Symbol")
        page["D1"].font, page["E1"].font = Font(name="Wingdings 2"), Font(name="Arial")
        page["B1"].number_format = '"\u00fc";;"\u00fb"'
        page["F1"] = CellRichText(
            TextBlock(InlineFont(rFont="Symbol"), "a"), TextBlock(InlineFont(rFont="Arial"), "-rays")
        )
        page["F1"].font = Font(name="Symbol")

    assert blocks(sheet([["pump", 1, "m", "P", "P"]], change))[1:] == [("table", "pump | ✓ | μ | ✓ | P | α-rays")]


def test_strings_with_fonts_of_their_own_are_read_once():
    strings = '<si><r><rPr><rFont val="Wingdings"/></rPr><t>\u00fc</t></r><r><t> done</t></r></si>'
    assert blocks(shared(strings, 1)) == [("heading", "Sheet"), ("paragraph", "✓ done")]


@pytest.mark.parametrize(
    ("kind", "stored", "expected"),
    [
        ("d", "2024-03-15T00:00:00Z", "2024-03-15"),
        ("d", "2024-03-15", "2024-03-15"),
        ("d", "2024-03-15T10:30:00.000", "2024-03-15 10:30:00"),
        ("d", "someday", "someday"),
        ("b", "true", "TRUE"),
        ("b", "0", "FALSE"),
    ],
)
def test_dates_and_truth_values_are_read_in_any_of_their_forms(kind, stored, expected):
    data = changed(
        sheet([[5]]),
        "xl/worksheets/sheet1.xml",
        lambda old: re.sub(rb"<c .*</c>", f'<c r="A1" t="{kind}"><v>{stored}</v></c>'.encode(), old),
    )
    assert blocks(data)[1:] == [("paragraph", expected)]


def test_raised_figures_are_other_texts_than_the_same_on_the_line():
    up, down = (f'<rPr><vertAlign val="{kind}script"/></rPr>' for kind in ("super", "sub"))
    strings = f"<si><r><t>10</t></r><r>{up}<t>3</t></r><r><t> H</t></r><r>{down}<t>2</t></r><r><t>O</t></r></si>"
    assert [("heading", "Sheet"), ("paragraph", "10³ H2O")] == blocks(shared(strings, 1))
