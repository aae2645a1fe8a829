"""What is painted on a PDF page besides text, in page coordinates: ruling lines, filled areas, pictures."""

import ctypes
from dataclasses import dataclass, field
from typing import Any

from ingest.documents.parsers.pdf.borders import clipped, painted_parts
from ingest.documents.parsers.pdf.bullets import SmallShape, shape_of

Box = tuple[float, float, float, float]  # left, bottom, right, top
Matrix = tuple[float, float, float, float, float, float]

_THIN = 3.0  # points; thinner areas are lines
_SHORT = 4.0  # points; shorter lines are not ruling lines
_MAX_OBJECTS = 200_000  # per page
_MAX_SEGMENTS = 20_000  # of paths, per page; more make a drawing, not a table
_MAX_FILLS = 2_000
_MAX_PICTURES = 1_000
_MAX_SHAPES = 2_000
_DEPTH = 8  # forms in forms
_SAME = 24  # of 3 * 255: colours this close are indistinguishable
_IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


@dataclass(slots=True)
class Paint:
    """The areas of a page; `order` gives the painting order."""

    rules: list[Box] = field(default_factory=list)
    fills: list[tuple[int, Box, tuple[int, int, int]]] = field(default_factory=list)
    pictures: list[Box] = field(default_factory=list)
    shapes: list[SmallShape] = field(default_factory=list)  # that may be bullets, with their boxes as they are here
    unknown: list[Box] = field(default_factory=list)  # pictures and shadings, which may have any colour
    order: dict[int, int] = field(default_factory=dict)  # address of a page object → its position
    own: int = 2**31  # position of the first object that comes from an annotation
    objects: int = 0
    segments: int = 0

    def pictured(self, point: tuple[float, float]) -> bool:
        """Return whether there is a picture at a point."""
        return any(_holds(box, point) for box in self.pictures)

    def blends(self, point: tuple[float, float], colour: tuple[int, int, int, int], order: int) -> bool:
        """Return whether text is invisible at a point because the topmost area under it has the same colour."""
        below = (255, 255, 255)
        if colour[3] and colour[0] + colour[1] + colour[2] < 3 * 255 - _SAME and not self.fills:
            return False
        for place, box, fill in reversed(self.fills):
            if place < order and _holds(box, point):
                below = fill
                break
        if abs(colour[0] - below[0]) + abs(colour[1] - below[1]) + abs(colour[2] - below[2]) > _SAME:
            return False
        return not any(_holds(box, point) for box in self.unknown)


def paint(page: Any, own: int | None = None) -> Paint:
    """Return what is painted on a pypdfium2 page.

    Args:
        page: The page.
        own: How many objects it had before annotations became part of it; these draw no ruling lines of tables.
    """
    import pypdfium2.raw as pdfium

    found = Paint()
    count, get = pdfium.FPDFPage_CountObjects(page), pdfium.FPDFPage_GetObject
    first = count if own is None else min(own, count)
    _walk(pdfium, page, lambda _: first, get, (found, _IDENTITY, 0))
    if own is None:
        return found
    found.own, rules, shapes = found.objects, len(found.rules), len(found.shapes)
    _walk(pdfium, page, lambda _: count - first, lambda page, at: get(page, first + at), (found, _IDENTITY, 0))
    del found.rules[rules:], found.shapes[shapes:]
    return found


def _walk(pdfium: Any, parent: Any, count: Any, get: Any, state: tuple[Paint, Matrix, int]) -> None:
    """Visit the objects of a page or form depth first, which is the painting order."""
    found, outer, depth = state
    for index in range(count(parent)):
        if found.objects >= _MAX_OBJECTS:
            return
        thing = get(parent, index)
        found.order[ctypes.cast(thing, ctypes.c_void_p).value or 0] = found.objects
        found.objects += 1
        kind = pdfium.FPDFPageObj_GetType(thing)
        if kind == pdfium.FPDF_PAGEOBJ_TEXT:
            continue
        if kind == pdfium.FPDF_PAGEOBJ_PATH:
            _path(pdfium, thing, found, outer)
        elif kind == pdfium.FPDF_PAGEOBJ_FORM:
            if depth < _DEPTH:
                inner = _times(_matrix(pdfium, thing), outer)
                _walk(
                    pdfium,
                    thing,
                    pdfium.FPDFFormObj_CountObjects,
                    pdfium.FPDFFormObj_GetObject,
                    (found, inner, depth + 1),
                )
        elif len(found.unknown) < _MAX_PICTURES and (box := _bounds(pdfium, thing, outer)):
            found.unknown.append(box)
            if kind == pdfium.FPDF_PAGEOBJ_IMAGE:
                found.pictures.append(box)
                found.shapes.append(("•", box))


