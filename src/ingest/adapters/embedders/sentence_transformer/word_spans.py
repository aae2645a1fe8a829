"""Token spans of texts from those of their words, each word being tokenised once.

Only for tokenizers in which white space, ASCII punctuation and ideographs part words for good (WordPiece after BERT's
pre-tokenizer): there the tokens of a text are those of its words. Natural text repeats its words, so this is many times
faster than the tokenizer. A text that holds a special token by name ("[SEP]") is parted at white space only.
"""

import re
import string
import threading
import unicodedata
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_WORDS = 2**18  # remembered, of at most LONGEST_WORD code points: 100 MB at most as a rule; then all are forgotten
LONGEST_WORD = 128  # code points; longer ones are tokenised every time
LONGEST_TEXT = 2**20  # code points looked at in one go

_WORD = re.compile(r"[^ \t\n\r]+")  # what BERT's normaliser makes a space of for certain; others stay inside words
_PART = re.compile(r"[^ \t\n\r!-/:-@\[-`{-~\u4e00-\u9fff]+|[!-/:-@\[-`{-~]+|[\u4e00-\u9fff]")
_SPACES = (" ", "\t", "\n", "\r")
_WHITE, _LETTER, _MARK, _IDEOGRAPH = range(4)
_CLASSES = np.array(  # of a code point; the last is that of all above
    [_WHITE if chr(i) in _SPACES else _MARK if chr(i) in string.punctuation else _LETTER for i in range(129)], np.uint8
)
_LOCAL_NORMALIZERS = {None, "BertNormalizer", "Lowercase"}

Offsets = NDArray[np.int32]
Tokenize = Callable[[list[str]], list[Offsets]]


def is_made_of_words(description: dict[str, Any]) -> bool:
    """Return whether tokens of a text are those of its words, from the content of its tokenizer.json."""
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


def special_tokens(description: dict[str, Any]) -> tuple[str, ...]:
    """Return the texts that a tokenizer takes for one token wherever they stand, from the content of its file."""
    return tuple(token["content"] for token in description.get("added_tokens") or ())


def is_border(before: str, after: str) -> bool:
    """Return whether BERT's pre-tokenizer parts these two code points: at white space and at ideographs."""
    return (
        before in _SPACES
        or after in _SPACES
        or (_is_ideograph(before) and _stands_alone(after))
        or (_is_ideograph(after) and _stands_alone(before))
    )


class WordMemory:
    """Gives the token spans of texts; safe to use from several threads."""

    _known: dict[str, int]  # numbers of words
    _first: NDArray[np.int64]  # by number of a word: its first row; behind the last one: its end
    _spans: Offsets

    def __init__(self, tokenize: Tokenize, special: Sequence[str] = ()) -> None:
        self._tokenize = tokenize
        self._special = tuple(special)
        self._lock = threading.Lock()
        self._forget()

    def offsets(self, texts: Sequence[str]) -> list[Offsets]:
        """Return for each text the spans of its tokens, (tokens, 2) code points."""
        found: list[Offsets] = []
        batch: list[str] = []
        size = 0
        for text in texts:
            batch.append(text)
            size += len(text) + 1
            if size > LONGEST_TEXT:
                found += self._of_batch(batch)
                batch, size = [], 0
        return found + self._of_batch(batch) if batch else found

    def _of_batch(self, texts: list[str]) -> list[Offsets]:
        joined = "\n".join(texts)
        whole = any(token in joined for token in self._special)
        words, starts = (_WORD if whole else _PART).findall(joined), _word_starts(joined, whole)
        if not words:
            return [np.zeros((0, 2), np.int32) for _ in texts]
        with self._lock:
            first, count, spans = self._rows(words)
            row = np.repeat(first - np.cumsum(count) + count, count) + np.arange(count.sum())
            every = spans[row] + np.repeat(starts, count)[:, None]
        begins = np.cumsum([0, *(len(text) + 1 for text in texts)])
        edges = np.concatenate([[0], np.cumsum(count)])[np.searchsorted(starts, begins)]
        every -= np.repeat(begins[:-1], np.diff(edges)).astype(np.int32)[:, None]
        return [every[first:last] for first, last in pairwise(edges.tolist())]

    def _rows(self, words: list[str]) -> tuple[NDArray[np.int64], NDArray[np.int64], Offsets]:
        """Return for each word the row of its first token and how many it has, and the rows: spans inside words."""
        missing = set(words).difference(self._known)
        if len(self._known) + len(missing) > MOST_WORDS:
            self._forget()
            missing = set(words)
        long = {word for word in missing if len(word) > LONGEST_WORD}
        self._learn(list(missing - long))
        self._learn(list(long))
        numbers = np.fromiter(map(self._known.__getitem__, words), np.int64, len(words))
        for word in long:  # not kept: the rows of the next words replace theirs
            del self._known[word]
        return self._first[numbers], self._first[numbers + 1] - self._first[numbers], self._spans

    def _learn(self, words: Sequence[str]) -> None:
        """Write the spans of words behind those of the remembered words, and remember them."""
        if not words:
            return
        at, begin = len(self._known), int(self._first[len(self._known)])
        spans = self._tokenize(["\n".join(words)])[0]  # as one text: an encoding for each word takes longer
        starts = np.cumsum([0, *(len(word) + 1 for word in words[:-1])])
        owner = np.searchsorted(starts, spans[:, 0], side="right") - 1
        ends = begin + np.cumsum(np.bincount(owner, minlength=len(words)))
        self._first = _grown(self._first, at + 1 + len(words))
        self._spans = _grown(self._spans, begin + len(spans))
        self._first[at + 1 : at + 1 + len(words)] = ends
        self._spans[begin : begin + len(spans)] = spans - starts[owner][:, None]
        self._known.update(zip(words, range(at, at + len(words)), strict=True))

    def _forget(self) -> None:
        self._known = {}
        self._first = np.zeros(1, np.int64)
        self._spans = np.zeros((0, 2), np.int32)


def _is_ideograph(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff"


def _stands_alone(character: str) -> bool:
    """Return whether it is a letter, digit or mark that takes nothing from its neighbour, as an accent would."""
    return unicodedata.category(character)[0] in "LNP"


def _word_starts(text: str, whole: bool) -> NDArray[np.int32]:
    """Return where the words start that _WORD (`whole`) or _PART finds."""
    if text.isascii():
        kinds = _CLASSES[np.frombuffer(text.encode(), np.uint8)]
    else:
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
        kinds = _CLASSES.take(codes, mode="clip")
        kinds[(codes >= 0x4E00) & (codes <= 0x9FFF)] = _IDEOGRAPH
    starts = kinds != _WHITE
    if whole:
        starts[1:] &= kinds[:-1] == _WHITE
    else:
        starts[1:] &= (kinds[1:] != kinds[:-1]) | (kinds[1:] == _IDEOGRAPH)
    return np.flatnonzero(starts).astype(np.int32)


def _grown(array: NDArray[Any], length: int) -> NDArray[Any]:
    """Return the array, or a longer copy with room for `length` rows."""
    return array if length <= len(array) else np.resize(array, (max(length, 2 * len(array)), *array.shape[1:]))
