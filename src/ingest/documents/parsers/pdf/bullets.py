"""Bullets of lists that are drawn, as circles, squares, dashes or little pictures.

A small shape that stands alone in front of a line, at the height of its letters, becomes a bullet of the text if
another one on the page is about as large; else it may be anything.
"""

import ctypes
import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

Box = tuple[float, float, float, float]  # x0, top, x1, bottom
SmallShape = tuple[str, Box]  # the character that it looks like, and its place

_SMALLEST, _LARGEST = 1.0, 14.0  # points, of the longer side
_FLAT = 0.3  # times the width: a dash is lower
_SQUARE = 0.5  # times the longer side: other shapes are no narrower
_SEGMENTS = 100  # of a path, at most
_LOOKED_AT = 4  # of them, which tell whether it is round
_PALE = 245  # of 255: what is brighter is not seen on paper
_MOST = 0.95  # font sizes of a bullet
_LEAST = 0.1
_BAND = (-0.1, 0.75)  # font sizes above the baseline of its middle
_GAP = (0.1, 4.5)  # font sizes between a bullet and its text
_FREE = 1.0  # font sizes left of a bullet without text
_SIMILAR = 1.3  # times the size of another bullet
_DASH = "–"
_SIGNS = {(True, True): "•", (True, False): "◦", (False, True): "▪", (False, False): "▫"}  # round, filled


def shape_of(thing: Any, box: Box, filled: bool) -> str:
    """Return the bullet that a path looks like, "" if it looks like none.

    Args:
        thing: PDFium's path object.
        box: Its bounds: left, bottom, right, top.
        filled: Whether its inside is painted.
    """
    import pypdfium2.raw as pdfium

    width, height = box[2] - box[0], box[3] - box[1]
    longer, shorter = max(width, height), min(width, height)
    if not _SMALLEST <= longer <= _LARGEST or _is_pale(pdfium, thing, filled):
        return ""
    if height <= _FLAT * width:
        return _DASH
    segments = pdfium.FPDFPath_CountSegments(thing)
    if shorter < _SQUARE * longer or segments > _SEGMENTS:
        return ""
    pieces = (pdfium.FPDFPath_GetPathSegment(thing, index) for index in range(min(segments, _LOOKED_AT)))
    is_round = any(pdfium.FPDFPathSegment_GetType(piece) == pdfium.FPDF_SEGMENT_BEZIERTO for piece in pieces)
    return _SIGNS[is_round, filled]


def _is_pale(pdfium: Any, thing: Any, filled: bool) -> bool:
    """Return whether a path is transparent or about white."""
    channels = [ctypes.c_uint(0) for _ in range(4)]
    colour_of = pdfium.FPDFPageObj_GetFillColor if filled else pdfium.FPDFPageObj_GetStrokeColor
    if not colour_of(thing, *(ctypes.byref(channel) for channel in channels)):
        return False
    return channels[3].value < 128 or min(channel.value for channel in channels[:3]) >= _PALE


def with_bullets(words: list[Any], shapes: Sequence[SmallShape]) -> list[Any]:
    """Return the words of a page in content order with those bullets that are drawn.

    Args:
        words: The page's `Word`s, from left to right; those that are upright have turn 0.
        shapes: In the coordinates of these words.
    """
    shown = sorted((word for word in words if word.turn == 0 and not word.hidden), key=lambda word: word.base)
    bases = [word.base for word in shown]
    largest = max((word.size for word in shown), default=0.0)
    found: dict[int, tuple[str, Box, Any]] = {}
    for sign, box in shapes:
        middle = (box[1] + box[3]) / 2
        near = shown[bisect_left(bases, middle + _BAND[0] * largest) : bisect_right(bases, middle + largest)]
        word = _word_behind(box, middle, near)
        if word is not None:
            found.setdefault(id(word), (sign, box, word))
    kinds = Counter(_kind(sign, box) for sign, box, _ in found.values())
    result = []
    for word in words:
        if id(word) in found:
            sign, box, _ = found[id(word)]
            kind, size = _kind(sign, box)
            if sum(kinds[kind, size + step] for step in (-1, 0, 1)) > 1:
                result.append(replace(word, text=sign, x0=box[0], x1=box[2], joined=False))
        result.append(word)
    return result


def _kind(sign: str, box: Box) -> tuple[int, int]:
    """Return a pair of numbers that the bullets of a list have in common: dashes are below each other."""
    longer = max(box[2] - box[0], box[3] - box[1], _SMALLEST)
    return (round(box[0]), round(box[2])) if sign == _DASH else (-1, round(math.log(longer, _SIMILAR)))


def _word_behind(box: Box, middle: float, near: Sequence[Any]) -> Any:
    """Return the first word of the line in front of which a shape stands alone, None without one."""
    line = [w for w in near if _BAND[0] * w.size <= w.base - middle <= _BAND[1] * w.size and w.size > 0]
    right = [word for word in line if word.x0 >= box[2]]
    if not right:
        return None
    word = min(right, key=lambda word: word.x0)
    size, longer = word.size, max(box[2] - box[0], box[3] - box[1])
    alone = not any(other.x0 < box[2] and other.x1 > box[0] - _FREE * size for other in line)
    fits = _LEAST * size <= longer <= _MOST * size and _GAP[0] * size <= word.x0 - box[2] <= _GAP[1] * size
    return word if alone and fits and any(map(str.isalnum, word.text)) else None
