"""Brackets of lines with right-to-left letters: which way each of them is seen.

A file may have them as they are seen or as they are read, by producer and by place: in spans, among letters of one
direction or the other. What surrounds them tells: a bracket that opens to the right has a space on its left.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Protocol

from ingest.documents.parsers.pdf.directions import ENDS, latest, sided

MIRRORED = dict(zip("()[]{}<>«»‹›≤≥⟨⟩", ")(][}{><»«›‹≥≤⟩⟨", strict=True))
_OPENING = frozenset("([{<«‹⟨")
_LOOSE = frozenset("≤≥")  # with spaces around


class SeenBracket(Protocol):
    """A glyph that may be a bracket."""

    text: str
    spanned: bool  # the text is that of a span


def turn_brackets(lines: Sequence[Sequence[SeenBracket]]) -> None:
    """Make the brackets of lines, given from left to right, what is seen."""
    votes: Counter[tuple[bool, str]] = Counter()
    whole: Counter[bool] = Counter()
    found: list[tuple[SeenBracket, tuple[bool, str]]] = []
    for line in lines:
        brackets = list(_brackets(line))
        sure = _pairs(brackets)
        for item, around, vote in brackets:
            if id(item) in sure:
                continue
            key = item.spanned, "".join(around)
            votes[key] += vote
            whole[item.spanned] += vote
            found.append((item, key))
    for item, key in found:
        total = votes[key] or whole[key[0]] or (-1 if item.spanned and "R" in key[1] else 1)
        if total < 0:
            item.text = MIRRORED[item.text]


def _pairs(brackets: Sequence[tuple[SeenBracket, tuple[str, str], int]]) -> set[int]:
    """Return the ids of brackets around Latin letters, as in "(REST)": other ones would look away from them."""
    return {
        id(item)
        for (left, before, _), (right, after, _) in pairwise(brackets)
        if left.text in _OPENING and right.text == MIRRORED[left.text] and before[1] == after[0] == "L"
        for item in (left, right)
    }


def _brackets(line: Sequence[SeenBracket]) -> Iterator[tuple[SeenBracket, tuple[str, str], int]]:
    """Yield brackets, the sides of the letters around, and 1 if it is as its surroundings tell, -1 if not, or 0."""
    if not any(item.text in MIRRORED for item in line):
        return
    texts = [" ", *(item.text for item in line), " "]
    sides = [sided(text) for text in texts]
    before, after = list(accumulate(sides, latest)), list(accumulate(reversed(sides), latest))[::-1]
    for at, item in enumerate(line, start=1):
        if item.text not in MIRRORED:
            continue
        left, right = (text == " " or text in ENDS for text in (texts[at - 1], texts[at + 1]))
        vote = 0 if left == right or item.text in _LOOSE else 1 if left == (item.text in _OPENING) else -1
        yield item, (before[at], after[at]), vote
