"""A preview: what a run would make of a document, down to what is in no chunk."""

from dataclasses import replace

from ingest.cli.preview.document_preview import UNPARSED, UnchunkedSpan, sections, token_figures
from ingest.cli.preview.view import masked
from ingest.documents.chunking import chunk
from ingest.errors import EmptyDocument, SuspiciousDocument, UnsupportedFormat
from ingest.ids import document_id
from ingest.records import BlockKind
from ingest_conformance.hashing_embedder import HashingTokenizer
from tests.unit.cli.preview.conftest import Previewer

TEXT = """---
title: Front
---
Before all.

# One

First words here.

## Under one

More words here.

# Two

| a | b |
| - | - |
| 1 | 2 |

Last words.
"""
SECRET = "AKIA" + "Q3EGRR7MZ5PVN2KD"


def test_chunks_are_those_of_the_chunker(preview: Previewer) -> None:
    made = preview(TEXT)
    expected = chunk(made.document, document_id("file:///a.md"), made.options, HashingTokenizer())
    assert tuple(expected) == made.chunks
    assert made.refusal is None


def test_context_tokens_are_counted_with_the_tokenizer_of_the_model(preview: Previewer) -> None:
    made = preview(TEXT)
    tokenizer = HashingTokenizer()
    assert [len(tokenizer.offsets([c.context])[0]) for c in made.chunks] == list(made.context_tokens)


def test_comments_are_counted_beside_the_kinds_of_blocks(preview: Previewer) -> None:
    made = preview("One.\n\nTwo.\n")
    blocks = (made.document.blocks[0], replace(made.document.blocks[1], marks=("comment",)))
    commented = replace(made, document=replace(made.document, blocks=blocks))
    assert {"comment": 1, "paragraph": 1} == commented.figures["blocks"]


def test_sections_hold_the_chunks_that_start_in_them_and_count_what_is_below(preview: Previewer) -> None:
    made = preview(TEXT)
    found = sections(made)
    assert [(s.title, s.depth, s.parent) for s in found] == [
        ("", 0, None),
        ("One", 0, None),
        ("Under one", 1, 1),
        ("Two", 0, None),
    ]
    assert sorted(n for s in found for n in s.chunks) == list(range(1, len(made.chunks) + 1))
    assert found[1].chunks_below == len(found[1].chunks) + len(found[2].chunks)
    assert sum(s.tokens_below for s in found if s.parent is None) == made.figures["tokens"]["total"]
    assert [s.end for s in found[:-1]] == [s.start for s in found[1:]]


def test_a_document_that_starts_with_a_heading_has_no_section_before_it(preview: Previewer) -> None:
    found = sections(preview("# One\n\nWords.\n\n## Two\n\nWords.\n"))
    assert [(s.title, s.parent) for s in found] == [("One", None), ("Two", 0)]


def test_every_character_that_is_no_space_is_in_a_chunk_or_left_out(preview: Previewer) -> None:
    made = preview(TEXT, chunking={"target_tokens": 16, "max_tokens": 40, "min_tokens": 0, "tables": "skip"})
    assert {("metadata", "skipped_kinds"), ("table", "tables: skip")} == {(p.kind.value, p.why) for p in made.left_out}
    covered = {i for c in made.chunks for i in range(c.start, c.end)}
    covered |= {i for p in made.left_out for i in range(p.start, p.end)}
    assert "".join(c for i, c in enumerate(made.document.text) if i not in covered).strip() == ""


def test_what_the_policy_drops_is_left_out_with_its_mark(preview: Previewer) -> None:
    text = f"# One\n\nWords.\n\n# Two\n\nkey {SECRET} here.\n"
    policy = [{"name": "notes", "uri": ".", "screening": {"secret": "drop"}}]
    made = preview(text, sources=policy)
    assert [(c.text, mark) for c, mark in made.dropped] == [(f"# Two\n\nkey {SECRET} here.", "secret")]
    assert ["dropped for its mark: secret"] * 2 == [p.why for p in made.left_out]
    assert {"secret": 1} == made.figures["marks"]
    assert len(made.chunks) == 1


def test_what_the_policy_quarantines_is_refused_and_shown(preview: Previewer) -> None:
    policy = [{"name": "notes", "uri": ".", "screening": {"secret": "quarantine"}}]
    made = preview(f"# One\n\nkey {SECRET} here.\n", sources=policy)
    assert made.refusal is not None
    assert (made.refusal.stage, type(made.refusal.error), len(made.chunks)) == ("chunk", SuspiciousDocument, 1)
    assert SECRET not in str(made.refusal)


def test_reasons_of_parser_and_chunker_are_told_apart(preview: Previewer) -> None:
    broken, empty = preview(b"\x00\x01\x02" * 99, "a.bin"), preview("---\na: b\n---\n")
    assert broken.refusal is not None
    assert (broken.refusal.stage, type(broken.refusal.error), broken.document) == ("parse", UnsupportedFormat, UNPARSED)
    assert empty.refusal is not None
    assert (empty.refusal.stage, type(empty.refusal.error)) == ("chunk", EmptyDocument)
    assert [UnchunkedSpan(0, 12, BlockKind.METADATA, "skipped_kinds")] == list(empty.left_out)


def test_figures_of_token_counts() -> None:
    for counts, figures in (([], [0] * 5), ([7], [7] * 5), ([10, 9, 8, 7, 6, 5, 4, 3, 2, 1], [55, 1, 5, 9, 10])):
        assert figures == list(token_figures(counts).values())


def test_a_comment_inside_a_chunk_is_left_out_and_blank_in_it_also_where_secrets_are_masked(preview: Previewer) -> None:
    made = preview("# One\n\nFirst.\n\n<!-- nobody\nsees -->\n\nSecond.\n")
    (chunk,), (part,) = made.chunks, made.left_out
    assert chunk.text == "# One\n\nFirst.\n\n           \n        \n\nSecond."
    assert ("metadata", "skipped_kinds") == (part.kind.value, part.why)
    assert "<!-- nobody\nsees -->" == made.slice(part.start, part.end)
    assert chunk.text == made.slice(chunk.start, chunk.end) == masked(made).chunks[0].text


def test_what_the_model_cannot_read_is_told_of_each_chunk_and_of_the_whole(preview: Previewer) -> None:
    made = preview(f"# One\n\nWords.\n\n# Two\n\n{'x' * 150}\n")
    assert [(0.0, ()), (1.0, ("unread",))] == [(round(c.unread, 1), c.marks) for c in made.chunks]
    assert {"unread": 1} == made.figures["marks"]
    assert 0.5 < made.figures["unread_share"] < 1
