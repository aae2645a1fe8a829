import re

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ingest.documents.chunking import CHARACTERS_PER_TOKEN, chunk, fingerprint, model_input
from ingest.documents.chunking.contexts import LONGEST_CONTEXT
from ingest.errors import InvalidSettings, MalformedDocument
from ingest.records import Block, BlockKind, ChunkingOptions, Document
from ingest_conformance.hashing_embedder import HashingTokenizer
from tests.work import calls_of

TOKENIZER = HashingTokenizer()
SMALL = ChunkingOptions(target_tokens=20, max_tokens=30, min_tokens=8)
FULL = ChunkingOptions(target_tokens=20, max_tokens=20, min_tokens=0, heading_prefix=False)


def small(**options) -> ChunkingOptions:
    return ChunkingOptions(**{**dict(SMALL), **options})


def document(*parts, title="Guide", language="en", between="\n\n"):
    """A document of parts (kind, text, fields…), joined by blank lines."""
    text, blocks = "", []
    for kind, words, *rest in parts:
        fields = rest[0] if rest else {}
        start = len(text)
        moved = {key: tuple(start + p for p in value) if key == "breaks" else value for key, value in fields.items()}
        if "header_end" in moved:
            moved["header_end"] += start
        text += words
        blocks.append(Block(BlockKind(kind), start, len(text), **moved))
        text += between
    return Document(text, tuple(blocks), title, "text/plain", "test", language)


def heading(title, level=1):
    return ("heading", f"{'#' * level} {title}", {"level": level, "title": title})


def chunks(doc, options=SMALL):
    return chunk(doc, "d", options, TOKENIZER)


def size(text):
    return len(TOKENIZER.offsets([text])[0])


def rows(lines):
    return tuple(np.cumsum([len(line) for line in lines])[:-1].tolist())


# ---- properties over any document

WORD = st.sampled_from(
    ["one", "two.", "three", "incomprehensibilities", "x\ny", "數據。", "e\u0301", "a | b", "Dr.", "!"]
)
WORDS = (st.lists(WORD, min_size=1, max_size=4) | st.lists(WORD, max_size=40)).map(" ".join)


@st.composite
def documents(draw, least=0):
    parts = []
    kinds = st.sampled_from([*BlockKind, "heading", "heading", "heading", "paragraph", "paragraph"])
    for kind in draw(st.lists(kinds, min_size=least, max_size=14)):
        words = draw(WORDS)
        if kind == "heading":
            title = " ".join(words.split()[:4])
            parts.append(heading(title, draw(st.integers(1, 4))))
        else:
            places = sorted(draw(st.sets(st.integers(0, len(words)), max_size=6)))
            fields = {"breaks": tuple(p for p in places if 0 < p < len(words))}
            if kind == BlockKind.TABLE and fields["breaks"]:
                fields["header_end"] = fields["breaks"][0]
            parts.append((kind, words, fields))
    return document(*parts, title=draw(st.sampled_from(["", "Guide", "one"])))


