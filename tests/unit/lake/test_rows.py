"""Rows of the part files come back as they went in."""

from dataclasses import replace

import pyarrow as pa
import pytest

from ingest.ids import embedding_key
from ingest.lake.rows import (
    SCHEMAS,
    attribute_table,
    attributes_digest,
    chunk_digest,
    chunk_rows,
    complete,
    document_rows,
    quarantine_rows,
    stored_document,
    table_of,
    text_table,
)
from ingest.records import Block, BlockKind, Chunk, Quarantined
from tests.records import document_row

ROW = document_row(
    uri="file:///a/x%20y.md",
    source="a",
    path="x y.md",
    version="v1",
    size=3,
    sha256="0" * 64,
    title="Tïtle",
    acl=("staff", "board"),
    attributes_digest="a",
    parser_fingerprint="p",
    chunker_fingerprint="c",
    chunk_digest="x",
)
CHUNK = Chunk(
    chunk_id="c1",
    document_id="d1",
    heading_path=("A", "B"),
    heading_paths=(("A", "B"), ("A", "C")),
    text="Text 😀",
    context="A > B",
    start=0,
    end=6,
    tokens=2,
    embedding_key=embedding_key("A > B", "Text 😀"),
    page=None,
)


def test_documents_come_back_equal() -> None:
    assert document_rows(table_of("documents", [ROW, replace(ROW, acl=())])) == [ROW, replace(ROW, acl=())]


def test_chunks_come_back_equal() -> None:
    other = replace(CHUNK, heading_path=(), heading_paths=(), page=3)
    assert chunk_rows(table_of("chunks", [CHUNK, other])) == [CHUNK, other]


def test_quarantine_comes_back_equal() -> None:
    row = Quarantined("uri", "a", "v1", "parse", "MalformedDocument", "why", "print", 12)
    assert quarantine_rows(table_of("quarantine", [row])) == [row]


def test_a_stored_document_has_its_blocks_again() -> None:
    blocks = (
        Block(BlockKind.HEADING, 0, 3, level=2, title="H"),
        Block(BlockKind.TABLE, 4, 9, breaks=(5, 7), header_end=6, page=2),
        Block(BlockKind.CODE, 9, 12, language="python"),
    )
    (row,) = text_table([("d1", "text", blocks)]).to_pylist()
    document = stored_document(row, ROW)
    assert (document.text, document.blocks, document.title, document.parser) == ("text", blocks, "Tïtle", "markdown")


def test_attributes_stand_in_the_order_of_the_chunks() -> None:
    other = replace(CHUNK, chunk_id="c2", document_id="d2")
    of = {"d1": ROW, "d2": replace(ROW, document_id="d2", acl=("board",), tenant="t2", source="b", language="de")}
    assert attribute_table([other, CHUNK], of).to_pylist() == [
        {"chunk_id": "c2", "document_id": "d2", "source": "b", "acl": ["board"], "tenant": "t2", "language": "de"},
        {
            "chunk_id": "c1",
            "document_id": "d1",
            "source": "a",
            "acl": ["staff", "board"],
            "tenant": "public",
            "language": "",
        },
    ]


@pytest.mark.parametrize(
    "table",
    [
        table_of("documents", []),
        table_of("chunks", []),
        text_table([]),
        attribute_table([], {}),
        table_of("quarantine", []),
    ],
)
def test_tables_without_rows_keep_their_schema(table: pa.Table) -> None:
    assert table.schema in SCHEMAS.values()


@pytest.mark.parametrize(
    "change",
    [
        {"chunk_id": "c9"},
        {"embedding_key": "k"},
        {"start": 1},
        {"end": 9},
        {"tokens": 7},
        {"heading_path": ("Z",)},
        {"heading_paths": (("Z",),)},
        {"page": 1},
    ],
)
def test_the_digest_of_chunks_sees_every_change(change: dict[str, object]) -> None:
    assert chunk_digest([CHUNK]) != chunk_digest([replace(CHUNK, **change)])


def test_the_digest_of_chunks_sees_their_order() -> None:
    other = replace(CHUNK, chunk_id="c2")
    assert chunk_digest([CHUNK, other]) != chunk_digest([other, CHUNK])


def test_the_digest_of_attributes_does_not_see_the_order_of_groups() -> None:
    assert attributes_digest(("a", "b"), "t", "s", "") == attributes_digest(("b", "a"), "t", "s", "")
    variants = [(("a",), "t", "s", ""), (("a",), "s", "t", ""), ((), "t", "s", ""), (("a",), "t", "s", "A title")]
    assert len({attributes_digest(*values) for values in variants}) == len(variants)


def test_chunks_of_before_marks_and_parents_are_read_in_todays_order_with_an_equal_digest() -> None:
    chunk = Chunk("c", "d", ("A",), (("A",),), "text", "A", 0, 4, 1, "key")
    today = table_of("chunks", [chunk])
    older = today.drop_columns(["marks", "parent"])
    read = complete("chunks", older)
    assert (SCHEMAS["chunks"].names, [chunk]) == (read.schema.names, chunk_rows(read))
    unmarked = replace(chunk, marks=(), parent=None)
    assert chunk_digest([unmarked]) == chunk_digest(chunk_rows(read))
    assert chunk_digest([chunk]) != chunk_digest([replace(chunk, marks=("secret",))])


def test_texts_of_before_marks_are_read_without_any() -> None:
    block = {
        "kind": "paragraph",
        "start": 0,
        "end": 4,
        "level": 0,
        "title": "",
        "breaks": [],
        "header_end": 0,
        "language": "",
        "page": None,
    }
    (row,) = document_rows(table_of("documents", [ROW]))
    found = stored_document({"text": "text", "blocks": [block]}, row)
    assert found.blocks == (Block(BlockKind.PARAGRAPH, 0, 4),)
