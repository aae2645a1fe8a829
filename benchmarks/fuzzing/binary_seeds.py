"""Sound files that are no text: archives, PDF, office files and a book, each as small as it can be."""

import io
import tarfile
import zipfile

EPOCH = (2026, 1, 1, 0, 0, 0)


def zipped(entries: dict[str, bytes]) -> bytes:
    """Return a zip archive, the same bytes each time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(zipfile.ZipInfo(name, EPOCH), content)
    return buffer.getvalue()


def tarred(entries: dict[str, bytes]) -> bytes:
    """Return a tar archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in entries.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def pdf() -> bytes:
    """Return a PDF of two pages with an outline, a text layer, a form, comments and tags."""
    stream = b"BT /F1 18 Tf 72 720 Td (Title) Tj /F1 11 Tf 0 -30 Td (A line of text.) Tj 0 -14 Td (And one more.) Tj ET"
    marked = b"BT /F1 11 Tf 72 600 Td (Name:) Tj ET /Form << /MCID 0 >> BDC 72 500 10 10 re S EMC"
    place, page = b"/Type /Annot /F 4 /Rect [110 596 300 612]", b"/Type /Page /Parent 2 0 R /MediaBox [0 0 612 792]"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /Outlines 7 0 R /AcroForm 9 0 R /StructTreeRoot 17 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 >>",
        *(
            b"<< %s /Contents [5 0 R 10 0 R] /Resources << /Font << /F1 6 0 R >> >> %s >>" % (page, more)
            for more in (b"/Annots [11 0 R 12 0 R 13 0 R 14 0 R 15 0 R] /StructParents 0", b"/Annots [16 0 R]")
        ),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Type /Outlines /First 8 0 R /Last 8 0 R /Count 1 >>",
        b"<< /Title (Title) /Parent 7 0 R /Dest [3 0 R /XYZ 72 740 0] >>",
        b"<< /Fields [11 0 R 12 0 R 13 0 R] /DA (/F1 10 Tf) /DR << /Font << /F1 6 0 R >> >> /NeedAppearances true >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(marked), marked),
        b"<< %s /Subtype /Widget /FT /Tx /T (name) /TU (Name) /V (Ada) /Ff 4096 /MaxLen 9 >>" % place,
        b"<< %s /Subtype /Widget /FT /Ch /T (pet) /Opt [[(a) (cat)] [(b) (dog)]] /V [(a) (b)] /I [0 1] >>" % place,
        b"<< %s /Subtype /Widget /FT /Btn /Ff 32768 /T (box) /V /Yes /AS /Yes /Kids [16 0 R] >>" % place,
        b"<< %s /Subtype /Text /Contents (Who?) /T (Ann) /IRT 15 0 R /Popup 15 0 R >>" % place,
        b"<< %s /Subtype /FreeText /Contents (Typed) /RC (<p>Typed</p>) /DA (/F1 12 Tf) /IRT 14 0 R >>" % place,
        b"<< %s /Subtype /Widget /Parent 13 0 R /AS /Off /MK << /R 90 /CA (4) >> >>" % place,
        b"<< /Type /StructTreeRoot /K [18 0 R] /ParentTree << /Nums [0 [18 0 R]] >> >>",
        b"<< /Type /StructElem /S /Form /P 17 0 R /Pg 3 0 R /K 0 /A << /O /PrintField /Role /cb /checked /on >> >>",
    ]
    return pdf_of(objects)


def pdf_of(objects: list[bytes], trailer: bytes = b"") -> bytes:
    """Return a PDF with these objects, numbered from 1; the first is the catalogue.

    `trailer` is added to the trailer's keys; START in it is the place of the cross references.
    """
    out, places = bytearray(b"%PDF-1.7\n"), []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer << /Size %d /Root 1 0 R %s >>\n" % (len(objects) + 1, trailer.replace(b"START", b"%d" % start))
    return bytes(out + b"startxref\n%d\n%%%%EOF\n" % start)


def docx() -> bytes:
    """Return a Word document with headings, a list and a table."""
    import docx as library

    document = library.Document()
    document.add_heading("Title", 1)
    document.add_paragraph("Text.").add_run(" bold").bold = True
    document.add_paragraph("item", style="List Bullet")
    table = document.add_table(2, 2)
    table.cell(0, 0).text, table.cell(1, 1).text = "a", "b"
    return _saved(document)