def _path(pdfium: Any, thing: Any, found: Paint, outer: Matrix) -> None:
    """Add a path's straight segments as ruling lines, and its inside as a filled area."""
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    pdfium.FPDFPath_GetDrawMode(thing, ctypes.byref(fill), ctypes.byref(stroke))
    box = _bounds(pdfium, thing, outer)
    if box is None or not (fill.value or stroke.value):
        return
    if len(found.shapes) < _MAX_SHAPES and (sign := shape_of(thing, box, bool(fill.value))):
        found.shapes.append((sign, box))
    if fill.value and not stroke.value and min(box[2] - box[0], box[3] - box[1]) <= _THIN:
        if max(box[2] - box[0], box[3] - box[1]) >= _SHORT:
            found.rules.append(box)
        return
    width = ctypes.c_float()
    pdfium.FPDFPageObj_GetStrokeWidth(thing, ctypes.byref(width))
    thick = bool(stroke.value) and width.value > _THIN
    if (fill.value or thick) and len(found.fills) < _MAX_FILLS:
        colour_of = pdfium.FPDFPageObj_GetFillColor if fill.value else pdfium.FPDFPageObj_GetStrokeColor
        channels = [ctypes.c_uint(0) for _ in range(4)]
        colour_of(thing, *(ctypes.byref(channel) for channel in channels))
        if channels[3].value > 127:
            colour = (channels[0].value, channels[1].value, channels[2].value)
            parts = painted_parts(pdfium, thing, fill.value, box) if fill.value and not stroke.value else [box]
            parts = [clipped(pdfium, thing, part) for part in parts] if outer is _IDENTITY else parts
            found.fills += [(found.objects - 1, part, colour) for part in parts]
    segments = pdfium.FPDFPath_CountSegments(thing)
    found.segments += segments
    if found.segments <= _MAX_SEGMENTS:
        found.rules += _straight(pdfium, thing, segments, _times(_matrix(pdfium, thing), outer))


def _straight(pdfium: Any, path: Any, segments: int, matrix: Matrix) -> list[Box]:
    """Return the horizontal and vertical lines of a path."""
    lines: list[Box] = []
    x, y = ctypes.c_float(), ctypes.c_float()
    start = last = (0.0, 0.0)
    for index in range(segments):
        segment = pdfium.FPDFPath_GetPathSegment(path, index)
        pdfium.FPDFPathSegment_GetPoint(segment, ctypes.byref(x), ctypes.byref(y))
        point = _apply(matrix, x.value, y.value)
        kind = pdfium.FPDFPathSegment_GetType(segment)
        if kind == pdfium.FPDF_SEGMENT_MOVETO:
            start = point
        elif kind == pdfium.FPDF_SEGMENT_LINETO:
            lines.append(_between(last, point))
        if pdfium.FPDFPathSegment_GetClose(segment):
            lines.append(_between(point, start))
        last = point
    return [line for line in lines if _is_rule(line)]


def _is_rule(line: Box) -> bool:
    width, height = line[2] - line[0], line[3] - line[1]
    return min(width, height) <= 1.0 and max(width, height) >= _SHORT


def _between(a: tuple[float, float], b: tuple[float, float]) -> Box:
    return min(a[0], b[0]), min(a[1], b[1]), max(a[0], b[0]), max(a[1], b[1])


def _bounds(pdfium: Any, thing: Any, outer: Matrix) -> Box | None:
    edges = [ctypes.c_float() for _ in range(4)]
    if not pdfium.FPDFPageObj_GetBounds(thing, *(ctypes.byref(edge) for edge in edges)):
        return None
    left, bottom, right, top = (edge.value for edge in edges)
    if outer is _IDENTITY:
        return left, bottom, right, top
    points = [_apply(outer, x, y) for x in (left, right) for y in (bottom, top)]
    return min(p[0] for p in points), min(p[1] for p in points), max(p[0] for p in points), max(p[1] for p in points)


def _matrix(pdfium: Any, thing: Any) -> Matrix:
    found = pdfium.FS_MATRIX()
    if not pdfium.FPDFPageObj_GetMatrix(thing, ctypes.byref(found)):
        return _IDENTITY
    return found.a, found.b, found.c, found.d, found.e, found.f


def _times(inner: Matrix, outer: Matrix) -> Matrix:
    """Return the matrix that applies `inner` first."""
    a, b, c, d, e, f = inner
    A, B, C, D, E, F = outer
    return a * A + b * C, a * B + b * D, c * A + d * C, c * B + d * D, e * A + f * C + E, e * B + f * D + F


def _apply(matrix: Matrix, x: float, y: float) -> tuple[float, float]:
    a, b, c, d, e, f = matrix
    return a * x + c * y + e, b * x + d * y + f


def _holds(box: Box, point: tuple[float, float]) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]
