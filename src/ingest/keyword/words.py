"""Whitespace-separated pieces → words: identifiers whole and split, scripts without spaces as pairs of characters."""

import re
import unicodedata
from functools import cache
from itertools import chain, pairwise
from string import punctuation as PUNCTUATION

WORD = re.compile(r"[^\W_]+")  # runs of Unicode letters and digits
IDENTIFIER = re.compile(r"\w*[^\W_](?:[._]+\w*[^\W_])+")  # snake_case, v1.2.3, foo.bar_baz
CAMEL = re.compile(r"[A-Z]{2,}(?=[A-Z][a-z])|[A-Z][a-z]+|[a-z]+|[A-Z]+|[0-9]+")
CAMEL_START = re.compile(r"[a-z][A-Z]|[A-Z]{2}[a-z]")
SPACELESS = re.compile(  # Thai, Lao, Myanmar, Khmer, kana, Han
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff]+"
)


@cache
def marks() -> frozenset[str]:
    """Return the combining marks, which belong to the letter before them; Unicode has them only in these two ranges."""
    places = chain(range(0x300, 0x20000), range(0xE0000, 0xE0200))
    return frozenset(c for c in map(chr, places) if unicodedata.category(c) in ("Mn", "Mc"))


@cache
def _with_marks() -> tuple[re.Pattern[str], re.Pattern[str]]:
    r"""Return patterns of a word and a letter with marks, which `\w` leaves out: Hindi would fall apart without."""
    every = "".join(sorted(marks()))
    return re.compile(rf"\w[\w{every}]*"), re.compile(rf"(?s:.)[{every}]*")


def words_in(piece: str) -> list[str]:
    """Return the words of a piece in order, with full case folding; a whole identifier comes before its parts."""
    word = piece.strip(PUNCTUATION)
    # A shortcut: such a piece has no identifier and no capital within a word.
    if piece.isascii() and word.isalnum() and (word.islower() or word.istitle() or word.isupper() or word.isdigit()):
        return [word.lower()]
    text = piece if piece.isascii() else unicodedata.normalize("NFKC", piece)
    found: list[str] = []
    at = 0
    for run in () if text.isascii() else SPACELESS.finditer(text):
        found += _identifiers(text[at : run.start()]) + _pairs(run.group())
        at = run.end()
    found += _identifiers(text[at:])
    return [word.casefold() for word in found]


def _identifiers(text: str) -> list[str]:
    found: list[str] = []
    at = 0
    for match in IDENTIFIER.finditer(text):
        found += [*_parts(text[at : match.start()]), match.group().strip("_"), *_parts(match.group())]
        at = match.end()
    return found + _parts(text[at:])


def _parts(text: str) -> list[str]:
    """Return the words, each before its parts in camel case."""
    found: list[str] = []
    for word in _runs(text):
        found.append(word)
        if word.isascii() and CAMEL_START.search(word):
            parts = CAMEL.findall(word)
            found += parts if len(parts) > 1 and all(len(part) > 1 for part in parts) else []
    return found


def _runs(text: str) -> list[str]:
    if text.isascii() or marks().isdisjoint(text):
        return WORD.findall(text)
    return _with_marks()[0].findall(text.replace("_", " "))


def _pairs(run: str) -> list[str]:
    """Return the pairs of adjacent characters, each with its marks; a single character stays single."""
    letters = [letter for word in _runs(run) for letter in _with_marks()[1].findall(word)]
    return [a + b for a, b in pairwise(letters)] if len(letters) > 1 else letters
