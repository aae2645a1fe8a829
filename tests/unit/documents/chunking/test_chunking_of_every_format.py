"""What the chunker promises, over generated documents of every parser."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.documents import parsers
from ingest.documents.chunking import chunk, model_input
from ingest.errors import DocumentError
from ingest.records import ChunkingOptions, DocumentRef, RawDocument
from ingest_conformance.hashing_embedder import HashingTokenizer
from tests.generated import SLOW, source_of
from tests.work import calls_of

TOKENIZER = HashingTokenizer()
MOST = 0.7  # of the examples must be documents with text, so that no promise is kept for want of chunks
# Nothing here writes these: an Outlook message goes through what reads an e-mail, old formats through their programs.
UNWRITTEN = {"legacy", "msg"}
OPTIONS = st.builds(
    ChunkingOptions,
    split_level=st.integers(1, 6),
    target_tokens=st.integers(16, 40),
    max_tokens=st.integers(40, 90),
    min_tokens=st.integers(0, 16),
    heading_prefix=st.booleans(),
    overlap_tokens=st.integers(0, 8),
    tables=st.sampled_from(["rows", "whole", "skip"]),
    code=st.sampled_from(["lines", "whole", "skip"]),
    parent_tokens=st.sampled_from([0, 60]),
)


def parsed(name, data):
    module = {m.__name__.rpartition(".")[2]: m for m in map(parsers.find, parsers.media_types())}[name]
    ref = DocumentRef("file:///a", "s", "a", "1", len(data))
    return module.parse(RawDocument(ref, data, module.MEDIA_TYPES[0]))


def dropped(block, options):
    return (
        block.kind in options.skipped_kinds
        or (block.kind == "table" and options.tables == "skip")
        or (block.kind == "code" and options.code == "skip")
    )


def lost(document, chunks, options):
    """Return the characters of kept blocks that are in no chunk."""
    held = bytearray(len(document.text))
    for c in chunks:
        held[c.start : c.end] = b"\1" * (c.end - c.start)
    kept = (b for b in document.blocks if not dropped(b, options))
    return [
        (i, document.text[i])
        for b in kept
        for i in range(b.start, b.end)
        if not held[i] and not document.text[i].isspace()
    ]


def faults(document, chunks, options):
    """Return every broken promise of a chunk, in words."""
    found = []
    seen = [*document.text]
    for b in document.blocks:
        if b.kind in options.skipped_kinds:
            seen[b.start : b.end] = [letter if letter.isspace() else " " for letter in seen[b.start : b.end]]
    for c in chunks:
        inside = [b for b in document.blocks if b.start < c.end and b.end > c.start and not dropped(b, options)]
        hidden = {"hidden" in b.marks for b in inside}
        body = [b for b in inside if b.kind != "heading"]
        crossed = [
            b
            for b in inside
            if b.kind == "heading"
            and b.level <= options.split_level
            and not any(hidden)
            and any(o.start < b.start for o in body)
            and any(o.start > b.start for o in body)
        ]
        if "".join(seen[c.start : c.end]) != c.text or c.text != c.text.strip():
            found.append(f"no slice: {c}")
        if (size := len(TOKENIZER.offsets([model_input(c.context, c.text)])[0])) > options.max_tokens:
            found.append(f"{size} tokens: {c}")
        if len(hidden) > 1 or crossed:
            found.append(f"over a border: {c}")
        if c.parent and not c.parent[0] <= c.start < c.end <= c.parent[1]:
            found.append(f"parent: {c}")
        headings = document.text[inside[0].start : inside[-1].end]  # whole: one that must be cut itself is no fault
        short = 4 * len(TOKENIZER.offsets([headings])[0]) < options.max_tokens
        if not body and not any(hidden) and short and _followed(document, inside[-1], options):
            found.append(f"heading alone: {c}")
    return found


def _followed(document, heading, options):
    """Return whether a short visible body comes directly behind a heading."""
    after = [b for b in document.blocks if b.start > heading.start and document.text[b.start : b.end].strip()][:1]
    return any(
        b.kind != "heading" and not b.marks and not dropped(b, options) and b.end - b.start < options.max_tokens
        for b in after
    )


@pytest.mark.parametrize("name", parsers.names())
def test_the_chunks_of_a_parsed_document_keep_every_promise(name):
    @settings(
        max_examples=5 if name in SLOW else 25,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
    @given(source_of(name), OPTIONS)
    def holds(data, options):
        tried.append(name)
        try:
            document = parsed(name, data)
        except DocumentError:  # nothing in it, as a rule
            return
        taken.append(name)
        options = options.model_copy(update={"overlap_tokens": min(options.overlap_tokens, options.target_tokens // 2)})
        chunks = chunk(document, "d", options, TOKENIZER)
        assert lost(document, chunks, options) == []
        assert faults(document, chunks, options) == []
        assert chunk(parsed(name, data), "d", options, TOKENIZER) == chunks

    tried, taken = [], []
    holds()
    assert name in UNWRITTEN or len(taken) > MOST * len(tried)


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("markdown", "# Head {n}\n\nSome words. More.\n\n- item\n- item\n\n| a | b |\n| - | - |\n| 1 | {n} |\n\n"),
        ("plain", "Words of a paragraph.\nMore words {n}.\n\n"),
        ("plain", "Words on one line, {n}. "),
        ("csv", "{n},words of a cell,more\n"),
    ],
    ids=["markdown", "plain", "one line", "csv"],
)
def test_the_work_of_parsing_and_chunking_grows_with_the_length_and_no_faster(name, unit):
    def calls(times):
        data = "".join(unit.replace("{n}", str(n)) for n in range(times)).encode()
        return calls_of(lambda: chunk(parsed(name, data), "d", ChunkingOptions(), TOKENIZER))

    calls(20)
    assert calls(1_600) < 25 * calls(100)  # 256 times when quadratic
