"""HTML tables inside Markdown, and the captions of tables."""

import pytest

from ingest.documents.chunking import chunk
from ingest.documents.parsers import markdown, notebook
from ingest.records import Block, BlockKind, ChunkingOptions, Document
from ingest_conformance.hashing_embedder import HashingTokenizer
from tests.unit.documents.parsers.checks import faults, parsed, pieces, shown
from tests.work import calls_of

HEAD = "<tr><th>Plan</th><th>Price</th></tr>\n"
ROWS = "<tr><td>Basic</td><td>1</td></tr>\n<tr><td>Full</td><td>2</td></tr>\n"


def table_of(document: Document) -> Block:
    assert faults(document) == []
    (table,) = [block for block in document.blocks if block.kind is BlockKind.TABLE]
    return table


@pytest.mark.parametrize(
    "source",
    [
        f"<table>\n{HEAD}{ROWS}</table>\n",
        f"<table>\n<thead>\n{HEAD}</thead>\n<tbody>\n{ROWS}</tbody>\n</table>\n",
        f"<table class='x' border=1>\n\n{HEAD}\n{ROWS}\n</table>\n",
        f"<table>\n\n    {HEAD}\n    {ROWS}\n</table>\n",
        f"<TABLE>\n{HEAD.upper()}{ROWS.upper()}</TABLE>\n",
        f"<div align='center'>\n<table>\n{HEAD}{ROWS}</table>\n</div>\n",
        f"<center><table>{HEAD}{ROWS}</table></center>\n",
        f"text <table>{HEAD}{ROWS}</table> text\n",
        f"- item\n\n  <table>\n  {HEAD}  {ROWS}  </table>\n\n- next\n",
        f"- <table>\n  {HEAD}  {ROWS}  </table>\n",
        "1. one\n   <table>" + (HEAD + ROWS).replace("\n", "\n   ") + "</table>\n2. two\n",
        "> quote\n>\n> <table>\n> " + (HEAD + ROWS).replace("\n", "\n> ") + "</table>\n",
        "<table>\n<tr><td><b>Plan</b></td><td><strong>Price</strong></td></tr>\n" + ROWS + "</table>\n",
        "<table>\n<tr><td>\n\n**Plan**\n\n</td><td>\n\n**Price**\n\n</td></tr>\n" + ROWS + "</table>\n",
        "<table><thead><th>Plan</th><th>Price</th></thead>\n" + ROWS + "</table>\n",
        f"<!-- <table> -->\n\nUse `<table>`.\n\n<table>\n{HEAD}{ROWS}</table>\n",
        f"An open <table> tag.\n\n<table>\n{HEAD}{ROWS}</table>\n",
        (
            "<table><tr><th rowspan=2>Plan<th colspan=2>Price<tr><th>net<th>gross\n<tr><td>Basic<td>1<td>2"
            "<tr><td>Full<td>2<td>3</table>"
        ),
        f"<table>\n<caption>Plans</caption>\n<colgroup><col><col></colgroup>\n{HEAD}{ROWS}</table>\n",
        (
            f"<table hidden-note='x'>\n{HEAD}<tr><td><table><tr><td>in</td></tr></table>Basic</td><td>1</td>"
            f"</tr>\n{ROWS}</table>\n"
        ),
    ],
)  # fmt: skip
def test_a_table_in_html_is_a_table_with_its_header_and_rows(source):
    document = parsed(markdown, source)
    table = table_of(document)
    first, *rows = pieces(document, table)
    header = document.text[table.start : table.header_end]
    assert document.text == source
    assert [word in header.lower() for word in ("plan", "price", "basic")] == [True, True, False]
    assert first == header
    assert ["basic" in rows[0].lower(), "full" in rows[-1].lower()] == [True, True]


def test_a_comment_parts_no_caption_from_its_table():
    document = parsed(markdown, f"Table 1: Plans\n\n<!-- made by x -->\n\n{PIPES}")
    assert [kind for kind, _ in shown(document)] == ["caption", "metadata", "table"]


