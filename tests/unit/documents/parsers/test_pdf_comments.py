"""Comments and text boxes of PDF files."""

from dataclasses import replace

import pytest

from ingest.documents.parsers import pdf
from ingest.errors import OversizedDocument
from ingest.records import ParseLimits, ParserOptions
from tests.unit.documents.parsers.checks import faults, parsed, raw, shown
from tests.unit.documents.parsers.pdf_files import Writer, area, lines, text
from tests.unit.documents.parsers.pdf_forms import annotated, note

FIRST = ["The plan is read before anything is spent, and it says how many", "documents are new, changed or gone."]
SECOND = ["Nothing is fetched before a person or a budget has agreed to it", "and nobody needs to look at it again."]
PAGE = lines(72, 100, FIRST) + lines(72, 160, SECOND)
PARAGRAPHS = [" ".join(FIRST), " ".join(SECOND)]


def read(notes, content=PAGE, **more):
    document = parsed(pdf, annotated([content], [notes], form="", **more))
    assert faults(document) == []
    return document


def found(notes, **more):
    """Return the texts of all blocks; those of comments in a list."""
    document = read(notes, **more)
    return [
        [text] if b.marks == ("comment",) else text
        for b, (_, text) in zip(document.blocks, shown(document), strict=True)
    ]


def test_a_comment_follows_the_paragraph_at_which_it_stands():
    notes = [
        note("Text", (560, 160, 580, 180), "Who?", "B. Berg"),
        note("Text", (40, 96, 60, 116), "How many?", "A. Author"),
    ]
    expected = [PARAGRAPHS[0], ["[Comment by A. Author: How many?]"], PARAGRAPHS[1], ["[Comment by B. Berg: Who?]"]]
    assert found(notes) == expected


def test_replies_follow_what_they_answer_and_a_popup_adds_nothing():
    where = (500, 96, 520, 116)
    notes = [
        note("Text", where, "First", "A", "/Popup {n1}"),
        note("Popup", (520, 96, 600, 160), "First", more="/Parent {n0}"),
        note("Text", (500, 160, 520, 180), "Other", "B"),
        note("Text", where, "Answer to the answer", "C", "/IRT {n4}"),
        note("Text", where, "Answer", "B", "/IRT {n0}"),
        note("Text", where, "Accepted set by B", "B", "/IRT {n0} /StateModel (Review) /State (Accepted)"),
    ]
    comments = ["[Comment by A: First]", "[Comment by B: Answer]", "[Comment by C: Answer to the answer]"]
    assert found(notes) == [PARAGRAPHS[0], *([one] for one in comments), PARAGRAPHS[1], ["[Comment by B: Other]"]]


@pytest.mark.parametrize(
    "kind", ["Highlight", "Underline", "StrikeOut", "Squiggly", "Square", "Circle", "Ink", "Caret"]
)
def test_a_remark_on_marked_text_or_on_a_drawing_is_a_comment(kind):
    marked = note(
        kind, (72, 150, 200, 164), "Is that so?\nSee page 2.", "Ann", "/QuadPoints [72 642 200 642 72 628 200 628]"
    )
    assert found([marked]) == [*PARAGRAPHS, ["[Comment by Ann: Is that so?\nSee page 2.]"]]


def test_marked_text_that_is_repeated_in_its_comment_stands_once():
    box = (72, 90, 350, 103)
    assert found([note("Highlight", box, "The plan is read", "Ann"), note("Highlight", box, "", "Ann")]) == PARAGRAPHS


def test_rich_text_and_other_scripts_are_read():
    notes = [
        note("Text", (500, 96, 520, 116), more="/RC (<body><p>Rich <b>text</b> &amp; more</p></body>)"),
        note("Text", (500, 160, 520, 180), "Прошу проверить", "Анна"),
    ]
    assert found(notes)[1::2] == [["[Comment: Rich text & more]"], ["[Comment by Анна: Прошу проверить]"]]


def test_a_date_behind_the_name_of_the_author_is_no_part_of_it():
    where = (500, 96, 520, 116)
    notes = [note("Text", where, "One", "Ann Lee, 11/30/26, 9:24 AM"), note("Text", where, "Two", "Lee, Ann")]
    assert found(notes)[1:3] == [["[Comment by Ann Lee: One]"], ["[Comment by Lee, Ann: Two]"]]


def test_a_comment_that_nobody_sees_is_marked_hidden_too():
    document = read([note("Text", (500, 96, 520, 116), "Secret remark", flags=2)])
    assert [block.marks for block in document.blocks] == [(), ("comment", "hidden"), ()]


