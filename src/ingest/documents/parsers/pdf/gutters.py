"""Narrow gaps between the columns of tables without ruling lines: they are told by the lines above and below.

A gap hardly wider than a space separates cells if the lines around it, three or more, have wide gaps at the same place.
In a tagged document, where each cell is an element of its own, it may be as narrow as a space. What follows the marker
of a list item stays with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from ingest.documents.parsers.pdf.page import Piece, Word

_LEAST = 0.45  # font sizes of a gap between cells, at least
_WIDER = 1.5  # times the usual space of its line
_COMMON = 0.3  # font sizes that all gaps of a gutter share, at least
_TAGGED = 0.15  # font sizes of a gap between two elements of a tagged document, at least
_PART = 0.7  # of the width of a gutter narrower than that
_SURE = 1.5  # lines for which one with such a gap counts
_LINES = 3  # with gaps, at least
_PITCH = 3.6  # font sizes between lines, at most
_MAX_OPEN = 50  # gutters at once


@dataclass(slots=True)
class _Gutter:
    left: float
    right: float
    count: float = 0.0
    cuts: list[tuple[int, int, int]] = field(default_factory=list)  # row, piece, word before which it is


def with_narrow_gutters(rows: Sequence[Sequence[Piece]]) -> list[list[Piece]]:
    """Return rows with their pieces cut at gutters."""
    cuts: dict[tuple[int, int], set[int]] = {}
    opened: list[_Gutter] = []
    for number, row in enumerate(rows):
        apart = number and row[0].base - rows[number - 1][0].base > _PITCH * row[0].size
        opened = _closed(opened, cuts) if apart else opened
        opened = _continued(opened, number, row, cuts)
    _closed(opened, cuts)
    return [
        [part for at, piece in enumerate(row) for part in _parts(piece, sorted(cuts.get((number, at), ())))]
        for number, row in enumerate(rows)
    ]


def _continued(
    opened: list[_Gutter], number: int, row: Sequence[Piece], cuts: dict[tuple[int, int], set[int]]
) -> list[_Gutter]:
    """Return the gutters that go on through a row or begin in it; record those that end above it."""
    gaps = [gap for at, piece in enumerate(row) for gap in _gaps(piece, at)]
    between = [(one.x1, two.x0) for one, two in pairwise(row)]
    kept, ended, matched = list[_Gutter](), list[_Gutter](), set[tuple[int, int]]()
    for gutter in opened:
        least = min(_COMMON * row[0].size, _PART * (gutter.right - gutter.left))
        within = [gap for gap in gaps if min(gap[1], gutter.right) - max(gap[0], gutter.left) >= least]
        blank = [gap for gap in between if min(gap[1], gutter.right) - max(gap[0], gutter.left) >= least]
        if within:
            left, right, at, word, wide = within[0]
            gutter.count += wide
            gutter.cuts.append((number, at, word))
            matched.add((at, word))
            gutter.left, gutter.right = max(left, gutter.left), min(right, gutter.right)
        elif blank:
            gutter.count += 1
            gutter.left, gutter.right = max(blank[0][0], gutter.left), min(blank[0][1], gutter.right)
        elif row[0].x0 < gutter.right - least and row[-1].x1 > gutter.left + least:
            ended.append(gutter)
            continue
        kept.append(gutter)
    _closed(ended, cuts)
    for left, right, at, word, wide in gaps:
        if wide and (at, word) not in matched and len(kept) < _MAX_OPEN:
            kept.append(_Gutter(left, right, wide, [(number, at, word)]))
    return kept


def _gaps(piece: Piece, at: int) -> list[tuple[float, float, int, int, float]]:
    """Return the spaces in a piece: where each begins and ends, its piece and next word, and how much it proves."""
    spaces = [(one.x1, two.x0) for one, two in pairwise(piece.words)]
    widths = sorted(right - left for left, right in spaces)
    usual = median(widths[:-1]) if len(widths) > 2 else 0.0
    least = max(_LEAST * piece.size, _WIDER * usual)
    marked = not any(map(str.isalpha, piece.words[0].text))  # by the sign or the number of a list item
    apart = [one.tag != two.tag and min(one.tag, two.tag) >= 0 for one, two in pairwise(piece.words)]
    return [
        (left, right, at, word, _SURE if tagged else float(right - left >= least))
        for word, ((left, right), tagged) in enumerate(zip(spaces, apart, strict=True), start=1)
        if right - left >= (_TAGGED if tagged else _COMMON) * piece.size and (tagged or not (marked and word == 1))
    ]


def _closed(gutters: Sequence[_Gutter], cuts: dict[tuple[int, int], set[int]]) -> list[_Gutter]:
    """Record the cuts of those gutters that enough lines have; return no gutters."""
    for gutter in gutters:
        if gutter.count >= _LINES:
            for row, at, word in gutter.cuts:
                cuts.setdefault((row, at), set()).add(word)
    return []


def _parts(piece: Piece, at: Sequence[int]) -> list[Piece]:
    """Return a piece cut before some of its words."""
    if not at:
        return [piece]
    edges = [0, *at, len(piece.words)]
    return [_piece(piece.words[start:end]) for start, end in pairwise(edges)]


def _piece(words: list[Word]) -> Piece:
    widest = max(words, key=lambda word: len(word.text))
    return Piece(words, min(w.x0 for w in words), max(w.x1 for w in words), widest.base, widest.size)
