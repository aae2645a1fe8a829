"""Combining marks of a PDF, such as vowels of Hebrew and Arabic: each belongs to the letter above or below it."""

import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from typing import Protocol

_NEAR = 3  # letters to each side of a mark that may be its own


class PlacedText(Protocol):
    """Text in its place on a line."""

    text: str
    start: float
    end: float


def is_mark(text: str) -> bool:
    """Return whether a glyph is only a mark."""
    return bool(text) and all(unicodedata.category(letter) == "Mn" for letter in text)


def attached(letters: Sequence[PlacedText], marks: Sequence[PlacedText]) -> None:
    """Add marks to the text of the letters at whose place they stand.

    Args:
        letters: From left to right; of a ligature the first letter is at the right.
        marks: In any order.
    """
    if not letters:
        return
    starts = [letter.start for letter in letters]
    touched = set()
    for mark in marks:
        middle = (mark.start + mark.end) / 2
        at = bisect_right(starts, middle) - 1
        near = range(max(at - _NEAR, 0), min(at + _NEAR + 1, len(letters)))
        best = min(near, key=lambda i: (_distance(letters[i], middle), abs(_middle(letters[i]) - middle)))
        _add(letters[best], mark.text, middle)
        touched.add(best)
    for at in touched:
        letters[at].text = _sorted(letters[at].text)


def _middle(letter: PlacedText) -> float:
    return (letter.start + letter.end) / 2


def _distance(letter: PlacedText, x: float) -> float:
    return max(letter.start - x, x - letter.end, 0.0)


def _add(letter: PlacedText, mark: str, middle: float) -> None:
    """Add a mark behind the letter of a ligature at whose place it stands."""
    clusters: list[str] = []
    for character in letter.text:
        if clusters and unicodedata.category(character) == "Mn":
            clusters[-1] += character
        else:
            clusters.append(character)
    width = max(letter.end - letter.start, 0.01)
    at = min(max(int((letter.end - middle) / width * len(clusters)), 0), len(clusters) - 1)
    clusters[at] += mark
    letter.text = "".join(clusters)


def _sorted(text: str) -> str:
    """Return a text with the marks of each letter in canonical order."""
    found: list[str] = []
    marks: list[str] = []
    for character in text:
        if unicodedata.combining(character):
            marks.append(character)
        else:
            found += [*sorted(marks, key=unicodedata.combining), character]
            marks = []
    return "".join(found + sorted(marks, key=unicodedata.combining))
