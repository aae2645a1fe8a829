"""Where the frames of a slide are, and the order in which people read them."""

import re
from collections.abc import Sequence
from typing import Any

from ingest.documents.parsers._office.shape_order import Area, shape_order
from ingest.documents.parsers.odf.text import DRAW, SVG

_LENGTH = re.compile(r"(-?\d{1,9}(?:\.\d{1,12})?)(cm|mm|in|pt|pc|px)\Z")
_MICROMETRES = {"cm": 10_000, "mm": 1_000, "in": 25_400, "pt": 352.8, "pc": 4_233, "px": 264.6}


def frames_in_order(frames: Sequence[Any]) -> list[Any]:
    """Return the frames of a slide in reading order: the stored one, unless their places plainly contradict it."""
    areas = [_area(frame) if any(text.strip() for text in frame.itertext()) else None for frame in frames]
    return [frames[index] for index in shape_order(areas)]


def _area(frame: Any) -> Area | None:
    """Return where a frame or a group of frames is, None when it does not say so."""
    if frame.tag == DRAW + "g":
        inner = [area for child in frame.iter(DRAW + "frame", DRAW + "custom-shape") if (area := _area(child))]
        if not inner:
            return None
        lefts, tops, rights, bottoms = zip(*inner, strict=True)
        return Area(min(lefts), min(tops), max(rights), max(bottoms))
    lengths = [_length(frame.get(SVG + name) or "") for name in ("x", "y", "width", "height")]
    left, top, width, height = lengths
    if left is None or top is None or width is None or height is None:
        return None
    return Area(left, top, left + max(width, 0), top + max(height, 0))


def _length(text: str) -> int | None:
    match = _LENGTH.match(text)
    return round(float(match[1]) * _MICROMETRES[match[2]]) if match else None
