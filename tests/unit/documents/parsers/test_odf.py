import io
import zipfile

import pytest

from ingest.documents.parsers.odf import parser as odf
from ingest.errors import EmptyDocument, EncryptedDocument, MalformedDocument, OversizedDocument
from tests.unit.documents.parsers.checks import faults, headings, parsed, shown

NAMES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in (
        ("office", "office"),
        ("text", "text"),
        ("table", "table"),
        ("draw", "drawing"),
        ("style", "style"),
        ("presentation", "presentation"),
    )
)
STYLES = """<office:automatic-styles><style:style style:name="H" style:family="text"><style:text-properties
text:display="none"/></style:style><style:style style:name="P" style:parent-style-name="Preformatted_20_Text"/>
<style:style style:name="X"><style:table-properties table:display="false"/></style:style>
<style:style style:name="D"><style:drawing-page-properties presentation:visibility="hidden"/></style:style>
<text:list-style style:name="L"><text:list-level-style-number text:level="1"/></text:list-style>
</office:automatic-styles>"""


def file(xml, kind="text", before="", manifest=""):
    content = f"{before}<office:document-content {NAMES}>{STYLES}<office:body><office:{kind}>{xml}</office:{kind}>"
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("mimetype", f"application/vnd.oasis.opendocument.{kind}")
        archive.writestr("content.xml", content + "</office:body></office:document-content>")
        archive.writestr("META-INF/manifest.xml", f"<manifest>{manifest}</manifest>")
    return stream.getvalue()


def blocks(data):
    document = parsed(odf, data)
    assert faults(document) == []
    return shown(document)


def marked(data):
    document = parsed(odf, data)
    return [document.text[b.start : b.end] for b in document.blocks if b.marks == ("hidden",)]


def test_text_keeps_headings_lists_notes_and_code_and_leaves_out_comments():
    xml = """<text:tracked-changes><text:p>deleted</text:p></text:tracked-changes>
    <text:h text:outline-level="2">Head</text:h><text:p>a<text:s text:c="2"/>b<office:annotation>
    <text:p>comment</text:p></office:annotation><text:note><text:note-citation>1</text:note-citation>
    <text:note-body><text:p>below</text:p>
    </text:note-body></text:note> c</text:p><text:list text:style-name="L"><text:list-item><text:p>one</text:p>
    <text:list>    <text:list-item><text:p>inner</text:p></text:list-item></text:list></text:list-item><text:list-item>
    <text:p>two
    </text:p></text:list-item></text:list>
    <text:p text:style-name="P">if x:<text:line-break/><text:s text:c="2"/>y</text:p>"""
    assert blocks(file(xml)) == [
        ("heading", "Head"),
        ("paragraph", "a b[1] c"),
        ("paragraph", "[1] below"),
        ("list", "1. one\n  1. inner\n2. two"),
        ("code", "if x:\n  y"),
    ]
    assert headings(parsed(odf, file(xml))) == [(2, "Head")]


def test_hidden_runs_rows_sheets_and_slides_are_kept_and_marked():
    run = '<text:p>seen<text:span text:style-name="H">unseen</text:span></text:p>'
    assert marked(file(run)) == ["unseen"]
    cell = "<table:table-cell><text:p>{}</text:p></table:table-cell>"
    sheet = (
        '<table:table table:name="S"><table:table-row>' + cell.format("a") * 2 + "</table:table-row>"
        '<table:table-row table:visibility="collapse">' + cell.format("b") * 2 + "</table:table-row></table:table>"
        '<table:table table:name="T" table:style-name="X"><table:table-row>'
        + cell.format("c") * 2
        + "</table:table-row></table:table>"
    )
    assert marked(file(sheet, "spreadsheet")) == ["b | b", "T", "c | c"]
    frame = '<draw:frame presentation:class="title"><draw:text-box><text:p>{}</text:p></draw:text-box></draw:frame>'
    page = "<draw:page{}>" + frame + "</draw:page>"
    slides = page.format("", "A") + page.format(' draw:style-name="D"', "B")
    assert (marked(file(slides, "presentation")), blocks(file(slides, "presentation"))[0]) == (["B"], ("heading", "A"))


def test_cells_that_stand_for_millions_are_over_a_limit_and_empty_ones_cost_nothing():
    row = '<table:table><table:table-row table:number-rows-repeated="{}">{}</table:table-row></table:table>'
    empty = '<table:table-cell table:number-columns-repeated="16384"/>'
    full = '<table:table-cell table:number-columns-repeated="16384"><text:p>abcdefgh</text:p></table:table-cell>'
    text = row.format(1048576, empty) + row.format(2, full.replace("16384", "2"))
    assert blocks(file(text, "spreadsheet"))[0] == ("table", "abcdefgh | abcdefgh\nabcdefgh | abcdefgh")
    with pytest.raises(OversizedDocument):
        parsed(odf, file(row.format(1048576, full), "spreadsheet"))


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (file(""), EmptyDocument),
        (file("<text:p>a</text:p>", manifest="<encryption-data/>"), EncryptedDocument),
        (file("<text:p>a</text:p>", before="<!DOCTYPE x [<!ENTITY a 'b'>]>"), MalformedDocument),
        (file("<text:p>"), MalformedDocument),
    ],
)
def test_files_that_cannot_be_read_are_refused(data, error):
    with pytest.raises(error):
        parsed(odf, data)
