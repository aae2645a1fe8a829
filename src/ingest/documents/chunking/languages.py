"""Which characters belong together, and the probable language of a text that does not state it."""

from bisect import bisect_right
from collections import Counter

SAMPLE = 4096  # code points looked at
LEAST_SHARE = 0.2  # of the letters; with less, a script is a foreign word or two
LONGEST_CLUSTER = 64  # code points to look back; a longer pile of marks may be split

_SCRIPTS = (  # first and last code point, language whose sentence rules serve the script
    ("\u0370", "\u03ff", "el"),
    ("\u0400", "\u04ff", "ru"),
    ("\u0530", "\u058f", "hy"),
    ("\u0590", "\u05ff", "he"),
    ("\u0600", "\u06ff", "ar"),
    ("\u0900", "\u097f", "hi"),
    ("\u0980", "\u09ff", "bn"),
    ("\u0a80", "\u0aff", "gu"),
    ("\u0b80", "\u0bff", "ta"),
    ("\u0c00", "\u0c7f", "te"),
    ("\u0c80", "\u0cff", "kn"),
    ("\u0d00", "\u0d7f", "ml"),
    ("\u0e00", "\u0e7f", "th"),
    ("\u1000", "\u109f", "my"),
    ("\u3040", "\u30ff", "ja"),
    ("\u3400", "\u9fff", "zh"),
    ("\uac00", "\ud7af", "ko"),
)
_FIRSTS = [first for first, _, _ in _SCRIPTS]  # in order


def guessed(text: str) -> str:
    """Return an ISO 639-1 code by the script of the text's beginning; "en" for Latin letters or none."""
    sample = text[:SAMPLE]
    if sample.isascii():
        return "en"
    found: Counter[str] = Counter()
    for character, times in Counter(sample).items():
        if character.isalpha():
            found[_language(character)] += times
    letters = found.total()
    if found["ja"] > LEAST_SHARE * letters / 2 and found["ja"] + found["zh"] > letters / 2:
        return "ja"  # kana between ideographs
    language, times = min(found.items(), key=lambda item: (-item[1], item[0]), default=("en", 0))
    return language if times > LEAST_SHARE * letters else "en"


def cluster_start(text: str, position: int) -> int:
    """Return where the grapheme cluster around `position` starts: `position` itself if it is between two."""
    if position >= len(text) or position == 0 or text[position - 1 : position + 1].isascii():
        return position
    import regex

    least = max(0, position - LONGEST_CLUSTER)
    start = least
    for match in regex.finditer(r"\X", text[least : position + 1]):
        start = least + match.start()
    return start if start > least or least == 0 else position


def _language(character: str) -> str:
    at = bisect_right(_FIRSTS, character) - 1
    return _SCRIPTS[at][2] if at >= 0 and character <= _SCRIPTS[at][1] else "en"