@st.composite
def any_options(draw):
    most = draw(st.integers(16, 60))
    target = draw(st.integers(4, most))
    return ChunkingOptions(
        split_level=draw(st.sampled_from([2, 1, 3, 0, 6])),
        target_tokens=target,
        max_tokens=most,
        min_tokens=draw(st.sampled_from([target, target // 2, 0])),
        heading_prefix=draw(st.booleans()),
    )


@settings(max_examples=200)
@given(documents(), any_options())
def test_every_visible_character_of_a_kept_block_is_in_exactly_one_chunk(doc, options):
    times = np.zeros(len(doc.text), int)
    for piece in chunks(doc, options):
        times[piece.start : piece.end] += 1
    assert times.max(initial=0) <= 1
    missing = [
        i
        for block in doc.blocks
        if block.kind != "metadata"
        for i in range(block.start, block.end)
        if not doc.text[i].isspace() and not times[i]
    ]
    assert missing == []


@settings(max_examples=200)
@given(documents(), any_options())
def test_a_chunk_is_a_trimmed_slice_within_the_limit_with_true_counts(doc, options):
    found = chunks(doc, options)
    seen = [*doc.text]
    for block in doc.blocks:
        if block.kind == "metadata":
            seen[block.start : block.end] = re.sub(r"\S", " ", doc.text[block.start : block.end])
    assert [c.text for c in found] == ["".join(seen[c.start : c.end]).strip() for c in found]
    assert [c.tokens for c in found] == [size(c.text) for c in found]
    assert [c for c in found if size(model_input(c.context, c.text)) > options.max_tokens] == []
    assert [c for c in found if size(c.context) > options.max_tokens // 3] == []
    assert [c.start for c in found] == sorted(c.start for c in found)
    assert len({c.chunk_id for c in found}) == len(found)


@settings(max_examples=200)
@given(documents(least=6), any_options())
def test_no_chunk_goes_on_over_a_heading_of_the_split_level(doc, options):
    for piece in chunks(doc, options):
        body = False
        for block in doc.blocks:
            inside = block.start < piece.end and block.end > piece.start and doc.text[block.start : block.end].strip()
            if inside and block.kind == "heading":
                trailing = not any(
                    b.kind not in ("heading", "metadata") and doc.text[b.start : b.end].strip()
                    for b in doc.blocks
                    if b.start > block.start
                )
                assert not (body and block.level <= options.split_level) or trailing
            elif inside and block.kind != "metadata":
                body = True


@settings(max_examples=200)
@given(documents(), any_options(), st.integers(0, 30))
@example(document(("code", "x " * 18 + "x"), heading("x")), FULL, 0)
@example(document(heading("x x x"), heading("x x x"), ("code", "x " * 10 + "x"), heading("x")), FULL, 0)
def test_a_heading_is_never_alone_when_there_is_a_body_and_it_leaves_room_for_some(doc, options, overlap):
    options = options.model_copy(update={"overlap_tokens": min(overlap, options.target_tokens // 2)})
    room = options.max_tokens - options.max_tokens // 3 - options.overlap_tokens
    bodies = [b for b in doc.blocks if b.kind not in ("heading", "metadata") and doc.text[b.start : b.end].strip()]
    for piece in chunks(doc, options) if bodies else ():
        blocks = [b for b in doc.blocks if b.start < piece.end and b.end > piece.start]
        if all(b.kind == "heading" for b in blocks):
            before, after = [b for b in bodies if b.end <= piece.start], [b for b in bodies if b.start >= piece.end]
            chain = (before[-1].end if before else 0, after[0].start if after else len(doc.text))
            assert size(doc.text[slice(*chain)]) > room // (2 if after else 4)


@settings(max_examples=100)
@given(documents(), any_options())
def test_the_same_document_gives_the_same_chunks(doc, options):
    assert chunks(doc, options) == chunks(doc, options)


@settings(max_examples=200)
@given(documents(), any_options())
def test_no_chunk_starts_or_ends_in_a_skipped_block(doc, options):
    for piece in chunks(doc, options):
        for block in doc.blocks:
            if block.kind == "metadata":
                assert not block.start <= piece.start < block.end
                assert not block.start < piece.end <= block.end


# ---- by example


def sentences(n, words=8):
    """Return `n` sentences of about as many words."""
    return " ".join(f"Sentence {i} " + "has words " * ((words - 3) // 2) + "here." for i in range(n))


def test_a_document_that_fits_is_one_chunk_with_its_headings_in_front():
    doc = document(heading("Guide"), heading("Install", 2), ("paragraph", "Run the installer."))
    (only,) = chunks(doc)
    assert only.text == "# Guide\n\n## Install\n\nRun the installer."
    assert only.heading_path == ("Guide", "Install")
    assert only.heading_paths == (("Guide",), ("Guide", "Install"))
    assert only.context == "Guide > Install"


def test_the_title_leads_the_context_when_no_heading_says_it():
    doc = document(heading("Install", 2), ("paragraph", "Run it."), title="The  Manual")
    assert [c.context for c in chunks(doc)] == ["The Manual > Install"]
    assert [c.context for c in chunks(doc, small(heading_prefix=False))] == [""]


def test_a_heading_drops_all_levels_at_or_below_its_own():
    doc = document(
        heading("A", 1),
        ("paragraph", "a"),
        heading("B", 3),
        ("paragraph", "b"),
        heading("C", 2),
        ("paragraph", "c"),
        heading("D", 3),
        ("paragraph", "d"),
    )
    assert [c.heading_path for c in chunks(doc)] == [("A",), ("A", "B"), ("A", "C"), ("A", "C", "D")]


def test_every_heading_up_to_the_split_level_starts_a_chunk_and_deeper_ones_do_not():
    parts = [
        part
        for i in range(3)
        for part in (heading(f"Two {i}", 2), ("paragraph", "x"), heading("Three", 3), ("paragraph", "y"))
    ]
    assert len(chunks(document(*parts))) == 6
    assert [c.heading_path for c in chunks(document(*parts), small(split_level=2))] == [
        ("Two 0",),
        ("Two 1",),
        ("Two 2",),
    ]
    assert len(chunks(document(*parts), small(split_level=1, target_tokens=30))) == 2


def test_small_neighbours_merge_below_the_split_level_and_large_ones_stay_apart():
    doc = document(
        heading("Top", 2),
        ("paragraph", "tiny"),
        heading("Large", 3),
        ("paragraph", "word " * 12),
        heading("Small", 3),
        ("paragraph", "word"),
        heading("Also large", 3),
        ("paragraph", "word " * 12),
    )
    found = chunks(doc, small(split_level=2))
    assert [c.heading_paths for c in found] == [
        (("Top",), ("Top", "Large")),
        (("Top", "Small"), ("Top", "Also large")),
    ]
    assert [c.heading_path for c in found] == [("Top",), ("Top",)]


def test_bare_headings_at_the_end_go_to_the_last_chunk():
    doc = document(heading("A"), ("paragraph", "body"), heading("B"), heading("C", 2))
    assert [c.text for c in chunks(doc)] == ["# A\n\nbody\n\n# B\n\n## C"]
    assert [c.heading_path for c in chunks(doc)] == [("A",)]


@pytest.mark.parametrize("kind", ["code", "table", "list", "quote", "paragraph"])
@pytest.mark.parametrize("chain", [(), ("One two three", "Four five six")], ids=["no chain", "behind a chain"])
def test_a_short_heading_at_the_end_stays_whole_and_with_the_last_body_however_full_its_chunk_is(kind, chain):
    for words in range(1, 60):
        doc = document(*map(heading, chain), (kind, "word " * (words - 1) + "word"), heading("End"))
        assert chunks(doc, FULL)[-1].text.endswith("word\n\n# End")


def test_a_document_of_headings_only_is_not_lost():
    doc = document(heading("A"), heading("B", 2), heading("C", 2))
    assert [(c.text, c.heading_path) for c in chunks(doc)] == [("# A\n\n## B\n\n## C", ("A",))]


def test_a_document_without_text_has_no_chunks():
    assert chunks(document()) == []
    assert chunks(document(("paragraph", " \n "), ("metadata", "a: b"))) == []


def test_front_matter_is_left_out_and_metadata_between_paragraphs_is_blank_and_parts_nothing():
    doc = document(
        ("metadata", "---\ntags: x\n---"), ("paragraph", "one"), ("metadata", ":x:\ty"), ("paragraph", "two")
    )
    assert [(c.text, c.tokens) for c in chunks(doc)] == [("one\n\n   \t \n\ntwo", 2)]
    assert doc.text[chunks(doc)[0].start :].startswith("one")
    kept = chunks(doc, small(skipped_kinds=(), target_tokens=30))
    assert len(kept) == 1


def test_a_heading_keeps_to_its_body_over_skipped_lines():
    doc = document(heading("Title"), ("metadata", ":orphan:"), ("paragraph", "body"))
    assert [c.text for c in chunks(doc)] == ["# Title\n\n        \n\nbody"]


def test_metadata_counts_for_nothing_unless_it_is_long():
    note, paragraph = ("metadata", "words of a note " * 4), ("paragraph", "word " * 8 + "end.")
    assert len(chunks(document(paragraph, note, paragraph))) == 1
    assert len(chunks(document(paragraph, ("metadata", "words of a note " * 100), paragraph))) == 2


def test_a_parent_counts_what_it_shows_and_no_chunk_embeds():
    doc = document(("paragraph", "one"), ("metadata", "word " * 50), heading("Next"), ("paragraph", "two"))
    assert [c.parent for c in chunks(doc, small(parent_tokens=20))] == [(0, 3), (257, len(doc.text.rstrip()))]
    assert len({c.parent for c in chunks(doc, small(parent_tokens=100))}) == 1


def test_a_sentence_introduces_a_list_over_a_rule():
    doc = document(("paragraph", "You need:"), ("metadata", "---"), ("list", "- a\n- b\n" * 9, {"breaks": (4, 8, 40)}))
    assert [c.context for c in chunks(doc)][1:] == ["Guide\nYou need:"]


def test_long_text_is_cut_between_paragraphs_first():
    paragraph = "word " * 13 + "end."
    found = chunks(document(*[("paragraph", paragraph)] * 5))
    assert [c.text for c in found] == [paragraph] * 5


def test_a_long_paragraph_is_cut_after_sentences():
    doc = document(("paragraph", sentences(20)))
    found = chunks(doc)
    assert [c.text[-5:] for c in found] == ["here."] * len(found)
    assert [c.text.startswith("Sentence") for c in found] == [True] * len(found)


def test_pieces_are_balanced_and_no_tiny_tail_is_left():
    for n in range(5, 25):
        sizes = [c.tokens for c in chunks(document(("paragraph", sentences(n, 4))))]
        assert max(sizes) <= 2 * min(sizes)


def test_a_word_without_end_is_cut_and_counted():
    found = chunks(document(("paragraph", "x" * 5000)))
    assert "".join(c.text for c in found) == "x" * 5000
    assert max(c.tokens for c in found) <= SMALL.max_tokens


def test_an_unknown_word_of_one_token_is_not_one_long_chunk():
    class OneToken(HashingTokenizer):
        def offsets(self, texts):
            spans = [[(i, i + len(word)) for word in text.split() if (i := text.index(word)) >= 0] for text in texts]
            return [np.array(s, np.int32).reshape(-1, 2) for s in spans]

    found = chunk(document(("paragraph", "f" * 100_000)), "d", SMALL, OneToken())
    assert max(len(c.text) for c in found) <= CHARACTERS_PER_TOKEN * SMALL.max_tokens
    assert [c.tokens for c in found] == [1] * len(found)


def test_a_tokenizer_that_counts_more_in_a_slice_is_held_to_the_limit():
    class Context(HashingTokenizer):
        """Three tokens more at the start of every text, as some tokenizers have for a word without a space before."""

        def offsets(self, texts):
            return [np.concatenate([np.zeros((3, 2), np.int32), s]) if len(s) else s for s in super().offsets(texts)]

    doc = document(heading("H"), ("paragraph", "word " * 400))
    tokenizer = Context()
    found = chunk(doc, "d", small(target_tokens=30), tokenizer)
    totals = [len(tokenizer.offsets([model_input(c.context, c.text)])[0]) for c in found]
    assert max(totals) <= SMALL.max_tokens


TABLE = ["| name | use |\n", "|---|---|\n", *[f"| option {i} | sets thing {i} to one |\n" for i in range(12)]]


def test_a_continued_table_repeats_its_header_and_no_row_is_cut():
    header = len(TABLE[0]) + len(TABLE[1])
    wide = small(target_tokens=40, max_tokens=75)
    doc = document(heading("Options"), ("table", "".join(TABLE), {"breaks": rows(TABLE), "header_end": header}))
    first, *rest = chunks(doc, wide)
    assert rest
    assert first.context == "Guide > Options"
    assert {c.context for c in rest} == {"Guide > Options\n| name | use |\n|---|---|"}
    assert [line for c in (first, *rest) for line in c.text.splitlines()][2:] == [r.strip() for r in TABLE]


def test_the_sentence_that_announces_a_list_stays_before_it_and_is_repeated():
    items = [f"- item {i} with a few words\n" for i in range(9)]
    doc = document(("paragraph", "First. You need these tools:"), ("list", "".join(items), {"breaks": rows(items)}))
    first, *rest = chunks(doc, small(max_tokens=40, target_tokens=24))
    assert first.text.startswith("First. You need these tools:\n\n- item 0")
    assert {c.context for c in rest} == {"Guide\nYou need these tools:"}
    assert [c.text.startswith("- item") and c.text.endswith("words") for c in rest] == [True] * len(rest)


def test_a_caption_goes_with_every_part_of_its_table():
    header = len(TABLE[0]) + len(TABLE[1])
    doc = document(
        ("caption", "Table 1. Options"), ("table", "".join(TABLE), {"breaks": rows(TABLE), "header_end": header})
    )
    found = chunks(doc, small(target_tokens=40, max_tokens=90))
    assert found[0].text.startswith("Table 1. Options")
    assert ["Table 1. Options" in c.context for c in found[1:]] == [True] * (len(found) - 1)


def test_code_that_fits_is_never_cut():
    code = "```\n" + "call(a)\n" * 5 + "```"
    doc = document(("paragraph", sentences(3)), ("code", code), ("paragraph", sentences(3)))
    assert [c.text for c in chunks(doc) if "call" in c.text and code not in c.text] == []


def test_long_code_is_cut_after_lines():
    doc = document(("code", "first(x)\n" + "call(a, b)\n" * 40))
    assert {line for c in chunks(doc) for line in c.text.splitlines()} == {"first(x)", "call(a, b)"}


def test_a_long_heading_path_is_cut_from_the_left():
    parts = [heading(f"Level {i} about many things", i) for i in range(1, 7)]
    (*_, last) = chunks(document(*parts, ("paragraph", "body " * 12)))
    assert size(last.context) <= SMALL.max_tokens // 3
    assert last.context.endswith("Level 6 about many things")
    assert last.heading_path == tuple(f"Level {i} about many things" for i in range(1, 7))


def test_a_long_heading_path_leaves_room_for_the_table_header():
    header = len(TABLE[0]) + len(TABLE[1])
    table = ("table", "".join(TABLE), {"breaks": rows(TABLE), "header_end": header})
    doc = document(*[heading(f"Level {i} about many things", i) for i in range(1, 7)], table)
    last = chunks(doc, small(target_tokens=60, max_tokens=90))[-1]
    assert last.context.endswith("many things\n| name | use |\n|---|---|")


def test_a_context_whose_first_character_has_many_tokens_is_cut_too():
    class Bytes(HashingTokenizer):
        """As tokenizers over bytes do: several tokens on the first character."""

        def offsets(self, texts):
            return [np.concatenate([np.array([[0, 1]] * 40, np.int32), s]) for s in super().offsets(texts)]

    with pytest.raises(InvalidSettings, match="one character"):
        chunk(document(heading("😀 title"), ("paragraph", "x")), "d", SMALL, Bytes())


def test_equal_chunks_have_different_ids_and_the_same_embedding_key():
    doc = document(heading("A"), ("paragraph", "same"), heading("A"), ("paragraph", "same"))
    first, second = chunks(doc)
    assert first.chunk_id != second.chunk_id
    assert first.embedding_key == second.embedding_key


def test_an_inserted_section_renames_nothing_else():
    parts = [part for i in range(6) for part in (heading(f"S{i}"), ("paragraph", sentences(6)))]
    before = {c.chunk_id for c in chunks(document(*parts))}
    after = {c.chunk_id for c in chunks(document(heading("New"), ("paragraph", "new"), *parts))}
    assert before < after
    assert len(after - before) == 1


def test_a_new_sentence_changes_few_chunks_of_a_long_section():
    text = " ".join(f"Statement {i} {'has words ' * (i * i % 7)}here." for i in range(400))
    before = {c.embedding_key for c in chunks(document(("paragraph", text)))}
    after = {c.embedding_key for c in chunks(document(("paragraph", "A new sentence comes in here. " + text)))}
    assert len(before) > 100
    assert len(after - before) <= 6


def test_the_page_is_that_of_the_first_block():
    doc = document(("paragraph", sentences(3), {"page": 1}), ("paragraph", sentences(3), {"page": 2}))
    assert [c.page for c in chunks(doc)] == [1, 2]


def test_chinese_text_is_cut_after_its_own_full_stops():
    doc = document(("paragraph", "这是关于数据工程的一个句子。" * 40), language="zh")
    found = chunks(doc, small(target_tokens=8))
    assert [c.text.endswith("。") for c in found] == [True] * len(found)


def test_work_grows_with_the_length_and_no_faster():
    def calls(n):
        text = document(("paragraph", '"Hi (he said. ' * n))
        return calls_of(lambda: chunks(text))

    calls(100)
    assert calls(16_000) < 25 * calls(1_000)  # 256 times when quadratic


@pytest.mark.parametrize(
    "sizes", [{"min_tokens": 21}, {"target_tokens": 31}, {"max_tokens": 15, "target_tokens": 15}, {"target_tokens": 0}]
)
def test_sizes_that_contradict_each_other_are_refused(sizes):
    with pytest.raises(ValidationError, match="ChunkingOptions"):
        small(**{"min_tokens": 0, **sizes})


@pytest.mark.parametrize("spans", [[(0, 5), (4, 8)], [(0, 99)], [(5, 2)]])
def test_blocks_that_overlap_or_leave_the_text_are_malformed(spans):
    blocks = tuple(Block(BlockKind.PARAGRAPH, start, end) for start, end in spans)
    with pytest.raises(MalformedDocument, match="parser bad"):
        chunks(Document("0123456789", blocks, "", "text/plain", "bad"))


def test_the_fingerprint_follows_every_option_and_the_tokenizer():
    changed = [
        {"split_level": 2},
        {"target_tokens": 21},
        {"max_tokens": 31},
        {"min_tokens": 9},
        {"heading_prefix": False},
        {"skipped_kinds": ()},
    ]
    prints = {fingerprint(small(**fields), TOKENIZER) for fields in [{}, *changed]}

    class Other(HashingTokenizer):
        fingerprint = "other"

    assert len(prints | {fingerprint(SMALL, Other())}) == len(changed) + 2


def test_another_version_of_the_sentence_splitter_is_another_chunker(monkeypatch):
    before = fingerprint(SMALL, TOKENIZER)
    monkeypatch.setattr("ingest.documents.chunking.version", lambda name: f"{name} next")
    assert fingerprint(SMALL, TOKENIZER) != before


# ---- what a tokenizer takes for one token


class OneWordOneToken(HashingTokenizer):
    """As WordPiece, for which a word of more than 100 letters is one unknown token."""

    def offsets(self, texts):
        return [np.array([m.span() for m in re.finditer(r"\S+", t)], np.int32).reshape(-1, 2) for t in texts]


def test_a_word_of_any_length_makes_chunks_of_bounded_length():
    doc = document(heading("A"), ("paragraph", "before " + "x" * 200_000 + " after"))
    found = chunk(doc, "d", SMALL, OneWordOneToken())
    assert max(len(c.text) for c in found) <= CHARACTERS_PER_TOKEN * SMALL.max_tokens
    assert sum(c.text.count("x") for c in found) == 200_000


@pytest.mark.parametrize("separator", ["", " "])
@pytest.mark.parametrize("tokenizer", [HashingTokenizer(), OneWordOneToken()])
def test_a_title_of_any_length_makes_contexts_of_bounded_length(tokenizer, separator):
    title = separator.join(["title"] * 5_000)
    headed = [part for n in range(20) for part in (heading(f"{n} {title}", 2), ("paragraph", "some words " * 9))]
    found = chunk(document(*headed, title=title), "d", SMALL, tokenizer)
    assert max(len(c.context) for c in found) <= LONGEST_CONTEXT
    assert max(len(tokenizer.offsets([model_input(c.context, c.text)])[0]) for c in found) <= SMALL.max_tokens
    assert min(len(c.heading_path[-1]) for c in found) > len(title) // 2  # the lake holds it whole
