"""Every format by the same rule: one chapter's heading stands in front of no other chapter."""

import io
import json
import zipfile

import pytest
from pptx.util import Inches

from ingest.documents import parsers
from ingest.documents.chunking import chunk
from ingest.documents.media_types import sniff
from ingest.records import ChunkingOptions, Document
from ingest_conformance.hashing_embedder import HashingTokenizer
from tests.unit.documents.parsers.checks import raw
from tests.unit.documents.parsers.office_files import changed, slides, word, workbook
from tests.unit.documents.parsers.pdf_files import build, lines, text

CHAPTERS = {"Install": "Run it as root.", "Configure": "Edit the file.", "Remove": "Delete the data."}


def markdown(title):
    front = f"---\ntitle: {title}\n---\n" if title else ""
    return front + "\n\n".join(f"# {name}\n\n{body}" for name, body in CHAPTERS.items())


def rst(title):
    front = f".. title:: {title}\n\n" if title else ""
    return front + "\n\n".join(f"{name}\n=========\n\n{body}" for name, body in CHAPTERS.items())


def html(title):
    body = "".join(f"<h1>{name}</h1><p>{body}</p>" for name, body in CHAPTERS.items())
    return f"<html><head><title>{title}</title></head><body>{body}</body></html>"


def open_graph(title):
    return html("Untitled").replace("</head>", f'<meta property="og:title" content="{title}"/></head>')


def docbook(title):
    chapters = "".join(
        f"<chapter><title>{name}</title><para>{body}</para></chapter>" for name, body in CHAPTERS.items()
    )
    return f"<?xml version='1.0'?><book><info><title>{title}</title></info>{chapters}</book>"


def tei(title):
    chapters = "".join(f"<div><head>{name}</head><p>{body}</p></div>" for name, body in CHAPTERS.items())
    named = f"<titleStmt><title>{title}</title></titleStmt>"
    return (
        f"<?xml version='1.0'?><TEI xmlns='http://www.tei-c.org/ns/1.0'><teiHeader><fileDesc>{named}</fileDesc></teiHeader>"
        f"<text><body>{chapters}</body></text></TEI>"
    )


def notebook(title):
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": f"# {name}\n\n{body}"} for name, body in CHAPTERS.items()
    ]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {"title": title}, "cells": cells})


def _docx(title, style=""):
    def made(document):
        document.core_properties.title = title
        if style:
            document.add_paragraph(style, "Title")
        for name, body in CHAPTERS.items():
            document.add_heading(name, 1)
            document.add_paragraph(body)

    return word(made)


def docx_of_title_styles(title):
    def made(document):
        document.core_properties.title = title
        for name, body in CHAPTERS.items():
            document.add_paragraph(name, "Title")
            document.add_paragraph(body)

    return word(made)


def _pptx(title, cover=""):
    def made(deck):
        deck.core_properties.title = title
        if cover:
            deck.slides.add_slide(deck.slide_layouts[0]).shapes.title.text = cover
        for name, body in CHAPTERS.items():
            slide = deck.slides.add_slide(deck.slide_layouts[5])
            slide.shapes.title.text = name
            slide.shapes.add_textbox(*[Inches(1)] * 4).text_frame.text = body

    return slides(made)


def pptx_of_title_slides(title):
    def made(deck):
        deck.core_properties.title = title
        for name, body in CHAPTERS.items():
            slide = deck.slides.add_slide(deck.slide_layouts[0])
            slide.shapes.title.text, slide.placeholders[1].text = name, body

    return slides(made)


def xlsx(title):
    def made(book):
        book.properties.title = title
        book.remove(book.active)
        for name, body in CHAPTERS.items():
            book.create_sheet(name)["A1"] = body

    return workbook(made)


