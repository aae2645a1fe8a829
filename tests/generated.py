"""Documents of every format as hypothesis strategies: bytes by the name of the parser that reads them."""

import csv
import io
import json
import textwrap
import zipfile
from email.message import EmailMessage

from hypothesis import strategies as st

from benchmarks.fuzzing import tnef_seeds
from tests.unit.documents.parsers import pdf_files
from tests.unit.documents.parsers.test_epub import PAGE, book
from tests.unit.documents.parsers.test_odf import file as odf_file

WORDS = st.sampled_from(
    [
        "one",
        "two.",
        "Three",
        "incomprehensibilities",
        "數據。",
        "e\u0301",
        "مرحبا",
        "नमस्ते।",
        "👩\u200d👧",
        "a_b",
        "Dr.",
        "&",
        "<",
        "x=1;",
        "`",
        "*",
        "#",
        "|",
        ":",
        "-",
        "1.",
        "\u2028",
        "\u00a0",
        "x" * 90,
    ]
)
LINE = st.lists(WORDS, min_size=1, max_size=12).map(" ".join)
PARAGRAPH = st.lists(LINE, min_size=1, max_size=5).map("\n".join)
ROWS = st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(LINE, min_size=n, max_size=n), min_size=1, max_size=12))
PART = st.one_of(
    st.tuples(st.just("heading"), LINE, st.integers(1, 6)),
    st.tuples(st.just("paragraph"), PARAGRAPH, st.just(0)),
    st.tuples(st.just("paragraph"), st.lists(LINE, min_size=5, max_size=30).map(" ".join), st.just(0)),
    st.tuples(st.just("list"), st.lists(LINE, min_size=1, max_size=12), st.just(0)),
    st.tuples(st.just("code"), PARAGRAPH, st.just(0)),
    st.tuples(st.just("table"), ROWS, st.just(0)),
)
PARTS = st.lists(PART, min_size=1, max_size=10)


def _markdown(parts):
    found = []
    for kind, value, level in parts:
        found.append(
            {
                "heading": lambda v=value, n=level: f"{'#' * n} {v}",
                "paragraph": lambda v=value: v,
                "list": lambda v=value: "\n".join(f"- {item}" for item in v),
                "code": lambda v=value: f"```python\n{v}\n```",
                "table": lambda v=value: "\n".join(
                    f"| {' | '.join(row)} |" for row in (v[0], ["---"] * len(v[0]), *v[1:])
                ),
            }[kind]()
        )
    return "\n\n".join(found).encode()


def _rst(parts):
    found = []
    for kind, value, level in parts:
        if kind == "heading":
            found.append(f"{value}\n{'=-~^+*'[level - 1] * (len(value) * 2 + 4)}")
        elif kind == "code":
            found.append(".. code-block:: python\n\n" + "\n".join(f"   {line}" for line in value.split("\n")))
        elif kind == "list":
            found.append("\n".join(f"* {item}" for item in value))
        else:
            found.append(value if isinstance(value, str) else "\n".join(" ".join(row) for row in value))
    return "\n\n".join(found).encode()


def _escaped(text):
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _html(parts):
    found = []
    for kind, value, level in parts:
        if kind == "heading":
            found.append(f"<h{level}>{_escaped(value)}</h{level}>")
        elif kind == "list":
            found.append(f"<ul>{''.join(f'<li>{_escaped(item)}</li>' for item in value)}</ul>")
        elif kind == "table":
            rows = ("".join(f"<td>{_escaped(cell)}</td>" for cell in row) for row in value)
            found.append(f"<table>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>")
        else:
            found.append(f"<{'pre' if kind == 'code' else 'p'}>{_escaped(value)}</{'pre' if kind == 'code' else 'p'}>")
    return f"<!doctype html><html><body><main>{''.join(found)}</main></body></html>".encode()


def _csv(rows):
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()


def _docx(parts):
    import docx

    made = docx.Document()
    for kind, value, level in parts:
        if kind == "heading":
            made.add_heading(value, level)
        elif kind == "table":
            table = made.add_table(len(value), len(value[0]))
            for i, row in enumerate(value):
                for j, cell in enumerate(row):
                    table.cell(i, j).text = cell
        else:
            for line in value if kind == "list" else [value]:
                made.add_paragraph(line, style="List Bullet" if kind == "list" else None)
    return _saved(made)


def _pptx(parts):
    import pptx

    made = pptx.Presentation()
    for _, value, _ in parts:
        slide = made.slides.add_slide(made.slide_layouts[1])
        slide.shapes.title.text = "A title"
        slide.placeholders[1].text = value if isinstance(value, str) else "\n".join(map(str, value))
    return _saved(made)


