"""Headings declared by a tagged PDF: marked content → H1 … H6."""

import ctypes
import re
from typing import Any

_MAX_ELEMENTS = 50_000  # per page
_DEPTH = 60
_HEADING = re.compile(r"H[1-6]?")
_LONGEST = 64  # bytes of a type's name that are read


def heading_tags(handle: Any) -> dict[int, str]:
    """Return id → tag of the marked content that is a heading; empty without tags.

    Args:
        handle: pypdfium2's page.
    """
    import pypdfium2.raw as pdfium

    tree = pdfium.FPDF_StructTree_GetForPage(handle)
    if not tree:
        return {}
    found: dict[int, str] = {}
    try:
        roots = [
            (pdfium.FPDF_StructTree_GetChildAtIndex(tree, index), "", 0)
            for index in range(min(pdfium.FPDF_StructTree_CountChildren(tree), _MAX_ELEMENTS))
        ]
        _walk(pdfium, roots[::-1], found)
    finally:
        pdfium.FPDF_StructTree_Close(tree)
    return found


def _walk(pdfium: Any, waiting: list[tuple[Any, str, int]], found: dict[int, str]) -> None:
    """Visit elements depth first; what is inside a heading belongs to it."""
    seen = 0
    while waiting and seen < _MAX_ELEMENTS:
        element, tag, depth = waiting.pop()
        if not element or depth > _DEPTH:
            continue
        seen += 1
        name = _type(pdfium, element)
        tag = name if _HEADING.fullmatch(name) else tag
        if tag:
            for index in range(min(pdfium.FPDF_StructElement_GetMarkedContentIdCount(element), _MAX_ELEMENTS)):
                found[pdfium.FPDF_StructElement_GetMarkedContentIdAtIndex(element, index)] = tag
        children = min(pdfium.FPDF_StructElement_CountChildren(element), _MAX_ELEMENTS - seen)
        for index in range(children - 1, -1, -1):
            waiting.append((pdfium.FPDF_StructElement_GetChildAtIndex(element, index), tag, depth + 1))


def _type(pdfium: Any, element: Any) -> str:
    buffer = ctypes.create_string_buffer(_LONGEST)
    length = pdfium.FPDF_StructElement_GetType(element, buffer, _LONGEST)
    return buffer.raw[: max(min(length, _LONGEST) - 2, 0)].decode("utf-16-le", "replace")
