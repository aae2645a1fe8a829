import io
import zipfile

import pytest

from ingest.documents.parsers import odf
from ingest.errors import EmptyDocument, EncryptedDocument, MalformedDocument, OversizedDocument
from ingest.records import DocumentRef, ParserOptions, RawDocument
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
        ("svg", "svg-compatible"),
        ("form", "form"),
    )
)
OTHERS = (
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:officeooo="http://openoffice.org/2009/office" '
    'xmlns:loext="urn:org:documentfoundation:names:experimental:office:xmlns:loext:1.0"'
)
STYLES = """<office:font-face-decls><style:font-face style:name="S1" svg:font-family="Symbol"/><style:font-face
style:name="W1" svg:font-family="'Wingdings'"/></office:font-face-decls><office:automatic-styles><style:style
style:name="SY" style:family="text"><style:text-properties style:font-name="S1"/></style:style><style:style
style:name="UP" style:family="text"><style:text-properties style:text-position="super 58%"/></style:style><style:style
style:name="UQ" style:family="text" style:parent-style-name="UP"/><style:style style:name="DN"
style:family="text"><style:text-properties style:text-position="-33% 58%"/></style:style><style:style
style:name="WI" style:family="text"><style:text-properties style:font-name="W1"/></style:style><style:style
style:name="TI" style:family="text"><style:text-properties style:font-name="Times"/></style:style><style:style
style:name="SP" style:parent-style-name="SY"/><style:style style:name="H" style:family="text"><style:text-properties
text:display="none"/></style:style><style:style style:name="P" style:parent-style-name="Preformatted_20_Text"/>
<style:style style:name="X"><style:table-properties table:display="false"/></style:style>
<style:style style:name="D"><style:drawing-page-properties presentation:visibility="hidden"/></style:style>
<text:list-style style:name="L"><text:list-level-style-number text:level="1"/></text:list-style>
</office:automatic-styles>"""


def file(xml, kind="text", before="", manifest=""):
    content = (
        f"{before}<office:document-content {NAMES} {OTHERS}>{STYLES}<office:body><office:{kind}>{xml}</office:{kind}>"
    )
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


def test_text_keeps_headings_lists_notes_code_and_comments():
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
        ("paragraph", "[Comment: comment]"),
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


NOTE = (
    '<{0}:annotation loext:resolved="{3}"><dc:creator>{1}</dc:creator><dc:date>2024-01-01</dc:date>'
    "<text:p>{2}</text:p></{0}:annotation>"
).format
CELL = '<table:table-cell office:value-type="{}" office:{}="{}"{}/>'.format


def test_comments_follow_their_paragraph_sheet_or_slide():
    note = NOTE("office", "Ann Lee", "Which year?", "true")
    text = f"<text:p>a{note}b</text:p><text:list><text:list-item><text:p>c{note}</text:p></text:list-item></text:list>"
    remark = ("paragraph", "[Comment by Ann Lee (resolved): Which year?]")
    assert blocks(file(text)) == [("paragraph", "ab"), remark, ("list", "- c"), remark]
    empty = '<table:table-cell table:number-columns-repeated="2"/>'
    cell = f"<table:table-cell>{NOTE('office', 'Bob', 'Why?', 'false')}<text:p>x</text:p></table:table-cell>"
    rows = (
        f'<table:table-row table:number-rows-repeated="3">{empty}</table:table-row>'
        f"<table:table-row>{empty}{cell}{cell}</table:table-row>"
    )
    found = [text for _, text in blocks(file(f'<table:table table:name="S">{rows}</table:table>', "spreadsheet"))]
    assert found == ["S", " |  | x | x", "C4: [Comment by Bob: Why?]", "D4: [Comment by Bob: Why?]"]
    assert (
        blocks(file(f"<table:table><table:table-row>{cell}{cell}</table:table-row></table:table>"))[1:]
        == [("paragraph", "[Comment by Bob: Why?]")] * 2
    )
    frame = "<draw:frame><draw:text-box><text:p>x</text:p></draw:text-box></draw:frame>"
    slide = f"<draw:page>{frame}{NOTE('officeooo', '', 'No.', '')}</draw:page>"
    document = parsed(odf, file(slide, "presentation"))
    assert (shown(document)[2], document.blocks[2].marks) == (("paragraph", "[Comment: No.]"), ("comment",))


def test_a_policy_leaves_comments_out():
    data = file(f"<text:p>a{NOTE('office', 'Ann', 'Why?', '')}</text:p>")
    raw = RawDocument(DocumentRef("u", "s", "p", "1", 1), data, odf.MEDIA_TYPES[0], ParserOptions(comments="drop"))
    assert "a" == odf.parse(raw).text