def pptx() -> bytes:
    """Return a presentation of one slide with notes."""
    import pptx as library

    presentation = library.Presentation()
    slide = presentation.slides.add_slide(presentation.slide_layouts[1])
    slide.shapes.title.text, slide.placeholders[1].text = "Title", "one\ntwo"
    slide.notes_slide.notes_text_frame.text = "Notes."
    return _saved(presentation)


def xlsx() -> bytes:
    """Return a workbook of two sheets."""
    import openpyxl

    book = openpyxl.Workbook()
    for row in (["id", "name"], [1, "a"], [2.5, "=A2*2"], [None, True]):
        book.active.append(row)
    book.create_sheet("Second").merge_cells("A1:B2")
    return _saved(book)


def epub() -> bytes:
    """Return a book of two chapters."""
    container = (
        '<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="c.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
    )
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Book</dc:title></metadata><manifest>'
        '<item id="a" href="a.xhtml" media-type="application/xhtml+xml"/>'
        '<item id="b" href="b.xhtml" media-type="application/xhtml+xml"/></manifest>'
        '<spine><itemref idref="a"/><itemref idref="b"/></spine></package>'
    )
    page = '<html xmlns="http://www.w3.org/1999/xhtml"><body><h1>{0}</h1><p>Text of {0}.</p></body></html>'
    entries = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": container,
        "c.opf": package,
        "a.xhtml": page.format("One"),
        "b.xhtml": page.format("Two"),
    }
    return stored(entries)


def opendocument() -> dict[str, bytes]:
    """Return "fodt", a text in one XML file, and "odt" and "ods", archives whose entries are stored."""
    names = {"office": "office", "text": "text", "table": "table", "style": "style", "fo": "xsl-fo-compatible"}
    spaces = " ".join(f'xmlns:{n}="urn:oasis:names:tc:opendocument:xmlns:{of}:1.0"' for n, of in names.items())
    styles = (
        '<office:automatic-styles><style:style style:name="H" style:family="text"><style:text-properties '
        'text:display="none"/></style:style><text:list-style style:name="L"><text:list-level-style-number '
        'text:level="1" style:num-format="i" style:num-suffix=")" text:start-value="3"/>'
        "</text:list-style></office:automatic-styles>"
    )
    rows = (
        '<table:table-row table:number-rows-repeated="2"><table:table-cell office:value-type="percentage" '
        'office:value="0.5" table:number-columns-spanned="2"><text:p>50 %</text:p></table:table-cell></table:table-row>'
    )
    table = f'<table:table table:name="T">{rows}</table:table>'
    text = (
        '<text:h text:outline-level="2">Title</text:h><text:list text:style-name="L"><text:list-item>'
        '<text:p>one</text:p></text:list-item></text:list><text:p>A<text:s text:c="3"/>word'
        '<text:note text:note-class="footnote"><text:note-'
        "citation>1</text:note-citation><text:note-body><text:p>Note.</text:p></text:note-body></text:note><text:span "
        'text:style-name="H">hidden</text:span><office:annotation><text:p>Who?</text:p></office:annotation></text:p>'
    )
    bodies = {"odt": ("text", text + table), "ods": ("spreadsheet", table)}
    whole = {
        kind: f"{styles}<office:body><office:{tag}>{inside}</office:{tag}></office:body>"
        for kind, (tag, inside) in bodies.items()
    }
    mime = {kind: f"application/vnd.oasis.opendocument.{tag}" for kind, (tag, _) in bodies.items()}
    flat = f'<office:document {spaces} office:mimetype="{mime["odt"]}">{whole["odt"]}</office:document>'
    made = {"fodt": f'<?xml version="1.0"?>{flat}'.encode()}
    for kind, inside in whole.items():
        content = f'<?xml version="1.0"?><office:document-content {spaces}>{inside}</office:document-content>'
        made[kind] = stored({"mimetype": mime[kind], "content.xml": content})
    return made


def stored(entries: dict[str, str]) -> bytes:
    """Return a zip archive of texts that are not compressed, so that what is damaged is their text."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in entries.items():
            archive.writestr(zipfile.ZipInfo(name, EPOCH), content)
    return buffer.getvalue()


def _saved(document) -> bytes:
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()