def _opendocument(kind, title, content):
    names = ("office", "text", "table", "meta"), ("draw", "drawing"), ("presentation", "presentation")
    spaces = [(name, name) for name in names[0]] + list(names[1:])
    declared = " ".join(f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{long}:1.0"' for short, long in spaces)
    body = f"<office:body><office:{kind}>{content}</office:{kind}></office:body>"
    meta = f'<office:meta><dc:title xmlns:dc="http://purl.org/dc/elements/1.1/">{title}</dc:title></office:meta>'
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("mimetype", f"application/vnd.oasis.opendocument.{kind}")
        archive.writestr("content.xml", f"<office:document-content {declared}>{body}</office:document-content>")
        archive.writestr("meta.xml", f"<office:document-meta {declared}>{meta}</office:document-meta>")
    return stream.getvalue()


def odt(title):
    made = (f'<text:h text:outline-level="1">{n}</text:h><text:p>{body}</text:p>' for n, body in CHAPTERS.items())
    return _opendocument("text", title, "".join(made))


def ods(title):
    row = "<table:table-row><table:table-cell><text:p>{}</text:p></table:table-cell></table:table-row>"
    made = (f'<table:table table:name="{n}">{row.format(body)}</table:table>' for n, body in CHAPTERS.items())
    return _opendocument("spreadsheet", title, "".join(made))


def odp(title):
    frame = '<draw:frame presentation:class="{}"><draw:text-box><text:p>{}</text:p></draw:text-box></draw:frame>'
    made = (frame.format("title", n) + frame.format("outline", body) for n, body in CHAPTERS.items())
    return _opendocument("presentation", title, "".join(f"<draw:page>{slide}</draw:page>" for slide in made))


def epub(title):
    pages = {
        f"c{i}.xhtml": f"<html><body><h1>{n}</h1><p>{b}</p></body></html>" for i, (n, b) in enumerate(CHAPTERS.items())
    }
    items = "".join(f'<item id="{name}" href="{name}" media-type="application/xhtml+xml"/>' for name in pages)
    spine = "".join(f'<itemref idref="{name}"/>' for name in pages)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr("META-INF/container.xml", '<container><rootfile full-path="book.opf"/></container>')
        archive.writestr(
            "book.opf",
            f'<package><metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{title}</dc:title></metadata>'
            f"<manifest>{items}</manifest><spine>{spine}</spine></package>",
        )
        for name, page in pages.items():
            archive.writestr(name, page)
    return stream.getvalue()


def pdf(title):
    pages = [text(72, 80, name, 20) + lines(72, 110, [body]) for name, body in CHAPTERS.items()]
    return build(pages, title=title)


def pdf_with_packet(title):
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description><dc:title><rdf:Alt><rdf:li xml:lang="x-default">'
        f"{title}</rdf:li></rdf:Alt></dc:title></rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    data, number = pdf("(anonymous)".replace("(", r"\(").replace(")", r"\)")), 90
    entries = f"<< /Type /Metadata /Subtype /XML /Length {len(packet)} >>"
    stream = f"{number} 0 obj\n{entries}\nstream\n{packet}\nendstream\nendobj\n"
    data = data.replace(b"/Type /Catalog", f"/Type /Catalog /Metadata {number} 0 R".encode())
    return data.replace(b"\nxref\n", f"\n{stream}xref\n".encode())


ALL = {
    **{made.__name__: made for made in (markdown, rst, html, open_graph, docbook, tei, notebook, xlsx, odt, ods, odp)},
    **{made.__name__: made for made in (epub, pdf, pdf_with_packet, docx_of_title_styles, pptx_of_title_slides)},
    "docx": _docx,
    "pptx": _pptx,
}
EXTENSIONS = {"markdown": "md", "rst": "rst"}


def read(name: str, data: str | bytes) -> Document:
    given = raw(data, f"plan.{EXTENSIONS.get(name, 'bin')}")
    kind = sniff(given.data, given.ref.path)
    return parsers.find(kind).parse(raw(data, given.ref.path, kind))


def contexts(document: Document) -> list[str]:
    """Return the contexts of the chunks that hold the chapters' texts, in order."""
    found = chunk(document, "d", ChunkingOptions(), HashingTokenizer())
    return [one.context for body in CHAPTERS.values() for one in found if body in one.text]


@pytest.mark.parametrize("name", ALL)
def test_without_a_title_of_its_own_each_chapter_has_only_its_own_heading(name):
    document = read(name, ALL[name](""))
    assert (document.title, contexts(document)) == ("", list(CHAPTERS))


@pytest.mark.parametrize("name", ALL)
def test_a_program_s_placeholder_or_a_file_s_name_stands_in_front_of_nothing(name):
    for title in ("untitled", "plan.docx", "PowerPoint Presentation"):
        document = read(name, ALL[name](title))
        assert (document.title, contexts(document)) == ("", list(CHAPTERS))


@pytest.mark.parametrize("name", ALL)
def test_a_title_of_its_own_stands_in_front_of_all_chapters(name):
    document = read(name, ALL[name]("Handbook"))
    assert (document.title, contexts(document)) == ("Handbook", [f"Handbook > {chapter}" for chapter in CHAPTERS])


def test_a_text_in_the_style_of_a_title_comes_before_what_the_program_keeps():
    assert read("docx", _docx("Template", style="Handbook")).title == "Handbook"


def test_a_title_slide_comes_before_what_the_program_keeps():
    assert read("pptx", _pptx("Template", cover="Handbook")).title == "Handbook"


def test_a_lone_heading_comes_before_what_an_office_program_keeps():
    def made(document):
        document.core_properties.title = "Template"
        document.add_heading("Handbook", 1)
        document.add_heading("Install", 2)

    assert read("docx", word(made)).title == "Handbook"


def test_broken_properties_cost_no_document():
    data = changed(_docx("Handbook"), "docProps/core.xml", lambda old: old[:-20])
    assert read("docx", data).title == ""


def test_a_first_heading_larger_than_all_others_names_a_pdf_though_its_outline_lists_only_the_chapters():
    first, *others = [text(72, 180, name, 20) + lines(72, 210, [body]) for name, body in CHAPTERS.items()]
    outline = [(name, page) for page, name in enumerate(CHAPTERS, 1)]
    assert read("pdf", build([text(72, 80, "Handbook", 28) + first, *others], outline)).title == "Handbook"
    assert read("pdf", build([text(72, 80, "Preface", 20) + first, *others], outline)).title == ""


def test_the_properties_of_a_picture_do_not_name_a_pdf():
    data = pdf_with_packet("Sunset").replace(b"/Metadata 90 0 R", b"/Metadata 91 0 R")
    assert read("pdf", data).title == ""


def test_text_above_the_first_heading_belongs_to_none():
    above = read("markdown", f"Run it as root.\n\n# {'Configure'}\n\nEdit the file.\n\n## More\n\nDelete the data.")
    assert above.title == "Configure"
    assert contexts(above) == ["", "Configure", "Configure > More"]
    chapters = read("markdown", "Run it as root.\n\n# A\n\nEdit the file.\n\n# B\n\nDelete the data.")
    assert (chapters.title, contexts(chapters)) == ("", ["", "A", "B"])
    assert contexts(read("markdown", "---\ntitle: Guide\n---\nRun it as root.\n\n# A\n\nEdit the file.")) == [
        "Guide",
        "Guide > A",
    ]
