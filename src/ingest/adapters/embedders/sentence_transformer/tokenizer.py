"""The tokenizer of a sentence-transformers model, without its weights and without PyTorch.

Where it splits at white space, ASCII punctuation and ideographs (WordPiece after BERT's pre-tokenizer), each word is
tokenised once (`make bench-parse`). Texts with a special token such as "[SEP]" are split at white space only.
"""

import json
import re
import threading
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, chain, compress, groupby, pairwise
from string import ascii_letters, digits
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.adapters.embedders.sentence_transformer.model_folder import ModelFolder
from ingest.adapters.embedders.sentence_transformer.runtimes import Inputs
from ingest.errors import InvalidSettings, MalformedDocument
from ingest.ids import digest_of, sha256_hex

KIND = "sentence_transformer"  # part of fingerprints
MOST_WORDS = 2**18  # cached, each of at most LONGEST_WORD code points; when full, the cache is emptied
LONGEST_WORD = 128  # code points; longer ones are tokenised every time
SPAN_BYTES = 8  # start and end
LONGEST_TEXT = 2**20  # code points processed at once, besides those of a longer text

_WORD = re.compile(r"([^ \t\n\r]+)")  # white space to BERT's normaliser for certain; other kinds stay inside words
_PART = re.compile(r"([^ \t\n\r!-/:-@\[-`{-~\u4e00-\u9fff]+|[!-/:-@\[-`{-~]+|[\u4e00-\u9fff])")
_SPACES = (" ", "\t", "\n", "\r")
LONGEST_PLAIN = 50  # code points of an ASCII word that every model with letters and digits knows
_LETTER = re.compile("[^\\W_]|[\ue000-\uf8ff]")  # or a digit, or a letter of a font alone
_SHOWN = re.compile(r"\S")
_PLAIN = " ".join(f"{letter} a{letter}" for letter in ascii_letters + digits)
_LOCAL_NORMALIZERS = {None, "BertNormalizer", "Lowercase"}

Offsets = NDArray[np.int32]
Tokenize = Callable[[list[str]], list[Offsets]]


