"""Combining marks of a PDF, such as vowels of Hebrew and Arabic: each belongs to the letter above or below it."""

import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from typing import Protocol

_MOST = 0.5  # of the marks of a line, less those to which the opposite applies
_NEAR = 3  # letters to each side of a mark that may be its own


class PlacedText(Protocol):
    """Text in its place on a line."""

    text: str
    start: float
    end: float
    order: int  # in the file, forwards or backwards


def is_mark(text: str) -> bool:
    """Return whether a glyph is only a mark."""
    return bool(text) and all(unicodedata.category(letter) == "Mn" for letter in text)


def attached(letters: Sequence[PlacedText], marks: Sequence[PlacedText]) -> None:
    """Add marks to the text of the letters to which they belong.

    That is the letter at whose place a mark stands. Where letters lie above each other there may be two: if most marks
    follow their letters in the file, or precede them, the others are taken to do the same.

    Args:
        letters: From left to right; of a ligature the first letter is at the right.
        marks: In any order.
    """
    if not letters:
        return
    starts = [letter.start for letter in letters]
    ordered = sorted(range(len(letters)), key=lambda i: letters[i].order)
    orders = [letters[i].order for i in ordered]
    places: list[tuple[PlacedText, int, int | None, int | None]] = []
    for mark in marks:
        rank = bisect_right(orders, mark.order)
        before = ordered[rank - 1] if rank else None
        after = ordered[rank] if rank < len(ordered) else None
        places.append((mark, _nearest(letters, starts, mark), before, after))
    follow = sum((best == before) - (best == after) for _, best, before, after in places)
    own: dict[int, list[PlacedText]] = {}
    for mark, nearest, before, after in places:
        usual = before if follow > 0 else after
        above = usual is not None and abs(follow) > _MOST * len(places) and not _distance(letters[usual], mark)
        own.setdefault(usual if above and usual is not None else nearest, []).append(mark)
    for at, found in own.items():
        letters[at].text = _marked(letters[at], found)


def _nearest(letters: Sequence[PlacedText], starts: Sequence[float], mark: PlacedText) -> int:
    at = bisect_right(starts, _middle(mark)) - 1
    near = range(max(at - _NEAR, 0), min(at + _NEAR + 1, len(letters)))
    return min(near, key=lambda i: (_distance(letters[i], mark), abs(_middle(letters[i]) - _middle(mark))))


def _middle(letter: PlacedText) -> float:
    return (letter.start + letter.end) / 2


def _distance(letter: PlacedText, mark: PlacedText) -> float:
    return max(letter.start - _middle(mark), _middle(mark) - letter.end, 0.0)


def _marked(letter: PlacedText, marks: Sequence[PlacedText]) -> str:
    """Return the text of a letter or ligature with marks, each behind the letter at whose place it stands."""
    clusters: list[list[str]] = []
    for character in letter.text:
        if clusters and unicodedata.combining(character):
            clusters[-1].append(character)
        else:
            clusters.append([character])
    width = max(letter.end - letter.start, 0.01)
    for mark in marks:
        at = int((letter.end - _middle(mark)) / width * len(clusters))
        clusters[min(max(at, 0), len(clusters) - 1)] += mark.text
    return "".join(_sorted("".join(cluster)) for cluster in clusters)


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
