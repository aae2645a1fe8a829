import pytest
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from ingest.documents.parsers import pptx
from ingest.errors import EmptyDocument, MalformedDocument
from ingest.records import DocumentRef, ParserOptions, RawDocument
from tests.unit.documents.parsers.checks import faults, headings, parsed, shown
from tests.unit.documents.parsers.office_files import changed, slides

BOX = [Inches(1)] * 4


def page(deck, layout=1, title="Title"):
    slide = deck.slides.add_slide(deck.slide_layouts[layout])
    if slide.shapes.title is not None:
        slide.shapes.title.text = title
    return slide


def blocks(data):
    document = parsed(pptx, data)
    assert faults(document) == []
    return [(block.page, *found) for block, found in zip(document.blocks, shown(document), strict=True)]


def test_a_slide_is_a_section_with_its_lists_and_notes():
    def build(deck):
        slide = page(deck)
        frame = slide.placeholders[1].text_frame
        frame.text = "one"
        inner = frame.add_paragraph()
        inner.text, inner.level = "two", 1
        slide.notes_slide.notes_text_frame.text = "say this"
        slide.shapes.add_textbox(*BOX).text_frame.text = "a box"
        page(deck, 6).shapes.add_textbox(*BOX).text_frame.text = "bare"

    data = changed(slides(build), "ppt/slides/slide2.xml", lambda old: old.replace(b"Title</a:t>", b"</a:t>"))
    assert blocks(data) == [
        (1, "heading", "Title"),
        (1, "list", "- one\n  - two"),
        (1, "paragraph", "a box"),
        (1, "heading", "Notes"),
        (1, "paragraph", "say this"),
        (2, "heading", "Slide 2"),
        (2, "paragraph", "bare"),
    ]
    assert headings(parsed(pptx, data)) == [(1, "Title"), (2, "Notes"), (1, "Slide 2")]
    assert parsed(pptx, data).title == ""


def test_numbers_and_bullets_of_text_boxes_are_seen():
    def build(deck):
        frame = page(deck, 6).shapes.add_textbox(*BOX).text_frame
        for text in ("plain", "first", "second", "after"):
            frame.add_paragraph().text = text

    number = b'<a:p><a:pPr><a:buAutoNum type="arabicPeriod"/></a:pPr><a:r><a:t>'
    change = slides(build)
    for text in (b"first", b"second"):
        change = changed(
            change, "ppt/slides/slide1.xml", lambda old, t=text: old.replace(b"<a:p><a:r><a:t>" + t, number + t)
        )
    assert [found[1:] for found in blocks(change)[1:]] == [
        ("paragraph", "plain"),
        ("list", "1. first\n2. second"),
        ("paragraph", "after"),
    ]


def test_tables_repeat_merged_cells_and_know_their_header():
    def build(deck):
        table = page(deck, 5).shapes.add_table(3, 3, *BOX).table
        for row in range(3):
            for column in range(3):
                table.cell(row, column).text = f"{'hab'[row]}{'xyz'[column]}"
        table.cell(0, 1).text = table.cell(0, 2).text = table.cell(2, 0).text = ""
        table.cell(0, 1).text = "wide"
        table.cell(0, 1).merge(table.cell(0, 2))
        table.cell(1, 0).merge(table.cell(2, 0))

    document = parsed(pptx, slides(build))
    table = document.blocks[1]
    assert shown(document)[1] == ("table", "hx | wide | wide\nax | ay | az\nax | by | bz")
    assert document.text[table.start : table.header_end] == "hx | wide | wide\n"


def test_groups_and_charts_are_read():
    def build(deck):
        slide = page(deck, 5)
        group = slide.shapes.add_group_shape()
        group.shapes.add_group_shape().shapes.add_textbox(*BOX).text_frame.text = "in groups"
        data = CategoryChartData()
        data.categories = ["2019", "2020"]
        data.add_series("Ducks", (120, 130.5))
        data.add_series("Share", (0.256, None), number_format="0.0%")
        chart = slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *BOX, data).chart
        chart.has_title = True
        chart.chart_title.text_frame.text = "Birds"

    assert [found[1:] for found in blocks(slides(build))[1:]] == [
        ("paragraph", "in groups"),
        ("table", "Birds\n | Ducks | Share\n2019 | 120 | 25.6%\n2020 | 130.5 |"),
    ]


