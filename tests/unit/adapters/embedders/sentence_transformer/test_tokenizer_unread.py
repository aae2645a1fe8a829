"""How much of a text is in no token that a model knows."""

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from ingest.adapters.embedders.sentence_transformer.model_folder import ModelFolder
from ingest.adapters.embedders.sentence_transformer.tokenizer import SentenceTransformerTokenizer
from tests.unit.adapters.embedders.sentence_transformer.test_tokenizer_of_words import TOKENIZER

ENGLISH = "the quick brown fox jumps over the lazy dog 0123456789"
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


def tokenizer(folder: Path, content: str) -> SentenceTransformerTokenizer:
    (folder / "tokenizer.json").write_text(content)
    return SentenceTransformerTokenizer(ModelFolder("model", folder))


@pytest.fixture
def latin(tmp_path: Path) -> SentenceTransformerTokenizer:
    """WordPiece that knows all letters and digits of ASCII, one Thai letter and one ideograph."""
    description = json.loads(TOKENIZER.to_str())
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *(f"##{c}" for c in LETTERS), "ก", "中", "."]
    description["model"]["vocab"] = {piece: i for i, piece in enumerate(pieces)}
    return tokenizer(tmp_path, json.dumps(description))


@pytest.mark.parametrize(
    ("text", "share"),
    [
        (ENGLISH, 0.0),
        ("", 0.0),
        ("café", 0.0),  # without its accent it is known
        ("ภาษาไทย", 1.0),
        (f"plain {'ข' * 15}", 0.75),
        ("f" * 101, 1.0),
        (f"{'e' * 100} {'f' * 300}", 0.75),
        ("中国", 0.5),
        ("ab \ue000\ue001", 0.5),  # letters of a font, which have no token at all
        ("🙂 🙂", 1.0),  # no letter: all that it shows counts
        ("ab 🙂🙂🙂🙂", 0.0),
        ("...", 0.0),
    ],
)
def test_the_share_is_that_of_letters_in_no_known_token(
    latin: SentenceTransformerTokenizer, text: str, share: float
) -> None:
    assert [share] == latin.unread([text])


def test_texts_together_have_the_shares_that_they_have_alone(latin: SentenceTransformerTokenizer) -> None:
    texts = ["ab", "ขค", "", "中国", "f" * 200]
    assert [latin.unread([text])[0] for text in texts] == latin.unread(texts)


def test_a_vocabulary_that_lacks_letters_of_ascii_is_asked_about_all_words(tmp_path: Path) -> None:
    few = tokenizer(tmp_path, TOKENIZER.to_str())
    assert [0.0, 1.0] == few.unread(["ab", "zz"])


def test_a_tokenizer_of_bytes_knows_everything(tmp_path: Path) -> None:
    bytewise = Tokenizer(models.BPE())
    bytewise.pre_tokenizer, bytewise.decoder = pre_tokenizers.ByteLevel(), decoders.ByteLevel()
    every = trainers.BpeTrainer(
        vocab_size=300, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    bytewise.train_from_iterator([ENGLISH], every)
    assert [0.0, 0.0] == tokenizer(tmp_path, bytewise.to_str()).unread(["ภาษาไทย", "\ue000"])


def test_a_unigram_model_has_its_unknown_token_counted(tmp_path: Path) -> None:
    pieces = [("<unk>", 0.0), ("▁", -1.0), *((c, -2.0) for c in f"{LETTERS}{LETTERS[:26].upper()}")]
    unigram = Tokenizer(models.Unigram(pieces, unk_id=0))
    unigram.pre_tokenizer = pre_tokenizers.Metaspace()
    assert [0.0, 0.5, 1.0] == tokenizer(tmp_path, unigram.to_str()).unread(["dog", "do ขค", "ขค"])
