"""The fields of a form that a browser printed: only the file's tags tell the states of boxes and radio buttons."""

import ctypes
from collections.abc import Sequence
from typing import Any

from ingest.documents.parsers.pdf.annotations import Box
from ingest.documents.parsers.pdf.fields import EMPTY, TICKED, Field
from ingest.documents.parsers.pdf.noted import VALUE
from ingest.documents.parsers.pdf.tags import Tags

_MAX_OBJECTS = 200_000  # per page


def printed_fields(page: Any, tags: Tags, words: Sequence[Any]) -> list[Field]:
    """Return the boxes on pypdfium2's page, and mark those of its words that are values of fields."""
    import pypdfium2.raw as pdfium

    for word in words if tags.values else ():
        word.part = VALUE if word.tag in tags.values else word.part
    ticked = tags.boxes
    places: dict[int, Box] = {}
    for index in range(min(pdfium.FPDFPage_CountObjects(page), _MAX_OBJECTS) if ticked else 0):
        thing = pdfium.FPDFPage_GetObject(page, index)
        content = pdfium.FPDFPageObj_GetMarkedContentID(thing)
        if content in ticked and (box := _bounds(pdfium, thing)):
            places[content] = _around(places.get(content, box), box)
    return [
        Field("box", "", "", "", TICKED if ticked[content] else EMPTY, False, box) for content, box in places.items()
    ]


def _bounds(pdfium: Any, thing: Any) -> Box | None:
    edges = [ctypes.c_float() for _ in range(4)]
    if not pdfium.FPDFPageObj_GetBounds(thing, *(ctypes.byref(edge) for edge in edges)):
        return None
    left, bottom, right, top = (edge.value for edge in edges)
    return left, bottom, right, top


def _around(a: Box, b: Box) -> Box:
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])