@pytest.mark.parametrize(
    "head",
    [
        "<tr><th>Requests<br/>per minute</th><th></th><th>R&amp;D</th></tr>\n",
        '<tr>\n<th align="left" colspan="1" class="px-4 py-2 border">Requests per minute\n<th style="width: 40%">R&D\n',
        "<thead>\n<tr>\n<td><b>Requests per minute</b></td><!-- x --><td><b>R&amp;D</b></td>\n</tr>\n</thead>\n",
    ],
)
def test_pieces_of_a_table_repeat_the_names_of_its_columns_without_tags(head):
    rows = "".join(f"<tr><td>{n} of it</td><td>cell {n}</td></tr>\n" for n in range(20))
    document = parsed(markdown, f'<table border="1" cellpadding="4">\n{head}{rows}</table>\n')
    options = ChunkingOptions(target_tokens=50, max_tokens=90, min_tokens=8)
    found = chunk(document, "d", options, HashingTokenizer())
    contexts = [one.context for one in found if one.start >= table_of(document).header_end]
    assert len(contexts) > 3
    assert set(contexts) == {"Requests per minute | R&D"}


def test_jsx_names_of_attributes_change_nothing():
    table = f"<table className='wide'>\n  <thead>\n    {HEAD}  </thead>\n  <tbody>\n    {ROWS}  </tbody>\n</table>\n"
    source = f'import X from "y"\n\n{table}'
    document = parsed(markdown, source, "text/mdx")
    table = table_of(document)
    assert "Basic" not in document.text[table.start : table.header_end]
    assert len(table.breaks) == 2


def test_what_is_around_a_table_keeps_its_kind():
    document = parsed(markdown, f"- one\n\n  <table>\n  {HEAD}  {ROWS}  </table>\n\n- two\n")
    assert [kind for kind, _ in shown(document)] == ["list", "table", "list"]


@pytest.mark.parametrize(
    "source",
    [
        "<table><tr><td>A single cell</td></tr></table>\n",
        "<table role=presentation><tr><td>a<td>b</table>\n",
        "<table>\n<tr><td>\n\n```js\na\n```\n\n</td><td>\n\n```js\nb\n```\n\n</td></tr>\n</table>\n",
        "<table>\n<tr><td>\n\n## One\n\n</td><td>\n\n## Two\n\n</td></tr>\n</table>\n",
        "Write `<table><tr><td>a</td><td>b</td></tr></table>`.\n",
        "```html\n<table><tr><td>a</td><td>b</td></tr></table>\n```\n",
        "<!-- <table><tr><td>a</td><td>b</td></tr></table> -->\n",
        "<table>\n<tr><td>a</td><td>b</td></tr>\n\nnever closed\n",
        "<Table>\n  <Row>a</Row>\n</Table>\n",
    ],
)
def test_what_is_no_table_of_data_stays_as_it_was(source):
    document = parsed(markdown, source)
    assert faults(document) == []
    assert [block for block in document.blocks if block.kind is BlockKind.TABLE] == []


def test_code_and_headings_beside_named_columns_are_cells():
    code = "\n\n```js\na\n```\n\n"
    source = f"<table>\n<tr><th>Before<th>After\n<tr><td>{code}</td><td>{code}</td></tr>\n</table>\n"
    document = parsed(markdown, source)
    assert [kind for kind, _ in shown(document)] == ["table"]


def test_tables_in_the_markdown_of_notebooks_are_tables():
    source = f"<table>\n{HEAD}{ROWS}</table>".replace("\n", "\\n")
    cells = f'{{"nbformat": 4, "cells": [{{"cell_type": "markdown", "source": "# T\\n\\n{source}"}}]}}'
    table = table_of(document := parsed(notebook, cells))
    assert document.text[table.start : table.header_end].strip() == f"<table>\n{HEAD}".strip()


PIPES = "| a | b |\n|---|---|\n| 1 | 2 |\n"


