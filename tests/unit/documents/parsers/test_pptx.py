import pytest
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from ingest.documents.parsers import pptx
from ingest.errors import EmptyDocument, MalformedDocument
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
        chart = slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *BOX, data).chart
        chart.has_title = True
        chart.chart_title.text_frame.text = "Birds"

    assert [found[1:] for found in blocks(slides(build))[1:]] == [
        ("paragraph", "in groups"),
        ("table", "Birds\n | Ducks\n2019 | 120\n2020 | 130.5"),
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
