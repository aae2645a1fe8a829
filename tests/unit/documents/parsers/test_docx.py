import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.documents.parsers import docx
from ingest.errors import EmptyDocument, EncryptedDocument, MalformedDocument, OversizedDocument
from ingest.records import BlockKind
from tests.unit.documents.parsers.checks import faults, headings, parsed, pieces, raw, shown
from tests.unit.documents.parsers.office_files import body, changed, p, word

HIDDEN = ("hidden",)


def blocks(data):
    document = parsed(docx, data)
    assert faults(document) == []
    return [(kind, text) for kind, text in shown(document)]


def marked(data):
    document = parsed(docx, data)
    return [document.text[b.start : b.end] for b in document.blocks if b.marks == HIDDEN]


def test_headings_lists_tables_and_paragraphs_keep_their_structure():
    def build(document):
        document.add_heading("The title", 0)
        document.add_heading("First", 1)
        document.add_paragraph("Some text.")
        document.add_paragraph("one", style="List Bullet")
        document.add_paragraph("inner", style="List Bullet 2")
        document.add_paragraph("said", style="Quote")
        document.add_paragraph("Table 1", style="Caption")
        table = document.add_table(3, 2)
        for index, text in enumerate(["h", "k", "a b", "2", "c", "3"]):
            table.cell(index // 2, index % 2).text = text
        document.add_heading("Deep", 3)

    document = parsed(docx, word(build))
    assert faults(document) == []
    assert headings(document) == [(1, "The title"), (1, "First"), (3, "Deep")]
    assert document.title == "The title"
    assert shown(document)[2:7] == [
        ("paragraph", "Some text."),
        ("list", "- one\n- inner"),
        ("quote", "said"),
        ("caption", "Table 1"),
        ("table", "h | k\na b | 2\nc | 3"),
    ]
    (table,) = [block for block in document.blocks if block.kind is BlockKind.TABLE]
    assert pieces(document, table) == ["h | k\n", "a b | 2\n", "c | 3"]
    assert document.text[table.start : table.header_end] == "h | k\n"


@pytest.mark.parametrize(
    ("style", "level"),
    [
        ('<w:style w:type="paragraph" w:styleId="x"><w:name w:val="Überschrift 2"/></w:style>', 2),
        ('<w:style w:type="paragraph" w:styleId="x"><w:name w:val="HeadB"/></w:style>', 3),
        (
            '<w:style w:type="paragraph" w:styleId="x"><w:name w:val="mine"/><w:basedOn w:val="y"/></w:style>'
            '<w:style w:type="paragraph" w:styleId="y"><w:name w:val="heading 4"/></w:style>',
            4,
        ),
        (
            '<w:style w:type="paragraph" w:styleId="x"><w:name w:val="mine"/><w:pPr><w:outlineLvl w:val="1"/></w:pPr>'
            "</w:style>",
            2,
        ),
        ('<w:style w:type="paragraph" w:styleId="x"><w:name w:val="a"/><w:basedOn w:val="x"/></w:style>', 0),
    ],
)
def test_a_style_makes_a_heading_by_name_by_outline_level_or_by_what_it_is_based_on(style, level):
    document = parsed(docx, body(p("Text", "x"), styles=style))
    assert headings(document) == ([(level, "Text")] if level else [])


def test_an_outline_level_of_the_paragraph_counts_more_than_its_style():
    style = '<w:style w:type="paragraph" w:styleId="x"><w:name w:val="heading 1"/></w:style>'
    levels = '<w:outlineLvl w:val="2"/>', '<w:outlineLvl w:val="9"/>'
    document = parsed(docx, body(p("A", "x", levels[0]) + p("B", "x", levels[1]), styles=style))
    assert (headings(document), shown(document)[1]) == ([(3, "A")], ("paragraph", "B"))


NUMBERING = """<w:abstractNum w:abstractNumId="0">
<w:lvl w:ilvl="0"><w:start w:val="3"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl>
<w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="lowerLetter"/><w:lvlText w:val="%1.%2)"/></w:lvl></w:abstractNum>
<w:num w:numId="5"><w:abstractNumId w:val="0"/></w:num>
<w:num w:numId="6"><w:abstractNumId w:val="0"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="1"/></w:lvlOverride>
</w:num>"""


def item(text, level=0, key=5):
    return p(text, "", f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{key}"/></w:numPr>')


def test_automatic_numbers_are_part_of_the_text_since_readers_see_them():
    xml = (
        item("a") + item("b", 1) + item("c", 1) + item("d") + item("e", 1) + p("between") + item("f") + item("g", 0, 6)
    )
    assert blocks(body(xml, numbering=NUMBERING)) == [
        ("list", "3. a\n  3.a) b\n  3.b) c\n4. d\n  4.a) e"),
        ("paragraph", "between"),
        ("list", "5. f\n1. g"),
    ]


def test_a_numbered_heading_carries_its_number():
    style = (
        '<w:style w:type="paragraph" w:styleId="x"><w:name w:val="heading 1"/><w:pPr><w:numPr><w:numId w:val="5"/>'
        "</w:numPr></w:pPr></w:style>"
    )
    assert headings(parsed(docx, body(p("A", "x"), styles=style, numbering=NUMBERING))) == [(1, "3. A")]


def test_breaks_of_a_list_lie_between_items_and_not_at_line_breaks_inside_one():
    xml = item("a</w:t><w:br/><w:t>more") + item("b")
    document = parsed(docx, body(xml, numbering=NUMBERING))
    assert pieces(document, document.blocks[0]) == ["3. a\n  more\n", "4. b"]


def test_insertions_are_kept_and_deletions_are_not():
    xml = (
        "<w:p><w:r><w:t>a </w:t></w:r><w:ins><w:r><w:t>new </w:t></w:r></w:ins><w:del><w:r><w:delText>old</w:delText>"
        "</w:r></w:del><w:moveFrom><w:r><w:t>gone</w:t></w:r></w:moveFrom><w:moveTo><w:r><w:t>moved</w:t></w:r>"
        "</w:moveTo></w:p><w:p><w:pPr><w:rPr><w:del/></w:rPr></w:pPr><w:r><w:t>joined </w:t></w:r></w:p>"
        + p("with this")
    )
    assert blocks(body(xml)) == [("paragraph", "a new moved"), ("paragraph", "joined with this")]


@pytest.mark.parametrize("kind", ["drop", "margin"])
def test_a_large_initial_begins_the_word_of_the_next_paragraph(kind):
    initial = f'<w:p><w:pPr><w:framePr w:dropCap="{kind}" w:lines="3"/></w:pPr><w:r><w:t>O</w:t></w:r></w:p>'
    assert [("paragraph", "Once upon a time"), ("paragraph", "x")] == blocks(
        body(initial + p("nce upon a time") + p("x"))
    )
    frame = initial.replace(f'w:dropCap="{kind}" w:lines="3"', 'w:w="100"')
    assert [("paragraph", "O"), ("paragraph", "x")] == blocks(body(frame + p("x")))


def test_a_paragraph_whose_end_is_deleted_is_kept_where_nothing_can_join_it():
    xml = "<w:p><w:pPr><w:rPr><w:del/></w:rPr></w:pPr><w:r><w:t>last</w:t></w:r></w:p>"
    assert blocks(body(xml)) == [("paragraph", "last")]


@pytest.mark.parametrize(
    "run",
    ["<w:vanish/>", '<w:color w:val="FFFFFF"/>', '<w:sz w:val="2"/>', '<w:rStyle w:val="x"/>'],
)
def test_hidden_text_is_kept_in_blocks_of_its_own(run):
    style = '<w:style w:type="character" w:styleId="x"><w:name w:val="x"/><w:rPr><w:vanish/></w:rPr></w:style>'
    data = body(p("seen</w:t></w:r><w:r><w:rPr>" + run + "</w:rPr><w:t>unseen"), styles=style)
    assert (blocks(data), marked(data)) == ([("paragraph", "seen"), ("paragraph", "unseen")], ["unseen"])


@pytest.mark.parametrize(
    ("run", "properties"),
    [
        ('<w:vanish w:val="0"/>', ""),
        ('<w:color w:val="FFFFFF"/><w:highlight w:val="black"/>', ""),
        ('<w:color w:val="FFFFFF"/><w:shd w:val="clear" w:fill="000000"/>', ""),
        ('<w:color w:val="FFFFFF"/>', '<w:shd w:val="clear" w:fill="000000"/>'),
    ],
)
def test_text_that_can_be_seen_is_not_marked(run, properties):
    assert marked(body(p("seen", "", properties, run))) == []


def test_hidden_text_in_a_table_follows_the_table():
    cells = "".join(f"<w:tc>{p(text, '', '', run)}</w:tc>" for text, run in (("a", ""), ("b", "<w:vanish/>")))
    data = body(f"<w:tbl><w:tr>{cells}</w:tr><w:tr>{cells}</w:tr></w:tbl>")
    assert (blocks(data)[0], marked(data)) == (("table", "a\na"), ["b", "b"])


def test_white_text_on_a_dark_cell_is_seen():
    text = p("a", "", "", '<w:color w:val="FFFFFF"/>')
    cell = f'<w:tc><w:tcPr><w:shd w:val="clear" w:fill="1F3864"/></w:tcPr>{text}</w:tc>'
    assert marked(body(f"<w:tbl><w:tr>{cell}{cell}</w:tr></w:tbl>")) == []


def test_merged_cells_keep_columns_in_line_and_rows_complete():
    def build(document):
        table = document.add_table(3, 3)
        for row in range(3):
            for column in range(3):
                table.cell(row, column).text = f"{row}{column}"
        table.cell(1, 0).merge(table.cell(2, 0)).text = "x"
        table.cell(1, 1).merge(table.cell(1, 2)).text = "y"

    assert blocks(word(build)) == [("table", "00 | 01 | 02\nx | y | y\nx | 21 | 22")]


def test_marked_header_rows_are_the_header_and_deleted_rows_are_gone():
    header, gone = "<w:trPr><w:tblHeader/></w:trPr>", "<w:trPr><w:del/></w:trPr>"
    rows = "".join(
        f"<w:tr>{properties}<w:tc>{p(text)}</w:tc><w:tc>{p('7')}</w:tc></w:tr>"
        for text, properties in (("a", header), ("b", header), ("x", gone), ("c", ""))
    )
    document = parsed(docx, body(f"<w:tbl>{rows}</w:tbl>"))
    table = document.blocks[0]
    assert (document.text[: table.header_end], document.text) == ("a | 7\nb | 7\n", "a | 7\nb | 7\nc | 7")


def test_a_table_of_one_cell_is_a_frame_around_text():
    style = '<w:style w:type="paragraph" w:styleId="x"><w:name w:val="heading 2"/></w:style>'
    data = body(f"<w:tbl><w:tr><w:tc>{p('In it', 'x')}{p('text')}</w:tc></w:tr></w:tbl>", styles=style)
    assert blocks(data) == [("heading", "In it"), ("paragraph", "text")]


def test_a_nested_table_stands_in_its_cell():
    inner = f"<w:tbl><w:tr><w:tc>{p('i')}</w:tc><w:tc>{p('j')}</w:tc></w:tr></w:tbl>"
    row = f"<w:tr><w:tc>{p('a')}{inner}</w:tc><w:tc>{p('b')}</w:tc></w:tr>"
    assert blocks(body(f"<w:tbl>{row}</w:tbl>")) == [("table", "a i j | b")]


def test_notes_follow_the_paragraph_that_refers_to_them():
    reference = '</w:t></w:r><w:r><w:footnoteReference w:id="2"/></w:r><w:r><w:t> end'
    note = f'<w:footnote w:id="2">{p("The note.")}</w:footnote>'
    assert blocks(body(p("word" + reference) + p("next"), footnotes=note)) == [
        ("paragraph", "word[1] end"),
        ("paragraph", "[1] The note."),
        ("paragraph", "next"),
    ]


def test_a_text_box_is_read_once_though_it_is_stored_twice():
    box = f"<w:txbxContent>{p('in the box')}</w:txbxContent>"
    xml = (
        "<w:p><w:r><w:t>before</w:t></w:r><w:r><mc:AlternateContent><mc:Choice Requires='wps'><w:drawing>"
        f"<wps:wsp><wps:txbx>{box}</wps:txbx></wps:wsp></w:drawing></mc:Choice><mc:Fallback><w:pict><v:textbox>{box}"
        "</v:textbox></w:pict></mc:Fallback></mc:AlternateContent></w:r></w:p>"
    )
    assert blocks(body(xml)) == [("paragraph", "before"), ("paragraph", "in the box")]


def test_content_controls_links_and_field_results_are_text_and_field_codes_are_not():
    xml = (
        f"<w:sdt><w:sdtPr><w:alias w:val='no'/></w:sdtPr><w:sdtContent>{p('control')}</w:sdtContent></w:sdt>"
        "<w:p><w:hyperlink r:id='x'><w:r><w:t>link </w:t></w:r></w:hyperlink><w:r><w:fldChar w:fldCharType='begin'/>"
        "<w:instrText>PAGE</w:instrText><w:fldChar w:fldCharType='separate'/><w:t>7</w:t><w:fldChar "
        "w:fldCharType='end'/></w:r></w:p>"
    )
    assert blocks(body(xml)) == [("paragraph", "control"), ("paragraph", "link 7")]


def test_equations_are_kept_as_text():
    power = "<m:sSup><m:e><m:r><m:t>x</m:t></m:r></m:e><m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup>"
    share = "<m:f><m:num><m:r><m:t>a+b</m:t></m:r></m:num><m:den><m:r><m:t>c</m:t></m:r></m:den></m:f>"
    assert blocks(body(f"<w:p><m:oMathPara><m:oMath>{power}{share}</m:oMath></m:oMathPara></w:p>")) == [
        ("paragraph", "x^2(a+b)/c")
    ]


def test_paragraphs_in_a_code_style_or_font_are_one_code_block_with_their_indentation():
    style = '<w:style w:type="paragraph" w:styleId="x"><w:name w:val="Source Code"/></w:style>'
    font = '<w:rFonts w:ascii="Courier New"/>'
    data = body(
        p("def f():", "x") + p("    return 1", "x") + p("a = 1", run=font) + p("prose in type", run=""), styles=style
    )
    assert blocks(data) == [("code", "def f():\n    return 1\na = 1"), ("paragraph", "prose in type")]


def test_a_table_of_contents_is_metadata():
    style = '<w:style w:type="paragraph" w:styleId="x"><w:name w:val="toc 1"/></w:style>'
    assert blocks(body(p("Chapter</w:t><w:tab/><w:t>3", "x") + p("t"), styles=style)) == [
        ("metadata", "Chapter 3"),
        ("paragraph", "t"),
    ]


def test_headers_and_footers_are_left_out_and_comments_are_not():
    def build(document):
        paragraph = document.add_paragraph("seen")
        document.add_comment(paragraph.runs, text="a comment", author="x")
        document.sections[0].header.paragraphs[0].text = "running head"
        document.sections[0].footer.paragraphs[0].text = "running foot"

    assert blocks(word(build)) == [("paragraph", "seen"), ("paragraph", "[Comment by x: a comment]")]


def test_an_embedded_office_document_is_a_child():
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/package"
    relation = f'<Relationship Id="e" Type="{kind}" Target="embeddings/a.xlsx"/></Relationships>'
    data = changed(body(p("t")), "word/embeddings/a.xlsx", lambda _: b"PK the bytes")
    data = changed(
        data, "word/_rels/document.xml.rels", lambda old: old.replace(b"</Relationships>", relation.encode())
    )
    (child,) = parsed(docx, data).children
    assert (child.path, child.data) == ("word/embeddings/a.xlsx", b"PK the bytes")


def test_the_strict_form_of_the_format_is_read():
    def strict(data):
        return data.replace(b"http://schemas.openxmlformats.org/", b"http://purl.oclc.org/ooxml/").replace(
            b"/2006/", b"/"
        )

    data = body(p("Some text"))
    for part in ("word/document.xml", "word/styles.xml", "_rels/.rels", "word/_rels/document.xml.rels"):
        data = changed(
            data,
            part,
            lambda old: strict(old).replace(b"purl.oclc.org/ooxml/package", b"schemas.openxmlformats.org/package/2006"),
        )
    assert blocks(data) == [("paragraph", "Some text")]


@pytest.mark.parametrize("part", ["word/document.xml", "word/styles.xml", "_rels/.rels"])
def test_entities_are_refused_and_not_expanded(part):
    laughs = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10 if i else "ha"}">' for i in range(10))
    bomb = f'<?xml version="1.0"?><!DOCTYPE x [{laughs}]>'

    def change(old):
        return bomb.encode() + old.partition(b"?>")[2] if old.startswith(b"<?xml") else bomb.encode() + old

    with pytest.raises(MalformedDocument, match="document type"):
        parsed(docx, changed(body(p("text")), part, change))


def test_elements_nested_too_deep_are_over_a_limit():
    with pytest.raises(OversizedDocument, match=r"(?i)depth"):
        parsed(docx, body("<w:sdt><w:sdtContent>" * 300 + p("a") + "</w:sdtContent></w:sdt>" * 300))


def test_a_file_under_a_password_is_named_so():
    data = bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 504 + "EncryptedPackage".encode("utf-16-le")
    with pytest.raises(EncryptedDocument):
        parsed(docx, data)


def test_a_document_without_text_is_empty():
    with pytest.raises(EmptyDocument):
        parsed(docx, word(lambda document: None))


@pytest.mark.parametrize("part", ["word/document.xml", "word/styles.xml"])
def test_broken_xml_is_malformed(part):
    with pytest.raises(MalformedDocument, match="a: word/"):
        parsed(docx, changed(body(p("text")), part, lambda old: old[: len(old) // 2]))


def test_an_archive_without_a_document_is_malformed():
    data = changed(body(p("a")), "_rels/.rels", lambda _: b"<Relationships/>")
    data = data.replace(b"word/document.xml", b"word/dokument.xml")
    with pytest.raises(MalformedDocument, match=r"without word/document\.xml"):
        parsed(docx, data)


PARTS = [
    p("a b"),
    p(""),
    p("h", "Heading1"),
    p("code;", "", "", '<w:rFonts w:ascii="Consolas"/>'),
    p("x", "", "", "<w:vanish/>"),
    item("i"),
    item("j", 1),
    item("k", 7, 99),
    p("q", "Quote"),
    "<w:p/>",
    "<w:tbl/>",
    "<w:tbl><w:tr/></w:tbl>",
    f"<w:tbl><w:tr><w:tc>{p('c')}</w:tc><w:tc/><w:tc>{p('d', '', '', '<w:vanish/>')}</w:tc></w:tr></w:tbl>",
    "<w:sdt/>",
    "<w:p><w:pPr><w:rPr><w:del/></w:rPr></w:pPr><w:r><w:t>z</w:t></w:r></w:p>",
    p("a|b | "),
    p("u\u2028v\u00a0"),
]


@given(st.lists(st.sampled_from(PARTS), min_size=1, max_size=8).map("".join))
@settings(max_examples=60)
def test_any_mixture_of_parts_gives_blocks_that_cover_the_text(xml):
    try:
        document = docx.parse(raw(body(xml, numbering=NUMBERING), "a.docx", docx.MEDIA_TYPES[0]))
    except EmptyDocument:
        return
    assert faults(document) == []


def test_blank_lines_between_paragraphs_of_code_stay():
    style = '<w:style w:type="paragraph" w:styleId="x"><w:name w:val="Source Code"/></w:style>'
    code = p("a = 1", "x") + p("", "x") + "<w:p/>" + p("b = 2", "x") + p("", "x")
    assert blocks(body(code + p("prose") + p("", "x"), styles=style)) == [
        ("code", "a = 1\n\n\nb = 2"),
        ("paragraph", "prose"),
    ]