def test_comments_are_dropped_where_the_source_says_so_but_text_boxes_are_not():
    notes = [note("Text", (500, 96, 520, 116), "Remark"), note("FreeText", (72, 300, 300, 330), "Door opens outwards")]
    given = raw(annotated([PAGE], [notes], form=""), "a.pdf", "application/pdf")
    document = pdf.parse(replace(given, options=ParserOptions(comments="drop")))
    assert [text for _, text in shown(document)] == [*PARAGRAPHS, "Door opens outwards"]


def test_a_text_box_is_text_of_the_page_once_with_and_without_an_appearance():
    drawn = [(72, 400, 300, 430), (72, 500, 300, 530)]
    boxes = [
        note("FreeText", (72, 300, 300, 330), "Door opens\noutwards", more="/DA (/Helv 10 Tf)"),
        note("FreeText", drawn[0], "Mind the gap", more="/AP << /N {s0} >> /DA (/Helv 10 Tf)"),
        note("FreeText", drawn[1], "Drawn as a picture", more="/AP << /N {s1} >> /DA (/Helv 10 Tf)"),
        note("FreeText", (72, 600, 300, 630), "Hidden words", flags=2),
    ]
    looks = [text(80, 420, "Mind the gap"), area(72, 500, 300, 530, "1 0 0")]
    document = read(boxes, shown=list(zip(looks, drawn, strict=True)))
    blocks = [(b.marks, text) for b, (_, text) in zip(document.blocks, shown(document), strict=True)]
    seen = [((), text) for text in ("Door opens outwards", "Mind the gap", "Drawn as a picture")]
    assert blocks[2:] == [*seen, (("hidden",), "Hidden words")]


def test_comments_on_pages_without_text_are_kept_in_order():
    pages = ["", PAGE, ""]
    notes = [[note("Text", (100, 100, 120, 120), f"Remark {at}")] for at in range(3)]
    texts = [text for _, text in shown(parsed(pdf, annotated(pages, notes, form="")))]
    assert texts == ["[Comment: Remark 0]", PARAGRAPHS[0], "[Comment: Remark 1]", PARAGRAPHS[1], "[Comment: Remark 2]"]


def test_replies_in_a_circle_are_read_once():
    where = (500, 96, 520, 116)
    notes = [note("Text", where, "One", more="/IRT {n1}"), note("Text", where, "Two", more="/IRT {n0}")]
    assert found(notes)[1:3] == [["[Comment: One]"], ["[Comment: Two]"]]


def test_a_value_that_is_shown_in_many_places_cannot_fill_the_memory():
    widget = "<< /Type /Annot /Subtype /Widget /Parent {p0} /F 4 /Rect [72 600 200 620] >>"
    parent = f"<< /FT /Tx /T (n) /V ({'x' * 1000}) /Kids [{' '.join(f'{{n{at}}}' for at in range(200))}] >>"
    given = raw(annotated([PAGE], [[widget] * 200], [parent]), "a.pdf", "application/pdf")
    options = ParserOptions(limits=ParseLimits(text_characters=100_000))
    with pytest.raises(OversizedDocument, match="over the limit of 100000 characters in annotations"):
        pdf.parse(replace(given, options=options))


def test_text_at_the_top_of_a_page_that_inherits_its_size_is_seen_also_with_a_text_box():
    writer = Writer()
    fonts = "/Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >>"
    content = writer.stream(b"BT /F1 10 Tf 72 1100 Td (At the top of the page.) Tj ET")
    box = writer.add("<< /Type /Annot /Subtype /FreeText /Contents (In a box) /Rect [72 900 200 920] /F 4 >>")
    page = writer.add(
        f"<< /Type /Page /Parent 4 0 R /Resources << {fonts} >> /Contents {content} 0 R /Annots [{box} 0 R] >>"
    )
    writer.add(f"<< /Type /Pages /Kids [{page} 0 R] /Count 1 /MediaBox [0 0 842 1191] >>")
    root = writer.add("<< /Type /Catalog /Pages 4 0 R >>")
    document = parsed(pdf, writer.file(f"/Root {root} 0 R"))
    assert [(block.marks, text) for block, (_, text) in zip(document.blocks, shown(document), strict=True)] == [
        ((), "At the top of the page."),
        ((), "In a box"),
    ]


@pytest.mark.parametrize("turn", ["0 1 -1 0 85 380", "0 -1 1 0 76 485", "-1 0 0 -1 168 485"])
def test_a_text_box_whose_appearance_is_turned_stands_once(turn):
    where = (72, 300, 172, 420)
    box = note("FreeText", where, "Received in May", more="/AP << /N {s0} >>")
    document = read([box], shown=[(f"BT /F1 10 Tf {turn} Tm (Received in May) Tj ET", where)])
    assert [text for _, text in shown(document)] == [*PARAGRAPHS, "Received in May"]
