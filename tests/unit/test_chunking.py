
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.chunking import chunk, model_input
from ingest.embedders.hashing import HashingTokenizer
from ingest.records import Block, BlockKind, ChunkingOptions, Document

TOKENIZER = HashingTokenizer()
SMALL = ChunkingOptions(target_tokens=20, max_tokens=30, min_tokens=8)


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

WORDS = st.lists(
    st.sampled_from(
        ["one", "two.", "three", "incomprehensibilities", "x\ny", "數據。", "é\u0301", "a | b", "Dr.", "!"]
    ),
    min_size=0,
    max_size=40,
).map(" ".join)


@st.composite
def documents(draw):
    parts = []
    for kind in draw(st.lists(st.sampled_from([*BlockKind, "heading", "heading", "paragraph"]), max_size=14)):
        words = draw(WORDS)
        if kind == "heading":
            title = " ".join(words.split()[:4])
            parts.append(heading(title, draw(st.integers(1, 6))))
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
        split_level=draw(st.integers(0, 6)),
        target_tokens=target,
        max_tokens=most,
        min_tokens=draw(st.integers(0, target)),
        heading_prefix=draw(st.booleans()),
    )


@settings(max_examples=400, deadline=None)
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


@settings(max_examples=400, deadline=None)
@given(documents(), any_options())
def test_a_chunk_is_a_trimmed_slice_within_the_limit_with_true_counts(doc, options):
    found = chunks(doc, options)
    assert [c.text for c in found] == [doc.text[c.start : c.end].strip() for c in found]
    assert [c.tokens for c in found] == [size(c.text) for c in found]
    assert [c for c in found if size(model_input(c.context, c.text)) > options.max_tokens] == []
    assert [c for c in found if size(c.context) > options.max_tokens // 3] == []
    assert [c.start for c in found] == sorted(c.start for c in found)
    assert len({c.chunk_id for c in found}) == len(found)


@settings(max_examples=400, deadline=None)
@given(documents(), any_options())
def test_no_chunk_goes_on_over_a_heading_of_the_split_level(doc, options):
    for piece in chunks(doc, options):
        body = False
        for block in doc.blocks:
            inside = block.start < piece.end and block.end > piece.start and doc.text[block.start : block.end].strip()
            if inside and block.kind == "heading":
                trailing = not any(b.kind not in ("heading", "metadata") and doc.text[b.start : b.end].strip()
                                   for b in doc.blocks if b.start > block.start)  # fmt: skip
                assert not (body and block.level <= options.split_level) or trailing
            elif inside and block.kind != "metadata":
                body = True


@settings(max_examples=400, deadline=None)
@given(documents(), any_options())
def test_a_heading_is_never_alone_when_there_is_a_body_and_it_leaves_room_for_some(doc, options):
    bodies = [b for b in doc.blocks if b.kind not in ("heading", "metadata") and doc.text[b.start : b.end].strip()]
    for piece in chunks(doc, options) if bodies else ():
        blocks = [b for b in doc.blocks if b.start < piece.end and b.end > piece.start]
        if all(b.kind == "heading" for b in blocks):
            before, after = [b for b in bodies if b.end <= piece.start], [b for b in bodies if b.start >= piece.end]
            chain = (before[-1].end if before else 0, after[0].start if after else len(doc.text))
            assert size(doc.text[slice(*chain)]) > options.max_tokens // (3 if after else 6)


@settings(max_examples=100, deadline=None)
@given(documents(), any_options())
def test_the_same_document_gives_the_same_chunks(doc, options):
    assert chunks(doc, options) == chunks(doc, options)


@settings(max_examples=200, deadline=None)
@given(documents(), any_options())
def test_no_chunk_starts_or_ends_in_a_skipped_block(doc, options):
    for piece in chunks(doc, options):
        for block in doc.blocks:
            if block.kind == "metadata":
                assert not block.start <= piece.start < block.end
                assert not block.start < piece.end <= block.end
