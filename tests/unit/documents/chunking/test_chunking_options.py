"""Overlap, tables, code, parents, hidden text, scripts: by example."""

from itertools import pairwise

import numpy as np
import pytest
from pydantic import ValidationError

from ingest.documents.chunking import chunk, model_input
from ingest.documents.chunking.code import cluster_start, definitions
from ingest.languages import language_of
from ingest.records import CHUNKING_PRESETS, Block, BlockKind, ChunkingOptions, Document
from ingest_conformance.hashing_embedder import HashingTokenizer

TOKENIZER = HashingTokenizer()
SMALL = ChunkingOptions(target_tokens=20, max_tokens=30, min_tokens=8)


def document(*parts, title="", language="en"):
    """A document of parts (kind, text, fields…); breaks and header_end count from the block's start."""
    text, blocks = "", []
    for kind, words, *rest in parts:
        fields, start = dict(rest[0]) if rest else {}, len(text)
        if "breaks" in fields:
            fields["breaks"] = tuple(start + p for p in fields["breaks"])
        if "header_end" in fields:
            fields["header_end"] += start
        text += words
        blocks.append(Block(BlockKind(kind), start, len(text), **fields))
        text += "\n\n"
    return Document(text, tuple(blocks), title, "text/plain", "test", language)


def chunks(doc, **options):
    return chunk(doc, "d", ChunkingOptions(**{**dict(SMALL), **options}), TOKENIZER)


def size(text):
    return len(TOKENIZER.offsets([text])[0])


def heading(title, level=1, **fields):
    return ("heading", f"{'#' * level} {title}", {"level": level, "title": title, **fields})


def lines(*rows):
    return "".join(rows), tuple(np.cumsum([len(row) for row in rows])[:-1].tolist())


SENTENCES = " ".join(f"Sentence number {i} has seven words here." for i in range(30))


# ---- overlap


def test_an_overlap_starts_at_a_sentence_within_its_tokens_and_only_inside_a_group():
    doc = document(heading("A"), ("paragraph", SENTENCES), heading("B"), ("paragraph", SENTENCES))
    plain, found = chunks(doc), chunks(doc, overlap_tokens=10)
    assert [c.text for c in found] == [doc.text[c.start : c.end] for c in found]
    repeated = [max(0, a.end - b.start) for a, b in pairwise(found)]
    assert sum(length > 0 for length in repeated) == len(found) - 2
    assert {size(b.text[:n]) for b, n in zip(found[1:], repeated, strict=False) if n} == {8}
    assert [c.text.startswith(("Sentence", "#")) for c in found] == [True] * len(found)
    assert len(found) >= len(plain)


def test_an_overlap_of_whole_blocks_leaves_out_the_one_that_would_just_fit():
    doc = document(*(("paragraph", f"Block {i} has five words") for i in range(10, 30)))
    found = chunks(doc, overlap_tokens=10)
    assert [len("Block 10 has five words")] * (len(found) - 1) == [a.end - b.start for a, b in pairwise(found)]


def test_an_overlap_in_a_table_starts_at_a_row_behind_the_header():
    text, breaks = lines("| a | b |\n", "|---|---|\n", *[f"| {i} | x |\n" for i in range(20)])
    found = chunks(document(("table", text, {"breaks": breaks, "header_end": breaks[1]})), overlap_tokens=6)
    assert len(found) > 2
    assert [c.text.startswith("|") and "---" not in c.text for c in found[1:]] == [True] * (len(found) - 1)
    assert [a.end > b.start for a, b in pairwise(found)] == [True] * (len(found) - 1)


def test_more_overlap_than_half_the_target_is_refused():
    with pytest.raises(ValidationError, match="overlap ≤ target / 2: 11, 20"):
        chunks(document(("paragraph", "x")), overlap_tokens=11)


# ---- tables and code


def test_a_table_over_the_target_is_cut_between_rows_or_left_whole():
    text, breaks = lines("| a | b |\n", *[f"| {i} | x |\n" for i in range(4)])
    doc = document(("paragraph", "word " * 14), ("table", text, {"breaks": breaks, "header_end": breaks[0]}))
    wide = {"target_tokens": 20, "max_tokens": 60}
    whole = chunks(doc, tables="whole", **wide)
    assert text.strip() in {c.text for c in whole}
    cut = chunks(doc, tables="rows", **wide)
    assert {line for c in cut for line in c.text.splitlines() if line.startswith("|")} == set(text.splitlines())


@pytest.mark.parametrize(("option", "kind"), [("tables", "table"), ("code", "code")])
def test_what_policy_skips_is_in_no_chunk_and_parts_its_neighbours(option, kind):
    doc = document(heading("A"), (kind, "skipped words"), ("paragraph", "one"), (kind, "skipped"), ("paragraph", "two"))
    found = chunks(doc, **{option: "skip"})
    assert [c.text for c in found] == ["# A", "one", "two"]
    assert [c.heading_path for c in found] == [("A",)] * 3


PYTHON = "".join(f"@cached\ndef name_{i}(x):\n    y = x + 1\n\n    return y\n\n" for i in range(6))


def test_long_code_is_cut_at_definitions_with_their_decorators_and_keeps_its_language():
    found = chunks(document(("code", f"```python\n{PYTHON}```", {"language": "python"})), max_tokens=40)
    assert len(found) > 2
    assert [c.text.startswith("@cached\ndef") for c in found[1:]] == [True] * (len(found) - 1)
    assert [c.context for c in found] == [""] + ["python"] * (len(found) - 1)


