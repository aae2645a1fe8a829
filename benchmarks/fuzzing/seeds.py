"""Small sound files of every format: made here, and taken from real ones where there are some."""

import io
import json
import tarfile
import zipfile
from pathlib import Path

MAX_BYTES = 64 * 2**10
PER_FORMAT = 12  # of the real files
EPOCH = (2026, 1, 1, 0, 0, 0)
# Formats that no parser reads are refused by name: nothing to fuzz.
READ = (
    "md",
    "mdx",
    "rst",
    "txt",
    "html",
    "pdf",
    "docx",
    "pptx",
    "xlsx",
    "csv",
    "tsv",
    "json",
    "jsonl",
    "ndjson",
    "xml",
    "nxml",
    "ipynb",
    "eml",
    "msg",
    "epub",
    "zip",
    "tar",
)

MARKDOWN = """---
title: Guide
---

# Guide Ünï 漢字

Text with *marks*, `code`, [a link](x.md) and a note[^1].

| a | b |
| - | -: |
| 1 | 2 |
| 3 | 4 |

- [ ] one
  1. two
     > three

```py
def f():
    return 1
```

:::note
inside
:::

<details><summary>More</summary>hidden</details>

[^1]: The note.
"""
RST = """Title
=====

Text.

.. note:: Inside

   .. code-block:: python

      x = 1

Sub
---

* a
* b

=  =
a  b
=  =
1  2
=  =
"""
HTML = """<!doctype html><html lang="en"><head><title>T</title><style>.x{display:none}</style></head><body>
<nav><a href="/">Home</a></nav><main><h1>Title</h1><p>Text &amp; more&nbsp;<b>bold</b></p>
<ul><li>a<ul><li>b</li></ul></li></ul>
<table><caption>C</caption><tr><th>a<th>b</tr><tr><td rowspan=2>1<td>
<table><tr><td>x</td></tr></table></tr></table>
<dl><dt>t<dd>d</dl>
<pre><code class="language-py">x = 1</code></pre><details><summary>s</summary>d</details>
<span style="display:none">hidden</span><script>alert(1)</script></main><footer>f</footer></body></html>"""
XML = """<?xml version="1.0"?>
<doc><title>T</title><sec id="a"><title>S</title><p>Text &lt;x&gt; <b>b</b></p><p><![CDATA[raw]]></p></sec></doc>
"""
NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "metadata": {}, "source": ["# T\n", "text"]},
        {
            "cell_type": "code",
            "metadata": {},
            "source": "x = 1",
            "execution_count": 1,
            "outputs": [{"output_type": "stream", "name": "stdout", "text": ["1\n"]}],
        },
    ],
    "metadata": {"language_info": {"name": "python"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}
EML = """From: a@example.org
To: b@example.org
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
Date: Thu, 1 Jan 2026 00:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b"

--b
Content-Type: multipart/alternative; boundary="c"

--c
Content-Type: text/plain; charset=utf-8

Hello
--c
Content-Type: text/html

<p>Hello</p>
--c--
--b
Content-Type: text/markdown; name="n.md"
Content-Disposition: attachment; filename="n.md"
Content-Transfer-Encoding: base64

IyBBCgp0ZXh0Cg==
--b--
"""


def seeds(data: Path | None) -> dict[str, list[bytes]]:
    """Return format → sound files; the real ones below `data`/corpora come after the one that is made here."""
    found = {extension: [content] for extension, content in generated().items()}
    if data is not None:
        for extension in READ:
            sized = sorted((path.stat().st_size, path) for path in data.glob(f"corpora/**/*.{extension}"))
            small = [path for size, path in sized if 0 < size <= MAX_BYTES]
            step = max(len(small) // PER_FORMAT, 1)
            found.setdefault(extension, []).extend(path.read_bytes() for path in small[::step][:PER_FORMAT])
    return {extension: files for extension, files in sorted(found.items()) if files}


def generated() -> dict[str, bytes]:
    """Return format → one file that uses most of what its parser knows."""
    record = {"id": 1, "title": "T", "body": "Text", "tags": ["a", {"b": None}], "n": 1.5e3}
    texts = {
        "md": MARKDOWN,
        "mdx": "import A from 'a'\n\n# T\n\n<Card title='x'>\n\ntext\n\n</Card>\n\n{a.b}\n",
        "rst": RST,
        "txt": "First paragraph.\n\nSecond one. 漢字。\n",
        "html": HTML,
        "xml": XML,
        "csv": 'id,name,"long, name"\n' + "".join(f'{n},"a ""quoted"" name\nover lines",x\n' for n in range(20)),
        "tsv": "id\tname\n" + "".join(f"{n}\tx\n" for n in range(20)),
        "json": json.dumps([record] * 3, indent=1),
        "jsonl": (json.dumps(record) + "\n") * 5,
        "ipynb": json.dumps(NOTEBOOK),
    }
    files = {name: text.encode() for name, text in texts.items()}
    made = {
        "eml": EML.replace("\n", "\r\n").encode(),
        "pdf": pdf(),
        "docx": docx(),
        "pptx": pptx(),
        "xlsx": xlsx(),
        "epub": epub(),
    }
    inner = {"a/one.md": files["md"], "two.csv": files["csv"], "three.docx": made["docx"]}
    return {**files, **made, "zip": zipped(inner), "tar": tarred(inner)}


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
    """Return a PDF of two pages with an outline and a text layer."""
    stream = b"BT /F1 18 Tf 72 720 Td (Title) Tj /F1 11 Tf 0 -30 Td (A line of text.) Tj 0 -14 Td (And one more.) Tj ET"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /Outlines 7 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 >>",
        *(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 5 0 R "
            b"/Resources << /Font << /F1 6 0 R >> >> >>"
            for _ in range(2)
        ),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Type /Outlines /First 8 0 R /Last 8 0 R /Count 1 >>",
        b"<< /Title (Title) /Parent 7 0 R /Dest [3 0 R /XYZ 72 740 0] >>",
    ]
    return pdf_of(objects)


def pdf_of(objects: list[bytes]) -> bytes:
    """Return a PDF with these objects, numbered from 1; the first is the catalogue."""
    out, places = bytearray(b"%PDF-1.7\n"), []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


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
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in entries.items():
            archive.writestr(zipfile.ZipInfo(name, EPOCH), content)
    return buffer.getvalue()


def _saved(document) -> bytes:
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()
