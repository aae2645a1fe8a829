"""PDF and office files, written by hand in the few parts that matter."""

import io
import zipfile
from collections.abc import Callable
from typing import Any

import docx
import openpyxl
import pptx

from benchmarks.features.markup import PROBE, TEXT
from benchmarks.fuzzing.binary_seeds import pdf_of, zipped

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PLACE = "[72 600 300 620]"


def pdf() -> dict[str, bytes]:
    """Return what stands in the document → the document."""
    field = f"<< /Type /Annot /Subtype /Widget /Rect {PLACE} /F 4 /FT /Tx /T (name) /V ({PROBE}) >>"
    note = f"<< /Type /Annot /Subtype /Text /Rect {PLACE} /F 4 /T (Ann) /Contents (A {PROBE}.) >>"
    typed = f"<< /Type /Annot /Subtype /FreeText /Rect {PLACE} /F 4 /DA (/F1 10 Tf) /Contents (A {PROBE}.) >>"
    link = f"<< /Type /Annot /Subtype /Link /Rect {PLACE} /A << /S /URI /URI (https://example.org/{PROBE}) >> >>"
    pin = f"<< /Type /Annot /Subtype /FileAttachment /Rect {PLACE} /FS << /F (a.txt) /EF << /F 7 0 R >> >> >>"
    return {
        "text": _page(shown=PROBE),
        "invisible text": _page(shown=PROBE, mode=3),
        "values of forms": _page(field, fields=True),
        "text typed onto the page": _page(typed),
        "comments": _page(note),
        "attached files": _page(pin, info=f"<< /Length {len(PROBE)} >>\nstream\n{PROBE}\nendstream"),
        "addresses of links": _page(link),
        "title": _page(info=f"<< /Title (The {PROBE}) >>"),
        "author, keywords": _page(info=f"<< /Author ({PROBE}) /Keywords ({PROBE}) >>"),
    }


def word() -> dict[str, bytes]:
    """Return what stands in the document → the document, a DOCX."""
    run = f"<w:r><w:t>{PROBE}</w:t></w:r>"
    note = f'<w:footnote w:id="2"><w:p>{run}</w:p></w:footnote>'
    comment = f'<w:comment w:id="0" w:author="Ann"><w:p>{run}</w:p></w:comment>'
    mark = '<w:r><w:commentReference w:id="0"/></w:r>'
    linked = '<w:hyperlink r:id="rIdLink"><w:r><w:t>there</w:t></w:r></w:hyperlink>'
    box = "<w:sdt><w:sdtPr/><w:sdtContent>{0}</w:sdtContent></w:sdt>"
    heading = f'<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr>{run}</w:p>'
    return {
        "headings": _word(heading),
        "tables": _word(f"<w:tbl><w:tr><w:tc><w:p>{run}</w:p></w:tc></w:tr></w:tbl>"),
        "content controls": _word(f"<w:p>{box.format(run)}</w:p>"),
        "footnotes": _word('<w:p><w:r><w:footnoteReference w:id="2"/></w:r></w:p>', footnotes=note),
        "comments": _word(f"<w:p><w:r><w:t>Said.</w:t></w:r>{mark}</w:p>", comments=comment),
        "insertions": _word(f'<w:p><w:ins w:id="1" w:author="Ann">{run}</w:ins></w:p>'),
        "deletions": _word(f'<w:p><w:del w:id="1"><w:r><w:delText>{PROBE}</w:delText></w:r></w:del></w:p>'),
        "hidden text": _word(f"<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>{PROBE}</w:t></w:r></w:p>"),
        "addresses of links": _word(f"<w:p>{linked}</w:p>", link=f"https://example.org/{PROBE}"),
        "page headers": _saved(docx.Document, lambda d: setattr(d.sections[0].header.paragraphs[0], "text", PROBE)),
        "title": _saved(docx.Document, lambda d: setattr(d.core_properties, "title", PROBE)),
    }


def slides() -> dict[str, bytes]:
    """Return what stands in the slides → the slides, a PPTX."""

    def of(change: Callable[[Any], object]) -> bytes:
        def built(deck: Any) -> None:
            slide = deck.slides.add_slide(deck.slide_layouts[1])
            slide.shapes.title.text, slide.placeholders[1].text = "Slide", TEXT
            change(slide)

        return _saved(pptx.Presentation, built)

    def table(slide: Any) -> None:
        slide.shapes.add_table(1, 1, 0, 0, 900000, 900000).table.cell(0, 0).text = PROBE

    return {
        "titles of slides": of(lambda slide: setattr(slide.shapes.title, "text", PROBE)),
        "tables": of(table),
        "speaker's notes": of(lambda slide: setattr(slide.notes_slide.notes_text_frame, "text", PROBE)),
        "hidden slides": of(
            lambda slide: (slide.shapes.title.__setattr__("text", PROBE), slide._element.set("show", "0"))
        ),
    }