def test_hidden_slides_and_shapes_are_kept_and_marked():
    def build(deck):
        for title in ("seen", "unseen"):
            slide = page(deck, 5, title)
            for text in ("a", "b"):
                slide.shapes.add_textbox(*BOX).text_frame.text = f"{title} {text}"

    data = changed(slides(build), "ppt/slides/slide2.xml", lambda old: old.replace(b"<p:sld ", b'<p:sld show="0" ', 1))
    data = changed(
        data, "ppt/slides/slide1.xml", lambda old: old.replace(b'<p:cNvPr id="3"', b'<p:cNvPr hidden="1" id="3"')
    )
    document = parsed(pptx, data)
    hidden = [document.text[block.start : block.end] for block in document.blocks if block.marks == ("hidden",)]
    assert (faults(document), hidden) == ([], ["seen a", "unseen", "unseen a", "unseen b"])


def test_slides_come_in_the_order_of_the_presentation():
    def build(deck):
        for title in ("first", "second"):
            page(deck, 5, title)
        order = deck.slides._sldIdLst
        order.append(order[0])

    assert [title for _, title in headings(parsed(pptx, slides(build)))] == ["second", "first"]


def test_slides_without_text_are_an_empty_document():
    with pytest.raises(EmptyDocument):
        parsed(pptx, slides(lambda deck: page(deck, 6)))


def test_an_entity_is_refused_and_a_broken_slide_malformed():
    data = slides(page)
    with pytest.raises(MalformedDocument, match="document type"):
        parsed(
            pptx,
            changed(
                data, "ppt/slides/slide1.xml", lambda old: b"<!DOCTYPE p [<!ENTITY a 'b'>]>" + old.partition(b"?>")[2]
            ),
        )
    with pytest.raises(MalformedDocument, match=r"ppt/slides/slide1\.xml"):
        parsed(pptx, changed(data, "ppt/slides/slide1.xml", lambda old: old[:500]))


def boxes(*places, layout=6, title=""):
    """Return a deck of one slide with text boxes: text, left, top, width, height in inches."""

    def build(deck):
        slide = page(deck, layout, title)
        for text, *place in places:
            slide.shapes.add_textbox(*map(Inches, place)).text_frame.text = text

    return slides(build)


def texts(data):
    return [text for _, kind, text in blocks(data) if kind != "heading"]


def test_shapes_are_read_by_place_where_the_stored_order_contradicts_it():
    row = [("right", 5, 2, 4, 1), ("left", 0.5, 2, 4, 1)]
    assert texts(boxes(("below", 0.5, 4, 8, 1), *row)) == ["left", "right", "below"]
    assert texts(boxes(("above", 0.5, 1, 8, 1), *reversed(row))) == ["above", "left", "right"]
    columns = [("b2", 5, 3, 4, 1), ("a1", 0.5, 1, 4, 1), ("b1", 5, 1, 4, 1), ("a2", 0.5, 3, 4, 1)]
    assert texts(boxes(*columns)) == ["a1", "a2", "b1", "b2"]


def test_a_placeholder_has_the_place_of_its_layout():
    def build(deck):
        slide = page(deck, 3)
        slide.placeholders[2].text_frame.text = "right"
        slide.placeholders[1].text_frame.text = "left"
        right, left = slide.placeholders[2], slide.placeholders[1]
        left._element.getparent().append(left._element)
        assert right.left > left.left

    assert texts(slides(build)) == ["- left", "- right"]


def test_a_group_is_read_as_one_and_inside_by_place():
    def build(deck):
        slide = page(deck, 6)
        slide.shapes.add_textbox(*map(Inches, (0.5, 5, 8, 1))).text_frame.text = "last"
        group = slide.shapes.add_group_shape()
        for text, left, top in (("d", 4, 3), ("c", 1, 3), ("b", 4, 1), ("a", 1, 1)):
            group.shapes.add_textbox(*map(Inches, (left, top, 2, 1))).text_frame.text = text

    assert texts(slides(build)) == ["a", "c", "b", "d", "last"]


def test_slides_written_from_right_to_left_are_read_so():
    data = boxes(("\u05d1", 1, 1, 3, 1), ("\u05d0", 5, 1, 3, 1))
    data = changed(data, "ppt/slides/slide1.xml", lambda old: old.replace(b"<a:p>", b'<a:p><a:pPr rtl="1"/>'))
    assert texts(data) == ["\u05d0", "\u05d1"]


