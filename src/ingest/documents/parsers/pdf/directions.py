"""What tells in which direction a line is read: its letters, its punctuation, and the forms that end words."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from ingest.documents.parsers.pdf.bidi import bidi_class

ENDS = frozenset(".,;:!?\u060c\u061b\u061f\u06d4")  # of a sentence or a part of one
_LAST = frozenset("\u05da\u05dd\u05df\u05e3\u05e5\u0629\u0649\u06d2\u06ba")  # letters that only end words
_ARTICLE, _ARTICLE_WEIGHT, _LONG = "\u0627\u0644", 0.3, 5  # of Arabic, and letters of a word from which on it counts
_LIGATURE = "\u0640"


def sided(text: str) -> str:
    """Return R or L for a glyph with a letter."""
    return {"R": "R", "AL": "R", "L": "L"}.get(bidi_class(text), "")


def punctuated(line: Sequence[str]) -> int:
    """Return 1 if punctuation belongs to what is on its right, as in text from right to left; -1 if to the left; or 0.

    Inside of a run of one direction it tells nothing about the line.

    Args:
        line: The text of each glyph and space, from left to right.
    """
    texts = [" ", *line, " "]
    sides = [sided(text) for text in texts]
    before, after = list(accumulate(sides, latest)), list(accumulate(reversed(sides), latest))[::-1]
    found = 0
    for at in range(1, len(texts) - 1):
        around = before[at] + after[at]
        if texts[at] in ENDS:
            found += texts[at - 1] == " " != texts[at + 1] and around not in ("LL", "RR")
            found -= texts[at + 1] == " " != texts[at - 1] and around not in ("LL", "RR")
    if sum(text == '"' for text in texts) % 2:  # inches: "27"" and no quotation
        found += (texts[1] == '"') - (texts[-2] == '"')
    signs = [bidi_class(text) in ("EN", "AN") for text in (texts[2], texts[-3])] if len(texts) > 3 else [False, False]
    found -= texts[1] in "+-" and signs[0]
    found += texts[-2] in "+-" and signs[1]
    return max(-1, min(found, 1))


def latest(before: str, side: str) -> str:
    """Return the side of the last letter up to a glyph, given that before it and its own."""
    return side or before


def is_drawn_as_read(lines: Iterable[Sequence[str]]) -> bool:
    """Return whether right-to-left letters were put on the page from left to right, as programs do that know no better.

    Some letters only end words: they tell at which end of its words a text begins.
    """
    wrong = right = 0.0
    for line in lines:
        for word in _words(line):
            wrong += word[-1] in _LAST
            right += word[0] in _LAST
            if len(word) > _LONG:
                wrong += _ARTICLE_WEIGHT * (word[:2] == _ARTICLE)
                right += _ARTICLE_WEIGHT * (word[-2:] == _ARTICLE[::-1])
    return wrong >= 1 and wrong > 3 * right


def _words(line: Sequence[str]) -> Iterator[str]:
    """Yield the right-to-left words of two letters or more, as they are seen, without marks."""
    word = ""
    for text in [*line, " "]:
        if sided(text) == "R":
            letters = [letter for letter in text if not unicodedata.combining(letter)]
            word += letters[0] if len(letters) == 1 else _LIGATURE
            continue
        if len(word) > 1:
            yield word
        word = ""