def test_text_in_symbol_fonts_is_what_the_font_shows():
    span = '<text:span text:style-name="{}">{}</text:span>'.format
    signs = span("SY", "\uf0b3"), span("SY", "a" + span("TI", "a") + "b"), span("WI", "\u00fe")
    line = "pH {} 7 {} {} yes".format(*signs)
    assert blocks(file(f"<text:p>{line}</text:p>")) == [("paragraph", "pH ≥ 7 αaβ ☑ yes")]
    assert blocks(file('<text:p text:style-name="SP">abg</text:p>')) == [("paragraph", "αβγ")]
    assert blocks(file("<text:p>\uf0b7 point</text:p>")) == [("paragraph", "• point")]
    title = '<draw:text-box><text:p text:style-name="SP">a</text:p></draw:text-box>'
    frame = f'<draw:frame presentation:class="title">{title}</draw:frame>'
    assert blocks(file(f"<draw:page>{frame}</draw:page>", "presentation")) == [("heading", "α")]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (CELL("float", "value", "12.50", ""), "12.5"),
        (CELL("percentage", "value", "0.25", ""), "25%"),
        (CELL("currency", "value", "1999.5", ' office:currency="GBP"'), "1999.5 GBP"),
        (CELL("date", "date-value", "2024-03-15T10:00:00", ""), "2024-03-15 10:00:00"),
        (CELL("time", "time-value", "PT27H30M05.5S", ""), "27:30:05"),
        (CELL("boolean", "boolean-value", "true", ""), "TRUE"),
        (CELL("string", "string-value", "word", ""), "word"),
        ('<table:table-cell table:formula="of:=[.B2]*10+SUM([.A1:.A9];[$Other.B2])"/>', "=B2*10+SUM(A1:A9;$Other.B2)"),
        ('<table:table-cell table:formula="of:=1" office:value-type="float" office:value="7"/>', "7"),
        (CELL("float", "value", "5", "").replace("/>", "><text:p>5 kg</text:p></table:table-cell>"), "5 kg"),
        (CELL("float", "value", "5", "").replace("/>", "><text:p/></table:table-cell>"), ""),
        (CELL("float", "value", "x", ""), ""),
        (CELL("time", "time-value", "x", ""), ""),
    ],
)
def test_a_cell_is_as_shown_and_one_that_was_never_shown_has_its_value_or_formula(cell, expected):
    text = "<table:table-cell><text:p>a</text:p></table:table-cell>"
    sheet = f'<table:table table:name="S"><table:table-row>{text}{text}{cell}</table:table-row></table:table>'
    assert blocks(file(sheet, "spreadsheet"))[1][1] == ("a | a" + (f" | {expected}" if expected else ""))


def test_frames_of_a_slide_are_read_by_place_where_the_stored_order_contradicts_it():
    frame = (
        '<draw:frame svg:x="{}cm" svg:y="{}cm" svg:width="8cm" svg:height="2cm"><draw:text-box><text:p>{}</text:p>'
        "</draw:text-box></draw:frame>"
    ).format
    group = f"<draw:g>{frame(1, 10, 'below')}</draw:g>"
    page = f"<draw:page>{group}{frame(12, 4, 'right')}{frame(1, 4, 'left')}{frame(1, 1, 'top')}</draw:page>"
    assert [text for _, text in blocks(file(page, "presentation"))] == ["Slide 1", "top", "left", "below", "right"]


def test_frames_of_a_group_are_read_by_place() -> None:
    frame = (
        '<draw:frame svg:x="1cm" svg:y="{}cm" svg:width="8cm" svg:height="2cm"><draw:text-box><text:p>{}</text:p>'
        "</draw:text-box></draw:frame>"
    ).format
    page = f"<draw:page><draw:g>{frame(5, 'low')}{frame(1, 'high')}</draw:g></draw:page>"
    assert [text for _, text in blocks(file(page, "presentation"))] == ["Slide 1", "high", "low"]


def test_numbers_and_footers_of_slides_and_notes_are_left_out() -> None:
    frame = (
        '<draw:frame presentation:class="{}"><draw:text-box><text:p>{}</text:p></draw:text-box></draw:frame>'
    ).format
    running = frame("page-number", "&lt;number&gt;") + frame("footer", "Acme") + frame("date-time", "May")
    notes = f"<presentation:notes>{frame('notes', 'Say hello')}{running}</presentation:notes>"
    page = f"<draw:page>{frame('outline', 'Point')}{running}{notes}</draw:page>"
    assert [text for _, text in blocks(file(page, "presentation"))] == ["Slide 1", "Point", "Notes", "Say hello"]


