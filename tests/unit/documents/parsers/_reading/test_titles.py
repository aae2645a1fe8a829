import pytest

from ingest.documents.parsers._reading.titles import cover_title, document_title, stated_title
from ingest.records import Block, BlockKind


def heading(level, title, *marks):
    return Block(BlockKind.HEADING, 0, 1, level=level, title=title, marks=marks)


PARAGRAPH = Block(BlockKind.PARAGRAPH, 0, 1)


@pytest.mark.parametrize(
    ("headings", "title"),
    [
        ([], ""),
        ([(1, "Guide")], "Guide"),
        ([(3, "Guide")], "Guide"),
        ([(1, "Guide"), (2, "Install"), (3, "On Linux"), (2, "Configure")], "Guide"),
        ([(1, "Install"), (1, "Configure")], ""),
        ([(1, "Install"), (2, "On Linux"), (1, "Configure")], ""),
        ([(2, "Contents"), (1, "Guide"), (2, "Install")], ""),
        ([(1, "Slide 1")], ""),
    ],
)
def test_the_first_heading_is_the_title_if_no_other_has_its_level_or_a_higher_one(headings, title):
    assert document_title([PARAGRAPH, *(heading(*each) for each in headings)]) == title


def test_a_hidden_heading_is_no_title_and_stands_in_nobodys_way():
    assert document_title([heading(1, "a", "hidden"), heading(2, "b"), heading(1, "c", "hidden")]) == "b"


def test_what_is_stated_comes_before_headings_and_what_an_office_program_keeps_after_them():
    one, chapters = [heading(1, "One")], [heading(1, "One"), heading(1, "Two")]
    assert document_title(one, "Stated", "Kept") == "Stated"
    assert document_title(one, "untitled", "Kept") == "One"
    assert document_title(chapters, "", "Kept") == "Kept"
    assert document_title(chapters, "untitled", "Document1") == ""


@pytest.mark.parametrize(
    "title",
    """(anonymous)|anonymous|untitled|Untitled document|Untitled-1|Untitled 2|UNTITLED|Unbenanntes Dokument|Sans titre
    Documento sin título|無題|无标题|New Page 1|Word Document|PowerPoint Presentation|PowerPoint-Präsentation
    Presentación de PowerPoint|Présentation PowerPoint|PowerPoint プレゼンテーション|Презентация PowerPoint|Document1
    Doc2|Presentation1|Präsentation1|Book1|Mappe1|Sheet1|Slide 1|Folie 3|Microsoft Word - plan v3.doc
    Microsoft Excel - Book1|Microsoft Word|report.docx|Annual report 2020.pdf|C:\\texts\\plan.wpd
    \\\\server\\share\\plan.doc|/home/a/plan.odt
    Unknown Title
    index.html|chapter-1.xhtml|about:blank|https://example.org/a?b=c|file:///tmp/a|React App|Scanned document|-|…
    [Untitled]|Document|Ohne Titel|Naamloos|Bez tytułu|Без имени""".replace("\n", "|").split("|"),
)
def test_a_placeholder_or_a_file_s_name_is_no_title(title):
    assert stated_title(title.strip()) == ""


@pytest.mark.parametrize(
    "title",
    """Documents|Index|null|1984|日本|C#|Node.js|TCP/IP|Untitled: a life|The untitled document|Slides 1 to 3
    Word documents|How to write README.md|Microsoft Wordsmith|Presentations|Book 1|DOC2022
    The file report.docx explained|/v1/users""".replace("\n", "|").split("|"),
)
def test_what_could_be_a_subject_is_a_title(title):
    assert stated_title(title.strip()) == title.strip()


def test_the_first_title_of_several_counts_on_one_line():
    assert stated_title("", " untitled ", " The\n guide ", "Other") == "The guide"


def test_a_very_long_title_costs_no_time():
    assert stated_title("a" * 1_000_000 + ".docx")[:2] == "aa"


def test_a_title_slide_names_a_presentation_unless_the_next_is_one_too():
    assert cover_title([]) == ""
    assert cover_title(["Guide"]) == "Guide"
    assert cover_title(["Guide", "", "Thanks"]) == "Guide"
    assert cover_title(["One", "Two"]) == ""
    assert cover_title(["", "Two"]) == ""
