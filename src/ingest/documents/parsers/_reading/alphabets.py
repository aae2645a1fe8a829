"""Which encoding of one byte per letter a text is in, by the alphabets of languages.

"spoleènost" is all letters in Windows-1252, but no language has è beside š, ø and ž: in Windows-1250 it is Czech. A
letter counts if it is one of the language and no capital letter inside a word; so do signs, but none inside of words.
"""

import re
from collections import Counter
from collections.abc import Iterator
from collections.abc import Set as AbstractSet

_WESTERN = ("cp1252", "mac_roman", "cp850")
_CENTRAL = ("cp1250", "iso8859_2", "cp852")
_CYRILLIC = ("cp1251", "koi8_r", "koi8_u", "cp866", "iso8859_5", "mac_cyrillic")
_RUSSIAN = "абвгдежзийклмнопрстуфхцчшщъыьэюя"
_LANGUAGES = (  # letters beyond ASCII, and the encodings in which the language is written, the most usual first
    ("äöüß", _WESTERN),  # German
    ("àâæçéèêëîïôœùûüÿ", _WESTERN),  # French
    ("áéíñóúüªº", _WESTERN),  # Spanish
    ("áâãàçéêíóôõúüªº", _WESTERN),  # Portuguese
    ("àéèìíîòóùúªº", _WESTERN),  # Italian
    ("áéëèêïíóöüç", _WESTERN),  # Dutch
    ("åäöé", _WESTERN),  # Swedish, Finnish
    ("åæøéôòü", _WESTERN),  # Danish, Norwegian
    ("áéíóúýðþæö", _WESTERN),  # Icelandic
    ("àéèíòóúüïç", _WESTERN),  # Catalan
    ("ąćęłńóśźż", _CENTRAL),  # Polish
    ("áčďéěíňóřšťúůýž", _CENTRAL),  # Czech
    ("áäčďéíĺľňóôŕšťúýž", _CENTRAL),  # Slovak
    ("áéíóöőúüű", _CENTRAL),  # Hungarian
    ("čćđšž", _CENTRAL),  # Croatian, Slovene
    ("ăâîşţ", _CENTRAL),  # Romanian
    ("çğıöşüâîûİ", ("cp1254",)),  # Turkish
    ("āčēģīķļņšūž", ("cp1257",)),  # Latvian
    ("ąčęėįšųūž", ("cp1257",)),  # Lithuanian
    (_RUSSIAN + "ё", _CYRILLIC),
    ("абвгґдеєжзиіїйклмнопрстуфхцчшщьюя", ("cp1251", "koi8_u", "mac_cyrillic")),  # Ukrainian
    ("абвгдежзийклмнопрстуфхцчшщъьюя", ("cp1251",)),  # Bulgarian
    ("абвгдђежзијклљмнњопрстћуфхцчџш", ("cp1251",)),  # Serbian
    ("αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ", ("cp1253", "iso8859_7")),  # Greek
)
LATIN = frozenset((*_WESTERN, *_CENTRAL, "cp1254", "cp1257"))
_OTHERS = "latin_1 iso8859_4 iso8859_9 iso8859_10 iso8859_13 iso8859_15 iso8859_16 cp1258 cp437 cp858 cp775 cp1125"
FAMILIES = LATIN | {*_CYRILLIC, "cp1253", "iso8859_7", "mac_latin2", "mac_iceland", "mac_turkish", *_OTHERS.split()}
ALPHABETIC = frozenset(encoding for _, encodings in _LANGUAGES for encoding in encodings)
OF_DOS = frozenset(("cp850", "cp852", "cp866"))
_ENOUGH = 0.97  # of the signs beyond ASCII that count, at least
_BETTER = 0.02  # by which a less usual encoding must fit better
_SIGNS = frozenset("€‚„…†‡‰‹‘’“”•–—™›\xa0¡£¥§©«¬®°±²³´µ·¹º»¼½¾¿×÷№−")
_IN_WORDS = frozenset("’‘\xad")
_NOT_LATIN = "\u0370"  # and beyond
_HIGH = re.compile(r"[^\x00-\x7f]")


def told_by_alphabets(data: bytes, least: int, among: AbstractSet[str] = ALPHABETIC) -> str:
    """Return the encoding in which a text has the letters of one language, "" when none has nearly all of them.

    Args:
        data: Bytes that are not UTF-8.
        least: Letters beyond ASCII that it must have.
        among: The encodings that are asked for.
    """
    found: dict[str, Counter[str]] = {}
    best, name = 0.0, ""
    for letters, encoding in _pairs():
        if encoding not in among:
            continue
        if encoding not in found:
            found[encoding] = _letters(data.decode(encoding, "replace"))
        counts = found[encoding]
        total = counts.total()
        if total < least:
            continue
        share = sum(count for letter, count in counts.items() if letter in letters) / total
        if share >= _ENOUGH and share > best + (_BETTER if best else 0.0):
            best, name = share, encoding
    return name


def _pairs() -> Iterator[tuple[frozenset[str], str]]:
    """Yield the letters of each language with an encoding of it, the most usual encodings first."""
    for rank in range(max(len(encodings) for _, encodings in _LANGUAGES)):
        for letters, encodings in _LANGUAGES:
            if rank < len(encodings):
                yield frozenset(letters + letters.upper()), encodings[rank]


def _letters(text: str) -> Counter[str]:
    """Return how often each sign beyond ASCII occurs: "?" for one where none of its kind belongs, no other signs."""
    counts: Counter[str] = Counter()
    for match in _HIGH.finditer(text):
        sign, at = match.group(), match.start()
        before, after = text[at - 1 : at], text[at + 1 : at + 2]
        inside = before.isalpha() and after.isalpha()
        if sign in _SIGNS:
            if inside and sign not in _IN_WORDS:
                counts["?"] += 1
        elif (sign.isupper() and before.islower()) or (sign >= _NOT_LATIN and _is_ascii_letter(before, after)):
            counts["?"] += 1
        elif sign < _NOT_LATIN or (before + after).strip():
            counts[sign if sign.isalpha() else "?"] += 1
    return counts


def _is_ascii_letter(*signs: str) -> bool:
    return any(sign.isascii() and sign.isalpha() for sign in signs)