def test_numbers_with_units_are_no_names_of_columns():
    cell = '<table:table-cell office:value-type="float" office:value="{0}"><text:p>{0} kg</text:p></table:table-cell>'
    row = f"<table:table-row>{cell.format(1)}{cell.format(2)}</table:table-row>"
    document = parsed(odf, file(f'<table:table table:name="S">{row * 2}</table:table>', "spreadsheet"))
    assert (shown(document)[1], document.blocks[1].header_end) == (("table", "1 kg | 2 kg\n1 kg | 2 kg"), 0)


def test_controls_of_forms_show_what_was_typed_in_ticked_or_chosen():
    controls = (
        '<form:text xml:id="a" form:current-value="Hollander"/><form:text form:id="b" form:value="Utrecht"/>'
        '<form:checkbox form:id="c" form:label="Insured" form:current-state="checked"/>'
        '<form:checkbox form:id="d" form:label="Married"/><form:radio form:id="e" form:current-selected="true"/>'
        '<form:listbox form:id="f"><form:option form:label="cat" form:selected="true"/><form:option form:label="dog"'
        ' form:current-selected="true"/></form:listbox><form:textarea form:id="g"><text:p>one</text:p></form:textarea>'
    )
    sign = '<draw:control draw:control="{}"/>'.format
    line = f"<text:p>Name: {sign('a')} of {sign('b')}</text:p><text:p>{''.join(map(sign, 'cdefgh'))}</text:p>"
    forms = f"<office:forms><form:form>{controls}</form:form></office:forms>"
    assert blocks(file(forms + line)) == [
        ("paragraph", "Name: Hollander of Utrecht"),
        ("paragraph", "☒ Insured ☐ Married ☒ dog one"),
    ]
    page = f"<draw:page>{forms}{sign('c')}</draw:page>"
    assert blocks(file(page, "presentation"))[1] == ("paragraph", "☒ Insured")


def test_fields_of_old_forms_show_their_state():
    names = 'xmlns:field="urn:openoffice:names:experimental:ooo-ms-interop:xmlns:field:1.0"'

    def field(kind, *params):
        inside = "".join(f'<field:param field:name="{name}" field:value="{value}"/>' for name, value in params)
        return f'<field:fieldmark {names} field:type="vnd.oasis.opendocument.field.{kind}">{inside}</field:fieldmark>'

    pets = [("Dropdown_ListEntry", "cat"), ("Dropdown_ListEntry", "dog"), ("Dropdown_Selected", "1")]
    ticked, empty = field("FORMCHECKBOX", ("Checkbox_Checked", "true")), field("FORMCHECKBOX")
    line = f"<text:p>{ticked} insured {empty} married, has a {field('FORMDROPDOWN', *pets)}</text:p>"
    assert blocks(file(line)) == [("paragraph", "☒ insured ☐ married, has a dog")]


def test_soft_hyphens_part_no_words_but_a_symbol_with_their_code_is_shown():
    arrow = '<text:span text:style-name="SY">\u00ad</text:span>'
    assert blocks(file(f"<text:p>agree\u00adment {arrow}</text:p>")) == [("paragraph", "agreement ↑")]


@pytest.mark.parametrize("name", ["UP", "UQ"])
def test_raised_figures_are_other_texts_than_the_same_on_the_line(name):
    up = f'10<text:span text:style-name="{name}">3</text:span>'
    down = 'log<text:span text:style-name="DN">2</text:span>8 H<text:span text:style-name="DN">2</text:span>O'
    assert [("paragraph", "10³ log₂8 H2O")] == blocks(file(f"<text:p>{up} {down}</text:p>"))


def level(number, attributes="", kind="number"):
    return f'<text:list-level-style-{kind} text:level="{number}" {attributes}/>'


def listed(style, items, attributes=""):
    styles = f'<text:list-style style:name="Z">{style}</text:list-style>'
    return f'{styles}<text:list text:style-name="Z" {attributes}>{items}</text:list>'


def item(text, inside="", attributes=""):
    return f"<text:list-item {attributes}><text:p>{text}</text:p>{inside}</text:list-item>"