def workbook() -> dict[str, bytes]:
    """Return what stands in the workbook → the workbook, an XLSX."""

    def of(change: Callable[[Any], object]) -> bytes:
        def built(book: Any) -> None:
            book.active.append(["name", "value"])
            book.active.append([TEXT, 12.5])
            change(book)

        return _saved(openpyxl.Workbook, built)

    def hidden_sheet(book: Any) -> None:
        sheet = book.create_sheet("Other")
        sheet.append([PROBE])
        sheet.sheet_state = "hidden"

    def hidden_row(book: Any) -> None:
        book.active.append([PROBE])
        book.active.row_dimensions[3].hidden = True

    return {
        "cells": of(lambda book: book.active.append([PROBE])),
        "names of sheets": of(lambda book: setattr(book.active, "title", PROBE)),
        "units of formats": of(lambda book: setattr(book.active["B2"], "number_format", f'0.0 "{PROBE}"')),
        "formulas without a value": of(lambda book: book.active.append([f'=CONCAT("{PROBE}",A2)'])),
        "notes of cells": of(lambda book: setattr(book.active["A2"], "comment", _note())),
        "hidden sheets": of(hidden_sheet),
        "hidden rows": of(hidden_row),
    }


def open_document() -> dict[str, bytes]:
    """Return what stands in the document → the document, an ODT."""
    cases = {
        "headings": f'<text:h text:outline-level="1">{PROBE}</text:h>',
        "tables": f"<table:table><table:table-row><table:table-cell><text:p>{PROBE}</text:p></table:table-cell>"
        "</table:table-row></table:table>",
        "footnotes": f'<text:p>Said<text:note text:note-class="footnote"><text:note-citation>1</text:note-citation>'
        f"<text:note-body><text:p>{PROBE}</text:p></text:note-body></text:note></text:p>",
        "comments": f"<text:p>Said<office:annotation><text:p>{PROBE}</text:p></office:annotation></text:p>",
        "hidden text": f'<text:p><text:hidden-text text:string-value="{PROBE}"/></text:p>',
        "deletions": f'<text:tracked-changes><text:changed-region text:id="a"><text:deletion><text:p>{PROBE}</text:p>'
        "</text:deletion></text:changed-region></text:tracked-changes>",
    }
    names = {"office": "office", "text": "text", "table": "table"}
    spaces = " ".join(f'xmlns:{p}="urn:oasis:names:tc:opendocument:xmlns:{n}:1.0"' for p, n in names.items())
    head = f'<office:document-content {spaces} office:version="1.3"><office:body><office:text><text:p>{TEXT}</text:p>'
    end = "</office:text></office:body></office:document-content>"
    kind = "application/vnd.oasis.opendocument.text"
    return {
        name: zipped({"mimetype": kind.encode(), "content.xml": f"{head}{xml}{end}".encode()})
        for name, xml in cases.items()
    }


def _page(annotation: str = "", fields: bool = False, shown: str = "", mode: int = 0, info: str = "<< >>") -> bytes:
    content = f"BT /F1 11 Tf 72 700 Td ({TEXT}) Tj ET BT {mode} Tr /F1 11 Tf 72 640 Td ({shown}) Tj ET".encode()
    form = "/AcroForm << /Fields [6 0 R] /NeedAppearances true /DA (/F1 10 Tf) >>" if fields else ""
    objects = [
        f"<< /Type /Catalog /Pages 2 0 R {form} >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
        f"/Resources << /Font << /F1 5 0 R >> >> /Annots [{'6 0 R' if annotation else ''}] >>",
        f"<< /Length {len(content)} >>\nstream\n{content.decode()}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        annotation or "<< >>",
        info,
    ]
    return pdf_of([each.encode() for each in objects], b"/Info 7 0 R")


def _word(xml: str, link: str = "", **parts: str) -> bytes:
    """Return a DOCX with a paragraph of text before this body, and with these parts beside it."""
    spaces = f'xmlns:w="{WORD}" xmlns:r="{RELATION}"'
    data = _saved(docx.Document, lambda document: None)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    body = f"<w:p><w:r><w:t>{TEXT}</w:t></w:r></w:p>{xml}"
    entries["word/document.xml"] = f"<w:document {spaces}><w:body>{body}</w:body></w:document>".encode()
    relations = [f'<Relationship Id="x{part}" Type="{RELATION}/{part}" Target="{part}.xml"/>' for part in parts]
    if link:
        relations.append(
            f'<Relationship Id="rIdLink" Type="{RELATION}/hyperlink" Target="{link}" TargetMode="External"/>'
        )
    for part, content in parts.items():
        entries[f"word/{part}.xml"] = f"<w:{part} {spaces}>{content}</w:{part}>".encode()
    known = entries["word/_rels/document.xml.rels"]
    entries["word/_rels/document.xml.rels"] = known.replace(
        b"</Relationships>", "".join(relations).encode() + b"</Relationships>"
    )
    return zipped(entries)


def _note() -> Any:
    from openpyxl.comments import Comment

    return Comment(PROBE, "Ann")


def _saved(make: Callable[[], Any], change: Callable[[Any], object]) -> bytes:
    document = make()
    if make is docx.Document:
        document.add_paragraph(TEXT)
    change(document)
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()
