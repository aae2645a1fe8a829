import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import BertWordPieceTokenizer

from ingest.adapters.embedders.sentence_transformer import tokenizer as words
from ingest.adapters.embedders.sentence_transformer.tokenizer import WordMemory, is_made_of_words

PIECES = ["a", "b", "ab", "the", "數", "据", "!", ".", *(f"##{c}" for c in "abcdefgh0e"), "e", "f", "g", "0", "मन"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY = {piece: i for i, piece in enumerate([*SPECIAL, *PIECES])}
TOKENIZER = BertWordPieceTokenizer(vocab=VOCABULARY)
CASED = BertWordPieceTokenizer(vocab=VOCABULARY, lowercase=False, strip_accents=False)
TEXT = st.text(
    st.sampled_from(
        "ab the數据、。ー!.,(_-`efg0éΣ\u0301\u3099\n\t\r \x00\x1c\u2003\u00a0\u2028\u200b\ufe0f[MASK]😀\u094d#म"
    ),
    max_size=150,
)
TEXT_WITH_SPECIAL = st.lists(TEXT | st.sampled_from(SPECIAL), max_size=6).map("".join)


def plain(texts, tokenizer=TOKENIZER):
    found = tokenizer._tokenizer.encode_batch(list(texts), add_special_tokens=False)
    return [np.array(each.offsets, np.int32).reshape(-1, 2) for each in found]


@pytest.mark.parametrize("tokenizer", [TOKENIZER, CASED], ids=["uncased", "cased"])
@pytest.mark.parametrize("text", [TEXT, TEXT_WITH_SPECIAL], ids=["words", "special tokens"])
def test_the_spans_are_those_of_the_tokenizer(tokenizer, text):
    def tokenize(texts):
        return plain(texts, tokenizer)

    special = [token["content"] for token in json.loads(tokenizer.to_str())["added_tokens"]]

    @settings(max_examples=200)
    @given(st.lists(text, max_size=6))
    def holds(texts):
        assert [s.tolist() for s in WordMemory(tokenize, special).offsets(texts)] == [
            s.tolist() for s in tokenize(texts)
        ]

    holds()


@settings(max_examples=50)
@given(st.lists(st.lists(TEXT, max_size=3), max_size=6))
def test_a_memory_that_is_full_forgets_and_stays_exact(calls):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(words, "MOST_WORDS", 5)
        patch.setattr(words, "LONGEST_WORD", 3)
        patch.setattr(words, "LONGEST_TEXT", 60)
        memory = WordMemory(plain, SPECIAL)
        for texts in calls:
            assert [s.tolist() for s in memory.offsets(texts)] == [s.tolist() for s in plain(texts)]


def test_each_word_is_tokenised_once_and_long_ones_are_not_kept():
    asked = []
    memory = WordMemory(lambda texts: asked.extend(" ".join(texts).split()) or plain(texts))
    for _ in range(3):
        memory.offsets(["ab the ab\nthe", f"the {'x' * 1000}"])
    assert sorted(w[:3] for w in asked) == ["ab", "the", "xxx", "xxx", "xxx"]


def test_a_word_is_known_again_beside_punctuation():
    asked = []
    memory = WordMemory(lambda texts: asked.extend(" ".join(texts).split()) or plain(texts))
    memory.offsets(["the (the) the, `the`. ab/the-ab 數据數"])
    assert sorted(asked) == sorted(["the", "(", ")", ",", "`", "`.", "ab", "/", "-", "數", "据"])


def test_only_word_pieces_between_spaces_are_made_of_words():
    bert = json.loads(TOKENIZER.to_str())
    assert is_made_of_words(bert)
    for change in (
        {"model": {"type": "Unigram"}},
        {"pre_tokenizer": {"type": "Metaspace"}},
        {"normalizer": {"type": "Replace"}},
        {"added_tokens": [{"content": "two words"}]},
        {"added_tokens": [{"content": "[any]", "normalized": True}]},
    ):
        assert not is_made_of_words({**bert, **change})
