"""Text → words: codes and compounds whole and split, numbers in one form, scripts without spaces as pairs of letters.

What is the same word however it is written becomes one, or words of which some are shared (docs/performance.md).
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from itertools import chain, pairwise
from string import punctuation as PUNCTUATION
from unicodedata import normalize

import pyarrow as pa
import pyarrow.compute as pc

WORD = re.compile(r"[^\W_]+")  # runs of Unicode letters and digits
OPENING, CLOSING = PUNCTUATION.replace(".", ""), PUNCTUATION.replace("+", "").replace("#", "")  # outside of any word
TOKEN = re.compile(  # takes linear time: a run of letters and digits is only tried from its start, and only once
    r"((?<![^\W_])(?:(?<![\w.,'\[])(?:[0-9]{1,3}(?:[,'][0-9]{2,3})*[,'][0-9]{3}(?:\.[0-9]+)?"
    r"|[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+|[0-9]{4,},[0-9]{1,2})(?![0-9]|[.,'][0-9])"
    r"|[^\W_]++(?:(?:(?!-[^\W\d_](?:\+\+|#))(?:[._]++|(?<=[^\W\d_])-|-(?=[^\W\d_]))[^\W_]++)++"  # a_b, v1.2, IL-6
    r"|\+(?![\w+])|\+\+(?![^\W\d_+])|#(?![^\W\d]))"  # CD4+, C++, C++20, C#, C#12
    r"|\.(?<![^\s(\"'`*,/]\.)[^\W\d_][\w-]*(?![\w.(\[])))"  # .NET
)
INSIDE = re.compile(r"[^\W_](?:[.,'_-]+[^\W_]|[+#])|\.[^\W_]")  # what every token has, quickly found
SOLID = re.compile(  # often written without the signs: e-mail, U.S.A, ERR_4031, E-4031
    r"[^\W\d_]{1,2}(?:-[^\W\d_]+)+|[^\W\d_](?:\.[^\W\d_])+|[^\W\d_]{2,}_[0-9]+|[^\W\d_]+-[0-9]{3,}"
)
CAMEL = re.compile(r"[A-Z]{2,}(?=[A-Z][a-z])|[A-Z][a-z]+|[a-z]+|[A-Z]+|[0-9]+")
CAMEL_START = re.compile(r"[a-z][A-Z]|[A-Z]{2}[a-z]")
LETTERS_DIGITS = re.compile(r"[A-Za-z]{2,}[0-9]+|[0-9]+[A-Za-z]{2,}")  # utf8, 10mg
SPACELESS = re.compile(  # Thai, Lao, Myanmar, Khmer, kana, Han; Hangul, whose particles follow their words directly
    "([\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u3131-\u318e\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]+)"
)
PARTICLE = re.compile("[은는이가을를의에와과도만로]|으로|에서|에게|까지|부터|보다|처럼|하고|이나")
FOOTNOTE = re.compile(r"(?<=[^\W\d_]{3})[¹²³⁰⁴-⁹]+")  # after a shorter word it is a power: m², km²
# In Vietnamese, accents are tones, often all that tells two words apart: none with a letter that only it has.
FOLDED = re.compile("^(?!.*[ơư\u1ea0-\u1ef9]).*[\u00c0-\u06ff\u1e00-\u1fff]")
ACCENTS = re.compile(  # that are often left out; not the vowels of Hindi or Thai, nor й, which is a letter of its own
    "(?<=[a-zα-ω])[\u0300-\u036f]+|[\u0591-\u05bd\u05bf-\u05c7\u064b-\u065f\u0670]|(?<=[аеиоуыэюя])\u0301|(?<=е)\u0308"
)
BORROWED = {space: re.compile("(?<=[a-z])[\u0300-\u0303\u0327]") for space in ("da", "de", "fi", "no", "sv")}  # Café
BARE = str.maketrans({**dict(zip("øłđðıىیکة", "olddiييكه", strict=True)), "æ": "ae", "œ": "oe"})
BROKEN = "[0-9][ \u00a0\u2009\u202f][0-9]{3}|[^-](?:-|\u2010|\u00ad)\r?\n"  # for Arrow: what `_rejoined` mends
LINE_END = re.compile(r"(?<![^\W\d_])([^\W\d_]+)[-‐]\r?\n[ \t]*([^\W\d_]+)")
SPACED = re.compile("(?<![\\w.,])[0-9]{1,3}(?:[ \u00a0\u2009\u202f][0-9]{3})+(?:[.,][0-9]+)?(?![0-9])")


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


@cache
def _same() -> dict[int, str | None]:
    """Return what stands for a character: nothing for one that is not seen, ASCII for all digits and like signs."""
    unseen = (0xAD, 0x34F, 0x61C, 0x640, 0xFEFF, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070))
    digits = (c for c in map(chr, range(0x660, 0x20000)) if unicodedata.category(c) == "Nd")
    signs = dict.fromkeys(map(ord, "‘’ʼ"), "'") | dict.fromkeys(map(ord, "‐‑–−"), "-")
    return {**dict.fromkeys((*unseen, *range(0xFE00, 0xFE10))), **signs, **{ord(c): str(int(c)) for c in digits}}


def alike(text: str) -> str:
    """Return a text in compatibility forms (NFKC), without invisible characters, apostrophes, hyphens, digits alike."""
    return text if text.isascii() else normalize("NFKC", text).translate(_same())


def folded(words: Iterable[str], accents: re.Pattern[str] = ACCENTS) -> list[str]:
    """Return words, which are in lower case, without accents: "cafe" of "café"."""

    def bare(word: str) -> str:
        return normalize("NFC", accents.sub("", normalize("NFD", word.translate(BARE if accents is ACCENTS else {}))))

    return [bare(word) if not word.isascii() and FOLDED.search(word) else word for word in words]


def rejoined(texts: pa.StringArray) -> pa.StringArray:
    """Return texts in which a word broken at a line's end, or a number with spaces, is also in one piece."""
    broken = pc.match_substring_regex(texts, BROKEN)
    whole = [_rejoined(text) for text in texts.filter(broken).to_pylist()]
    return pc.replace_with_mask(texts, broken, pa.array(whole, pa.string())) if whole else texts


