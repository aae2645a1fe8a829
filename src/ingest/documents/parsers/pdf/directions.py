"""What tells whether a line is read from right to left: its letters and its punctuation."""

from collections.abc import Sequence
from itertools import accumulate

from ingest.documents.parsers.pdf.bidi import bidi_class

ENDS = frozenset(".,;:!?\u060c\u061b\u061f\u06d4")  # of a sentence or a part of one


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
    before, after = list(accumulate(sides, _latest)), list(accumulate(reversed(sides), _latest))[::-1]
    found = 0
    for at in range(1, len(texts) - 1):
        around = before[at] + after[at]
        if texts[at] in ENDS:
            found += texts[at - 1] == " " != texts[at + 1] and around not in ("LL", "RR")
            found -= texts[at + 1] == " " != texts[at - 1] and around not in ("LL", "RR")
    signs = [bidi_class(text) in ("EN", "AN") for text in (texts[2], texts[-3])] if len(texts) > 3 else [False, False]
    found -= texts[1] in "+-" and signs[0]
    found += texts[-2] in "+-" and signs[1]
    return max(-1, min(found, 1))


def _latest(before: str, side: str) -> str:
    return side or before