@pytest.mark.parametrize("table", [PIPES, f"<table>\n{HEAD}{ROWS}</table>\n"])
@pytest.mark.parametrize(
    "caption",
    [
        "Table 1: Plans",
        "**Table 1.** Plans and what they cost.",
        "*Table 2 – Plans*",
        "Tabelle 3: Tarife",
        "表1：价格",
        ": Plans and prices",
        "Table: Plans and prices {#tbl:plans}",
        "**Plans and prices**",
        "_Plans and prices_",
        "[Plans and prices]",
        "<p align='center'><b>Table 1.</b> Plans</p>",
        "<figure>\n<figcaption>Plans</figcaption>",
    ],
)
def test_a_line_that_names_a_table_is_its_caption(caption, table):
    document = parsed(markdown, f"# T\n\ntext\n\n{caption}\n\n{table}")
    assert faults(document) == []
    assert [kind for kind, _ in shown(document)] == ["heading", "paragraph", "caption", "table"][: 1 + 3] or caption[
        0
    ] == ":"
    assert shown(document)[-2] == ("caption", caption)


@pytest.mark.parametrize(
    "line",
    ["Table 1 shows the plans.", "Plans and prices", "Tables are nice:", "**One** and **two**", "Use [this][x]: now"],
)
def test_a_line_that_only_stands_above_a_table_is_a_paragraph(line):
    assert shown(parsed(markdown, f"{line}\n\n{PIPES}"))[0] == ("paragraph", line)


def test_a_caption_without_a_table_is_a_paragraph():
    assert shown(parsed(markdown, "Table 1: Plans\n\ntext\n"))[0] == ("paragraph", "Table 1: Plans")


def test_a_directive_that_titles_a_table_is_that_table():
    document = parsed(markdown, "```{table} Plans\n:name: x\n\n| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n```\n")
    table = table_of(document)
    assert document.text[table.start : table.header_end].startswith("```{table} Plans")
    assert [piece.strip() for piece in pieces(document, table)][1:] == ["| 1 | 2 |", "| 3 | 4 |\n```"]


@pytest.mark.parametrize(
    ("source", "kinds"),
    [
        ("- x\n\n  | a | b |\n  |---|---|\n  | 1 | 2 |\n  | 3 | 4 |\n\n- y\n", ["list", "table", "list"]),
        ("> x\n>\n> | a | b |\n> |---|---|\n> | 1 | 2 |\n> | 3 | 4 |\n>\n> y\n", ["quote", "table", "quote"]),
        ("- | a | b |\n  |---|---|\n  | 1 | 2 |\n  | 3 | 4 |\n", ["table"]),
        ("- x\n  - y\n\n    | a | b |\n    |---|---|\n    | 1 | 2 |\n    | 3 | 4 |\n", ["list", "table"]),
    ],
)
def test_a_table_inside_a_list_or_a_quote_is_a_table_with_its_header(source, kinds):
    document = parsed(markdown, source)
    table = table_of(document)
    assert [kind for kind, _ in shown(document)] == kinds
    assert "| a | b |" in document.text[table.start : table.header_end]
    assert len(table.breaks) == 2


@pytest.mark.parametrize(
    "unit",
    [
        "- |a|b|\n  |-|-|\n  |1|2|\n",
        "<table>",
        "<table>\n\n",
        "<table><tr><td>a<td>b</table>\n\n",
        "<table><tr><td>a<td>b</table>",
        "<table \"'",
        "<!-- <table>",
        "`<table>",
        "- <table><tr><td>a<td>b</table>\n",
        "<tr><td>a<td>b</tr>",
        "Table 1: x\n\n|a|b|\n|-|-|\n|1|2|\n\n",
    ],
)
def test_work_on_tables_grows_with_the_size(unit):
    small, large = (calls_of(lambda n=n: parsed(markdown, "<table>x\n\n" + unit * n)) for n in (250, 1000))
    assert large < 6 * small