def _rejoined(text: str) -> str:
    def joined(found: re.Match[str]) -> str:
        number = "".join(found[0].split())  # with plain spaces, its groups may be numbers, too, or probably are
        return number if " " not in found[0] else found[0] if number.isdigit() else f"{found[0]} {number}"

    return SPACED.sub(joined, LINE_END.sub(r"\1-\2 \1\2", re.sub("\u00ad\r?\n[ \t]*", "", text)))


def words_in(piece: str) -> list[str]:
    """Return the words of a piece in order, with full case folding; what is whole comes before its parts."""
    if piece.isascii():
        word = piece.lstrip(OPENING).rstrip(CLOSING)
        # A shortcut: such a piece has no parts.
        if (word.isalpha() and (word.islower() or word.istitle() or word.isupper())) or word.isdigit():
            return [word.lower()]
        return [word.lower() for word in _tokens(piece)]
    parts = enumerate(SPACELESS.split(alike(FOOTNOTE.sub(" ", piece))))
    return [word.casefold() for i, part in parts for word in (_pairs if i % 2 else _tokens)(part)]


def _tokens(text: str) -> list[str]:
    if not INSIDE.search(text) or not (text.isascii() or marks().isdisjoint(text)):
        return _parts(text)
    parts = enumerate(TOKEN.split(text))
    return [word for i, part in parts if part for word in (_whole_and_parts if i % 2 else _parts)(part)]


def _number(token: str) -> list[str]:
    """Return a number with a point for its fraction and no other sign, and what is before and after the point."""
    head, sign, tail = re.split(r"([.,'])(?=[0-9]+$)", token)
    whole = re.sub("[.,']", "", head)
    thousands = sign == "'" or (sign == "," and len(tail) == 3 and "." not in head)
    return [whole + tail] if thousands else [f"{whole}.{tail}", whole, tail]


def _whole_and_parts(token: str) -> list[str]:
    if "," in token or "'" in token:
        return _number(token)
    core = token.strip(".+#")
    if core != token:
        alone = len(core) == 1 and token.endswith(("#", "++"))
        return [token] if alone else _parts(core) if core.isdigit() or token[-1] == "#" else [token, *_tokens(core)]
    if SOLID.fullmatch(token):
        return [re.sub("[._-]", "", token), *_parts(token)]
    if "-" in token:
        return [*chain.from_iterable(map(_tokens, token.split("-")))] if "." in token or "_" in token else _parts(token)
    return [token, *_parts(token)]


def _parts(text: str) -> list[str]:
    """Return the words, each before its parts: of camel case, or letters and digits."""
    found: list[str] = []
    for word in runs(text):
        found.append(word)
        if word.isascii() and not word.islower() | word.isdigit() and CAMEL_START.search(word):
            parts = CAMEL.findall(word)
            found += parts if min(map(len, parts)) > 1 < len(parts) else []
        elif not word.isalpha() and LETTERS_DIGITS.fullmatch(word):
            found += CAMEL.findall(word)
    return found


def runs(text: str) -> list[str]:
    """Return the runs of letters, with their marks, and digits in a text."""
    if text.isascii() or marks().isdisjoint(text):
        return WORD.findall(text)
    return _with_marks()[0].findall(text.replace("_", " "))


def marked_letters(run: str) -> list[str]:
    """Return the letters of a run, each with its marks."""
    words = runs(run)
    return [*chain.from_iterable(words if marks().isdisjoint(run) else map(_with_marks()[1].findall, words))]


def _pairs(run: str) -> list[str]:
    """Return the pairs of adjacent characters, each with its marks, and one that stands alone or before a particle."""
    letters = marked_letters(run)
    pairs = [a + b for a, b in pairwise(letters)]
    return [*letters[:1], *pairs] if not pairs or PARTICLE.fullmatch("".join(letters[1:])) else pairs