class SentenceTransformerTokenizer:
    """The model's tokenizer, from its tokenizer.json."""

    def __init__(self, folder: ModelFolder) -> None:
        from tokenizers import Tokenizer, normalizers

        path = folder.transformer / "tokenizer.json"
        content = path.read_bytes()
        try:
            self._tokenizer = Tokenizer.from_str(content.decode())
        except Exception as error:  # the library raises nothing more specific
            raise InvalidSettings(f"model {folder.name}: {path} cannot be read: {error}") from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        lower = bool(folder.sentence_config.get("do_lower_case"))
        if lower:
            present = [self._tokenizer.normalizer] if self._tokenizer.normalizer else []
            self._tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), *present])
        self.fingerprint = digest_of([KIND, sha256_hex(content), lower])
        self.special_tokens = int(self._tokenizer.num_special_tokens_to_add(is_pair=False))
        description = json.loads(content)
        special = [token["content"] for token in description.get("added_tokens") or ()]  # one token wherever they are
        model = description.get("model", {})
        name = model.get("unk_token")
        self._unknown = self._tokenizer.token_to_id(name) if name else model.get("unk_id")  # None: it has all bytes
        self._plain = 0 if self._unknown in self.encoded([_PLAIN])[0].ids else LONGEST_PLAIN
        self._words = WordMemory(self._spans, special) if is_made_of_words(description) else None

    def offsets(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        return self._words.offsets(texts) if self._words else self._spans(texts)

    def unread(self, texts: Sequence[str]) -> list[float]:
        shares, odd = [0.0] * len(texts), dict[int, str]()
        for i, text in enumerate(texts if self._unknown is not None else ()):
            if words := [w for w in text.split() if len(w) > self._plain or not w.isascii()]:
                odd[i] = " ".join(words)
        for (i, some), tokens in zip(odd.items(), self.encoded([*odd.values()]), strict=True):
            left = bytearray(b"\1" * len(some))
            for number, (start, end) in zip(tokens.ids, tokens.offsets, strict=True):
                left[start:end] = bytes([number == self._unknown]) * (end - start)
            if lost := "".join(compress(some, left)).replace(" ", ""):
                shown = _LETTER if _LETTER.search(texts[i]) else _SHOWN
                shares[i] = round(len(shown.findall(lost)) / len(shown.findall(texts[i])), 3)
        return shares

    def parts(self, before: str, after: str) -> bool:
        return self._words is not None and is_border(before, after)

    def _spans(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        return [
            np.fromiter(chain.from_iterable(found.offsets), np.int32, 2 * len(found)).reshape(-1, 2)
            for found in self.encoded(texts)
        ]

    def count(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text, without special tokens."""
        return [len(spans) for spans in self.offsets(texts)]

    def inputs(self, text: str) -> Inputs:
        """Return a text as the model's inputs, (1, tokens) by name, with special tokens."""
        (found,) = self.encoded([text], special=True)
        named = {"input_ids": found.ids, "attention_mask": found.attention_mask, "token_type_ids": found.type_ids}
        return {name: np.array([values], np.int64) for name, values in named.items()}

    def encoded(self, texts: Sequence[str], *, special: bool = False) -> Any:
        """Return the library's encodings. Raises: MalformedDocument."""
        try:
            return self._tokenizer.encode_batch(list(texts), add_special_tokens=special)
        except (UnicodeEncodeError, TypeError) as error:
            raise MalformedDocument(f"a text is not valid Unicode: {error}") from error


def is_made_of_words(description: dict[str, Any]) -> bool:
    """Return whether a text's tokens are those of its words, given the content of tokenizer.json."""
    normalizer = description.get("normalizer") or {}
    parts = normalizer["normalizers"] if normalizer.get("type") == "Sequence" else [normalizer]
    added = description.get("added_tokens") or ()
    return (
        description.get("model", {}).get("type") == "WordPiece"
        and (description.get("pre_tokenizer") or {}).get("type") == "BertPreTokenizer"
        and all(part.get("type") in _LOCAL_NORMALIZERS for part in parts)
        and any(part.get("handle_chinese_chars") for part in parts)
        and not any(_WORD.fullmatch(token["content"]) is None or token.get("normalized") for token in added)
    )


def is_border(before: str, after: str) -> bool:
    """Return whether BERT's pre-tokenizer splits between these code points: at white space and at ideographs."""
    if before in _SPACES or after in _SPACES:
        return True
    alone = all(unicodedata.category(one)[0] in "LNP" for one in (before, after))  # neither combines with the other
    return alone and any("\u4e00" <= one <= "\u9fff" for one in (before, after))


class WordMemory:
    """Computes the token spans of texts. Thread-safe."""

    def __init__(self, tokenize: Tokenize, special: Sequence[str] = ()) -> None:
        self._tokenize = tokenize
        self._special = tuple(special)
        self._lock = threading.Lock()
        self._known: dict[str, bytes] = {}  # by word: the spans inside it

    def offsets(self, texts: Sequence[str]) -> list[Offsets]:
        """Return the token spans of each text, (tokens, 2) code points."""
        ends = accumulate(len(text) + 1 for text in texts)
        batches = groupby(zip(ends, texts, strict=True), key=lambda placed: placed[0] // LONGEST_TEXT)
        return [spans for _, batch in batches for spans in self._of_batch([text for _, text in batch])]

    def _of_batch(self, texts: list[str]) -> list[Offsets]:
        joined = "\n".join(texts)
        whole = any(token in joined for token in self._special)
        pieces = (_WORD if whole else _PART).split(joined)  # what is no word stands before and after each word
        starts = np.cumsum(np.fromiter(map(len, pieces), np.int32, len(pieces)), dtype=np.int32)[:-1:2]
        spans = self._spans(pieces[1::2])
        count = np.fromiter(map(len, spans), np.int64, len(spans)) // SPAN_BYTES
        every = np.frombuffer(b"".join(spans), np.int32).reshape(-1, 2) + np.repeat(starts, count)[:, None]
        begins = np.cumsum([0, *(len(text) + 1 for text in texts)])
        edges = np.concatenate([[0], np.cumsum(count)])[np.searchsorted(starts, begins)]
        every -= np.repeat(begins[:-1], np.diff(edges)).astype(np.int32)[:, None]
        return [every[first:last] for first, last in pairwise(edges.tolist())]

    def _spans(self, words: list[str]) -> list[bytes]:
        """Return the spans inside each word, int32 as they are in memory."""
        with self._lock:
            missing = set(words).difference(self._known)
            if len(self._known) + len(missing) > MOST_WORDS:
                self._known, missing = {}, set(words)
            self._known.update(self._tokenised(list(missing)))
            spans = [self._known[word] for word in words]
            for word in missing:
                if len(word) > LONGEST_WORD:
                    del self._known[word]
        return spans

    def _tokenised(self, words: list[str]) -> Iterator[tuple[str, bytes]]:
        """Yield words with the spans inside them."""
        spans = self._tokenize(["\n".join(words)])[0]  # as one text: encoding each word takes longer
        starts = np.cumsum([0, *(len(word) + 1 for word in words)])
        edges = SPAN_BYTES * np.searchsorted(spans[:, 0], starts)
        owner = np.repeat(starts[:-1], np.diff(edges) // SPAN_BYTES)
        inside = (spans - owner[:, None]).astype(np.int32).tobytes()
        return zip(words, (inside[first:last] for first, last in pairwise(edges.tolist())), strict=True)