def _xlsx(rows):
    import openpyxl

    made = openpyxl.Workbook()
    for row in rows:
        made.active.append([f"'{cell}" for cell in row])
    return _saved(made)


def _saved(made):
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def _notebook(parts):
    cells = [
        {"cell_type": "code", "source": value, "metadata": {}, "outputs": [], "execution_count": None}
        if kind == "code"
        else {"cell_type": "markdown", "source": _markdown([(kind, value, level)]).decode(), "metadata": {}}
        for kind, value, level in parts
    ]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}).encode()


def _mail(parts):
    message = EmailMessage()
    message["Subject"] = "Generated"
    message["From"] = message["To"] = "someone@example.org"
    message.set_content(_markdown(parts).decode())
    return message.as_bytes()


def _tnef(parts):
    body = _markdown(parts).decode().encode("utf-16-le") + bytes(2)
    return tnef_seeds.stream(
        tnef_seeds.attribute(tnef_seeds.MESSAGE, tnef_seeds.SUBJECT, b"Generated\0"),
        tnef_seeds.attribute(
            tnef_seeds.MESSAGE,
            tnef_seeds.PROPERTIES,
            tnef_seeds.properties(tnef_seeds.prop(0x1000, tnef_seeds.UNICODE, body)),
        ),
    )


def _pdf(parts):
    pages, page, y = [], "", 60
    for kind, value, level in parts:
        size = 24 - 2 * level if kind == "heading" else 10
        rows = value if kind == "list" else ["   ".join(row) for row in value] if kind == "table" else [value]
        for line in (line for row in rows for line in textwrap.wrap(row, 900 // size)):
            if y > 720:
                pages, page, y = [*pages, page], "", 60
            page += pdf_files.text(60, y, line.encode("cp1252", "replace").decode("cp1252"), size)
            y += 1.2 * size
        y += 14
    return pdf_files.build([*pages, page])


def _epub(parts):
    body = _html(parts).decode().partition("<main>")[2].partition("</main>")[0]
    return book("ba", **{"OPS__a.xhtml": PAGE.format(body)})


def _odf(parts):
    found = []
    for kind, value, level in parts:
        if kind == "heading":
            found.append(f'<text:h text:outline-level="{level}">{_escaped(value)}</text:h>')
        elif kind == "list":
            items = (f"<text:list-item><text:p>{_escaped(item)}</text:p></text:list-item>" for item in value)
            found.append(f"<text:list>{''.join(items)}</text:list>")
        elif kind == "table":
            cells = (
                [f"<table:table-cell><text:p>{_escaped(cell)}</text:p></table:table-cell>" for cell in row]
                for row in value
            )
            rows = (f"<table:table-row>{''.join(row)}</table:table-row>" for row in cells)
            found.append(f"<table:table>{''.join(rows)}</table:table>")
        else:
            found.append(f"<text:p>{_escaped(value)}</text:p>")
    return odf_file("".join(found))


def _zip(parts):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.md", _markdown(parts))
    return out.getvalue()


_VALUES = st.recursive(
    LINE | st.integers() | st.none(), lambda v: st.lists(v) | st.dictionaries(LINE, v), max_leaves=20
)
JSON = st.tuples(PARAGRAPH, _VALUES).map(lambda value: json.dumps(value, ensure_ascii=False).encode())
XML = PARTS.map(lambda parts: f"<book>{''.join(f'<{k}>{_escaped(str(v))}</{k}>' for k, v, _ in parts)}</book>".encode())

BY_PARSER = {
    "markdown": PARTS.map(_markdown),
    "rst": PARTS.map(_rst),
    "html": PARTS.map(_html),
    "csv": ROWS.map(_csv),
    "plain": st.lists(PARAGRAPH, min_size=1).map(lambda found: "\n\n".join(found).encode()),
    "xml": XML,
    "json_text": JSON,
    "notebook": PARTS.map(_notebook),
    "docx": PARTS.map(_docx),
    "pptx": PARTS.map(_pptx),
    "xlsx": ROWS.map(_xlsx),
    "archive": PARTS.map(_zip),
    "eml": PARTS.map(_mail),
    "tnef": PARTS.map(_tnef),
    "pdf": PARTS.map(_pdf),
    "epub": PARTS.map(_epub),
    "odf": PARTS.map(_odf),
    "source_code": PARTS.map(_markdown),
}
SLOW = ("docx", "pptx", "xlsx", "pdf")  # written by their libraries, or read slowly: fewer examples


def source_of(parser):
    """Return the strategy of a parser's documents; text in no format of its own for one that is not known here."""
    return BY_PARSER.get(parser, BY_PARSER["markdown"])
