"""Prepares the picture of a page for text recognition: evens out the light, straightens it, takes ruling lines out.

Tesseract loses words in shadow, words of lines that lean by more than about five degrees, and cells between ruling
lines. All steps take time linear in the number of pixels.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]  # x0, top, x1, bottom, in pixels

_INK = 128  # of 255: darker is ink
_WHITE = 250  # of 255: paper without shadows
_BLACK, _PAPER = 0.2, 0.8  # of the paper's light: ink, and the grain of the paper
_BLOCK = 16  # pixels, the side of a square that has one paper
_MOST_SKEW, _LEAST_SKEW = 15.0, 0.3  # degrees: more is no page, less does no harm
_SMALL = 700  # pixels, the longer side of the picture in which the skew is measured
_BETTER = 1.05  # times the contrast, at least, or the picture stays as it is
_LINE = 0.5  # inches, the least length of a ruling line: no letter's stroke is as long
_THICK = 0.05  # inches, the greatest thickness
_MAX_LINES = 2_000  # with more, it is no table but a pattern


def levelled(image: Any) -> Any:
    """Return a grey Pillow image with even light and level lines of text."""
    return _levelled(_lit(image))


def without_lines(image: Any, resolution: float) -> tuple[Any, list[Box]]:
    """Return a grey Pillow image without its ruling lines, and these; `resolution` is in dots per inch."""
    from PIL import Image

    level = np.asarray(image)
    ink = level < _INK
    least, thick = int(_LINE * resolution), max(int(_THICK * resolution), 1)
    found: list[Box] = []
    mask = np.zeros_like(ink)
    for across in (True, False):
        seen = ink if across else ink.T
        kept, boxes = _lines(seen, least, thick)
        found += boxes if across else [(top, x0, bottom, x1) for x0, top, x1, bottom in boxes]
        mask |= kept if across else kept.T
    if not found:
        return image, []
    return Image.fromarray(np.where(_grown(mask), np.uint8(255), level)), found


def _lit(image: Any) -> Any:
    """Return an image whose paper is white everywhere: each level divided by the light of the paper around it."""
    from PIL import Image, ImageFilter

    size = max(image.width // _BLOCK, 1), max(image.height // _BLOCK, 1)
    small = image.resize(size, Image.Resampling.BOX).filter(ImageFilter.MaxFilter(5))
    light = small.filter(ImageFilter.GaussianBlur(2)).resize(image.size, Image.Resampling.BILINEAR)
    paper = np.maximum(np.asarray(light, dtype=np.float32), 1.0)
    if paper.min() > _WHITE:
        return image
    share = np.asarray(image, dtype=np.float32) / paper
    return Image.fromarray(np.clip((share - _BLACK) * (255 / (_PAPER - _BLACK)), 0, 255).astype(np.uint8))


def _levelled(image: Any) -> Any:
    """Return an image with its lines of text level: rows of ink and of white paper differ most then."""
    from PIL import Image

    ink = image.point(lambda level: 255 if level < _INK else 0)  # letters alone: shadows and edges lean otherwise
    ink.thumbnail((_SMALL, _SMALL))

    def contrast(angle: float) -> float:
        rows = np.asarray(ink.rotate(angle, Image.Resampling.BILINEAR), dtype=np.float64).mean(axis=1)
        return float(np.square(np.diff(rows)).sum())

    coarse = max(np.arange(-_MOST_SKEW, _MOST_SKEW + 1, 1.0), key=lambda angle: (contrast(angle), -abs(angle)))
    angle = float(max(np.arange(coarse - 0.75, coarse + 1, 0.25), key=lambda angle: (contrast(angle), -abs(angle))))
    if abs(angle) < _LEAST_SKEW or contrast(angle) <= _BETTER * contrast(0.0):
        return image
    return image.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=255)


def _lines(ink: NDArray[np.bool_], least: int, thick: int) -> tuple[NDArray[np.bool_], list[Box]]:
    """Return which pixels belong to horizontal lines, and the boxes of these lines; black areas are none."""
    long = _opened(ink, least)
    boxes: list[list[int]] = []
    near: list[list[int]] = []  # boxes that the row above touches
    for y in np.flatnonzero(long.any(axis=1)).tolist():
        near = [box for box in near if box[3] >= y]
        for start, end in _runs(long[y]):
            box = next((box for box in near if box[0] < end and box[2] > start), None)
            if box is None:
                box = [start, y, end, y + 1]
                boxes.append(box)
                near.append(box)
            box[0], box[2], box[3] = min(box[0], start), max(box[2], end), y + 1
        if len(boxes) > _MAX_LINES:
            return np.zeros_like(ink), []
    lines = [(x0, top, x1, bottom) for x0, top, x1, bottom in boxes if bottom - top <= thick]
    mask = np.zeros_like(ink)
    for x0, top, x1, bottom in lines:
        mask[top:bottom, x0:x1] = long[top:bottom, x0:x1]
    return mask, [(float(x0), float(top), float(x1), float(bottom)) for x0, top, x1, bottom in lines]


def _opened(ink: NDArray[np.bool_], length: int) -> NDArray[np.bool_]:
    """Return the pixels of horizontal runs of ink of at least `length` pixels."""
    if ink.shape[1] < length:
        return np.zeros_like(ink)
    whole = _windows(ink, length) == length
    return _windows(np.pad(whole, ((0, 0), (length - 1, length - 1))), length) > 0


def _windows(values: NDArray[np.bool_], length: int) -> NDArray[np.int32]:
    """Return how many of each `length` neighbours of a row are true."""
    sums = np.pad(np.cumsum(values, axis=1, dtype=np.int32), ((0, 0), (1, 0)))
    return sums[:, length:] - sums[:, :-length]


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a mask with its pixels' neighbours: the soft edges of a line."""
    grown = mask.copy()
    for axis in (0, 1):
        for step in (-2, -1, 1, 2):
            grown |= np.roll(mask, step, axis)
    return grown


def _runs(row: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.pad(row, 1).astype(np.int8)))
    yield from ((int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True))