def test_code_in_an_unknown_language_is_cut_where_the_outermost_level_starts():
    text = "server:\n  port: 1\n  host: a\nclient:\n  port: 2\n}\nlast: 3\n"
    assert [text[p:].partition(":")[0] for p in definitions(text, "", 0, len(text))] == ["client"]
    assert definitions("fn a() {\n}\n\npub fn b() {\n}\n", "rust", 0, 30) == [12]


def test_code_is_cut_only_over_the_limit_when_whole():
    doc = document(("paragraph", "word " * 15), ("code", PYTHON[: PYTHON.index("@", 80)], {"language": "python"}))
    wide = {"target_tokens": 20, "max_tokens": 120}
    assert [c.text for c in chunks(doc, code="whole", **wide) if "def" in c.text and c.text.count("def") < 2] == []


# ---- hidden text


def test_hidden_text_shares_no_chunk_and_its_headings_no_path():
    hidden = {"marks": ("hidden",)}
    doc = document(
        heading("Top"),
        ("paragraph", "seen"),
        heading("Secret", 2, **hidden),
        ("paragraph", "unseen", hidden),
        ("paragraph", "seen again"),
        heading("End", 2),
        ("paragraph", "hidden at the end", hidden),
    )
    found = chunks(doc)
    assert [c.text for c in found] == [
        "# Top\n\nseen",
        "## Secret\n\nunseen",
        "seen again",
        "## End",
        "hidden at the end",
    ]
    assert {part for c in found for part in c.heading_path} == {"Top", "End"}


# ---- parents


def test_a_parent_is_the_widest_section_that_fits():
    doc = document(
        heading("A"),
        ("paragraph", "intro"),
        heading("B", 2),
        ("paragraph", "word " * 10),
        heading("C", 2),
        ("paragraph", "word " * 10),
        heading("D"),
        ("paragraph", "word " * 60),
    )
    assert {c.parent for c in chunks(doc)} == {None}
    whole = (0, doc.text.index("# D") - 2)
    by_start = {c.text.split("\n")[0]: c.parent for c in chunks(doc, parent_tokens=40)}
    assert [by_start[line] for line in ("# A", "## B", "## C")] == [whole] * 3


@pytest.mark.parametrize("tokens", [1, 25, 50, 100])
def test_a_parent_holds_its_chunk_and_stays_within_its_tokens(tokens):
    doc = document(heading("A"), *[("paragraph", f"Paragraph {i}. " + "word " * 9) for i in range(12)])
    for c in chunks(doc, parent_tokens=tokens):
        low, high = c.parent
        assert low <= c.start < c.end <= high
        assert size(doc.text[low:high]) <= max(tokens, c.tokens)


def test_a_parent_shows_no_hidden_text():
    doc = document(
        heading("A"), ("paragraph", "seen"), ("paragraph", "UNSEEN", {"marks": ("hidden",)}), ("paragraph", "seen too")
    )
    spans = {c.text: c.parent for c in chunks(doc, parent_tokens=100)}
    assert [t for t, (a, b) in spans.items() if "UNSEEN" in doc.text[a:b]] == ["UNSEEN"]


# ---- scripts


@pytest.mark.parametrize(
    "cluster",
    [
        "e\u0301\u0323",
        "👩\u200d👩\u200d👧",
        "🇩🇪",
        "नि",
        "👍🏽",
        "\u1100\u1161\u11a8",
        "❤\ufe0f",
        "ที่",
        "น้ำ",
        "🏴\U000e0067\U000e0062\U000e007f",
    ],
)
def test_no_cut_inside_a_grapheme_cluster(cluster):
    text = cluster * 5
    assert {cluster_start(text, i) % len(cluster) for i in range(len(text))} == {0}
    found = chunks(document(("paragraph", cluster * 300)))
    assert len(found) > 1
    assert {len(c.text) % len(cluster) for c in found} == {0}


@pytest.mark.parametrize(
    ("sentence", "end"),
    [
        ("这是关于数据工程的一个句子。", "。"),
        ("これは日本語の文です。", "。"),
        ("यह एक छोटा वाक्य है। ", "।"),
        ("هل هذه جملة قصيرة؟ ", "؟"),
    ],
)
def test_sentences_of_many_scripts_are_not_torn(sentence, end):
    found = chunks(document(("paragraph", sentence * 40), language=language_of(sentence * 40)))
    assert len(found) > 1
    assert {c.text[-1] for c in found} == {end}


@pytest.mark.parametrize("text", ["x" * 60_000, "據" * 20_000, "😀" * 20_000, "e\u0301" * 20_000, "| a " * 20_000])
@pytest.mark.parametrize("kind", ["paragraph", "table", "code", "list"])
def test_nothing_is_over_the_limit_or_lost_however_long_a_line_is(text, kind):
    doc = document((kind, text))
    found = chunks(doc)
    assert "".join(c.text for c in found).replace(" ", "") == text.replace(" ", "")
    assert max(size(model_input(c.context, c.text)) for c in found) <= SMALL.max_tokens


@pytest.mark.parametrize("preset", sorted(CHUNKING_PRESETS))
def test_presets_are_options_that_agree(preset):
    doc = document(heading("A"), ("paragraph", SENTENCES * 20))
    options = ChunkingOptions(**CHUNKING_PRESETS[preset])
    assert max(c.tokens for c in chunk(doc, "d", options, TOKENIZER)) <= options.max_tokens
