import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import BertWordPieceTokenizer

import ingest.embedders._words as words
from ingest.embedders._words import WordMemory, is_made_of_words

PIECES = ["a", "b", "ab", "the", "數", "据", "!", ".", *(f"##{c}" for c in "abcdefgh0e"), "e", "f", "g", "0", "मन"]
TOKENIZER = BertWordPieceTokenizer(
    vocab={piece: i for i, piece in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *PIECES])}
)
TEXT = st.text(
    st.sampled_from("ab the數据!.efg0é\u0301\n\t\r \x00\x1c\u2003\u00a0\u2028\u200b[MASK]😀\u094d#म"), max_size=150
)


def plain(texts):
    found = TOKENIZER._tokenizer.encode_batch(list(texts), add_special_tokens=False)
    return [np.array(each.offsets, np.int32).reshape(-1, 2) for each in found]


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXT, max_size=6))
def test_the_spans_are_those_of_the_tokenizer(texts):
    assert [s.tolist() for s in WordMemory(plain).offsets(texts)] == [s.tolist() for s in plain(texts)]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(TEXT, max_size=3), max_size=6))
def test_a_memory_that_is_full_forgets_and_stays_exact(calls):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(words, "MOST_WORDS", 5)
        patch.setattr(words, "LONGEST_WORD", 3)
        patch.setattr(words, "LONGEST_TEXT", 60)
        memory = WordMemory(plain)
        for texts in calls:
            assert [s.tolist() for s in memory.offsets(texts)] == [s.tolist() for s in plain(texts)]


def test_each_word_is_tokenised_once_and_long_ones_are_not_kept():
    asked = []
    memory = WordMemory(lambda texts: asked.extend(" ".join(texts).split()) or plain(texts))
    for _ in range(3):
        memory.offsets(["ab the ab\nthe", f"the {'x' * 1000}"])
    assert sorted(w[:3] for w in asked) == ["ab", "the", "xxx", "xxx", "xxx"]


def test_only_word_pieces_between_spaces_are_made_of_words():
    bert = json.loads(TOKENIZER.to_str())
    assert is_made_of_words(bert)
    for change in (
        {"model": {"type": "Unigram"}},
        {"pre_tokenizer": {"type": "Metaspace"}},
        {"normalizer": {"type": "Replace"}},
        {"added_tokens": [{"content": "two words"}]},
    ):
        assert not is_made_of_words({**bert, **change})
