"""Which characters belong together, and the probable language of a text that does not state it."""

from bisect import bisect_right
from collections import Counter

SAMPLE = 4096  # code points that are examined
LEAST_SHARE = 0.2  # of the letters; a script with a smaller share is a foreign word or two
LONGEST_CLUSTER = 64  # code points to look back; a longer cluster may be split

_TABLE = (  # first and last code point, language whose sentence rules suit the script; ascending
    "0370-03ff el, 0400-04ff ru, 0530-058f hy, 0590-05ff he, 0600-06ff ar, 0900-097f hi, 0980-09ff bn, "
    "0a80-0aff gu, 0b80-0bff ta, 0c00-0c7f te, 0c80-0cff kn, 0d00-0d7f ml, 0e00-0e7f th, 1000-109f my, "
    "3040-30ff ja, 3400-9fff zh, ac00-d7af ko"
)
_SCRIPTS = _TABLE.split(", ")
_FIRSTS, _LASTS = ([chr(int(script[i : i + 4], 16)) for script in _SCRIPTS] for i in (0, 5))


def guessed(text: str) -> str:
    """Return an ISO 639-1 code by the script at the text's beginning; "en" for Latin letters or none."""
    sample = text[:SAMPLE]
    if sample.isascii():
        return "en"
    found: Counter[str] = Counter()
    for character, times in Counter(sample).items():
        if character.isalpha():
            at = bisect_right(_FIRSTS, character) - 1
            found[_SCRIPTS[at][-2:] if at >= 0 and character <= _LASTS[at] else "en"] += times
    letters = found.total()
    if found["ja"] > LEAST_SHARE * letters / 2 and found["ja"] + found["zh"] > letters / 2:
        return "ja"  # kana among ideographs
    language, times = min(found.items(), key=lambda item: (-item[1], item[0]), default=("en", 0))
    return language if times > LEAST_SHARE * letters else "en"


def cluster_start(text: str, position: int) -> int:
    """Return where the grapheme cluster around `position` starts: `position` itself if it lies between two."""
    if position >= len(text) or position == 0 or text[position - 1 : position + 1].isascii():
        return position
    import regex

    least = max(0, position - LONGEST_CLUSTER)
    *_, last = regex.finditer(r"\X", text[least : position + 1])
    start = least + last.start()
    return start if start > least or least == 0 else position