@pytest.mark.parametrize(
    ("style", "marks"),
    [
        (level(1, 'style:num-format="a" style:num-suffix=")"'), ["a)", "b)", "c)"]),
        (level(1, 'style:num-format="I" style:num-suffix="." text:start-value="4"'), ["IV.", "V.", "VI."]),
        (level(1, 'style:num-format="1" style:num-prefix="(" style:num-suffix=")"'), ["(1)", "(2)", "(3)"]),
        (level(1, 'style:num-format="1" style:num-prefix="Art. " style:num-suffix=""'), ["Art. 1", "Art. 2", "Art. 3"]),
        (level(1, 'style:num-format=""'), ["-", "-", "-"]),
        (level(1, 'text:bullet-char="x"', "bullet"), ["-", "-", "-"]),
        ("", ["-", "-", "-"]),
    ],
)
def test_items_are_marked_as_the_list_style_says(style, marks):
    expected = [("list", "\n".join(f"{mark} p" for mark in marks))]
    assert expected == blocks(file(listed(style, item("p") * 3)))


def test_levels_of_lists_have_their_own_marks():
    style = level(1) + level(2, 'style:num-format="i" style:num-suffix="."')
    style += level(3, 'style:num-format="1" text:display-levels="3" style:num-suffix=""')
    inner = "<text:list>{}</text:list>".format
    items = item("p", inner(item("q") + item("q", inner(item("r"))))) + item("p")
    assert [("list", "1. p\n  i. q\n  ii. q\n    1.ii.1 r\n2. p")] == blocks(file(listed(style, items)))


def test_lists_go_on_where_they_say_so_and_items_may_have_numbers_of_their_own():
    style = level(1)
    first = listed(style, item("p") + item("q", attributes='text:start-value="5"'), 'xml:id="l"')
    header = "<text:list-header><text:p>h</text:p></text:list-header>"
    again = listed(style, header + item("r"), 'text:continue-numbering="true"')
    third, fourth = listed(style, item("s"), 'text:continue-list="l"'), listed(style, item("t"))
    found = blocks(file("<text:p>-</text:p>".join([first, again, third, fourth])))
    assert ["1. p\n5. q", "  h\n6. r", "6. s", "1. t"] == [text for kind, text in found if kind == "list"]


def flat(xml, kind="text", more=""):
    told = f'office:mimetype="application/vnd.oasis.opendocument.{kind}"'
    body = f"<office:body><office:{kind}>{xml}</office:{kind}></office:body>"
    return (
        f'<?xml version="1.0"?>{more}<office:document {NAMES} {OTHERS} {told}>{STYLES}{body}</office:document>'.encode()
    )


def test_a_document_in_one_xml_file_is_read_as_one_in_an_archive():
    xml = '<text:h text:outline-level="2">Head</text:h><text:p>a<text:span text:style-name="UP">2</text:span></text:p>'
    assert blocks(file(xml)) == blocks(flat(xml))
    sheet = '<table:table table:name="S"><table:table-row><table:table-cell><text:p>x</text:p></table:table-cell>'
    sheet += "<table:table-cell><text:p>y</text:p></table:table-cell></table:table-row></table:table>"
    assert blocks(file(sheet, "spreadsheet")) == blocks(flat(sheet, "spreadsheet"))


def test_pictures_in_one_xml_file_are_no_text():
    picture = "<draw:frame><draw:image><office:binary-data>aGVsbG8=\n</office:binary-data></draw:image></draw:frame>"
    assert blocks(flat(f"<text:p>before{picture}</text:p>{picture}")) == [("paragraph", "before")]


@pytest.mark.parametrize("data", [flat("<text:p>x</text:p>", more="<!DOCTYPE x [<!ENTITY a 'b'>]>"), b"<a", b"<a/>"])
def test_one_xml_file_without_a_document_is_refused(data):
    with pytest.raises(MalformedDocument):
        parsed(odf, data)


def test_blank_lines_between_paragraphs_of_code_stay():
    code = "".join(f'<text:p text:style-name="P">{line}</text:p>' for line in ("a = 1", "", "b = 2", ""))
    assert blocks(file(f"{code}<text:p>prose</text:p>")) == [("code", "a = 1\n\nb = 2"), ("paragraph", "prose")]


def test_text_that_is_raised_by_a_distance_is_raised_where_it_touches_a_word():
    styles = '<style:style style:name="Q" style:family="text"><style:text-properties style:text-position="40% 60%"/>'
    span = '<text:span text:style-name="Q">{}</text:span>'.format
    xml = f"<text:p>{span('2024')} m{span('2')}</text:p>"
    data = flat(xml).replace(
        b"</office:automatic-styles>", f"{styles}</style:style></office:automatic-styles>".encode()
    )
    assert blocks(data) == [("paragraph", "2024 m²")]
