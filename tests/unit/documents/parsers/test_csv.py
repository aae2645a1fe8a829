import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.documents.parsers import csv
from ingest.errors import EmptyDocument, MalformedDocument, OversizedDocument
from ingest.records import DocumentRef, ParseLimits, ParserOptions, RawDocument
from tests.unit.documents.parsers.checks import faults, parsed, pieces


def rows(text, media_type="text/csv"):
    """Return the rows of each block, header first, and how many rows the header has."""
    document = parsed(csv, text, media_type)
    assert (faults(document), document.text) == ([], text)
    return [
        (pieces(document, block), sum(1 for cut in block.breaks if cut <= block.header_end))
        for block in document.blocks
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_rows_begin_where_they_begin_with_each_delimiter_and_line_end(delimiter, end):
    lines = [delimiter.join(cells) + end for cells in (["name", "age"], ["A", "1"], ["B", "2"])]
    assert rows("".join(lines).rstrip()) == [([*lines[:2], lines[2].rstrip()], 1)]


def test_a_line_break_in_quotes_does_not_end_a_row():
    text = 'name,text\nA,"one\n\n""two"", three"\nB,"4"'
    assert rows(text) == [(["name,text\n", 'A,"one\n\n""two"", three"\n', 'B,"4"'], 1)]


def test_a_quote_that_is_never_closed_ends_the_use_of_quotes():
    text = 'name,text\n"a\nb",1\nC,"open\nD,2\nE,3'
    assert rows(text) == [(["name,text\n", '"a\nb",1\n', 'C,"open\n', "D,2\n", "E,3"], 1)]


def test_a_quote_inside_a_cell_is_a_character():
    assert rows('size,n\n5" disk,1\n3" disk,2') == [(["size,n\n", '5" disk,1\n', '3" disk,2'], 1)]


def test_ragged_rows_are_kept_as_they_are():
    assert rows("a,b\n1\n2,3,4,5\n,,\n6,7") == [(["a,b\n", "1\n", "2,3,4,5\n", ",,\n", "6,7"], 1)]


@pytest.mark.parametrize(
    ("text", "headers"),
    [
        ("1,2\n3,4", 0),
        ("a,b\nc,d", 1),
        (",2019,2020\nx,1,2", 1),
        ("1,2\na,b", 1),
        ("a,b", 0),
        ("Title,,\na,b,c\n1,2,3", 2),
    ],
)
def test_the_header_is_what_names_the_columns(text, headers):
    assert [found for _, found in rows(text)] == [headers]


def test_a_title_and_a_table_of_another_width_below_a_blank_line_are_blocks_of_their_own():
    assert rows("Report\n\na,b\n1,2\n\n3,4\n\nx,y,z\n1,2,3") == [
        (["Report"], 0),
        (["a,b\n", "1,2\n\n", "3,4"], 1),
        (["x,y,z\n", "1,2,3"], 1),
    ]


def test_what_excel_reads_as_the_delimiter_is_metadata():
    document = parsed(csv, "sep=|\na|b,c,d\n1|2,3,4\n5|6,7,8")
    assert [(block.kind.value, block.start) for block in document.blocks] == [("metadata", 0), ("table", 6)]


def test_a_byte_order_mark_belongs_to_no_block():
    document = parsed(csv, "\ufeffa,b\n1,2")
    assert (faults(document), document.blocks[0].start, document.blocks[0].header_end) == ([], 1, 5)


def test_utf_16_is_decoded():
    assert parsed(csv, "a,b\n1,ü".encode("utf-16")).text == "a,b\n1,ü"


def test_tabs_are_preferred_in_tsv():
    assert rows("a, b\tc\nd, e\tf", "text/tab-separated-values") == [(["a, b\tc\n", "d, e\tf"], 1)]


def test_more_rows_or_characters_than_allowed_are_over_a_limit():
    data = b"a,b\n" * 100
    for limits in (ParseLimits(blocks=99), ParseLimits(text_characters=399)):
        with pytest.raises(OversizedDocument):
            csv.parse(RawDocument(DocumentRef("u", "s", "p", "1", 1), data, "text/csv", ParserOptions(limits=limits)))


@pytest.mark.parametrize(
    ("data", "error"), [(b"", EmptyDocument), (b" \n\n", EmptyDocument), (b"a,b\0\n1,2", MalformedDocument)]
)
def test_no_text_and_nul_bytes_are_refused(data, error):
    with pytest.raises(error):
        parsed(csv, data)


@pytest.mark.parametrize("piece", ['"a\n', '"",', '"""', ',"', '"a"b"', '""\n', "\r", ',"\n"x'])
def test_time_is_linear_whatever_the_quotes(piece):
    def seconds(count):
        start = time.process_time()
        parsed(csv, "x,y\n" + piece * count)
        return time.process_time() - start

    seconds(10)
    assert seconds(80_000) < 16 * max(seconds(10_000), 0.02)


@given(st.text(alphabet='ab1,;\t|"\n\r\u2028\x0b \u00e4', max_size=60))
@settings(max_examples=300)
def test_any_text_is_kept_and_covered(text):
    try:
        document = parsed(csv, text)
    except EmptyDocument:
        return
    assert (document.text, faults(document)) == (text, [])
