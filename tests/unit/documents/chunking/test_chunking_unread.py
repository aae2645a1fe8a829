"""What the model has no tokens for: chunks of bounded length, and a mark."""

import re

import numpy as np
import pytest
import regex

from ingest.documents.chunking import CHARACTERS_PER_TOKEN, chunk, fingerprint
from ingest.records import Block, BlockKind, Chunk, ChunkingOptions, Document
from ingest_conformance.hashing_embedder import HashingTokenizer

OPTIONS = ChunkingOptions(target_tokens=30, max_tokens=48, min_tokens=8)
ENGLISH = "Plain words of a plain sentence. "
THAI = "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิต่างมีเหตุผล"


class Words(HashingTokenizer):
    """As WordPiece with an English vocabulary: a word of another script is one unknown token, however long it is."""

    def offsets(self, texts):
        spans = [[m.span() for m in re.finditer(r"[a-zA-Z]{1,8}|[^\x00-\x7f]+|[!-~]", t)] for t in texts]
        return [np.array(found, np.int32).reshape(-1, 2) for found in spans]

    def unread(self, texts):
        return [sum(not c.isascii() for c in t) / max(sum(c.isalpha() for c in t), 1) for t in texts]


def chunks(text: str, options: ChunkingOptions = OPTIONS) -> list[Chunk]:
    block = Block(BlockKind.PARAGRAPH, 0, len(text))
    return chunk(Document(text, (block,), "", "text/plain", "plain"), "d", options, Words())


def test_seven_thousand_letters_without_a_token_of_their_own_are_many_chunks() -> None:
    found = chunks(THAI * 93)
    assert len(THAI) * 93 == sum(len(c.text) for c in found)
    assert max(len(c.text) for c in found) <= CHARACTERS_PER_TOKEN * OPTIONS.max_tokens
    assert min(len(c.text) for c in found) >= OPTIONS.min_tokens  # not letter by letter either


@pytest.mark.parametrize("text", [THAI * 40, "नमस्ते" * 400, "👩‍👩‍👧" * 300], ids=["Thai", "Hindi", "emoji"])
def test_no_grapheme_cluster_is_cut(text: str) -> None:
    borders = {match.end() for match in regex.finditer(r"\X", text)}
    assert set() == {c.end for c in chunks(text)} - borders


@pytest.mark.parametrize("pause", ["\u200b", " ", "།", "၊"], ids=["zero width", "space", "shad", "little section"])
def test_a_script_without_spaces_is_cut_where_it_pauses(pause: str) -> None:
    text = f"{THAI[:23]}{pause}" * 80
    assert {pause.strip() or THAI[22]} == {c.text[-1] for c in chunks(text)}


def test_a_chunk_of_which_too_little_is_read_is_marked() -> None:
    found = chunks(f"{ENGLISH * 12}\n\n{THAI * 9}")
    assert [(), ("unread",)] == sorted({c.marks for c in found})
    assert all(("unread" in c.marks) == (c.unread > OPTIONS.max_unread_share) for c in found)


@pytest.mark.parametrize(("limit", "marks"), [(0.0, ("unread",)), (0.74, ("unread",)), (0.75, ()), (1.0, ())])
def test_the_limit_decides(limit: float, marks: tuple[str, ...]) -> None:
    (found,) = chunks(f"plain {'ข' * 15}", OPTIONS.model_copy(update={"max_unread_share": limit}))
    assert (0.75, marks) == (found.unread, marks) == (found.unread, found.marks)


def test_a_text_without_unknown_words_is_not_marked_even_at_a_limit_of_nothing() -> None:
    assert {()} == {c.marks for c in chunks(ENGLISH * 20, OPTIONS.model_copy(update={"max_unread_share": 0.0}))}


def test_another_limit_is_another_chunker_and_the_default_is_in_no_record() -> None:
    other = OPTIONS.model_copy(update={"max_unread_share": 0.5})
    assert fingerprint(OPTIONS, Words()) != fingerprint(other, Words())
    assert "max_unread_share" not in OPTIONS.model_dump()
