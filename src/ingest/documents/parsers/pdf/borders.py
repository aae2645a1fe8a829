"""Borders drawn as areas: two outlines in one path, of which only the strip between them is painted."""

import ctypes
from collections.abc import Iterator
from typing import Any

Box = tuple[float, float, float, float]  # left, bottom, right, top

_SEGMENTS = range(6, 80)  # of a path with two outlines, whose corners may be round
_CLIPS = 20  # outlines around one object that are looked at
_ALTERNATE = 1  # PDFium's mode of filling in which a second outline is a hole, whatever its direction


def painted_parts(pdfium: Any, path: Any, fill: int, box: Box) -> list[Box]:
    """Return the parts of a filled path's bounds that are painted: all of it, or the strips around a hole.

    Args:
        pdfium: The library's functions.
        path: Its path.
        fill: Its mode of filling.
        box: Its bounds on the page.
    """
    if pdfium.FPDFPath_CountSegments(path) not in _SEGMENTS:
        return [box]
    outlines = list(_outlines(pdfium, path))
    if len(outlines) != 2:
        return [box]
    (first, one), (second, other) = outlines
    outer, inner = (first, second) if _size(first) >= _size(second) else (second, first)
    inside = all(a <= b for a, b in zip(outer[:2], inner[:2], strict=True)) and all(
        a >= b for a, b in zip(outer[2:], inner[2:], strict=True)
    )
    if not inside or (fill != _ALTERNATE and one * other >= 0):
        return [box]
    across, up = (box[2] - box[0]) / max(outer[2] - outer[0], 1e-6), (box[3] - box[1]) / max(outer[3] - outer[1], 1e-6)
    if min(across, up) <= 0:
        return [box]
    hole = (
        box[0] + across * (inner[0] - outer[0]),
        box[1] + up * (inner[1] - outer[1]),
        box[2] - across * (outer[2] - inner[2]),
        box[3] - up * (outer[3] - inner[3]),
    )
    return [
        (box[0], box[1], hole[0], box[3]),
        (hole[2], box[1], box[2], box[3]),
        (box[0], box[1], box[2], hole[1]),
        (box[0], hole[3], box[2], box[3]),
    ]


def clipped(pdfium: Any, thing: Any, box: Box) -> Box:
    """Return the part of the bounds of an object of a page that lies inside the outlines to which it is cut."""
    clip = pdfium.FPDFPageObj_GetClipPath(thing)
    paths = pdfium.FPDFClipPath_CountPaths(clip) if clip else 0
    x, y = ctypes.c_float(), ctypes.c_float()
    for path in range(paths if paths <= _CLIPS else 0):
        count = pdfium.FPDFClipPath_CountPathSegments(clip, path)
        if not 2 < count < _SEGMENTS.stop:
            continue
        xs, ys = list[float](), list[float]()
        for index in range(count):
            segment = pdfium.FPDFClipPath_GetPathSegment(clip, path, index)
            pdfium.FPDFPathSegment_GetPoint(segment, ctypes.byref(x), ctypes.byref(y))
            xs.append(x.value)
            ys.append(y.value)
        box = max(box[0], min(xs)), max(box[1], min(ys)), min(box[2], max(xs)), min(box[3], max(ys))
    return box


def _outlines(pdfium: Any, path: Any) -> Iterator[tuple[Box, float]]:
    """Yield the bounds of each outline of a path, and the area that it surrounds, below 0 if it runs clockwise."""
    points: list[tuple[float, float]] = []
    x, y = ctypes.c_float(), ctypes.c_float()
    for index in range(pdfium.FPDFPath_CountSegments(path)):
        segment = pdfium.FPDFPath_GetPathSegment(path, index)
        pdfium.FPDFPathSegment_GetPoint(segment, ctypes.byref(x), ctypes.byref(y))
        if pdfium.FPDFPathSegment_GetType(segment) == pdfium.FPDF_SEGMENT_MOVETO and len(points) > 2:
            yield _outline(points)
            points = []
        points.append((x.value, y.value))
    if len(points) > 2:
        yield _outline(points)


def _outline(points: list[tuple[float, float]]) -> tuple[Box, float]:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    ahead = [*points[1:], points[0]]
    area = sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(points, ahead, strict=True)) / 2
    return (min(xs), min(ys), max(xs), max(ys)), area


def _size(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