def test_symbol_fonts_are_what_they_show():
    sign = b'<a:r><a:rPr><a:%s typeface="Wingdings" charset="2"/></a:rPr><a:t>'
    data = boxes(("a", 1, 1, 3, 1))

    def shows(kind, text):
        run = sign % kind + text.encode()
        return texts(changed(data, "ppt/slides/slide1.xml", lambda old: old.replace(b"<a:r><a:t>a", run)))

    assert shows(b"latin", "\u00fc") == ["✓"]
    assert shows(b"latin", "\uf0fe") == ["☑"]
    assert shows(b"sym", "\u00e0 next") == ["→ next"]
    assert shows(b"sym", "J") == ["☺"]
    assert shows(b"ea", "J") == ["J"]


COMMENTS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
MODERN = "http://schemas.microsoft.com/office/2018/10/relationships"


def related(data, rels, kind, target, content):
    relation = f'<Relationship Id="x{kind[-9:]}" Type="{kind}" Target="/ppt/{target}"/></Relationships>'.encode()
    data = changed(data, f"ppt/{target}", lambda _: content.encode())
    return changed(data, rels, lambda old: old.replace(b"</Relationships>", relation))


def commented(comments, authors, family):
    data = boxes(("text", 1, 1, 3, 1), title="Head")
    names = (
        'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
        'xmlns:m="http://schemas.microsoft.com/office/powerpoint/2018/8/main" '
        'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
    )
    kind = "commentAuthors" if family == COMMENTS else "authors"
    data = related(data, "ppt/_rels/presentation.xml.rels", f"{family}/{kind}", "au.xml", f"<x {names}>{authors}</x>")
    rels = "ppt/slides/_rels/slide1.xml.rels"
    return related(data, rels, f"{family}/comments", "co.xml", f"<x {names}>{comments}</x>")


def test_comments_follow_the_shapes_of_their_slide():
    old = '<p:cm authorId="0" idx="1"><p:pos x="1" y="1"/><p:text>Too long?</p:text></p:cm>'
    body = "<m:txBody><a:p><a:r><a:t>{}</a:t></a:r></a:p></m:txBody>".format
    reply = f'<m:replyLst><m:reply authorId="y">{body("No.")}</m:reply></m:replyLst>'
    new = f'<m:cm authorId="x" status="resolved">{reply}{body("Why?")}</m:cm>'
    authors = '<m:author id="x" name="Ann"/><m:author id="y" name="Bob"/>'
    for data, expected in (
        (commented(old, '<p:cmAuthor id="0" name="Ann Lee"/>', COMMENTS), ["[Comment by Ann Lee: Too long?]"]),
        (commented(new, authors, MODERN), ["[Comment by Ann (resolved): Why?]", "[Comment by Bob: No.]"]),
    ):
        document = parsed(pptx, data)
        assert texts(data) == ["text", *expected]
        assert [block.marks for block in document.blocks if "Comment" in shown_text(document, block)] == [
            ("comment",)
        ] * len(expected)
        options = ParserOptions(comments="drop")
        raw = RawDocument(DocumentRef("u", "s", "p", "1", 1), data, pptx.MEDIA_TYPES[0], options)
        assert "Comment" not in pptx.parse(raw).text


def test_replies_of_older_slides_follow_what_they_answer():
    thread = '<x xmlns="http://schemas.microsoft.com/office/powerpoint/2012/main"><parentCm authorId="0" idx="1"/></x>'
    comments = "".join(
        f'<p:cm authorId="{author}" idx="{number}"><p:text>{text}</p:text>{more}</p:cm>'
        for author, number, text, more in ((0, 1, "Why?", ""), (0, 2, "Other", ""), (1, 1, "Because", thread))
    )
    shown = texts(commented(comments, '<p:cmAuthor id="0" name="Ann"/><p:cmAuthor id="1" name="Bob"/>', COMMENTS))
    assert ["[Comment by Ann: Why?]", "[Comment by Bob: Because]", "[Comment by Ann: Other]"] == shown[1:]


def shown_text(document, block):
    return document.text[block.start : block.end]


def test_soft_hyphens_part_no_words():
    def build(presentation):
        slide = presentation.slides.add_slide(presentation.slide_layouts[5])
        slide.shapes.title.text = "Agree\u00adment"

    assert parsed(pptx, slides(build)).blocks[0].title == "Agreement"


def test_raised_figures_are_other_texts_than_the_same_on_the_line():
    def build(presentation):
        slide = presentation.slides.add_slide(presentation.slide_layouts[5])
        line = slide.shapes.title.text_frame.paragraphs[0]
        for text, baseline in (("10", "0"), ("3", "30000"), (" H", "0"), ("2", "-25000"), ("O, m", "0"), ("2", "30%")):
            run = line.add_run()
            run.text = text
            run.font._element.set("baseline", baseline)

    assert "10³ H2O, m²" == parsed(pptx, slides(build)).blocks[0].title
